// Exact numbers of any size, for what is computed without rounding from exact sums and rounded at last.
#pragma once

#include <boost/multiprecision/cpp_int.hpp>

#include "kernel/aggregates/exact_sum.h"

namespace headrace {

// integer * 2^exponent.
struct ExactNumber {
  boost::multiprecision::cpp_int integer = 0;
  int exponent = 0;

  bool is_zero() const { return integer.is_zero(); }
  bool is_negative() const { return integer < 0; }

  static ExactNumber Of(int64_t n) { return {n, 0}; }
  static ExactNumber Of(const ExactSum& sum);  // its finite part
};

ExactNumber operator*(const ExactNumber& a, const ExactNumber& b);
ExactNumber operator*(int64_t n, const ExactNumber& a);
ExactNumber operator+(const ExactNumber& a, const ExactNumber& b);
ExactNumber operator-(const ExactNumber& a, const ExactNumber& b);

// a / b, for b that is not zero: both and the quotient are rounded, so that it is within 2 units in the last place. The
// exponents are apart, so that nothing on the way leaves the range of doubles.
double RoundedRatio(const ExactNumber& a, const ExactNumber& b);

// a / b, for b that is not zero, rounded once.
double ExactRatio(const ExactNumber& a, const ExactNumber& b);

}  // namespace headrace
