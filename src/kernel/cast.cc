// CAST between the kernel's types, with DuckDB's answers.
#include <charconv>
#include <cmath>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
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

StatusOr<Value> TextToDouble(std::string_view text) {
  text = Strip(text);
  std::string_view digits = text;
  if (!digits.empty() && digits[0] == '+') digits.remove_prefix(1);
  double v = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), v);
  if (digits.empty() || error != std::errc() || end != digits.data() + digits.size()) {
    return InvalidArgument("'{}' is not a double", text);
  }
  return Value::Double(v);
}

StatusOr<Value> TextToBigint(std::string_view text) {
  text = Strip(text);
  std::string_view digits = text;
  if (!digits.empty() && digits[0] == '+') digits.remove_prefix(1);
  int64_t v = 0;
  const char* const last = digits.data() + digits.size();
  const auto [end, error] = std::from_chars(digits.data(), last, v);
  if (digits.empty() || error != std::errc()) return InvalidArgument("'{}' is not a bigint", text);
  if (end == last) return Value::Bigint(v);
  // A fraction rounds half away from zero: '1.5' is 2, '-3.5' is -4.
  const std::string_view fraction(end + 1, static_cast<size_t>(last - end - 1));
  if (*end != '.' || fraction.find_first_not_of("0123456789") != std::string_view::npos) {
    return InvalidArgument("'{}' is not a bigint", text);
  }
  const int64_t away = digits.front() == '-' ? -1 : 1;
  const bool rounds_away = !fraction.empty() && fraction.front() >= '5';
  if (rounds_away && __builtin_add_overflow(v, away, &v)) return InvalidArgument("'{}' does not fit a bigint", text);
  return Value::Bigint(v);
}

StatusOr<Value> TextToBoolean(std::string_view text) {
  if (absl::EqualsIgnoreCase(ToAbsl(text), "true") || absl::EqualsIgnoreCase(ToAbsl(text), "t") || text == "1") return Value::Boolean(true);
  if (absl::EqualsIgnoreCase(ToAbsl(text), "false") || absl::EqualsIgnoreCase(ToAbsl(text), "f") || text == "0") return Value::Boolean(false);
  return InvalidArgument("'{}' is not a boolean", text);
}

int64_t FloorDays(TimestampUs t) { return t / kUsPerDay - (t % kUsPerDay < 0 ? 1 : 0); }

StatusOr<Value> CastText(const std::string& text, TypeId to) {
  switch (to) {
    case TypeId::kBigint:
      return TextToBigint(text);
    case TypeId::kDouble:
      return TextToDouble(text);
    case TypeId::kBoolean:
      return TextToBoolean(text);
    case TypeId::kDate:
    case TypeId::kTimestamp: {
      HR_ASSIGN_OR_RETURN(const TimestampUs t, ParseTimestamp(Strip(text)));
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

StatusOr<Value> CastValue(const Value& v, TypeId to) {
  const TypeId from = v.type();
  if (from == to) return v;
  if (from == TypeId::kVarchar) return CastText(v.str(), to);
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

StatusOr<Column> CastColumn(const Column& column, TypeId type, bool try_cast) {
  if (column.type() == type) return column;
  Column result(type);
  result.Reserve(column.size());
  const bool widening = column.type() == TypeId::kBigint && type == TypeId::kDouble;
  for (size_t i = 0; i < column.size(); ++i) {
    if (column.IsNull(i)) {
      result.AppendNull();
    } else if (widening) {
      result.AppendDouble(static_cast<double>(column.ints()[i]));
    } else {
      StatusOr<Value> value = CastValue(column.GetValue(i), type);
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
