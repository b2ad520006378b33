#include "base/json.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <iterator>
#include <limits>
#include <map>

#include "base/decimal.h"
#include "base/nested.h"
#include "base/time.h"

namespace headrace {

StatusOr<Json::Array> Json::ParseLines(std::string_view text) {
  Array documents;
  for (int64_t line = 1; !text.empty(); ++line) {
    const size_t end = text.find('\n');
    const std::string_view row = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (row.find_first_not_of(" \t\r") == std::string_view::npos) continue;
    StatusOr<Json> document = Parse(row);
    if (!document.ok()) return Annotate(document.status(), fmt::format("line {}", line));
    documents.push_back(*std::move(document));
  }
  return documents;
}

std::string_view Json::kind() const {
  constexpr std::string_view kNames[] = {"null", "boolean", "integer", "number", "string", "array", "object", "number"};
  return kNames[data_.index()];
}

Json Json::Number(std::string text) {
  Json json;
  json.data_ = NumberText{std::move(text)};
  return json;
}

double Json::number() const {
  if (is_integer()) return static_cast<double>(integer());
  const auto* written = std::get_if<NumberText>(&data_);
  if (written == nullptr) return std::get<double>(data_);
  double v = 0;
  std::from_chars(written->text.data(), written->text.data() + written->text.size(), v);
  return v;
}

std::string Json::number_text() const {
  if (is_integer()) return std::to_string(integer());
  const auto* written = std::get_if<NumberText>(&data_);
  return written != nullptr ? written->text : FormatDouble(std::get<double>(data_));
}

const Json* Json::Find(std::string_view key) const {
  if (!is_object()) return nullptr;
  for (const Member& member : object()) {
    if (member.first == key) return &member.second;
  }
  return nullptr;
}

StatusOr<std::string> Json::GetString(std::string_view key) const {
  const Json* member = Find(key);
  if (member == nullptr || !member->is_string()) return InvalidArgument("'{}' must be a string", key);
  return member->str();
}

StatusOr<int64_t> Json::GetInteger(std::string_view key) const {
  const Json* member = Find(key);
  if (member == nullptr || !member->is_integer()) return InvalidArgument("'{}' must be an integer", key);
  return member->integer();
}

namespace {

void AppendEscaped(char c, std::string* out) {
  constexpr std::string_view kShort = "\"\\\n\r\t";
  constexpr std::string_view kLetters = "\"\\nrt";
  if (const size_t i = kShort.find(c); i != std::string_view::npos) {
    out->push_back('\\');
    out->push_back(kLetters[i]);
  } else {
    fmt::format_to(std::back_inserter(*out), "\\u{:04x}", static_cast<int>(c));
  }
}

}  // namespace

void AppendJsonString(std::string_view text, std::string* out) {
  const auto is_escaped = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == '"' || c == '\\'; };
  out->push_back('"');
  for (auto begin = text.begin(); begin != text.end();) {
    const auto end = std::find_if(begin, text.end(), is_escaped);
    out->append(begin, end);
    begin = end;
    if (begin != text.end()) AppendEscaped(*begin++, out);
  }
  out->push_back('"');
}

void AppendJsonDouble(double v, std::string* out) {
  if (std::isfinite(v)) {
    out->append(FormatDouble(v));
  } else {
    AppendJsonString(FormatDouble(v), out);
  }
}

void Json::DumpTo(std::string* out) const {
  if (is_null()) {
    out->append("null");
  } else if (is_bool()) {
    out->append(boolean() ? "true" : "false");
  } else if (is_integer()) {
    const fmt::format_int digits(integer());
    out->append(digits.data(), digits.size());
  } else if (const auto* written = std::get_if<NumberText>(&data_)) {
    out->append(written->text);
  } else if (is_double()) {
    AppendJsonDouble(number(), out);
  } else if (is_string()) {
    AppendJsonString(str(), out);
  } else if (is_array()) {
    out->push_back('[');
    for (size_t i = 0; i < array().size(); ++i) {
      if (i > 0) out->push_back(',');
      array()[i].DumpTo(out);
    }
    out->push_back(']');
  } else {
    out->push_back('{');
    for (size_t i = 0; i < object().size(); ++i) {
      if (i > 0) out->push_back(',');
      AppendJsonString(object()[i].first, out);
      out->push_back(':');
      object()[i].second.DumpTo(out);
    }
    out->push_back('}');
  }
}

