#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_split.h"
#include "base/diagnostic.h"
#include "catalog/template/call.h"
#include "catalog/template/error.h"

namespace headrace::jinja {
namespace {

// Methods that a filter of the same meaning already does.
StatusOr<Value> ByFilter(std::string_view filter, const Value& input, const CallSite& site) {
  CallSite call = site;
  call.function = filter;
  return ApplyFilter(input, call);
}

StatusOr<Value> Split(const std::string& text, const CallSite& site) {
  HR_ASSIGN_OR_RETURN(const auto arguments, BindArguments(site, {"sep"}, 0));
  HR_RETURN_IF_ERROR(site.budget->Spend(text.size()));
  Value::List parts;
  if (arguments[0] == nullptr) {
    const auto blanks = absl::ByAnyChar(" \t\n\r\f\v");
    for (std::string part : std::vector<std::string>(absl::StrSplit(text, blanks, absl::SkipEmpty())))
      parts.emplace_back(std::move(part));
    return Value(std::move(parts));
  }
  HR_ASSIGN_OR_RETURN(const std::string separator, TextArgument(*arguments[0], site.function));
  if (separator.empty()) return ErrorAt(arguments[0]->begin, "'split' needs a separator that is not empty");
  for (std::string part : std::vector<std::string>(absl::StrSplit(text, separator)))
    parts.emplace_back(std::move(part));
  return Value(std::move(parts));
}

StatusOr<Value> JoinWith(const std::string& separator, const CallSite& site) {
  HR_ASSIGN_OR_RETURN(const auto arguments, BindArguments(site, {"iterable"}, 1));
  const Argument d{.name = "", .value = Value(separator), .begin = site.begin};
  return ApplyFilter(arguments[0]->value,
                     {.function = "join", .begin = site.begin, .arguments = {d}, .budget = site.budget});
}

StatusOr<Value> CallTextMethod(const Value& receiver, const CallSite& site) {
  const std::string& text = receiver.str();
  if (site.function == "upper" || site.function == "lower" || site.function == "capitalize" ||
      site.function == "replace") {
    return ByFilter(site.function, receiver, site);
  }
  if (site.function == "strip") return ByFilter("trim", receiver, site);
  if (site.function == "split") return Split(text, site);
  if (site.function == "join") return JoinWith(text, site);
  if (site.function == "startswith" || site.function == "endswith") {
    HR_ASSIGN_OR_RETURN(const auto arguments, BindArguments(site, {"text"}, 1));
    HR_ASSIGN_OR_RETURN(const std::string part, TextArgument(*arguments[0], site.function));
    return Value(site.function == "startswith" ? text.starts_with(part) : text.ends_with(part));
  }
  const std::vector<std::string> names = {"upper", "lower", "capitalize", "replace", "strip",
                                          "split", "join",  "startswith", "endswith"};
  return ErrorAt(site.begin, fmt::format("a text has no method '{}'", site.function),
                 NearestNameHint(site.function, names));
}

StatusOr<Value> DictItems(const Value& receiver, const CallSite& site) {
  HR_RETURN_IF_ERROR(BindArguments(site, {}, 0).status());
  HR_RETURN_IF_ERROR(site.budget->Spend(2 * receiver.dict().size()));
  Value::List result;
  for (const auto& [key, value] : receiver.dict()) {
    if (site.function == "keys") result.push_back(key);
    if (site.function == "values") result.push_back(value);
    if (site.function == "items") result.emplace_back(Value::List{key, value});
  }
  return Value(std::move(result));
}

StatusOr<Value> CallDictMethod(const Value& receiver, const CallSite& site) {
  if (site.function == "items" || site.function == "keys" || site.function == "values")
    return DictItems(receiver, site);
  if (site.function == "get") {
    HR_ASSIGN_OR_RETURN(const auto arguments, BindArguments(site, {"key", "default"}, 1));
    for (const auto& [key, value] : receiver.dict()) {
      HR_ASSIGN_OR_RETURN(const bool found, Equal(key, arguments[0]->value, site.budget));
      if (found) return value;
    }
    return arguments[1] == nullptr ? Value() : arguments[1]->value;
  }
  const std::vector<std::string> names = {"items", "keys", "values", "get"};
  return ErrorAt(site.begin, fmt::format("a dict has no method '{}'", site.function),
                 NearestNameHint(site.function, names));
}

StatusOr<Value> CallListMethod(const Value& receiver, const CallSite& site) {
  const std::vector<std::string> names = {"index", "count"};
  if (std::find(names.begin(), names.end(), site.function) == names.end()) {
    return ErrorAt(site.begin, fmt::format("a list has no method '{}'", site.function),
                   NearestNameHint(site.function, names));
  }
  HR_ASSIGN_OR_RETURN(const auto arguments, BindArguments(site, {"value"}, 1));
  int64_t count = 0;
  for (size_t i = 0; i < receiver.list().size(); ++i) {
    HR_ASSIGN_OR_RETURN(const bool equal, Equal(receiver.list()[i], arguments[0]->value, site.budget));
    if (equal && site.function == "index") return Value(static_cast<int64_t>(i));
    count += equal ? 1 : 0;
  }
  if (site.function == "index") return ErrorAt(arguments[0]->begin, "the value is not in the list");
  return Value(count);
}

}  // namespace

StatusOr<Value> CallMethod(const Value& receiver, const CallSite& site) {
  if (receiver.is_string()) return CallTextMethod(receiver, site);
  if (receiver.is_dict()) return CallDictMethod(receiver, site);
  if (receiver.is_list()) return CallListMethod(receiver, site);
  return ErrorAt(site.begin, fmt::format("{} has no method '{}'", receiver.kind(), site.function));
}

}  // namespace headrace::jinja
