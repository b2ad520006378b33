// CAST between the kernel's types, with DuckDB's answers.
#include <algorithm>
#include <charconv>
#include <cmath>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "base/decimal.h"
#include "base/nested.h"
#include "base/time.h"
#include "kernel/expression.h"

namespace headrace {
namespace {

std::string_view Strip(std::string_view text) {
  const absl::string_view stripped = absl::StripAsciiWhitespace(ToAbsl(text));
  return {stripped.data(), stripped.size()};
}

StatusOr<Value> DoubleToBigint(double v) {
  // 2^63 is the first double that does not fit; -2^63 fits.
  constexpr double kLimit = 9223372036854775808.0;
  const double rounded = std::nearbyint(v);
  if (!(rounded >= -kLimit && rounded < kLimit)) return InvalidArgument("{} does not fit a bigint", FormatDouble(v));
  return Value::Bigint(static_cast<int64_t>(rounded));
}

// Without the underscores that may separate digits: 1_000.
std::string WithoutSeparators(std::string_view digits) {
  std::string text;
  for (size_t i = 0; i < digits.size(); ++i) {
    const bool between = i > 0 && i + 1 < digits.size() &&
                         absl::ascii_isdigit(static_cast<unsigned char>(digits[i - 1])) &&
                         absl::ascii_isdigit(static_cast<unsigned char>(digits[i + 1]));
    if (digits[i] != '_' || !between) text.push_back(digits[i]);
  }
  return text;
}

StatusOr<Value> TextToDouble(std::string_view text) {
  std::string_view digits = Strip(text);
  if (digits.starts_with('+')) digits.remove_prefix(1);
  const std::string number = WithoutSeparators(digits);
  const char* const last = number.data() + number.size();
  double v = 0;
  const auto [end, error] = std::from_chars(number.data(), last, v);
  // Beyond the doubles: infinity; closer to zero than any: zero. from_chars does not say which.
  const bool out_of_range = error == std::errc::result_out_of_range && absl::SimpleAtod(number, &v);
  if (number.empty() || (error != std::errc() && !out_of_range) || end != last)
    return InvalidArgument("'{}' is not a double", text);
  return Value::Double(v);
}

std::string_view TakeDigits(std::string_view* text) {
  const size_t size = std::min(text->find_first_not_of("0123456789"), text->size());
  const std::string_view digits = text->substr(0, size);
  text->remove_prefix(size);
  return digits;
}

// The digits before and after a point, and a power of ten; what is not whole rounds half away from zero: '1.5' is 2,
// '-35e-1' is -4.
StatusOr<Value> TextToBigint(std::string_view text) {
  constexpr int kMostDigits = 19;
  const std::string number = WithoutSeparators(Strip(text));
  std::string_view rest = number;
  const bool negative = rest.starts_with('-');
  if (negative || rest.starts_with('+')) rest.remove_prefix(1);
  std::string digits(TakeDigits(&rest));
  auto point = static_cast<int64_t>(digits.size());
  if (rest.starts_with('.')) {
    rest.remove_prefix(1);
    digits += TakeDigits(&rest);
  }
  int exponent = 0;
  if (rest.starts_with('e') || rest.starts_with('E')) {
    rest.remove_prefix(rest.starts_with("e+") || rest.starts_with("E+") ? 2 : 1);
    const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), exponent);
    if (error == std::errc()) rest.remove_prefix(static_cast<size_t>(end - rest.data()));
  }
  if (digits.empty() || !rest.empty()) return InvalidArgument("'{}' is not a bigint", text);
  const size_t zeros = std::min(digits.find_first_not_of('0'), digits.size());
  digits.erase(0, zeros);
  point += exponent - static_cast<int64_t>(zeros);
  if (point < 0 || digits.empty()) return Value::Bigint(0);
  if (point > kMostDigits) return InvalidArgument("'{}' does not fit a bigint", text);
  digits.resize(std::max(digits.size(), static_cast<size_t>(point) + 1), '0');
  __int128 v = 0;
  for (int64_t i = 0; i < point; ++i) v = v * 10 + (digits[static_cast<size_t>(i)] - '0');
  v += digits[static_cast<size_t>(point)] >= '5' ? 1 : 0;
  if (negative) v = -v;
  if (v != static_cast<int64_t>(v)) return InvalidArgument("'{}' does not fit a bigint", text);
  return Value::Bigint(static_cast<int64_t>(v));
}