std::string Json::Dump() const {
  std::string out;
  DumpTo(&out);
  return out;
}

void Json::DumpIndented(std::string* out, int depth) const {
  const bool nested = (is_array() && !array().empty()) || (is_object() && !object().empty());
  if (!nested) return DumpTo(out);
  const std::string indent(static_cast<size_t>(depth + 1) * 2, ' ');
  const size_t count = is_array() ? array().size() : object().size();
  out->append(is_array() ? "[\n" : "{\n");
  for (size_t i = 0; i < count; ++i) {
    out->append(indent);
    if (is_object()) {
      AppendJsonString(object()[i].first, out);
      out->append(": ");
    }
    (is_array() ? array()[i] : object()[i].second).DumpIndented(out, depth + 1);
    out->append(i + 1 < count ? ",\n" : "\n");
  }
  out->append(static_cast<size_t>(depth) * 2, ' ');
  out->push_back(is_array() ? ']' : '}');
}

std::string Json::DumpPretty() const {
  std::string out;
  DumpIndented(&out, 0);
  out.push_back('\n');
  return out;
}

namespace {

Json ListToJson(const Column& elements) {
  Json::Array array;
  for (size_t i = 0; i < elements.size(); ++i) array.push_back(ToJson(elements.GetValue(i)));
  return Json(std::move(array));
}

Json MapToJson(const MapEntries& entries) {
  Json::Object object;
  for (size_t i = 0; i < entries.keys.size(); ++i) {
    object.emplace_back(entries.keys.GetValue(i).ToString(), ToJson(entries.values.GetValue(i)));
  }
  return Json(std::move(object));
}

Json DecimalToJson(Int128 units, int scale) {
  const bool fits = units == static_cast<int64_t>(units);
  if (scale == 0) return fits ? Json(static_cast<int64_t>(units)) : Json(FormatDecimal(units, 0));
  return Json::Number(FormatDecimal(units, scale));
}

}  // namespace

Json ToJson(const Value& v) {
  if (v.is_null()) return Json();
  if (IsList(v.type())) return ListToJson(DecodeList(v.type(), v.str()));
  if (IsMap(v.type())) return MapToJson(DecodeMap(v.type(), v.str()));
  if (IsDecimal(v.type())) return DecimalToJson(DecodeDecimal(v.str()), ScaleOf(v.type()));
  switch (v.type()) {
    case TypeId::kBoolean:
      return Json(v.int64() != 0);
    case TypeId::kBigint:
      return Json(v.int64());
    case TypeId::kDouble:
      return Json(v.dbl());
    default:
      return Json(v.ToString());
  }
}

