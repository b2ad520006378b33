// + - * / // % abs round floor ceil sqrt ln exp sign isnan isinf isfinite
#include <cmath>
#include <limits>

#include "kernel/functions/support.h"

namespace headrace::functions {
namespace {

constexpr TypeId kB = TypeId::kBigint;
constexpr TypeId kD = TypeId::kDouble;

template <char op>
Status Overflow(int64_t a, int64_t b) {
  return InvalidArgument("{} {} {} does not fit a bigint; cast one side to double", a, op, b);
}
Status NegationOverflow(int64_t a) { return InvalidArgument("the negative of {} does not fit a bigint", a); }

constexpr auto kAdd = [](int64_t a, int64_t b, int64_t* out) { return !__builtin_add_overflow(a, b, out); };
constexpr auto kSubtract = [](int64_t a, int64_t b, int64_t* out) { return !__builtin_sub_overflow(a, b, out); };
constexpr auto kMultiply = [](int64_t a, int64_t b, int64_t* out) { return !__builtin_mul_overflow(a, b, out); };
constexpr auto kNegate = [](int64_t a, int64_t* out) { return !__builtin_sub_overflow(int64_t{0}, a, out); };
constexpr auto kAbs = [](int64_t a, int64_t* out) { return a >= 0 ? (*out = a, true) : kNegate(a, out); };

template <typename T>
int64_t Sign(T a) {
  return static_cast<int64_t>(a > 0) - static_cast<int64_t>(a < 0);
}

// Integer division and remainder: null for a zero divisor, as in DuckDB; truncating towards zero, as in C++.
template <bool remainder>
Status IntegerDivision(Arguments arguments, size_t rows, Column* result) {
  const Column& a = *arguments[0];
  const Column& b = *arguments[1];
  result->Reserve(rows);
  for (size_t i = 0; i < rows; ++i) {
    const int64_t dividend = a.ints()[i];
    const int64_t divisor = b.ints()[i];
    if (a.IsNull(i) || b.IsNull(i) || divisor == 0) {
      result->AppendNull();
    } else if (divisor == -1) {  // the one quotient that can overflow; DuckDB refuses its remainder as well
      if (dividend == std::numeric_limits<int64_t>::min()) return NegationOverflow(dividend);
      result->AppendInt(remainder ? 0 : -dividend);
    } else {
      result->AppendInt(remainder ? dividend % divisor : dividend / divisor);
    }
  }
  return absl::OkStatus();
}

// DuckDB's: scale by 10^digits, round half away from zero, scale back; the value itself where that overflows.
double RoundTo(double v, int64_t digits) {
  const double scale = std::pow(10.0, std::abs(static_cast<double>(digits)));
  const double rounded = digits < 0 ? std::round(v / scale) * scale : std::round(v * scale) / scale;
  if (std::isfinite(rounded)) return rounded;
  return digits < 0 ? 0 : v;
}

Status NegativeRoot(double v) { return InvalidArgument("sqrt of the negative number {}", FormatDouble(v)); }
Status BadLogarithm(double v) { return InvalidArgument("ln of {}, which is not above zero", FormatDouble(v)); }

constexpr auto kSqrt = [](double v, double* out) { return v < 0 ? false : (*out = std::sqrt(v), true); };
constexpr auto kLn = [](double v, double* out) { return v <= 0 ? false : (*out = std::log(v), true); };

}  // namespace

std::vector<ScalarFunction> ArithmeticFunctions() {
  return {
      {"+", {kB, kB}, kB, FallibleBinary<int64_t, int64_t, int64_t, kAdd, Overflow<'+'>>},
      {"-", {kB, kB}, kB, FallibleBinary<int64_t, int64_t, int64_t, kSubtract, Overflow<'-'>>},
      {"*", {kB, kB}, kB, FallibleBinary<int64_t, int64_t, int64_t, kMultiply, Overflow<'*'>>},
      {"//", {kB, kB}, kB, IntegerDivision<false>},
      {"%", {kB, kB}, kB, IntegerDivision<true>},
      {"mod", {kB, kB}, kB, IntegerDivision<true>},
      {"-", {kB}, kB, FallibleUnary<int64_t, int64_t, kNegate, NegationOverflow>},
      {"abs", {kB}, kB, FallibleUnary<int64_t, int64_t, kAbs, NegationOverflow>},
      {"sign", {kB}, kB, Unary<int64_t, int64_t, Sign<int64_t>>},
      {"+", {kD, kD}, kD, Binary<double, double, double, [](double a, double b) { return a + b; }>},
      {"-", {kD, kD}, kD, Binary<double, double, double, [](double a, double b) { return a - b; }>},
      {"*", {kD, kD}, kD, Binary<double, double, double, [](double a, double b) { return a * b; }>},
      {"/", {kD, kD}, kD, Binary<double, double, double, [](double a, double b) { return a / b; }>},
      {"%", {kD, kD}, kD, Binary<double, double, double, [](double a, double b) { return std::fmod(a, b); }>},
      {"mod", {kD, kD}, kD, Binary<double, double, double, [](double a, double b) { return std::fmod(a, b); }>},
      {"-", {kD}, kD, Unary<double, double, [](double a) { return -a; }>},
      {"abs", {kD}, kD, Unary<double, double, [](double a) { return std::fabs(a); }>},
      {"sign", {kD}, kB, Unary<double, int64_t, Sign<double>>},
      {"floor", {kD}, kD, Unary<double, double, [](double a) { return std::floor(a); }>},
      {"ceil", {kD}, kD, Unary<double, double, [](double a) { return std::ceil(a); }>},
      {"round", {kD}, kD, Unary<double, double, [](double a) { return std::round(a); }>},
      {"round", {kD, kB}, kD, Binary<double, int64_t, double, [](double a, int64_t n) { return RoundTo(a, n); }>},
      {"sqrt", {kD}, kD, FallibleUnary<double, double, kSqrt, NegativeRoot>},
      {"ln", {kD}, kD, FallibleUnary<double, double, kLn, BadLogarithm>},
      {"exp", {kD}, kD, Unary<double, double, [](double a) { return std::exp(a); }>},
      {"isnan", {kD}, TypeId::kBoolean, Unary<double, int64_t, [](double a) { return std::isnan(a); }>},
      {"isinf", {kD}, TypeId::kBoolean, Unary<double, int64_t, [](double a) { return std::isinf(a); }>},
      {"isfinite", {kD}, TypeId::kBoolean, Unary<double, int64_t, [](double a) { return std::isfinite(a); }>},
  };
}

}  // namespace headrace::functions
