#include "base/value.h"

#include <array>
#include <bit>
#include <charconv>
#include <cmath>
#include <optional>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "base/decimal.h"
#include "base/nested.h"
#include "base/time.h"

namespace headrace {
namespace {

struct Spelling {
  std::string_view name;
  TypeId type;
};
// The first spelling of a type is its name.
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
  if (IsDecimal(type)) return fmt::format("DECIMAL({},{})", WidthOf(type), ScaleOf(type));
  if (IsMap(type)) return fmt::format("MAP({}, {})", ScalarName(KeyOf(type)), ScalarName(ElementOf(type)));
  return IsList(type) ? Spell(ElementOf(type)) + "[]" : std::string(ScalarName(type));
}

// DECIMAL, NUMERIC(5), DEC(18, 2).
std::optional<TypeId> ParseDecimalName(std::string_view upper) {
  const size_t open = std::min(upper.find('('), upper.size());
  const absl::string_view word = absl::StripAsciiWhitespace(ToAbsl(upper.substr(0, open)));
  if (word != "DECIMAL" && word != "NUMERIC" && word != "DEC") return std::nullopt;
  if (open == upper.size()) return DecimalOf(18, 3);
  if (!upper.ends_with(")")) return std::nullopt;
  const std::string_view inside = upper.substr(open + 1, upper.size() - open - 2);
  const size_t comma = std::min(inside.find(','), inside.size());
  int width = 0;
  int scale = 0;
  if (!absl::SimpleAtoi(ToAbsl(inside.substr(0, comma)), &width)) return std::nullopt;
  if (comma < inside.size() && !absl::SimpleAtoi(ToAbsl(inside.substr(comma + 1)), &scale)) return std::nullopt;
  const bool exists = width >= 1 && width <= kMaxDecimalWidth && scale >= 0 && scale <= width;
  return exists ? std::optional(DecimalOf(width, scale)) : std::nullopt;
}

std::optional<TypeId> ParseScalarName(std::string_view upper) {
  const absl::string_view name = absl::StripAsciiWhitespace(ToAbsl(upper));
  for (const Spelling& spelling : kSpellings) {
    if (name == ToAbsl(spelling.name)) return spelling.type;
  }
  return ParseDecimalName({name.data(), name.size()});
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
  if (!key || !value || !FitsMap(*key) || !FitsMap(*value)) return std::nullopt;
  return MapOf(*key, *value);
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

bool IsTypeId(uint32_t number) {
  const auto is_scalar = [](unsigned n) { return n <= static_cast<unsigned>(TypeId::kTimestamp); };
  const auto type = static_cast<TypeId>(number);
  if (number >> 16 == 1 || number >> 16 == 2) {
    return WidthOf(type) >= 1 && WidthOf(type) <= kMaxDecimalWidth && ScaleOf(type) <= WidthOf(type);
  }
  if (number >= kTypeNumbers) return false;
  if (IsMap(type)) return is_scalar(static_cast<unsigned>(KeyOf(type))) && is_scalar(number & 7U);
  return IsList(type) ? is_scalar(number & 0xfU) : is_scalar(number);
}

namespace {

constexpr size_t kDecimalNumbers = (kMaxDecimalWidth + 1) << 8;

// By type: the decimals, and their lists, follow the others.
size_t NameIndex(TypeId type) {
  const auto number = static_cast<uint32_t>(type);
  return number < kTypeNumbers ? number : kTypeNumbers + (number >> 17) * kDecimalNumbers + (number & 0xffff);
}

}  // namespace

std::string_view TypeName(TypeId type) {
  static const auto& kNames = *[] {
    auto* names = new std::vector<std::string>(kTypeNumbers + 2 * kDecimalNumbers);
    const auto name = [&](TypeId t) { (*names)[NameIndex(t)] = Spell(t); };
    for (uint32_t i = 0; i < kTypeNumbers; ++i) {
      if (IsTypeId(i)) name(static_cast<TypeId>(i));
    }
    for (int width = 1; width <= kMaxDecimalWidth; ++width) {
      for (int scale = 0; scale <= width; ++scale) {
        name(DecimalOf(width, scale));
        name(ListOf(DecimalOf(width, scale)));
      }
    }
    return names;
  }();
  return kNames[NameIndex(type)];
}

StatusOr<TypeId> ParseTypeName(std::string_view name) {
  const std::string upper = absl::AsciiStrToUpper(ToAbsl(name));
  if (const std::optional<TypeId> type = ParseScalarName(upper)) return *type;
  if (const std::optional<TypeId> type = ParseNestedName(upper)) return *type;
  return InvalidArgument("'{}' is not a type: use boolean, bigint, double, decimal(p,s), varchar, date or timestamp",
                         name);
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
  if (IsDecimal(type_)) return FormatDecimal(DecodeDecimal(str()), ScaleOf(type_));
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
