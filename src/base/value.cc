#include "base/value.h"

#include <array>
#include <bit>
#include <charconv>
#include <cmath>

#include "absl/strings/ascii.h"
#include "base/time.h"

namespace headrace {
namespace {

struct Spelling {
  std::string_view name;
  TypeId type;
};
// The first spelling of a type is its name. DECIMAL reads as DOUBLE only where a cast says so, never here.
constexpr std::array<Spelling, 35> kSpellings = {{{"BOOLEAN", TypeId::kBoolean},
                                                  {"BIGINT", TypeId::kBigint},
                                                  {"DOUBLE", TypeId::kDouble},
                                                  {"VARCHAR", TypeId::kVarchar},
                                                  {"DATE", TypeId::kDate},
                                                  {"TIMESTAMP", TypeId::kTimestamp},
                                                  {"BOOL", TypeId::kBoolean},
                                                  {"LOGICAL", TypeId::kBoolean},
                                                  {"TINYINT", TypeId::kBigint},
                                                  {"SMALLINT", TypeId::kBigint},
                                                  {"INTEGER", TypeId::kBigint},
                                                  {"INT", TypeId::kBigint},
                                                  {"INT1", TypeId::kBigint},
                                                  {"INT2", TypeId::kBigint},
                                                  {"INT4", TypeId::kBigint},
                                                  {"INT8", TypeId::kBigint},
                                                  {"INT16", TypeId::kBigint},
                                                  {"INT32", TypeId::kBigint},
                                                  {"INT64", TypeId::kBigint},
                                                  {"LONG", TypeId::kBigint},
                                                  {"UTINYINT", TypeId::kBigint},
                                                  {"USMALLINT", TypeId::kBigint},
                                                  {"UINTEGER", TypeId::kBigint},
                                                  {"FLOAT", TypeId::kDouble},
                                                  {"FLOAT4", TypeId::kDouble},
                                                  {"FLOAT8", TypeId::kDouble},
                                                  {"REAL", TypeId::kDouble},
                                                  {"DOUBLE PRECISION", TypeId::kDouble},
                                                  {"TEXT", TypeId::kVarchar},
                                                  {"STRING", TypeId::kVarchar},
                                                  {"CHAR", TypeId::kVarchar},
                                                  {"DATETIME", TypeId::kTimestamp},
                                                  {"TIMESTAMPTZ", TypeId::kTimestamp},
                                                  {"TIMESTAMP WITH TIME ZONE", TypeId::kTimestamp},
                                                  {"TIMESTAMP WITHOUT TIME ZONE", TypeId::kTimestamp}}};

}  // namespace

std::string_view TypeName(TypeId type) {
  for (const Spelling& spelling : kSpellings) {
    if (spelling.type == type) return spelling.name;
  }
  return "UNKNOWN";
}

StatusOr<TypeId> ParseTypeName(std::string_view name) {
  const std::string upper = absl::AsciiStrToUpper(ToAbsl(name));
  for (const Spelling& spelling : kSpellings) {
    if (upper == spelling.name) return spelling.type;
  }
  return InvalidArgument("'{}' is not a type: use boolean, bigint, double, varchar, date or timestamp", name);
}

bool Value::IdenticalTo(const Value& other) const {
  if (is_null() || other.is_null()) return is_null() && other.is_null();
  if (type_ != other.type_) return false;
  if (type_ == TypeId::kDouble) return std::bit_cast<uint64_t>(dbl()) == std::bit_cast<uint64_t>(other.dbl());
  return data_ == other.data_;
}

std::string Value::ToString() const {
  if (is_null()) return "null";
  switch (type_) {
    case TypeId::kBoolean:
      return int64() != 0 ? "true" : "false";
    case TypeId::kBigint:
      return std::to_string(int64());
    case TypeId::kDouble:
      return FormatDouble(dbl());
    case TypeId::kVarchar:
      return str();
    case TypeId::kDate: {
      const CivilDate date = CivilFromDays(int64());
      return fmt::format("{:04}-{:02}-{:02}", date.year, date.month, date.day);
    }
    case TypeId::kTimestamp:
      return FormatTimestamp(int64());
  }
  return "";
}

std::string FormatDouble(double v) {
  if (std::isnan(v)) return "NaN";
  if (std::isinf(v)) return v > 0 ? "Infinity" : "-Infinity";
  std::array<char, 40> buffer;
  const auto result = std::to_chars(buffer.data(), buffer.data() + buffer.size(), v);
  std::string text(buffer.data(), result.ptr);
  if (text.find_first_of(".e") == std::string::npos) text += ".0";
  return text;
}

}  // namespace headrace
