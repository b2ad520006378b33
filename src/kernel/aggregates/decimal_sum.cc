#include "kernel/aggregates/decimal_sum.h"

#include <array>
#include <bit>

#include "kernel/aggregates/rounding.h"

namespace headrace {
namespace {

using Uint128 = unsigned __int128;

// Of four words, the lowest first.
struct Wide {
  std::array<uint64_t, 4> words{};

  static Wide Of(Uint128 low, uint64_t high) {
    return {{static_cast<uint64_t>(low), static_cast<uint64_t>(low >> 64), high, 0}};
  }
  int Bits() const {
    for (int i = 3; i >= 0; --i) {
      const uint64_t word = words[static_cast<size_t>(i)];
      if (word != 0) return 64 * i + static_cast<int>(std::bit_width(word));
    }
    return 0;
  }
  bool IsZero() const { return Bits() == 0; }
  void ShiftLeft(int bits) {
    for (; bits >= 64; bits -= 64) words = {0, words[0], words[1], words[2]};
    if (bits == 0) return;
    for (size_t i = 3; i > 0; --i) words[i] = words[i] << bits | words[i - 1] >> (64 - bits);
    words[0] <<= bits;
  }
  bool AtLeast(const Wide& other) const {
    for (size_t i = 4; i-- > 0;) {
      if (words[i] != other.words[i]) return words[i] > other.words[i];
    }
    return true;
  }
  void Subtract(const Wide& other) {
    uint64_t borrow = 0;
    for (size_t i = 0; i < 4; ++i) {
      const Uint128 difference = static_cast<Uint128>(words[i]) - other.words[i] - borrow;
      words[i] = static_cast<uint64_t>(difference);
      borrow = static_cast<uint64_t>(difference >> 64) & 1;
    }
  }
};

// n * 10^scale.
Wide Divisor(uint64_t n, int scale) {
  const auto power = static_cast<Uint128>(PowerOfTen(scale));
  const Uint128 low = static_cast<Uint128>(static_cast<uint64_t>(power)) * n;
  const Uint128 high = (power >> 64) * n + (low >> 64);
  return Wide::Of(high << 64 | static_cast<uint64_t>(low), static_cast<uint64_t>(high >> 64));
}

}  // namespace

void DecimalSum::Change(Int128 low, int64_t high) {
  const auto added = static_cast<Uint128>(low);
  low_ += added;
  high_ += high + (low_ < added ? 1 : 0);
}

void DecimalSum::Add(Int128 units) {
  Change(units, units < 0 ? -1 : 0);
}

void DecimalSum::Subtract(Int128 units) {
  Add(-units);  // a decimal's units are never the least of 128 bits
}

void DecimalSum::Merge(const DecimalSum& other) {
  Change(static_cast<Int128>(other.low_), other.high_);
}

void DecimalSum::Encode(ByteWriter* out) const {
  out->PutI128(static_cast<Int128>(low_));
  out->PutI64(high_);
}

Status DecimalSum::Decode(ByteReader* in) {
  Int128 low = 0;
  HR_RETURN_IF_ERROR(in->GetI128(&low));
  low_ = static_cast<Uint128>(low);
  return in->GetI64(&high_);
}

std::optional<Int128> DecimalSum::Units() const {
  const auto units = static_cast<Int128>(low_);
  if (high_ != (units < 0 ? -1 : 0) || !FitsDecimal(units, DecimalOf(kMaxDecimalWidth, 0))) return std::nullopt;
  return units;
}

double DecimalSum::RoundQuotient(uint64_t n, int scale) const {
  const bool negative = high_ < 0;
  const Uint128 low = negative ? -low_ : low_;
  const auto high = static_cast<uint64_t>(negative ? ~high_ + (low_ == 0 ? 1 : 0) : high_);
  Wide rest = Wide::Of(low, high);
  Wide divisor = Divisor(n, scale);
  const int exponent = rest.Bits() - divisor.Bits();
  if (rest.IsZero()) return 0.0;
  constexpr int kExact = 53;
  if (rest.Bits() <= kExact && divisor.Bits() <= kExact) {  // exact over exact: one rounding
    const double quotient = static_cast<double>(rest.words[0]) / static_cast<double>(divisor.words[0]);
    return negative ? -quotient : quotient;
  }
  // Schoolbook division in binary: 66 bits, the first of which may be 0, and whether anything is left.
  constexpr int kQuotientBits = 66;
  exponent >= 0 ? divisor.ShiftLeft(exponent) : rest.ShiftLeft(-exponent);
  Uint128 quotient = 0;
  for (int i = 0; i < kQuotientBits; ++i) {
    quotient <<= 1;
    if (rest.AtLeast(divisor)) {
      rest.Subtract(divisor);
      quotient |= 1;
    }
    rest.ShiftLeft(1);
  }
  return RoundToDouble(negative, quotient, !rest.IsZero(), exponent - (kQuotientBits - 1));
}

}  // namespace headrace