namespace {

StatusOr<Value> DoubleFromJson(const Json& json) {
  if (json.is_number()) return Value::Double(json.number());
  if (json.is_string()) {
    constexpr double kInfinity = std::numeric_limits<double>::infinity();
    if (json.str() == "NaN") return Value::Double(std::numeric_limits<double>::quiet_NaN());
    if (json.str() == "Infinity") return Value::Double(kInfinity);
    if (json.str() == "-Infinity") return Value::Double(-kInfinity);
  }
  return InvalidArgument("expected a number (or \"NaN\", \"Infinity\", \"-Infinity\")");
}

StatusOr<Value> DecimalFromJson(const Json& json, TypeId type) {
  if (!json.is_number() && !json.is_string()) return InvalidArgument("expected a number, or one as a text");
  const StatusOr<Int128> units = ParseDecimal(json.is_string() ? json.str() : json.number_text(), type, /*exact=*/true);
  if (units.ok()) return Value::Bytes(type, EncodeDecimal(*units));
  return InvalidArgument("expected a number with at most {} digits before the point and {} after it",
                         WidthOf(type) - ScaleOf(type), ScaleOf(type));
}

StatusOr<Value> TimestampFromJson(const Json& json) {
  if (json.is_integer()) return Value::Timestamp(json.integer());
  if (!json.is_string()) return InvalidArgument("expected an RFC 3339 text or integer microseconds");
  HR_ASSIGN_OR_RETURN(const TimestampUs t, ParseTimestamp(json.str()));
  return Value::Timestamp(t);
}

StatusOr<Value> DateFromJson(const Json& json) {
  if (json.is_string()) {
    HR_ASSIGN_OR_RETURN(const TimestampUs t, ParseTimestamp(json.str()));
    if (t % kUsPerDay == 0) return Value::Date(t / kUsPerDay);
  }
  return InvalidArgument("expected a date like \"2013-12-01\"");
}

StatusOr<Value> ListFromJson(const Json& json, TypeId type) {
  if (!json.is_array()) return InvalidArgument("expected an array");
  Column elements(ElementOf(type));
  for (const Json& item : json.array()) {
    HR_ASSIGN_OR_RETURN(const Value element, FromJson(item, ElementOf(type)));
    elements.Append(element);
  }
  return Value::Bytes(type, EncodeList(elements));
}

// What ToString made of a map's key.
StatusOr<Value> KeyFromText(const std::string& text, TypeId type) {
  switch (type) {
    case TypeId::kBoolean:
    case TypeId::kBigint:
    case TypeId::kDouble: {
      const StatusOr<Json> literal = Json::Parse(text);
      return FromJson(literal.ok() ? *literal : Json(text), type);
    }
    default:
      return FromJson(Json(text), type);
  }
}

struct KeyLess {
  bool operator()(const Value& a, const Value& b) const {
    if (a.type() == TypeId::kDouble) return std::isnan(b.dbl()) ? !std::isnan(a.dbl()) : a.dbl() < b.dbl();
    return HoldsBytes(a.type()) ? a.str() < b.str() : a.int64() < b.int64();
  }
};

StatusOr<Value> MapFromJson(const Json& json, TypeId type) {
  if (!json.is_object()) return InvalidArgument("expected an object");
  std::map<Value, Value, KeyLess> entries;
  for (const auto& [text, item] : json.object()) {
    HR_ASSIGN_OR_RETURN(Value key, KeyFromText(text, KeyOf(type)));
    HR_ASSIGN_OR_RETURN(Value value, FromJson(item, ElementOf(type)));
    if (!entries.emplace(std::move(key), std::move(value)).second)
      return InvalidArgument("the key '{}' stands twice", text);
  }
  MapEntries columns{Column(KeyOf(type)), Column(ElementOf(type))};
  for (const auto& [key, value] : entries) {
    columns.keys.Append(key);
    columns.values.Append(value);
  }
  return Value::Bytes(type, EncodeMap(columns.keys, columns.values));
}

StatusOr<Value> FromJsonUnannotated(const Json& json, TypeId type) {
  if (IsList(type)) return ListFromJson(json, type);
  if (IsMap(type)) return MapFromJson(json, type);
  if (IsDecimal(type)) return DecimalFromJson(json, type);
  switch (type) {
    case TypeId::kBoolean:
      if (json.is_bool()) return Value::Boolean(json.boolean());
      return InvalidArgument("expected true or false");
    case TypeId::kBigint:
      if (json.is_integer()) return Value::Bigint(json.integer());
      return InvalidArgument("expected a whole number without fraction or exponent");
    case TypeId::kDouble:
      return DoubleFromJson(json);
    case TypeId::kVarchar:
      if (json.is_string()) return Value::Varchar(json.str());
      return InvalidArgument("expected a string");
    case TypeId::kDate:
      return DateFromJson(json);
    case TypeId::kTimestamp:
      return TimestampFromJson(json);
  }
  return Internal("unknown type");
}

}  // namespace

StatusOr<Value> FromJson(const Json& json, TypeId type) {
  if (json.is_null()) return Value::Null();
  StatusOr<Value> value = FromJsonUnannotated(json, type);
  if (value.ok()) return value;
  return InvalidArgument("{}, got {}", Message(value.status()), json.Dump());
}

}  // namespace headrace