StatusOr<Value> TextToBoolean(std::string_view text) {
  const std::string word = absl::AsciiStrToLower(ToAbsl(text));
  for (const std::string_view yes : {"true", "t", "yes", "y", "1"}) {
    if (word == yes) return Value::Boolean(true);
  }
  for (const std::string_view no : {"false", "f", "no", "n", "0"}) {
    if (word == no) return Value::Boolean(false);
  }
  return InvalidArgument("'{}' is not a boolean", text);
}

int64_t FloorDays(TimestampUs t) {
  return t / kUsPerDay - (t % kUsPerDay < 0 ? 1 : 0);
}

// "2020-01-01 12:30:00.1234567+02" without what a cast leaves out: digits beyond microseconds, and the offset unless
// the cast keeps it.
std::string MomentText(std::string_view text, bool keep_offset) {
  constexpr size_t kDigits = 6;
  text = Strip(text);
  const size_t time = std::min(text.find(':'), text.size());
  const size_t offset = std::min(text.find_first_of("+-Zz", time), text.size());
  const size_t point = std::min(text.find('.', time), offset);
  std::string moment(text.substr(0, std::min(point + 1 + kDigits, offset)));
  const bool is_fraction =
      text.substr(point, offset - point).find_first_not_of(".0123456789") == std::string_view::npos;
  if (!is_fraction) moment = text.substr(0, offset);
  return keep_offset ? moment.append(text.substr(offset)) : moment;
}

// A text of a number is one of a decimal too.
StatusOr<Value> ToDecimal(const Value& v, TypeId to) {
  const TypeId from = v.type();
  StatusOr<Int128> units = InvalidArgument("a {} cannot be cast to {}", TypeName(from), TypeName(to));
  if (from == TypeId::kVarchar) {
    units = ParseDecimal(v.str(), to, /*exact=*/false);
  } else if (from == TypeId::kDouble) {
    units = DoubleToDecimal(v.dbl(), to);
  } else if (IsDecimal(from) || from == TypeId::kBigint || from == TypeId::kBoolean) {
    const Int128 own = IsDecimal(from) ? DecodeDecimal(v.str()) : v.int64();
    const std::optional<Int128> rescaled = Rescale(own, IsDecimal(from) ? ScaleOf(from) : 0, ScaleOf(to));
    if (rescaled && FitsDecimal(*rescaled, to)) {
      units = *rescaled;
    } else {
      units = InvalidArgument("{} does not fit a {}", v.ToString(), TypeName(to));
    }
  }
  HR_RETURN_IF_ERROR(units.status());
  return Value::Bytes(to, EncodeDecimal(*units));
}

StatusOr<Value> FromDecimal(const Value& v, TypeId to) {
  const Int128 units = DecodeDecimal(v.str());
  const int scale = ScaleOf(v.type());
  switch (to) {
    case TypeId::kBoolean:
      return Value::Boolean(units != 0);
    case TypeId::kDouble:
      return Value::Double(DecimalToDouble(units, scale));
    case TypeId::kBigint: {
      const Int128 whole = *Rescale(units, scale, 0);
      if (whole == static_cast<int64_t>(whole)) return Value::Bigint(static_cast<int64_t>(whole));
      return InvalidArgument("{} does not fit a bigint", v.ToString());
    }
    case TypeId::kVarchar: {
      std::string text = v.ToString();
      // DuckDB writes no 0 where the type has no digit before the point.
      if (WidthOf(v.type()) == scale) text.erase(text.find('0'), 1);
      return Value::Varchar(std::move(text));
    }
    default:
      return InvalidArgument("a {} cannot be cast to {}", TypeName(v.type()), TypeName(to));
  }
}

