#include "kernel/functions/decimal.h"

#include <algorithm>
#include <array>
#include <limits>

#include "base/decimal.h"
#include "kernel/functions/registry.h"
#include "kernel/functions/support.h"

namespace headrace::functions {

template <>
struct Cell<Int128> {
  static Int128 Get(const Column& column, size_t row) { return DecodeDecimal(column.str(row)); }
  static void Put(Column* column, Int128 v) { AppendDecimal(v, column); }
};

}  // namespace headrace::functions

namespace headrace {
namespace {

using functions::AnyNull;
using functions::Arguments;
using functions::Cell;

constexpr TypeId kB = TypeId::kBigint;
constexpr int kWidestIn64Bits = 18;  // DuckDB does not widen past it where both sides are within
constexpr int kBigintDigits = 19;
constexpr int kIntegerDigits = 10;

Status Overflow(std::string_view name, TypeId type) {
  return InvalidArgument("the result of {} does not fit a {}; cast one side to a wider decimal, or to double", name,
                         TypeName(type));
}

// Both sides are brought to the result's scale before if `align`.
template <bool align, char op>
Status Arithmetic(Arguments arguments, size_t rows, Column* result) {
  const TypeId type = result->type();
  const std::array<int, 2> from = {ScaleOf(arguments[0]->type()), ScaleOf(arguments[1]->type())};
  result->Reserve(rows);
  for (size_t i = 0; i < rows; ++i) {
    if (AnyNull(arguments, i)) {
      result->AppendNull();
      continue;
    }
    Int128 sides[2];
    bool fits = true;
    for (size_t side = 0; side < 2; ++side) {
      const Int128 units = Cell<Int128>::Get(*arguments[side], i);
      const std::optional<Int128> aligned = align ? Rescale(units, from[side], ScaleOf(type)) : units;
      fits &= aligned.has_value();
      sides[side] = aligned.value_or(0);
    }
    Int128 out = 0;
    if constexpr (op == '%') {
      if (fits && sides[1] == 0) {
        result->AppendNull();
        continue;
      }
      out = fits ? sides[0] % sides[1] : 0;
    } else {
      fits &= !(op == '+'   ? __builtin_add_overflow(sides[0], sides[1], &out)
                : op == '-' ? __builtin_sub_overflow(sides[0], sides[1], &out)
                            : __builtin_mul_overflow(sides[0], sides[1], &out));
    }
    if (!fits || !FitsDecimal(out, type)) return Overflow(std::string(1, op), type);
    AppendDecimal(out, result);
  }
  return absl::OkStatus();
}

Int128 Magnitude(Int128 v) {
  return v < 0 ? -v : v;
}

constexpr auto kSame = [](Int128 v) { return v; };
constexpr auto kNegative = [](Int128 v) { return -v; };
constexpr auto kSign = [](Int128 v) { return static_cast<int64_t>(v > 0) - static_cast<int64_t>(v < 0); };

enum class Rounding { kHalfAway, kTowardsZero, kDown, kUp };

Int128 Round(Int128 v, Int128 unit, Rounding rounding) {
  const Int128 whole = v / unit;
  const Int128 rest = v % unit;
  if (rest == 0 || rounding == Rounding::kTowardsZero) return whole;
  if (rounding == Rounding::kDown) return whole - (v < 0 ? 1 : 0);
  if (rounding == Rounding::kUp) return whole + (v > 0 ? 1 : 0);
  return whole + (Magnitude(rest) >= unit - Magnitude(rest) ? (v < 0 ? -1 : 1) : 0);
}

// To the result's scale; with a second argument that is negative, to so many places before the point.
template <Rounding rounding>
Status RoundTo(Arguments arguments, size_t rows, Column* result) {
  const Column& column = *arguments[0];
  const TypeId from = column.type();
  for (size_t i = 0; i < rows; ++i) {
    if (AnyNull(arguments, i)) {
      result->AppendNull();
      continue;
    }
    const int64_t places = arguments.size() == 1 ? 0 : std::min<int64_t>(arguments[1]->ints()[i], 0);
    Int128 rounded = 0;
    if (places == 0 || places > ScaleOf(from) - WidthOf(from)) {
      const int before_point = static_cast<int>(-places);
      const int dropped = ScaleOf(from) - ScaleOf(result->type()) + before_point;
      rounded = Round(Cell<Int128>::Get(column, i), PowerOfTen(dropped), rounding) * PowerOfTen(before_point);
    }
    if (rounded >= PowerOfTen(kMaxDecimalWidth) || rounded <= -PowerOfTen(kMaxDecimalWidth))
      return Overflow("round", result->type());
    AppendDecimal(rounded, result);
  }
  return absl::OkStatus();
}

template <Rounding rounding>
StatusOr<std::optional<DecimalCall>> FindRounding(std::span<const DecimalArgument> arguments) {
  const TypeId type = *arguments[0].type;
  if (arguments.size() == 1) return DecimalCall{{type}, DecimalOf(WidthOf(type), 0), RoundTo<rounding>};
  if (arguments[1].type != kB) return std::nullopt;
  const Value* places = arguments[1].constant;
  if (places == nullptr || places->is_null())
    return InvalidArgument("the digits that a decimal is rounded to are a constant: they decide the type");
  const auto scale = static_cast<int>(std::clamp<int64_t>(places->int64(), 0, ScaleOf(type)));
  return DecimalCall{{type, kB}, DecimalOf(WidthOf(type), scale), RoundTo<rounding>};
}

// A function that texts have as well: decimals of one type are compared and chosen by their bytes.
ScalarKernel TextKernel(std::string_view name, size_t arguments) {
  const std::vector<std::optional<TypeId>> texts(arguments, TypeId::kVarchar);
  const ScalarFunction* function = FindFunction(name, texts);
  return function == nullptr ? nullptr : function->kernel;
}

bool IsComparison(std::string_view name) {
  constexpr std::string_view kNames[] = {"=", "<>", "<", "<=", ">", ">=", "is distinct from", "is not distinct from"};
  return std::find(std::begin(kNames), std::end(kNames), name) != std::end(kNames);
}

// Functions of a list, which go by the list's own type: those of a list of texts.
std::optional<DecimalCall> FindListCall(std::string_view name, std::span<const DecimalArgument> arguments,
                                        TypeId list) {
  const TypeId element = ElementOf(list);
  std::vector<std::optional<TypeId>> as_text;
  DecimalCall call;
  for (const DecimalArgument& argument : arguments) {
    const bool is_list = argument.type && IsList(*argument.type);
    const bool is_element = !is_list && argument.AsDecimal() && !(argument.type == kB && name == "list_extract");
    as_text.push_back(is_list ? ListOf(TypeId::kVarchar) : is_element ? TypeId::kVarchar : argument.type);
    call.arguments.push_back(is_list ? list : is_element ? element : argument.type.value_or(element));
  }
  const ScalarFunction* function = FindFunction(name, as_text);
  if (function == nullptr) return std::nullopt;
  call.kernel = function->kernel;
  call.result = function->result == TypeId::kVarchar           ? element
                : function->result == ListOf(TypeId::kVarchar) ? list
                                                               : function->result;
  return call;
}

struct Digits {
  int scale = 0;         // the most of any argument
  int before_point = 0;  // so too
  int width = 0;
  int sum_of_widths = 0;
  int sum_of_scales = 0;
};

Digits DigitsOf(std::span<const TypeId> decimals) {
  Digits digits;
  for (const TypeId type : decimals) {
    digits.scale = std::max(digits.scale, ScaleOf(type));
    digits.width = std::max(digits.width, WidthOf(type));
    digits.before_point = std::max(digits.before_point, WidthOf(type) - ScaleOf(type));
    digits.sum_of_widths += WidthOf(type);
    digits.sum_of_scales += ScaleOf(type);
  }
  return digits;
}

// + and -: one digit more, but within 64 bits if both sides are.
DecimalCall FindSum(std::vector<TypeId> types, const Digits& digits, ScalarKernel kernel) {
  int width = std::max(digits.scale + digits.before_point, digits.width) + 1;
  if (width > kWidestIn64Bits && digits.width <= kWidestIn64Bits) width = kWidestIn64Bits;
  return {std::move(types), DecimalOf(std::min(width, kMaxDecimalWidth), digits.scale), kernel};
}

StatusOr<std::optional<DecimalCall>> FindProduct(std::vector<TypeId> types, const Digits& digits) {
  if (digits.sum_of_scales > kMaxDecimalWidth)
    return InvalidArgument(
        "the product would have {} digits after the point, and a decimal has at most 38: cast to "
        "double, or to decimals with fewer digits",
        digits.sum_of_scales);
  int width = digits.sum_of_widths;
  const bool stays = digits.width <= kWidestIn64Bits && digits.sum_of_scales < kWidestIn64Bits;
  if (width > kWidestIn64Bits && stays) width = kWidestIn64Bits;
  return DecimalCall{std::move(types), DecimalOf(std::min(width, kMaxDecimalWidth), digits.sum_of_scales),
                     Arithmetic<false, '*'>};
}

StatusOr<std::optional<DecimalCall>> FindBinary(std::string_view name, std::vector<TypeId> types) {
  const Digits digits = DigitsOf(types);
  const int width = std::max(digits.scale + digits.before_point, digits.width);
  if (IsComparison(name)) {
    const TypeId common = DecimalOf(std::min(width, kMaxDecimalWidth), digits.scale);
    return DecimalCall{{common, common}, TypeId::kBoolean, TextKernel(name, 2)};
  }
  if (name == "+") return FindSum(std::move(types), digits, Arithmetic<true, '+'>);
  if (name == "-") return FindSum(std::move(types), digits, Arithmetic<true, '-'>);
  if (name == "*") return FindProduct(std::move(types), digits);
  if (name == "%" && width <= kMaxDecimalWidth)
    return DecimalCall{std::move(types), DecimalOf(width, digits.scale), Arithmetic<true, '%'>};
  return std::nullopt;
}

StatusOr<std::optional<DecimalCall>> FindUnary(std::string_view name, TypeId type) {
  if (name == "+") return DecimalCall{{type}, type, functions::Map<Int128, kSame, Int128>};
  if (name == "-") return DecimalCall{{type}, type, functions::Map<Int128, kNegative, Int128>};
  if (name == "abs") return DecimalCall{{type}, type, functions::Map<Int128, Magnitude, Int128>};
  if (name == "sign") return DecimalCall{{type}, kB, functions::Map<int64_t, kSign, Int128>};
  return std::nullopt;
}

}  // namespace

std::optional<TypeId> DecimalArgument::AsDecimal() const {
  if (type && IsDecimal(*type)) return type;
  if (type != kB) return std::nullopt;
  const bool is_integer = constant != nullptr && !constant->is_null() &&
                          constant->int64() >= std::numeric_limits<int32_t>::min() &&
                          constant->int64() <= std::numeric_limits<int32_t>::max();
  return DecimalOf(is_integer ? kIntegerDigits : kBigintDigits, 0);
}

TypeId CommonDecimal(TypeId a, TypeId b) {
  if (ScaleOf(a) == 0 || ScaleOf(b) == 0) {  // whole numbers take no digits from the other
    const int scale = std::max(ScaleOf(a), ScaleOf(b));
    const int whole = std::max(WidthOf(a) - ScaleOf(a), WidthOf(b) - ScaleOf(b));
    return DecimalOf(std::min(whole + scale, kMaxDecimalWidth), scale);
  }
  const int before_point = std::max(WidthOf(a) - ScaleOf(a), WidthOf(b) - ScaleOf(b));
  const int scale = std::min(std::max(ScaleOf(a), ScaleOf(b)), kMaxDecimalWidth - before_point);
  return DecimalOf(before_point + scale, scale);
}

StatusOr<std::optional<DecimalCall>> FindDecimalCall(std::string_view name,
                                                     std::span<const DecimalArgument> arguments) {
  if (name == "is null" || name == "is not null") {
    return DecimalCall{{*arguments[0].type}, TypeId::kBoolean, TextKernel(name, 1)};
  }
  std::vector<TypeId> decimals;  // an untyped null is one of any type
  std::optional<TypeId> common;
  for (const DecimalArgument& argument : arguments) {
    if (argument.type && IsList(*argument.type) && IsDecimal(ElementOf(*argument.type)))
      return FindListCall(name, arguments, *argument.type);
    if (!argument.type) continue;
    const std::optional<TypeId> decimal = argument.AsDecimal();
    if (!decimal) return std::nullopt;
    common = common ? CommonDecimal(*common, *decimal) : *decimal;
  }
  if (name == "round") return FindRounding<Rounding::kHalfAway>(arguments);
  if (name == "trunc") return FindRounding<Rounding::kTowardsZero>(arguments);
  if (name == "floor" && arguments.size() == 1) return FindRounding<Rounding::kDown>(arguments);
  if (name == "ceil" && arguments.size() == 1) return FindRounding<Rounding::kUp>(arguments);
  for (const DecimalArgument& argument : arguments) decimals.push_back(argument.AsDecimal().value_or(*common));
  if (name == "greatest" || name == "least" || name == "list_value") {
    std::vector<TypeId> all(arguments.size(), *common);
    const TypeId result = name == "list_value" ? ListOf(*common) : *common;
    return DecimalCall{std::move(all), result, TextKernel(name, arguments.size())};
  }
  if (arguments.size() == 2) return FindBinary(name, std::move(decimals));
  if (arguments.size() == 1) return FindUnary(name, decimals[0]);
  return std::nullopt;
}

}  // namespace headrace
