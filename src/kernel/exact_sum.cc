#include "kernel/exact_sum.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

namespace headrace {
namespace {

constexpr int kSignificandBits = 52;
constexpr uint64_t kSignificandMask = (uint64_t{1} << kSignificandBits) - 1;
constexpr uint64_t kLimbMask = 0xFFFFFFFF;

// An unsigned integer of 32-bit digits, least significant first, in units of 2^-(1074 + 64): 64 bits below the
// smallest double, so that a quotient keeps its rounding bits.
using Digits = std::array<uint64_t, 72>;

// digits / divisor in place; true if a remainder is left. Stops once the quotient has the bits that rounding
// looks at: 4 digits hold at least 97 significant bits.
bool Divide(Digits& digits, uint64_t divisor) {
  constexpr int kEnoughDigits = 4;
  unsigned __int128 remainder = 0;
  int quotient_digits = 0;
  for (size_t i = digits.size(); i-- > 0;) {
    if (quotient_digits == kEnoughDigits) {
      if (digits[i] != 0) remainder = 1;
      digits[i] = 0;
      continue;
    }
    const unsigned __int128 value = (remainder << 32) | digits[i];
    digits[i] = static_cast<uint64_t>(value / divisor);
    remainder = value % divisor;
    if (quotient_digits > 0 || digits[i] != 0) ++quotient_digits;
  }
  return remainder != 0;
}

int HighestBit(const Digits& digits) {
  for (size_t i = digits.size(); i-- > 0;) {
    if (digits[i] != 0) return static_cast<int>(i) * 32 + 63 - std::countl_zero(digits[i]);
  }
  return -1;
}

uint64_t BitAt(const Digits& digits, int position) { return (digits[position / 32] >> (position % 32)) & 1; }

bool AnyBitBelow(const Digits& digits, int position) {
  for (int i = 0; i < position / 32; ++i) {
    if (digits[i] != 0) return true;
  }
  return (digits[position / 32] & ((uint64_t{1} << (position % 32)) - 1)) != 0;
}

struct Rounded {
  double value = 0;
  bool exact = true;
};

// The nearest double to digits * 2^-1138 (plus a little if `sticky`), ties to even.
Rounded RoundToDouble(const Digits& digits, bool sticky) {
  const int highest = HighestBit(digits);
  if (highest < 0) return {0.0, !sticky};
  // The lowest bit that the result keeps: 53 bits for a normal number, down to 2^-1074 for a subnormal one.
  const int lowest_kept = std::max(highest - kSignificandBits, 64);
  uint64_t significand = 0;
  for (int bit = std::max(highest, lowest_kept); bit >= lowest_kept; --bit) {
    significand = (significand << 1) | BitAt(digits, bit);
  }
  const bool half = BitAt(digits, lowest_kept - 1) != 0;
  const bool below_half = sticky || AnyBitBelow(digits, lowest_kept - 1);
  if (half && (below_half || (significand & 1) != 0)) ++significand;
  return {std::ldexp(static_cast<double>(significand), lowest_kept - 64 - 1074), !half && !below_half};
}

}  // namespace

void ExactSum::Accumulate(double v, int sign) {
  const uint64_t bits = std::bit_cast<uint64_t>(v);
  const int exponent = static_cast<int>((bits >> kSignificandBits) & 0x7FF);
  uint64_t significand = bits & kSignificandMask;
  if (exponent == 0x7FF) {
    if (significand != 0) {
      nans_ += sign;
    } else {
      (v > 0 ? positive_infinities_ : negative_infinities_) += sign;
    }
    return;
  }
  if (exponent != 0) significand |= uint64_t{1} << kSignificandBits;
  if (significand == 0) return;
  const int position = std::max(exponent, 1) - 1;  // of the significand's lowest bit, above 2^-1074
  const int limb = position / 32;
  const unsigned __int128 shifted = static_cast<unsigned __int128>(significand) << (position % 32);
  const int64_t direction = (v < 0) == (sign < 0) ? 1 : -1;
  limbs_[limb] += direction * static_cast<int64_t>(static_cast<uint64_t>(shifted) & kLimbMask);
  limbs_[limb + 1] += direction * static_cast<int64_t>(static_cast<uint64_t>(shifted >> 32) & kLimbMask);
  limbs_[limb + 2] += direction * static_cast<int64_t>(static_cast<uint64_t>(shifted >> 64));
  low_ = std::min(low_, limb);
  high_ = std::max(high_, limb + 2);
  if (++additions_ == kMaxAdditions) PropagateCarries();
}

// Leaves each limb in [0, 2^32) but one new highest limb, which holds the carry out of the others and the sign.
void ExactSum::PropagateCarries() {
  const int top = std::min(high_, kLimbs - 2);
  for (int i = low_; i <= top; ++i) {
    const int64_t carry = limbs_[i] >> 32;  // rounds down, so what stays is not negative
    limbs_[i] -= carry * (int64_t{1} << 32);
    limbs_[i + 1] += carry;
  }
  if (limbs_[top + 1] != 0) high_ = std::max(high_, top + 1);
  additions_ = 1;
}

void ExactSum::Merge(const ExactSum& other) {
  if (additions_ >= kMaxAdditions - other.additions_) PropagateCarries();
  ExactSum addend = other;
  if (additions_ >= kMaxAdditions - addend.additions_) addend.PropagateCarries();
  for (int i = addend.low_; i <= addend.high_; ++i) limbs_[i] += addend.limbs_[i];
  additions_ += addend.additions_;
  low_ = std::min(low_, addend.low_);
  high_ = std::max(high_, addend.high_);
  nans_ += other.nans_;
  positive_infinities_ += other.positive_infinities_;
  negative_infinities_ += other.negative_infinities_;
}

double ExactSum::RoundQuotient(uint64_t n) const {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  if (nans_ > 0 || (positive_infinities_ > 0 && negative_infinities_ > 0)) return std::numeric_limits<double>::quiet_NaN();
  if (positive_infinities_ > 0) return kInfinity;
  if (negative_infinities_ > 0) return -kInfinity;
  if (high_ < 0) return 0.0;

  // Sign and magnitude: carry all limbs upwards; what is carried out of the top is the sign.
  std::array<int64_t, kLimbs> carried = limbs_;
  int64_t carry = 0;
  for (int64_t& limb : carried) {
    limb += carry;
    carry = limb >> 32;
    limb -= carry * (int64_t{1} << 32);
  }
  const bool negative = carry < 0;
  Digits digits{};
  uint64_t borrow = 1;  // of the two's complement, when negative
  for (int i = 0; i < kLimbs; ++i) {
    uint64_t digit = static_cast<uint64_t>(carried[i]);
    if (negative) {
      digit = (~digit & kLimbMask) + borrow;
      borrow = digit >> 32;
      digit &= kLimbMask;
    }
    digits[i + 2] = digit;
  }
  Rounded result = RoundToDouble(digits, false);
  if (n > 1) {
    // An exact sum and an exact count: the division itself rounds once. Otherwise divide digit by digit.
    constexpr uint64_t kExactCounts = uint64_t{1} << 53;
    if (result.exact && n <= kExactCounts && std::isfinite(result.value)) {
      result.value /= static_cast<double>(n);
    } else {
      const bool sticky = Divide(digits, n);
      result = RoundToDouble(digits, sticky);
    }
  }
  return negative && result.value != 0 ? -result.value : result.value;
}

}  // namespace headrace
