#include <algorithm>
#include <array>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_replace.h"
#include "base/diagnostic.h"
#include "catalog/template/call.h"
#include "catalog/template/error.h"

namespace headrace::jinja {
namespace {

using Filter = StatusOr<Value> (*)(const Value&, const CallSite&);

StatusOr<std::string> InputText(const Value& input, const CallSite& site) {
  return ToText(input, site.budget);
}

// What a loop over `v` would give: a list's items, a dict's keys, a text's characters.
StatusOr<Value::List> Items(const Value& v, const CallSite& site) {
  if (v.is_list()) {
    HR_RETURN_IF_ERROR(site.budget->Spend(v.list().size()));
    return v.list();
  }
  Value::List items;
  if (v.is_dict()) {
    for (const auto& [key, value] : v.dict()) items.push_back(key);
  } else if (v.is_string()) {
    for (size_t i = 0; i < v.str().size();) {
      size_t end = i + 1;
      while (end < v.str().size() && (static_cast<unsigned char>(v.str()[end]) & 0xC0) == 0x80) ++end;
      items.emplace_back(v.str().substr(i, end - i));
      i = end;
    }
  } else if (v.is_undefined()) {
    return WithHint(InvalidArgument("'{}' is undefined", v.missing_name()), v.missing_hint());
  } else {
    return InvalidArgument("'{}' needs a list, not {}", site.function, v.kind());
  }
  HR_RETURN_IF_ERROR(site.budget->Spend(items.size()));
  return items;
}

StatusOr<Value> Trim(const Value& input, const CallSite& site) {
  HR_RETURN_IF_ERROR(BindArguments(site, {}, 0).status());
  HR_ASSIGN_OR_RETURN(const std::string text, InputText(input, site));
  return Value(std::string(absl::StripAsciiWhitespace(text)));
}

StatusOr<Value> Upper(const Value& input, const CallSite& site) {
  HR_RETURN_IF_ERROR(BindArguments(site, {}, 0).status());
  HR_ASSIGN_OR_RETURN(const std::string text, InputText(input, site));
  return Value(absl::AsciiStrToUpper(text));
}

StatusOr<Value> Lower(const Value& input, const CallSite& site) {
  HR_RETURN_IF_ERROR(BindArguments(site, {}, 0).status());
  HR_ASSIGN_OR_RETURN(const std::string text, InputText(input, site));
  return Value(absl::AsciiStrToLower(text));
}

StatusOr<Value> Capitalize(const Value& input, const CallSite& site) {
  HR_RETURN_IF_ERROR(BindArguments(site, {}, 0).status());
  HR_ASSIGN_OR_RETURN(std::string text, InputText(input, site));
  absl::AsciiStrToLower(&text);
  if (!text.empty()) text[0] = absl::ascii_toupper(static_cast<unsigned char>(text[0]));
  return Value(std::move(text));
}

StatusOr<Value> String(const Value& input, const CallSite& site) {
  HR_RETURN_IF_ERROR(BindArguments(site, {}, 0).status());
  HR_ASSIGN_OR_RETURN(std::string text, InputText(input, site));
  return Value(std::move(text));
}

StatusOr<Value> Length(const Value& input, const CallSite& site) {
  HR_RETURN_IF_ERROR(BindArguments(site, {}, 0).status());
  HR_ASSIGN_OR_RETURN(const Value::List items, Items(input, site));
  return Value(static_cast<int64_t>(items.size()));
}

StatusOr<Value> List(const Value& input, const CallSite& site) {
  HR_RETURN_IF_ERROR(BindArguments(site, {}, 0).status());
  HR_ASSIGN_OR_RETURN(Value::List items, Items(input, site));
  return Value(std::move(items));
}

StatusOr<Value> First(const Value& input, const CallSite& site) {
  HR_RETURN_IF_ERROR(BindArguments(site, {}, 0).status());
  HR_ASSIGN_OR_RETURN(const Value::List items, Items(input, site));
  return items.empty() ? Value::Undefined("first of an empty list") : items.front();
}

StatusOr<Value> Last(const Value& input, const CallSite& site) {
  HR_RETURN_IF_ERROR(BindArguments(site, {}, 0).status());
  HR_ASSIGN_OR_RETURN(const Value::List items, Items(input, site));
  return items.empty() ? Value::Undefined("last of an empty list") : items.back();
}

StatusOr<Value> Unique(const Value& input, const CallSite& site) {
  HR_RETURN_IF_ERROR(BindArguments(site, {}, 0).status());
  HR_ASSIGN_OR_RETURN(const Value::List items, Items(input, site));
  Value::List result;
  for (const Value& item : items) {
    bool seen = false;
    for (size_t i = 0; i < result.size() && !seen; ++i) {
      HR_ASSIGN_OR_RETURN(seen, Equal(item, result[i], site.budget));
    }
    if (!seen) result.push_back(item);
  }
  return Value(std::move(result));
}

StatusOr<Value> Sort(const Value& input, const CallSite& site) {
  HR_ASSIGN_OR_RETURN(const auto arguments, BindArguments(site, {"reverse"}, 0));
  const bool reverse = arguments[0] != nullptr && arguments[0]->value.IsTrue();
  HR_ASSIGN_OR_RETURN(Value::List items, Items(input, site));
  Status failed;
  // A comparison that fails calls all equal, which is an order too.
  std::stable_sort(items.begin(), items.end(), [&](const Value& a, const Value& b) {
    const StatusOr<int> order = reverse ? Compare(b, a, site.budget) : Compare(a, b, site.budget);
    if (!order.ok()) failed.Update(order.status());
    return failed.ok() && *order < 0;
  });
  HR_RETURN_IF_ERROR(failed);
  return Value(std::move(items));
}

StatusOr<Value> Join(const Value& input, const CallSite& site) {
  HR_ASSIGN_OR_RETURN(const auto arguments, BindArguments(site, {"d"}, 0));
  std::string separator;
  if (arguments[0] != nullptr) {
    HR_ASSIGN_OR_RETURN(separator, TextArgument(*arguments[0], site.function));
  }
  HR_ASSIGN_OR_RETURN(const Value::List items, Items(input, site));
  std::string result;
  for (size_t i = 0; i < items.size(); ++i) {
    HR_RETURN_IF_ERROR(site.budget->Spend(separator.size()));
    HR_ASSIGN_OR_RETURN(const std::string text, ToText(items[i], site.budget));
    if (i > 0) result += separator;
    result += text;
  }
  return Value(std::move(result));
}

StatusOr<Value> Default(const Value& input, const CallSite& site) {
  HR_ASSIGN_OR_RETURN(const auto arguments, BindArguments(site, {"default_value", "boolean"}, 0));
  const bool for_false_too = arguments[1] != nullptr && arguments[1]->value.IsTrue();
  if (!input.is_undefined() && (input.IsTrue() || !for_false_too)) return input;
  return arguments[0] == nullptr ? Value("") : arguments[0]->value;
}

// map('upper'), or map(attribute='name').
StatusOr<Value> Map(const Value& input, const CallSite& site) {
  HR_ASSIGN_OR_RETURN(const auto arguments, BindArguments(site, {"filter", "attribute"}, 0));
  const Argument* argument = arguments[0] != nullptr ? arguments[0] : arguments[1];
  if (argument == nullptr) return ErrorAt(site.begin, "'map' needs the name of a filter, or attribute='...'");
  HR_ASSIGN_OR_RETURN(const std::string name, TextArgument(*argument, site.function));
  HR_ASSIGN_OR_RETURN(Value::List items, Items(input, site));
  for (Value& item : items) {
    if (arguments[0] != nullptr) {
      HR_ASSIGN_OR_RETURN(
          item,
          ApplyFilter(item, {.function = name, .begin = argument->begin, .arguments = {}, .budget = site.budget}));
    } else {
      const Value* found = item.Find(name);
      item = found != nullptr   ? Value(*found)
             : item.is_object() ? item.object().GetAttribute(name)
                                : Value::Undefined(name);
    }
  }
  return Value(std::move(items));
}

StatusOr<Value> Replace(const Value& input, const CallSite& site) {
  HR_ASSIGN_OR_RETURN(const auto arguments, BindArguments(site, {"old", "new"}, 2));
  HR_ASSIGN_OR_RETURN(const std::string from, TextArgument(*arguments[0], site.function));
  HR_ASSIGN_OR_RETURN(const std::string to, TextArgument(*arguments[1], site.function));
  HR_ASSIGN_OR_RETURN(const std::string text, InputText(input, site));
  if (from.empty()) return ErrorAt(arguments[0]->begin, "'replace' needs a text to replace");
  HR_RETURN_IF_ERROR(site.budget->Spend(text.size() / from.size() * to.size()));
  return Value(absl::StrReplaceAll(text, {{from, to}}));
}

StatusOr<Value> Tojson(const Value& input, const CallSite& site) {
  HR_RETURN_IF_ERROR(BindArguments(site, {}, 0).status());
  HR_ASSIGN_OR_RETURN(const Json json, ToJson(input, site.budget));
  return Value(json.Dump());
}

StatusOr<Value> Int(const Value& input, const CallSite& site) {
  HR_ASSIGN_OR_RETURN(const auto arguments, BindArguments(site, {"default"}, 0));
  constexpr double kTwoTo63 = 9223372036854775808.0;
  int64_t integer = 0;
  double number = 0;
  if (input.is_integer() || input.is_bool()) return Value(input.integer());
  if (input.is_string() && absl::SimpleAtoi(input.str(), &integer)) return Value(integer);
  const bool is_number =
      input.is_double() ? (number = input.number(), true) : input.is_string() && absl::SimpleAtod(input.str(), &number);
  if (is_number && number >= -kTwoTo63 && number < kTwoTo63) return Value(static_cast<int64_t>(number));
  return arguments[0] == nullptr ? Value(0) : arguments[0]->value;
}

constexpr std::array<std::pair<std::string_view, Filter>, 19> kFilters = {{{"trim", Trim},
                                                                           {"upper", Upper},
                                                                           {"lower", Lower},
                                                                           {"capitalize", Capitalize},
                                                                           {"string", String},
                                                                           {"length", Length},
                                                                           {"count", Length},
                                                                           {"join", Join},
                                                                           {"default", Default},
                                                                           {"d", Default},
                                                                           {"list", List},
                                                                           {"map", Map},
                                                                           {"replace", Replace},
                                                                           {"tojson", Tojson},
                                                                           {"first", First},
                                                                           {"last", Last},
                                                                           {"int", Int},
                                                                           {"unique", Unique},
                                                                           {"sort", Sort}}};

}  // namespace

StatusOr<Value> ApplyFilter(const Value& input, const CallSite& site) {
  std::vector<std::string> names;
  for (const auto& [name, filter] : kFilters) {
    if (name == site.function) return filter(input, site);
    names.emplace_back(name);
  }
  return ErrorAt(site.begin, fmt::format("there is no filter '{}'", site.function),
                 NearestNameHint(site.function, names));
}

StatusOr<bool> ApplyTest(const Value& input, std::string_view name) {
  if (name == "defined") return !input.is_undefined();
  if (name == "undefined") return input.is_undefined();
  if (name == "none") return input.is_none();
  if (name == "string") return input.is_string();
  if (name == "number") return input.is_number();
  if (name == "integer") return input.is_integer();
  if (name == "boolean") return input.is_bool();
  if (name == "mapping") return input.is_dict();
  if (name == "sequence" || name == "iterable") return input.is_list() || input.is_dict() || input.is_string();
  if (name == "true") return input.is_bool() && input.boolean();
  if (name == "false") return input.is_bool() && !input.boolean();
  const std::vector<std::string> names = {"defined", "undefined", "none",     "string",   "number", "integer",
                                          "boolean", "mapping",   "sequence", "iterable", "true",   "false"};
  return WithHint(InvalidArgument("there is no test '{}'", name), NearestNameHint(name, names));
}

}  // namespace headrace::jinja
