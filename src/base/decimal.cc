#include "base/decimal.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "absl/strings/ascii.h"

namespace headrace {
namespace {

using Uint128 = unsigned __int128;

constexpr std::array<Int128, kMaxDecimalWidth + 1> kPowersOfTen = [] {
  std::array<Int128, kMaxDecimalWidth + 1> powers{};
  powers[0] = 1;
  for (size_t i = 1; i < powers.size(); ++i) powers[i] = powers[i - 1] * 10;
  return powers;
}();

constexpr int kBytes = 16;
constexpr Uint128 kSignBit = static_cast<Uint128>(1) << 127;

Status NoNumber(std::string_view text, TypeId type) {
  return InvalidArgument("'{}' is not a {}", text, TypeName(type));
}
Status DoesNotFit(std::string_view text, TypeId type) {
  return InvalidArgument("{} does not fit a {}, which has {} digits before the point", text, TypeName(type),
                         WidthOf(type) - ScaleOf(type));
}

bool IsDigit(char c) {
  return absl::ascii_isdigit(static_cast<unsigned char>(c));
}

// Digits, and underscores between digits.
std::string TakeDigits(std::string_view* text) {
  std::string digits;
  size_t i = 0;
  for (; i < text->size(); ++i) {
    const bool separates =
        (*text)[i] == '_' && i > 0 && IsDigit((*text)[i - 1]) && i + 1 < text->size() && IsDigit((*text)[i + 1]);
    if (IsDigit((*text)[i])) {
      digits.push_back((*text)[i]);
    } else if (!separates) {
      break;
    }
  }
  text->remove_prefix(i);
  return digits;
}

// 0.digits * 10^point: no digit is a leading zero.
struct Number {
  bool negative = false;
  std::string digits;
  int64_t point = 0;
};

std::optional<Number> ParseNumber(std::string_view text) {
  const absl::string_view stripped = absl::StripAsciiWhitespace(ToAbsl(text));
  std::string_view rest(stripped.data(), stripped.size());
  Number number;
  number.negative = rest.starts_with('-');
  if (number.negative || rest.starts_with('+')) rest.remove_prefix(1);
  number.digits = TakeDigits(&rest);
  number.point = static_cast<int64_t>(number.digits.size());
  if (rest.starts_with('.')) {
    rest.remove_prefix(1);
    number.digits += TakeDigits(&rest);
  }
  if (number.digits.empty()) return std::nullopt;
  if (rest.starts_with('e') || rest.starts_with('E')) {
    rest.remove_prefix(rest.starts_with("e+") || rest.starts_with("E+") ? 2 : 1);
    int exponent = 0;
    const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), exponent);
    if (error != std::errc()) return std::nullopt;
    rest.remove_prefix(static_cast<size_t>(end - rest.data()));
    number.point += exponent;
  }
  if (!rest.empty()) return std::nullopt;
  const size_t zeros = std::min(number.digits.find_first_not_of('0'), number.digits.size());
  number.digits.erase(0, zeros);
  number.point -= static_cast<int64_t>(zeros);
  return number;
}

// After DuckDB, whose conversion of 128 bits goes by halves.
double ToDouble(Int128 v) {
  const auto low = static_cast<uint64_t>(v);
  const auto high = static_cast<int64_t>(v >> 64);
  if (high == -1) return -static_cast<double>(~low) - 1;
  return static_cast<double>(low) + static_cast<double>(high) * 0x1p64;
}

}  // namespace

std::string EncodeDecimal(Int128 units) {
  auto bits = static_cast<Uint128>(units) ^ kSignBit;
  std::string bytes(kBytes, '\0');
  for (int i = kBytes - 1; i >= 0; --i, bits >>= 8) bytes[static_cast<size_t>(i)] = static_cast<char>(bits & 0xff);
  return bytes;
}

Int128 DecodeDecimal(std::string_view bytes) {
  if (bytes.size() != kBytes) return 0;
  Uint128 bits = 0;
  for (const char c : bytes) bits = bits << 8 | static_cast<unsigned char>(c);
  return static_cast<Int128>(bits ^ kSignBit);
}

void AppendDecimal(Int128 units, Column* column) {
  column->AppendString(EncodeDecimal(units));
}

