// The exact sum of doubles: the same for every order, rounded once at the end.
//
// A fixed-point number wide enough for every finite double and 2^63 of them, in units of 2^-1074:
//
//   limbs_[i] holds a signed multiple of 2^(32 i - 1074)
//   |-- limbs_[69] --|  ...  |-- limbs_[1] --|-- limbs_[0] --|
//
// A double's 53-bit significand touches three neighbouring limbs, each by less than 2^32, so 2^30 additions fit
// before carries must be propagated. Adding, subtracting and merging are exact and commute; equal multisets of
// values give equal results whatever happened in between. After Radford Neal, "Fast exact summation using small
// and large superaccumulators" (arXiv 1505.05571), with narrower limbs in place of his two-limb split.
// NaN and the infinities are counted apart, so that they too can be subtracted again.
#pragma once

#include <array>
#include <cstdint>

#include "base/codec.h"

namespace headrace {

class ExactSum {
 public:
  void Add(double v) { Accumulate(v, +1); }
  void Subtract(double v) { Accumulate(v, -1); }
  void Merge(const ExactSum& other);

  // The sum, rounded to the nearest double, ties to even; +0.0 for zero. IEEE's answer with NaN or infinities.
  double Round() const { return RoundQuotient(1); }
  // The exact sum divided by n (n >= 1), rounded once.
  double RoundQuotient(uint64_t n) const;

  // Adds or subtracts (sign +1 or -1) a * b exactly, as two doubles; what lies below 2^-1074 is lost, alike each time.
  void AddProduct(double a, double b, int sign);

  // Adds integer * 2^exponent, with an exponent of -1074 at least and |integer| < 2^126.
  void AddInteger(__int128 integer, int exponent);

  bool is_finite() const { return nans_ == 0 && positive_infinities_ == 0 && negative_infinities_ == 0; }

  // The finite part of the sum: digits[i] * 2^(32 i - 1074), each digit below 2^32.
  static constexpr int kLimbs = 70;
  struct Magnitude {
    bool negative = false;
    std::array<uint64_t, kLimbs> digits{};
  };
  Magnitude ToMagnitude() const;

  // Equal sums give equal bytes:
  //   u8 sign (0, 1 below zero) | u8 low | u8 n | n x u32: the digits from `low` on, the outer ones not 0
  //   u8 special (0: none; 1: three i64 follow: NaNs, infinities, negative infinities)
  void Encode(ByteWriter* out) const;
  Status Decode(ByteReader* in);

 private:
  static constexpr int kMaxAdditions = 1 << 30;

  void Accumulate(double v, int sign);
  void PropagateCarries();

  std::array<int64_t, kLimbs> limbs_{};
  int additions_ = 0;  // since carries were last propagated
  int low_ = kLimbs;   // limbs outside [low_, high_] are zero
  int high_ = -1;
  int64_t nans_ = 0;
  int64_t positive_infinities_ = 0;
  int64_t negative_infinities_ = 0;
};

}  // namespace headrace
