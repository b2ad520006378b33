// + - * / // % mod abs sign
#include <cmath>
#include <limits>

#include "kernel/functions/support.h"

namespace headrace::functions {
namespace {

constexpr TypeId kB = TypeId::kBigint;
constexpr TypeId kD = TypeId::kDouble;

Status NegationOverflow(int64_t a) {
  return InvalidArgument("the negative of {} does not fit a bigint", a);
}

// The three operators that can leave 64 bits.
template <char op>
Status Checked(int64_t a, int64_t b, int64_t* out) {
  const bool overflow = op == '+'   ? __builtin_add_overflow(a, b, out)
                        : op == '-' ? __builtin_sub_overflow(a, b, out)
                                    : __builtin_mul_overflow(a, b, out);
  if (overflow) return InvalidArgument("{} {} {} does not fit a bigint; cast one side to double", a, op, b);
  return absl::OkStatus();
}

Status Negate(int64_t a, int64_t* out) {
  return __builtin_sub_overflow(int64_t{0}, a, out) ? NegationOverflow(a) : absl::OkStatus();
}
Status Abs(int64_t a, int64_t* out) {
  *out = a;
  return a >= 0 ? absl::OkStatus() : Negate(a, out);
}

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

}  // namespace

std::vector<ScalarFunction> ArithmeticFunctions() {
  return {
      {"+", {kB, kB}, kB, TryMap<int64_t, Checked<'+'>, int64_t, int64_t>},
      {"-", {kB, kB}, kB, TryMap<int64_t, Checked<'-'>, int64_t, int64_t>},
      {"*", {kB, kB}, kB, TryMap<int64_t, Checked<'*'>, int64_t, int64_t>},
      {"//", {kB, kB}, kB, IntegerDivision<false>},
      {"%", {kB, kB}, kB, IntegerDivision<true>},
      {"-", {kB}, kB, TryMap<int64_t, Negate, int64_t>},
      {"abs", {kB}, kB, TryMap<int64_t, Abs, int64_t>},
      {"sign", {kB}, kB, Unary<int64_t, int64_t, Sign<int64_t>>},
      {"+", {kD, kD}, kD, Binary<double, double, double, [](double a, double b) { return a + b; }>},
      {"-", {kD, kD}, kD, Binary<double, double, double, [](double a, double b) { return a - b; }>},
      {"*", {kD, kD}, kD, Binary<double, double, double, [](double a, double b) { return a * b; }>},
      {"/", {kD, kD}, kD, Binary<double, double, double, [](double a, double b) { return a / b; }>},
      {"%", {kD, kD}, kD, Binary<double, double, double, [](double a, double b) { return std::fmod(a, b); }>},
      {"+", {kB}, kB, Unary<int64_t, int64_t, [](int64_t a) { return a; }>},
      {"+", {kD}, kD, Unary<double, double, [](double a) { return a; }>},
      {"-", {kD}, kD, Unary<double, double, [](double a) { return -a; }>},
      {"abs", {kD}, kD, Unary<double, double, [](double a) { return std::fabs(a); }>},
      {"sign", {kD}, kB, Unary<double, int64_t, Sign<double>>},
  };
}

}  // namespace headrace::functions
