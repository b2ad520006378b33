// Exact numbers to doubles, rounded once: to nearest, ties to even.
#pragma once

#include <bit>
#include <cstdint>

namespace headrace {

// The place of the highest bit that is set, from 0; -1 of zero.
inline int HighestBit(unsigned __int128 v) {
  const auto high = static_cast<uint64_t>(v >> 64);
  return high != 0 ? 127 - std::countl_zero(high) : 63 - std::countl_zero(static_cast<uint64_t>(v));
}

// The double nearest to (magnitude + f) * 2^exponent, negated if `negative`, where 0 < f < 1 if `sticky` and f = 0 if
// not; a sticky magnitude has at least 55 significant bits. +0.0 for zero, an infinity past the greatest double.
double RoundToDouble(bool negative, unsigned __int128 magnitude, bool sticky, int exponent);

// As above, of (magnitude + f) * 2^exponent / n; n >= 1, and a sticky magnitude has all 128 bits (its highest is set).
double RoundQuotientToDouble(bool negative, unsigned __int128 magnitude, bool sticky, int exponent, uint64_t n);

// numerator * 2^exponent / n, rounded once; n >= 1.
inline double RoundQuotientToDouble(__int128 numerator, int exponent, uint64_t n) {
  const bool negative = numerator < 0;
  const auto magnitude = static_cast<unsigned __int128>(numerator);
  return RoundQuotientToDouble(negative, negative ? -magnitude : magnitude, false, exponent, n);
}

}  // namespace headrace
