// Types and single values. Whole columns of them: base/column.h.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

#include "base/status.h"

namespace headrace {

enum class TypeId : uint32_t {
  kBoolean,    // 0 or 1
  kBigint,     // 64-bit; every narrower integer type widens to it
  kDouble,     // IEEE 754 binary64
  kVarchar,    // UTF-8; compared by bytes
  kDate,       // days since 1970-01-01
  kTimestamp,  // UTC microseconds since 1970-01-01T00:00:00Z
  // Lists and maps of these have a number of their own each: ListOf and MapOf give it, base/nested.h the values. So
  // has each decimal(width, scale), and the list of each: DecimalOf gives it, base/decimal.h the values. There is no
  // map of decimals.
};

constexpr TypeId kScalarTypes[] = {TypeId::kBoolean, TypeId::kBigint, TypeId::kDouble,
                                   TypeId::kVarchar, TypeId::kDate,   TypeId::kTimestamp};

// DECIMAL(width, scale): exact numbers of at most `width` digits, `scale` of them after the point.
constexpr int kMaxDecimalWidth = 38;
constexpr TypeId DecimalOf(int width, int scale) {
  return static_cast<TypeId>(0x10000 | static_cast<unsigned>(width) << 8 | static_cast<unsigned>(scale));
}
constexpr bool IsDecimal(TypeId type) {
  return (static_cast<unsigned>(type) & 0x10000) != 0;
}
// Of a decimal, or of a list's decimals.
constexpr int WidthOf(TypeId decimal) {
  return static_cast<int>(static_cast<unsigned>(decimal) >> 8 & 0xff);
}
constexpr int ScaleOf(TypeId decimal) {
  return static_cast<int>(static_cast<unsigned>(decimal) & 0xff);
}

constexpr TypeId ListOf(TypeId element) {
  if (IsDecimal(element)) return static_cast<TypeId>(static_cast<unsigned>(element) ^ 0x30000);
  return static_cast<TypeId>(0x10 | static_cast<unsigned>(element));
}
constexpr TypeId MapOf(TypeId key, TypeId value) {
  return static_cast<TypeId>(0x40 | static_cast<unsigned>(key) << 3 | static_cast<unsigned>(value));
}
constexpr bool IsList(TypeId type) {
  return static_cast<unsigned>(type) >> 4 == 1 || static_cast<unsigned>(type) >> 16 == 2;
}
constexpr bool IsMap(TypeId type) {
  return static_cast<unsigned>(type) >> 6 == 1;
}
constexpr bool IsNested(TypeId type) {
  return IsList(type) || IsMap(type);
}
// Of a list its elements, of a map its values.
constexpr TypeId ElementOf(TypeId nested) {
  if (static_cast<unsigned>(nested) >> 16 == 2) return static_cast<TypeId>(static_cast<unsigned>(nested) ^ 0x30000);
  return static_cast<TypeId>(static_cast<unsigned>(nested) & 0x7);
}
constexpr TypeId KeyOf(TypeId map) {
  return static_cast<TypeId>(static_cast<unsigned>(map) >> 3 & 0x7);
}
// Whether a value is held as bytes: a text, or the encoding of a decimal, list or map.
constexpr bool HoldsBytes(TypeId type) {
  return type == TypeId::kVarchar || IsDecimal(type) || IsNested(type);
}
// Whether a map can hold a type as its keys or values.
constexpr bool FitsMap(TypeId type) {
  return !IsNested(type) && !IsDecimal(type);
}
// Whether `number`, read from a file, is one of a type.
bool IsTypeId(uint32_t number);

// "BOOLEAN", "BIGINT", "DOUBLE", "VARCHAR", "DATE", "TIMESTAMP", "DECIMAL(18,2)", "BIGINT[]", "MAP(VARCHAR, BIGINT)".
std::string_view TypeName(TypeId type);

// Takes SQL's usual spellings in any case (int, integer, int64, text, float8, timestamptz, numeric(18, 2), int[],
// map(text, int), ...); an error names the known ones. As in DuckDB, decimal is decimal(18,3) and decimal(5) is
// decimal(5,0).
StatusOr<TypeId> ParseTypeName(std::string_view name);

// A value or null. Booleans, bigints, dates and timestamps are all held as int64_t: the type says which. Decimals,
// lists and maps are held as their encoding.
class Value {
 public:
  Value() = default;  // null
  static Value Null() { return Value(); }
  static Value Boolean(bool v) { return Value(TypeId::kBoolean, int64_t{v}); }
  static Value Bigint(int64_t v) { return Value(TypeId::kBigint, v); }
  static Value Double(double v) { return Value(TypeId::kDouble, v); }
  static Value Varchar(std::string v) { return Value(TypeId::kVarchar, std::move(v)); }
  // A text, or an encoded decimal, list or map, of `type`.
  static Value Bytes(TypeId type, std::string v) { return Value(type, std::move(v)); }
  static Value Date(int64_t days) { return Value(TypeId::kDate, days); }
  static Value Timestamp(int64_t us) { return Value(TypeId::kTimestamp, us); }
  // An integer-held value (boolean, bigint, date, timestamp) of `type`.
  static Value Integer(TypeId type, int64_t v) { return Value(type, v); }

  bool is_null() const { return std::holds_alternative<std::monostate>(data_); }
  TypeId type() const { return type_; }  // of a value that is not null
  int64_t int64() const { return std::get<int64_t>(data_); }
  double dbl() const { return std::get<double>(data_); }
  const std::string& str() const { return std::get<std::string>(data_); }

  // The same bits: NaN payloads and the sign of zero count, as `verify` needs it. Null equals null.
  bool IdenticalTo(const Value& other) const;

  // For people: null, true, 12, 0.5, 2013-12-01T10:00:00Z, text as it is, [1, null], {a=1, b=2}.
  std::string ToString() const;

 private:
  template <typename T>
  Value(TypeId type, T v) : type_(type), data_(std::move(v)) {}

  TypeId type_ = TypeId::kBigint;
  std::variant<std::monostate, int64_t, double, std::string> data_;
};

// The shortest text that reads back to the same double; "NaN", "Infinity", "-Infinity"; -0 is "-0.0"; whole numbers
// keep ".0".
std::string FormatDouble(double v);

}  // namespace headrace