StatusOr<Value> CastText(const std::string& text, TypeId to, bool zoned) {
  switch (to) {
    case TypeId::kBigint:
      return TextToBigint(text);
    case TypeId::kDouble:
      return TextToDouble(text);
    case TypeId::kBoolean:
      return TextToBoolean(text);
    case TypeId::kDate:
    case TypeId::kTimestamp: {
      HR_ASSIGN_OR_RETURN(const TimestampUs t, ParseTimestamp(MomentText(text, zoned)));
      return to == TypeId::kTimestamp ? Value::Timestamp(t) : Value::Date(FloorDays(t));
    }
    case TypeId::kVarchar:
      break;
  }
  return Value::Varchar(text);
}

// DuckDB's text of a timestamp: a blank between date and time, six fraction digits or fewer, no zone.
std::string TimestampText(TimestampUs t) {
  std::string text = FormatTimestamp(t);
  text.pop_back();
  text[text.find('T')] = ' ';
  if (text.find('.') != std::string::npos) text.erase(text.find_last_not_of('0') + 1);
  return text;
}

// DuckDB's text of a double: "inf" and "nan" in lower case, an exponent from 1e16 on and below 1e-4.
std::string DoubleText(double v) {
  if (std::isnan(v)) return std::signbit(v) ? "-nan" : "nan";
  if (std::isinf(v)) return v > 0 ? "inf" : "-inf";
  std::string text = fmt::format("{}", v);
  if (text.find_first_of(".e") == std::string::npos) text += ".0";
  return text;
}

StatusOr<Value> CastValue(const Value& v, TypeId to, bool zoned) {
  const TypeId from = v.type();
  if (from == to) return v;
  if (IsDecimal(to)) return ToDecimal(v, to);
  if (IsDecimal(from)) return FromDecimal(v, to);
  if (from == TypeId::kVarchar) return CastText(v.str(), to, zoned);
  if (to == TypeId::kVarchar) {
    if (from == TypeId::kTimestamp) return Value::Varchar(TimestampText(v.int64()));
    if (from == TypeId::kDouble) return Value::Varchar(DoubleText(v.dbl()));
    return Value::Varchar(v.ToString());
  }
  if (from == TypeId::kDate && to == TypeId::kTimestamp) return Value::Timestamp(v.int64() * kUsPerDay);
  if (from == TypeId::kTimestamp && to == TypeId::kDate) return Value::Date(FloorDays(v.int64()));
  const bool from_number = from == TypeId::kBoolean || from == TypeId::kBigint || from == TypeId::kDouble;
  const bool to_number = to == TypeId::kBoolean || to == TypeId::kBigint || to == TypeId::kDouble;
  if (!from_number || !to_number) return InvalidArgument("a {} cannot be cast to {}", TypeName(from), TypeName(to));
  if (from == TypeId::kDouble) {
    if (to == TypeId::kBoolean) return Value::Boolean(v.dbl() != 0);
    return DoubleToBigint(v.dbl());
  }
  if (to == TypeId::kDouble) return Value::Double(static_cast<double>(v.int64()));
  if (to == TypeId::kBoolean) return Value::Boolean(v.int64() != 0);
  return Value::Bigint(v.int64());
}

}  // namespace

StatusOr<Column> CastColumn(const Column& column, TypeId type, bool try_cast, bool zoned) {
  if (column.type() == type) return column;
  Column result(type);
  result.Reserve(column.size());
  if (IsList(type)) {  // element by element
    for (size_t i = 0; i < column.size(); ++i) {
      if (column.IsNull(i)) {
        result.AppendNull();
        continue;
      }
      HR_ASSIGN_OR_RETURN(const Column elements,
                          CastColumn(DecodeList(column.type(), column.str(i)), ElementOf(type), try_cast, zoned));
      result.AppendString(EncodeList(elements));
    }
    return result;
  }
  const bool widening = column.type() == TypeId::kBigint && type == TypeId::kDouble;
  for (size_t i = 0; i < column.size(); ++i) {
    if (column.IsNull(i)) {
      result.AppendNull();
    } else if (widening) {
      result.AppendDouble(static_cast<double>(column.ints()[i]));
    } else {
      StatusOr<Value> value = CastValue(column.GetValue(i), type, zoned);
      if (value.ok()) {
        result.Append(*value);
      } else if (try_cast) {
        result.AppendNull();
      } else {
        return value.status();
      }
    }
  }
  return result;
}

}  // namespace headrace
