#include "catalog/template/value.h"

#include <algorithm>

#include "absl/strings/str_replace.h"
#include "catalog/template/error.h"

namespace headrace::jinja {
namespace {

// Python prefers single quotes, unless the text has some and no double ones.
void AppendQuoted(const std::string& text, std::string* out) {
  const bool use_double = text.find('\'') != std::string::npos && text.find('"') == std::string::npos;
  const char quote = use_double ? '"' : '\'';
  out->push_back(quote);
  for (const char c : text) {
    if (c == quote || c == '\\') out->push_back('\\');
    if (c == '\n') {
      out->append("\\n");
    } else {
      out->push_back(c);
    }
  }
  out->push_back(quote);
}

Status AppendText(const Value& v, bool quoted, Budget* budget, std::string* out);

Status AppendContainer(const Value& v, Budget* budget, std::string* out) {
  out->push_back(v.is_list() ? '[' : '{');
  std::string_view separator = "";
  if (v.is_list()) {
    for (const Value& item : v.list()) {
      out->append(separator);
      HR_RETURN_IF_ERROR(AppendText(item, true, budget, out));
      separator = ", ";
    }
  } else {
    for (const auto& [key, item] : v.dict()) {
      out->append(separator);
      HR_RETURN_IF_ERROR(AppendText(key, true, budget, out));
      out->append(": ");
      HR_RETURN_IF_ERROR(AppendText(item, true, budget, out));
      separator = ", ";
    }
  }
  out->push_back(v.is_list() ? ']' : '}');
  return absl::OkStatus();
}

Status AppendText(const Value& v, bool quoted, Budget* budget, std::string* out) {
  HR_RETURN_IF_ERROR(budget->Spend(1 + (v.is_string() ? v.str().size() : 0)));
  if (v.is_undefined()) return WithHint(InvalidArgument("'{}' is undefined", v.missing_name()), v.missing_hint());
  if (v.is_list() || v.is_dict()) return AppendContainer(v, budget, out);
  if (v.is_none()) {
    out->append("None");
  } else if (v.is_bool()) {
    out->append(v.boolean() ? "True" : "False");
  } else if (v.is_integer()) {
    out->append(fmt::format("{}", v.integer()));
  } else if (v.is_double()) {
    out->append(FormatDouble(v.number()));
  } else if (v.is_object()) {
    out->append(v.object().Text());
  } else if (quoted) {
    AppendQuoted(v.str(), out);
  } else {
    out->append(v.str());
  }
  return absl::OkStatus();
}

StatusOr<bool> EqualLists(const Value::List& a, const Value::List& b, Budget* budget) {
  if (a.size() != b.size()) return false;
  for (size_t i = 0; i < a.size(); ++i) {
    HR_ASSIGN_OR_RETURN(const bool equal, Equal(a[i], b[i], budget));
    if (!equal) return false;
  }
  return true;
}

StatusOr<bool> EqualDicts(const Value::Dict& a, const Value::Dict& b, Budget* budget) {
  if (a.size() != b.size()) return false;
  for (const auto& [key, value] : a) {
    bool found = false;
    for (const auto& [other_key, other_value] : b) {
      HR_ASSIGN_OR_RETURN(const bool same_key, Equal(key, other_key, budget));
      if (!same_key) continue;
      HR_ASSIGN_OR_RETURN(found, Equal(value, other_value, budget));
      break;
    }
    if (!found) return false;
  }
  return true;
}

template <typename T>
int ThreeWay(const T& a, const T& b) {
  return a < b ? -1 : b < a ? 1 : 0;
}

}  // namespace

Value::Value(List v) {
  const auto box = std::make_shared<ListBox>(ListBox{std::move(v)});
  for (const Value& item : box->items) box->depth = std::max(box->depth, item.depth() + 1);
  data_ = box;
}

Value::Value(Dict v) {
  const auto box = std::make_shared<DictBox>(DictBox{std::move(v)});
  for (const auto& [key, item] : box->items) box->depth = std::max({box->depth, key.depth() + 1, item.depth() + 1});
  data_ = box;
}

int Value::depth() const {
  if (is_list()) return std::get<std::shared_ptr<ListBox>>(data_)->depth;
  return is_dict() ? std::get<std::shared_ptr<DictBox>>(data_)->depth : 0;
}

Value Value::Undefined(std::string name, std::string hint) {
  Value v;
  v.data_ = Missing{std::move(name), std::move(hint)};
  return v;
}

Value Value::FromJson(const Json& json) {
  if (json.is_bool()) return json.boolean();
  if (json.is_integer()) return json.integer();
  if (json.is_double()) return json.number();
  if (json.is_string()) return json.str();
  if (json.is_array()) {
    List list;
    for (const Json& item : json.array()) list.push_back(FromJson(item));
    return list;
  }
  if (json.is_object()) {
    Dict dict;
    for (const auto& [key, item] : json.object()) dict.emplace_back(key, FromJson(item));
    return dict;
  }
  return Value();
}

std::string_view Value::kind() const {
  constexpr std::string_view kKinds[] = {"none",   "undefined", "bool", "int",   "float",
                                         "string", "list",      "dict", "object"};
  return kKinds[data_.index()];
}

bool Value::IsTrue() const {
  if (is_none() || is_undefined()) return false;
  if (is_double()) return number() != 0;
  if (is_number()) return integer() != 0;
  if (is_string()) return !str().empty();
  if (is_list()) return !list().empty();
  if (is_dict()) return !dict().empty();
  return true;
}

const Value* Value::Find(std::string_view key) const {
  if (!is_dict()) return nullptr;
  for (const auto& [name, value] : dict()) {
    if (name.is_string() && name.str() == key) return &value;
  }
  return nullptr;
}

StatusOr<Value> Object::Call(const CallSite& site) const {
  return InvalidArgument("'{}' is no function", site.function);
}

Value Object::GetAttribute(std::string_view name) const {
  return Value::Undefined(std::string(name));
}

StatusOr<std::string> ToText(const Value& v, Budget* budget) {
  std::string text;
  HR_RETURN_IF_ERROR(AppendText(v, false, budget, &text));
  return text;
}

StatusOr<bool> Equal(const Value& a, const Value& b, Budget* budget) {
  HR_RETURN_IF_ERROR(budget->Spend(1));
  if (a.is_number() && b.is_number()) {
    return a.is_double() || b.is_double() ? a.number() == b.number() : a.integer() == b.integer();
  }
  if (a.is_string() && b.is_string()) return a.str() == b.str();
  if (a.is_list() && b.is_list()) return EqualLists(a.list(), b.list(), budget);
  if (a.is_dict() && b.is_dict()) return EqualDicts(a.dict(), b.dict(), budget);
  if (a.is_object() && b.is_object()) return &a.object() == &b.object();
  return (a.is_none() && b.is_none()) || (a.is_undefined() && b.is_undefined());
}

StatusOr<int> Compare(const Value& a, const Value& b, Budget* budget) {
  HR_RETURN_IF_ERROR(budget->Spend(1));
  if (a.is_number() && b.is_number()) {
    return a.is_double() || b.is_double() ? ThreeWay(a.number(), b.number()) : ThreeWay(a.integer(), b.integer());
  }
  if (a.is_string() && b.is_string()) return ThreeWay(a.str(), b.str());
  if (a.is_list() && b.is_list()) {
    for (size_t i = 0; i < a.list().size() && i < b.list().size(); ++i) {
      HR_ASSIGN_OR_RETURN(const int order, Compare(a.list()[i], b.list()[i], budget));
      if (order != 0) return order;
    }
    return ThreeWay(a.list().size(), b.list().size());
  }
  return InvalidArgument("{} and {} have no order", a.kind(), b.kind());
}

StatusOr<Json> ToJson(const Value& v, Budget* budget) {
  HR_RETURN_IF_ERROR(budget->Spend(1 + (v.is_string() ? v.str().size() : 0)));
  if (v.is_none()) return Json();
  if (v.is_bool()) return Json(v.boolean());
  if (v.is_integer()) return Json(v.integer());
  if (v.is_double()) return Json(v.number());
  if (v.is_string()) return Json(v.str());
  if (v.is_list()) {
    Json::Array array;
    for (const Value& item : v.list()) {
      HR_ASSIGN_OR_RETURN(array.emplace_back(), ToJson(item, budget));
    }
    return Json(std::move(array));
  }
  if (!v.is_dict())
    return InvalidArgument("{} '{}' cannot be written as JSON", v.kind(), v.is_undefined() ? v.missing_name() : "");
  Json::Object object;
  for (const auto& [key, item] : v.dict()) {
    HR_ASSIGN_OR_RETURN(std::string name, ToText(key, budget));
    HR_ASSIGN_OR_RETURN(Json json, ToJson(item, budget));
    object.emplace_back(std::move(name), std::move(json));
  }
  return Json(std::move(object));
}

}  // namespace headrace::jinja
