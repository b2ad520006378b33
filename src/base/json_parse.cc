// Json::Parse alone: what simdjson costs to compile is paid here and nowhere else.
#include "absl/container/flat_hash_set.h"
#include "base/json.h"
#include "simdjson.h"

namespace headrace {
namespace {

StatusOr<Json> Convert(const simdjson::dom::element& element);

StatusOr<Json> ConvertObject(const simdjson::dom::object& object) {
  Json::Object result;
  absl::flat_hash_set<std::string_view> seen;
  for (const auto field : object) {
    if (!seen.insert(field.key).second) return InvalidArgument("the key '{}' stands twice in one object", field.key);
    HR_ASSIGN_OR_RETURN(Json value, Convert(field.value));
    result.emplace_back(std::string(field.key), std::move(value));
  }
  return Json(std::move(result));
}

StatusOr<Json> Convert(const simdjson::dom::element& element) {
  using Type = simdjson::dom::element_type;
  switch (element.type()) {
    case Type::NULL_VALUE:
      return Json();
    case Type::BOOL:
      return Json(bool(element));
    case Type::INT64:
      return Json(int64_t(element));
    case Type::UINT64:
      return InvalidArgument("{} is outside 64 bits", uint64_t(element));
    case Type::DOUBLE:
      return Json(double(element));
    case Type::STRING:
      return Json(std::string_view(element));
    case Type::ARRAY: {
      Json::Array result;
      for (const simdjson::dom::element item : simdjson::dom::array(element)) {
        HR_ASSIGN_OR_RETURN(Json value, Convert(item));
        result.push_back(std::move(value));
      }
      return Json(std::move(result));
    }
    case Type::OBJECT:
      return ConvertObject(simdjson::dom::object(element));
  }
  return Internal("unknown JSON element");
}

}  // namespace

StatusOr<Json> Json::Parse(std::string_view text) {
  thread_local simdjson::dom::parser parser;
  const simdjson::simdjson_result<simdjson::dom::element> parsed = parser.parse(text.data(), text.size());
  if (parsed.error() != simdjson::SUCCESS)
    return InvalidArgument("not JSON: {}", simdjson::error_message(parsed.error()));
  return Convert(parsed.value_unsafe());
}

}  // namespace headrace
