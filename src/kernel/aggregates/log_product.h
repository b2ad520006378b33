// The product of doubles as the exact sum of their logarithms: the same for every order, and factors can be taken out
// again.
//
// A factor's logarithm to base 2 is rounded to a multiple of 2^-120 (Log2OfSignificand), the sum of such multiples is
// exact. The result is the product, as if nothing on the way could overflow or underflow, with a relative error of
// 2^-115 for each factor before it is rounded to a double: of a million factors the nearest double in all but one of
// 2^40 cases, and whenever the product is a double itself.
#pragma once

#include <cstdint>

namespace headrace {

class LogProduct {
 public:
  void Multiply(double factor) { Accumulate(factor, +1); }
  void Divide(double factor) { Accumulate(factor, -1); }  // which was multiplied before
  void Merge(const LogProduct& other);

  // IEEE's answer with NaN, infinities and zeros; 1 of no factors.
  double Round() const;

 private:
  void Accumulate(double factor, int sign);
  void AddLogarithm(int64_t whole, __int128 part);

  // The sum of the logarithms of the finite factors' magnitudes but 0: log2_ + part_ * 2^-120, 0 <= part_ < 2^120.
  int64_t log2_ = 0;
  __int128 part_ = 0;
  int64_t negatives_ = 0;  // of all factors but NaN
  int64_t zeros_ = 0;
  int64_t infinities_ = 0;
  int64_t nans_ = 0;
};

// log2(significand * 2^-52) in units of 2^-120, for a significand in [2^52, 2^53); exact of a power of two, else within
// 64 units (2^-114).
__int128 Log2OfSignificand(uint64_t significand);

}  // namespace headrace
