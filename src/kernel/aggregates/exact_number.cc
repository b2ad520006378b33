#include "kernel/aggregates/exact_number.h"

#include <algorithm>
#include <cmath>

#include "kernel/aggregates/rounding.h"

namespace headrace {
namespace {

using boost::multiprecision::cpp_int;

int BitsOf(const cpp_int& magnitude) {
  return static_cast<int>(msb(magnitude)) + 1;
}

// significand * 2^exponent with 0.5 <= |significand| < 1, or zero; rounded once.
struct Approximate {
  double significand = 0;
  int exponent = 0;
};

Approximate Approximation(const ExactNumber& exact) {
  if (exact.is_zero()) return {};
  const cpp_int magnitude = abs(exact.integer);
  const int bits = BitsOf(magnitude);
  const int dropped = std::max(0, bits - 64);
  const auto top = static_cast<uint64_t>(magnitude >> dropped);
  const bool sticky = dropped > 0 && static_cast<int>(lsb(magnitude)) < dropped;
  return {RoundToDouble(exact.is_negative(), top, sticky, dropped - bits), bits + exact.exponent};
}

}  // namespace

ExactNumber ExactNumber::Of(const ExactSum& sum) {
  const ExactSum::Magnitude magnitude = sum.ToMagnitude();
  int low = 0;
  while (low < ExactSum::kLimbs && magnitude.digits[low] == 0) ++low;
  ExactNumber exact;
  if (low == ExactSum::kLimbs) return exact;
  for (int i = ExactSum::kLimbs; i-- > low;) exact.integer = (exact.integer << 32) | magnitude.digits[i];
  if (magnitude.negative) exact.integer = -exact.integer;
  exact.exponent = 32 * low - 1074;
  return exact;
}

ExactNumber operator*(const ExactNumber& a, const ExactNumber& b) {
  return {a.integer * b.integer, a.exponent + b.exponent};
}
ExactNumber operator*(int64_t n, const ExactNumber& a) {
  return {n * a.integer, a.exponent};
}
ExactNumber operator+(const ExactNumber& a, const ExactNumber& b) {
  const int exponent = std::min(a.exponent, b.exponent);
  return {(a.integer << (a.exponent - exponent)) + (b.integer << (b.exponent - exponent)), exponent};
}
ExactNumber operator-(const ExactNumber& a, const ExactNumber& b) {
  return a + -1 * b;
}

double RoundedRatio(const ExactNumber& a, const ExactNumber& b) {
  const Approximate x = Approximation(a);
  const Approximate y = Approximation(b);
  return std::ldexp(x.significand / y.significand, x.exponent - y.exponent);
}

double ExactRatio(const ExactNumber& a, const ExactNumber& b) {
  if (a.is_zero()) return 0;
  constexpr int kQuotientBits = 64;  // at least
  cpp_int dividend = abs(a.integer);
  const cpp_int divisor = abs(b.integer);
  const int shift = std::max(0, kQuotientBits + BitsOf(divisor) - BitsOf(dividend));
  dividend <<= shift;
  cpp_int quotient;
  cpp_int rest;
  divide_qr(dividend, divisor, quotient, rest);
  const int dropped = std::max(0, BitsOf(quotient) - kQuotientBits);
  const bool sticky = !rest.is_zero() || (dropped > 0 && static_cast<int>(lsb(quotient)) < dropped);
  return RoundToDouble(a.is_negative() != b.is_negative(), static_cast<uint64_t>(cpp_int(quotient >> dropped)), sticky,
                       a.exponent - b.exponent - shift + dropped);
}

}  // namespace headrace
