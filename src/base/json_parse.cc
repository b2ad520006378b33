// Json::Parse alone: what simdjson costs to compile is paid here and nowhere else.
#include <algorithm>

#include "absl/container/flat_hash_set.h"
#include "base/json.h"
#include "simdjson.h"

namespace headrace {
namespace {

// A double keeps every number of so many digits: its shortest text has them again.
constexpr size_t kDigitsOfDouble = 15;

// The numbers of a document as they were written, which simdjson does not keep: in order, found when asked for.
class NumberTexts {
 public:
  explicit NumberTexts(std::string_view document) : rest_(document) {}

  void Skip() { ++skipped_; }
  std::string_view Next() {
    for (; skipped_ > 0; --skipped_) Take();
    return Take();
  }

 private:
  std::string_view Take() {
    for (;;) {
      rest_.remove_prefix(std::min(rest_.find_first_of("\"-0123456789"), rest_.size()));
      if (rest_.empty() || rest_[0] != '"') break;
      size_t end = 1;
      while (end < rest_.size() && rest_[end] != '"') end += rest_[end] == '\\' ? 2 : 1;
      rest_.remove_prefix(std::min(end + 1, rest_.size()));
    }
    const std::string_view number = rest_.substr(0, rest_.find_first_not_of("-+.eE0123456789"));
    rest_.remove_prefix(number.size());
    return number;
  }

  std::string_view rest_;
  size_t skipped_ = 0;
};

// Without the zeros at both ends.
size_t SignificantDigits(std::string_view number) {
  const std::string_view mantissa = number.substr(0, number.find_first_of("eE"));
  const size_t first = mantissa.find_first_of("123456789");
  if (first == std::string_view::npos) return 0;
  const std::string_view digits = mantissa.substr(first, mantissa.find_last_of("123456789") + 1 - first);
  return digits.size() - (digits.find('.') == std::string_view::npos ? 0 : 1);
}

class Converter {
 public:
  explicit Converter(std::string_view document) : numbers_(document) {}

  StatusOr<Json> Convert(const simdjson::dom::element& element) {
    using Type = simdjson::dom::element_type;
    switch (element.type()) {
      case Type::NULL_VALUE:
        return Json();
      case Type::BOOL:
        return Json(bool(element));
      case Type::INT64:
        numbers_.Skip();
        return Json(int64_t(element));
      case Type::UINT64:
        return InvalidArgument("{} is outside 64 bits", uint64_t(element));
      case Type::DOUBLE: {
        const std::string_view text = numbers_.Next();
        return SignificantDigits(text) > kDigitsOfDouble ? Json::Number(std::string(text)) : Json(double(element));
      }
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

 private:
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

  NumberTexts numbers_;
};

}  // namespace

StatusOr<Json> Json::Parse(std::string_view text) {
  thread_local simdjson::dom::parser parser;
  const simdjson::simdjson_result<simdjson::dom::element> parsed = parser.parse(text.data(), text.size());
  if (parsed.error() != simdjson::SUCCESS)
    return InvalidArgument("not JSON: {}", simdjson::error_message(parsed.error()));
  return Converter(text).Convert(parsed.value_unsafe());
}

}  // namespace headrace
