#include "kernel/aggregates/exact_sum.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "kernel/aggregates/rounding.h"

namespace headrace {
namespace {

constexpr int kSignificandBits = 52;
constexpr uint64_t kSignificandMask = (uint64_t{1} << kSignificandBits) - 1;
constexpr uint64_t kLimbMask = 0xFFFFFFFF;
constexpr int kLowestExponent = -1074;

// The magnitude of a sum: 32-bit digits, least significant first, in units of 2^-1074.
using Digits = std::array<uint64_t, ExactSum::kLimbs>;

// The highest 128 bits of `digits`, and whether any bit is left below them, divided by n and rounded.
double RoundDigits(bool negative, const Digits& digits, uint64_t n) {
  int top = static_cast<int>(digits.size()) - 1;
  while (top >= 0 && digits[top] == 0) --top;
  if (top < 0) return 0.0;
  const auto digit = [&](int i) { return i < 0 ? 0 : digits[i]; };
  const unsigned __int128 four =
      static_cast<unsigned __int128>(digit(top) << 32 | digit(top - 1)) << 64 | (digit(top - 2) << 32 | digit(top - 3));
  const int shift = std::countl_zero(static_cast<uint32_t>(digits[top]));
  const uint64_t fifth = digit(top - 4) << shift;
  bool sticky = (fifth & kLimbMask) != 0;
  for (int i = 0; i < top - 4 && !sticky; ++i) sticky = digits[i] != 0;
  return RoundQuotientToDouble(negative, four << shift | fifth >> 32, sticky, kLowestExponent + 32 * (top - 3) - shift,
                               n);
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
  if (++additions_ >= kMaxAdditions) PropagateCarries();
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
  if (nans_ > 0 || (positive_infinities_ > 0 && negative_infinities_ > 0))
    return std::numeric_limits<double>::quiet_NaN();
  if (positive_infinities_ > 0) return kInfinity;
  if (negative_infinities_ > 0) return -kInfinity;
  if (high_ < 0) return 0.0;

  const Magnitude sum = ToMagnitude();
  return RoundDigits(sum.negative, sum.digits, n);
}

// Carries all limbs upwards; what is carried out of the top is the sign.
ExactSum::Magnitude ExactSum::ToMagnitude() const {
  std::array<int64_t, kLimbs> carried = limbs_;
  int64_t carry = 0;
  for (int64_t& limb : carried) {
    limb += carry;
    carry = limb >> 32;
    limb -= carry * (int64_t{1} << 32);
  }
  Magnitude sum;
  sum.negative = carry < 0;
  uint64_t borrow = 1;  // of the two's complement, when negative
  for (int i = 0; i < kLimbs; ++i) {
    uint64_t digit = static_cast<uint64_t>(carried[i]);
    if (sum.negative) {
      digit = (~digit & kLimbMask) + borrow;
      borrow = digit >> 32;
      digit &= kLimbMask;
    }
    sum.digits[i] = digit;
  }
  return sum;
}

// Dekker's two-product: a * b is the sum of its rounding and of what the rounding left over.
void ExactSum::AddProduct(double a, double b, int sign) {
  const double rounded = a * b;
  Accumulate(rounded, sign);
  if (((std::bit_cast<uint64_t>(rounded) >> kSignificandBits) & 0x7FF) != 0x7FF)
    Accumulate(std::fma(a, b, -rounded), sign);
}

void ExactSum::AddInteger(__int128 integer, int exponent) {
  if (integer == 0) return;
  const int64_t direction = integer < 0 ? -1 : 1;
  auto rest = static_cast<unsigned __int128>(integer < 0 ? -integer : integer);
  const int position = exponent - kLowestExponent;
  int limb = position / 32;
  low_ = std::min(low_, limb);
  for (; rest != 0; rest >>= 32, ++limb) {
    const uint64_t shifted = (static_cast<uint64_t>(rest) & kLimbMask) << (position % 32);
    limbs_[limb] += direction * static_cast<int64_t>(shifted & kLimbMask);
    limbs_[limb + 1] += direction * static_cast<int64_t>(shifted >> 32);
  }
  high_ = std::max(high_, limb);
  additions_ += 2;  // a limb takes of two digits
  if (additions_ >= kMaxAdditions - 2) PropagateCarries();
}

void ExactSum::Encode(ByteWriter* out) const {
  const Magnitude magnitude = ToMagnitude();
  int low = 0;
  int high = kLimbs - 1;
  while (low < kLimbs && magnitude.digits[static_cast<size_t>(low)] == 0) ++low;
  while (high >= low && magnitude.digits[static_cast<size_t>(high)] == 0) --high;
  const bool zero = low == kLimbs;
  out->PutU8(!zero && magnitude.negative ? 1 : 0);
  out->PutU8(static_cast<uint8_t>(zero ? 0 : low));
  out->PutU8(static_cast<uint8_t>(zero ? 0 : high - low + 1));
  for (int i = low; i <= high; ++i) out->PutU32(static_cast<uint32_t>(magnitude.digits[static_cast<size_t>(i)]));
  out->PutU8(is_finite() ? 0 : 1);
  if (is_finite()) return;
  for (const int64_t count : {nans_, positive_infinities_, negative_infinities_}) out->PutI64(count);
}

Status ExactSum::Decode(ByteReader* in) {
  uint8_t negative = 0;
  uint8_t low = 0;
  uint8_t digits = 0;
  uint8_t special = 0;
  HR_RETURN_IF_ERROR(in->GetU8(&negative));
  HR_RETURN_IF_ERROR(in->GetU8(&low));
  HR_RETURN_IF_ERROR(in->GetU8(&digits));
  if (negative > 1 || low + digits > kLimbs) return DataLoss("a sum has digits up to {}", low + digits);
  *this = ExactSum();
  for (int i = 0; i < digits; ++i) {
    uint32_t digit = 0;
    HR_RETURN_IF_ERROR(in->GetU32(&digit));
    limbs_[static_cast<size_t>(low + i)] = negative != 0 ? -int64_t{digit} : int64_t{digit};
  }
  if (digits > 0) {
    low_ = low;
    high_ = low + digits - 1;
    additions_ = 1;
  }
  HR_RETURN_IF_ERROR(in->GetU8(&special));
  if (special == 0) return absl::OkStatus();
  for (int64_t* count : {&nans_, &positive_infinities_, &negative_infinities_}) {
    HR_RETURN_IF_ERROR(in->GetI64(count));
    if (*count < 0) return DataLoss("a sum has {} infinities", *count);
  }
  return absl::OkStatus();
}

}  // namespace headrace
