#include "base/value.h"

#include <array>
#include <bit>
#include <charconv>
#include <cmath>
#include <optional>

#include "absl/strings/ascii.h"
#include "base/nested.h"
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

constexpr size_t kTypeNumbers = 0x80;

std::string_view ScalarName(TypeId type) {
  for (const Spelling& spelling : kSpellings) {
    if (spelling.type == type) return spelling.name;
  }
  return "UNKNOWN";
}

std::string Spell(TypeId type) {
  if (IsMap(type)) return fmt::format("MAP({}, {})", ScalarName(KeyOf(type)), ScalarName(ElementOf(type)));
  return fmt::format("{}{}", ScalarName(IsList(type) ? ElementOf(type) : type), IsList(type) ? "[]" : "");
}

std::optional<TypeId> ParseScalarName(std::string_view upper) {
  const absl::string_view name = absl::StripAsciiWhitespace(ToAbsl(upper));
  for (const Spelling& spelling : kSpellings) {
    if (name == ToAbsl(spelling.name)) return spelling.type;
  }
  return std::nullopt;
}

// INT[], MAP(TEXT, INT).
std::optional<TypeId> ParseNestedName(std::string_view upper) {
  if (upper.ends_with("[]")) {
    const std::optional<TypeId> element = ParseScalarName(upper.substr(0, upper.size() - 2));
    return element ? std::optional(ListOf(*element)) : std::nullopt;
  }
  constexpr std::string_view kMap = "MAP(";
  const size_t comma = upper.find(',');
  if (!upper.starts_with(kMap) || !upper.ends_with(")") || comma == std::string_view::npos) return std::nullopt;
  const std::optional<TypeId> key = ParseScalarName(upper.substr(kMap.size(), comma - kMap.size()));
  const std::optional<TypeId> value = ParseScalarName(upper.substr(comma + 1, upper.size() - comma - 2));
  return key && value ? std::optional(MapOf(*key, *value)) : std::nullopt;
}

std::string ListText(const Column& elements) {
  std::string text = "[";
  for (size_t i = 0; i < elements.size(); ++i) text += (i > 0 ? ", " : "") + elements.GetValue(i).ToString();
  return text + "]";
}

std::string MapText(const MapEntries& entries) {
  std::string text = "{";
  for (size_t i = 0; i < entries.keys.size(); ++i) {
    text += fmt::format("{}{}={}", i > 0 ? ", " : "", entries.keys.GetValue(i).ToString(),
                        entries.values.GetValue(i).ToString());
  }
  return text + "}";
}

}  // namespace

bool IsTypeId(uint8_t number) {
  const auto is_scalar = [](unsigned n) { return n <= static_cast<unsigned>(TypeId::kTimestamp); };
  const auto type = static_cast<TypeId>(number);
  if (number >= kTypeNumbers) return false;
  if (IsMap(type)) return is_scalar(static_cast<unsigned>(KeyOf(type))) && is_scalar(number & 7U);
  return IsList(type) ? is_scalar(number & 0xfU) : is_scalar(number);
}

std::string_view TypeName(TypeId type) {
  static const auto& kNames = *[] {
    auto* names = new std::array<std::string, kTypeNumbers>();
    for (size_t i = 0; i < kTypeNumbers; ++i) {
      if (IsTypeId(static_cast<uint8_t>(i))) (*names)[i] = Spell(static_cast<TypeId>(i));
    }
    return names;
  }();
  return kNames[static_cast<size_t>(type)];
}

StatusOr<TypeId> ParseTypeName(std::string_view name) {
  const std::string upper = absl::AsciiStrToUpper(ToAbsl(name));
  if (const std::optional<TypeId> type = ParseScalarName(upper)) return *type;
  if (const std::optional<TypeId> type = ParseNestedName(upper)) return *type;
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
  if (IsList(type_)) return ListText(DecodeList(type_, str()));
  if (IsMap(type_)) return MapText(DecodeMap(type_, str()));
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