Int128 PowerOfTen(int exponent) {
  return kPowersOfTen[static_cast<size_t>(exponent)];
}

bool FitsDecimal(Int128 units, TypeId type) {
  const Int128 limit = PowerOfTen(WidthOf(type));
  return units < limit && units > -limit;
}

std::string FormatDecimal(Int128 units, int scale) {
  const bool negative = units < 0;
  auto rest = static_cast<Uint128>(units);
  if (negative) rest = -rest;
  std::string text;
  for (; rest != 0; rest /= 10) text.push_back(static_cast<char>('0' + static_cast<int>(rest % 10)));
  const auto least = static_cast<size_t>(scale) + 1;
  if (text.size() < least) text.append(least - text.size(), '0');
  if (negative) text.push_back('-');
  std::reverse(text.begin(), text.end());
  if (scale > 0) text.insert(text.size() - static_cast<size_t>(scale), 1, '.');
  return text;
}

std::optional<Int128> Rescale(Int128 units, int from, int to) {
  if (to >= from) {
    Int128 scaled = 0;
    const bool overflow = __builtin_mul_overflow(units, PowerOfTen(to - from), &scaled);
    const Int128 limit = PowerOfTen(kMaxDecimalWidth);
    return overflow || scaled >= limit || scaled <= -limit ? std::nullopt : std::optional(scaled);
  }
  const Int128 factor = PowerOfTen(from - to);
  const Int128 remainder = units % factor;
  const Int128 magnitude = remainder < 0 ? -remainder : remainder;
  return units / factor + (magnitude >= factor / 2 ? (units < 0 ? -1 : 1) : 0);
}

StatusOr<Int128> ParseDecimal(std::string_view text, TypeId type, bool exact) {
  std::optional<Number> number = ParseNumber(text);
  if (!number) return NoNumber(text, type);
  const int64_t kept = std::max<int64_t>(number->point + ScaleOf(type), -1);  // digits that the type has room for
  const bool significant = !number->digits.empty();
  if (significant && kept > kMaxDecimalWidth) return DoesNotFit(text, type);
  const size_t size = kept < 0 || !significant ? 0 : static_cast<size_t>(kept);
  Int128 units = 0;
  for (size_t i = 0; i < size; ++i) units = units * 10 + (i < number->digits.size() ? number->digits[i] - '0' : 0);
  if (exact && number->digits.find_first_not_of('0', kept < 0 ? 0 : size) != std::string::npos) {
    return InvalidArgument("{} has more than the {} digits after the point of a {}", text, ScaleOf(type),
                           TypeName(type));
  }
  if (kept >= 0 && size < number->digits.size() && number->digits[size] >= '5') ++units;
  if (!FitsDecimal(units, type)) return DoesNotFit(text, type);
  return number->negative ? -units : units;
}

double DecimalToDouble(Int128 units, int scale) {
  constexpr Int128 kExactInDouble = Int128{1} << 53;
  const bool exact = units <= kExactInDouble && units >= -kExactInDouble;
  const double power = std::pow(10.0, scale);
  if (exact || scale == 0) return ToDouble(units) / power;
  const Int128 factor = PowerOfTen(scale);
  return ToDouble(units / factor) + ToDouble(units % factor) / power;
}

double NumberAt(const Column& column, size_t row) {
  if (column.type() == TypeId::kDouble) return column.doubles()[row];
  if (IsDecimal(column.type())) return DecimalToDouble(DecodeDecimal(column.str(row)), ScaleOf(column.type()));
  return static_cast<double>(column.ints()[row]);
}

double NumberOf(const Value& value) {
  if (value.type() == TypeId::kDouble) return value.dbl();
  if (IsDecimal(value.type())) return DecimalToDouble(DecodeDecimal(value.str()), ScaleOf(value.type()));
  return static_cast<double>(value.int64());
}

StatusOr<Int128> DoubleToDecimal(double v, TypeId type) {
  const double rounded = std::round(v * std::pow(10.0, ScaleOf(type)));
  const double limit = std::pow(10.0, WidthOf(type));
  if (!(rounded > -limit && rounded < limit)) return DoesNotFit(FormatDouble(v), type);
  return static_cast<Int128>(rounded);
}

}  // namespace headrace
