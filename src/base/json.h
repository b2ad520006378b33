// JSON documents: reading (simdjson underneath) and writing.
//
// Numbers keep what was written: an integer within 64 bits is an integer, anything with a fraction or an exponent a
// double that also says, in number_text(), which number it was written as; an integer beyond 64 bits is an error.
// Object members keep their order; a repeated key is an error of Parse. Writing: NaN and infinities become the strings
// "NaN", "Infinity", "-Infinity"; -0.0 is -0.0.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/status.h"
#include "base/value.h"

namespace headrace {

class Json {
 public:
  using Array = std::vector<Json>;
  using Member = std::pair<std::string, Json>;
  using Object = std::vector<Member>;

  Json() = default;  // null
  Json(std::nullptr_t) {}
  Json(bool v) : data_(v) {}
  Json(int64_t v) : data_(v) {}
  Json(int v) : data_(int64_t{v}) {}
  Json(size_t v) : data_(static_cast<int64_t>(v)) {}
  Json(double v) : data_(v) {}
  Json(std::string v) : data_(std::move(v)) {}
  Json(std::string_view v) : data_(std::string(v)) {}
  Json(const char* v) : data_(std::string(v)) {}
  Json(Array v) : data_(std::move(v)) {}
  Json(Object v) : data_(std::move(v)) {}

  // The number of a text that is one in JSON, digit by digit.
  static Json Number(std::string text);

  // An error says what was wrong.
  static StatusOr<Json> Parse(std::string_view text);
  // NDJSON: one document a line; empty lines are skipped; an error names the line, from 1.
  static StatusOr<Array> ParseLines(std::string_view text);

  bool is_null() const { return std::holds_alternative<std::monostate>(data_); }
  bool is_bool() const { return std::holds_alternative<bool>(data_); }
  bool is_integer() const { return std::holds_alternative<int64_t>(data_); }
  bool is_double() const { return std::holds_alternative<double>(data_) || std::holds_alternative<NumberText>(data_); }
  bool is_number() const { return is_integer() || is_double(); }
  bool is_string() const { return std::holds_alternative<std::string>(data_); }
  bool is_array() const { return std::holds_alternative<Array>(data_); }
  bool is_object() const { return std::holds_alternative<Object>(data_); }
  std::string_view kind() const;  // "null", "boolean", "integer", "number", "string", "array", "object"

  bool boolean() const { return std::get<bool>(data_); }
  int64_t integer() const { return std::get<int64_t>(data_); }
  double number() const;
  // Of a number: a text of exactly the value that was read, "0.1", "-12", "1.2345678901234567890".
  std::string number_text() const;
  const std::string& str() const { return std::get<std::string>(data_); }
  const Array& array() const { return std::get<Array>(data_); }
  Array& array() { return std::get<Array>(data_); }
  const Object& object() const { return std::get<Object>(data_); }
  Object& object() { return std::get<Object>(data_); }

  // The member called `key`; nullptr if there is none or this is no object.
  const Json* Find(std::string_view key) const;
  // Required members, with an error that names the key.
  StatusOr<std::string> GetString(std::string_view key) const;
  StatusOr<int64_t> GetInteger(std::string_view key) const;

  std::string Dump() const;        // on one line
  std::string DumpPretty() const;  // indented by two blanks
  void DumpTo(std::string* out) const;

 private:
  // A number with more digits than every double keeps, 15, or whose digits are to be written as they are.
  struct NumberText {
    std::string text;
  };

  void DumpIndented(std::string* out, int depth) const;
  std::variant<std::monostate, bool, int64_t, double, std::string, Array, Object, NumberText> data_;
};

// The JSON text of strings and doubles, for writers that build their own documents.
void AppendJsonString(std::string_view text, std::string* out);
void AppendJsonDouble(double v, std::string* out);

// semantics.md, rule 26: timestamps RFC 3339, dates ISO 8601, doubles and integers as above; lists are arrays, maps
// objects whose keys are the keys as text. A decimal is a number with all digits of its scale; one that is an integer
// beyond 64 bits is a text, since Parse takes no such integer.
Json ToJson(const Value& v);
// The value of `type` that `json` stands for, by rules 26 and 27: "12" is no bigint, 1.5 is no bigint, 1 is a double. A
// decimal is a number, or the text of one, that the type holds exactly.
// The error says what was expected and what came.
StatusOr<Value> FromJson(const Json& json, TypeId type);

}  // namespace headrace
