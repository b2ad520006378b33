#include "kernel/aggregates/rounding.h"

#include <algorithm>
#include <bit>

namespace headrace {
namespace {

constexpr int kSignificandBits = 52;
constexpr int kMinExponent = -1074;  // of the lowest bit of a subnormal number
constexpr int kMaxExponent = 1023;   // of the highest bit of a normal one
constexpr int kBias = 1023;

struct Division {
  uint64_t quotient;
  uint64_t remainder;
};

// (high * 2^64 + low) / n for high < n: one instruction, where the compiler would call a function of forty.
Division Divide(uint64_t high, uint64_t low, uint64_t n) {
  Division result;
  asm("divq %[n]" : "=a"(result.quotient), "=d"(result.remainder) : [n] "r"(n), "a"(low), "d"(high) : "cc");
  return result;
}

}  // namespace

double RoundToDouble(bool negative, unsigned __int128 magnitude, bool sticky, int exponent) {
  if (magnitude == 0) return 0.0;
  const int highest = HighestBit(magnitude) + exponent;
  const int lowest_kept = std::max(highest - kSignificandBits, kMinExponent);
  const int dropped = lowest_kept - exponent;  // bits of the magnitude below those that the result keeps
  uint64_t significand = 0;
  if (dropped <= 0) {
    significand = static_cast<uint64_t>(magnitude) << -dropped;
  } else if (dropped <= 128) {
    significand = dropped == 128 ? 0 : static_cast<uint64_t>(magnitude >> dropped);
    const unsigned __int128 half = static_cast<unsigned __int128>(1) << (dropped - 1);
    const bool below_half = sticky || (magnitude & (half - 1)) != 0;
    if ((magnitude & half) != 0 && (below_half || (significand & 1) != 0)) ++significand;
  }
  // A significand that was rounded up to 2^53 carries into the exponent, as the bits of doubles lie.
  uint64_t bits = significand;
  if (significand >> kSignificandBits != 0) {
    bits = significand + (static_cast<uint64_t>(lowest_kept - kMinExponent) << kSignificandBits);
  }
  constexpr uint64_t kInfinity = uint64_t{0x7FF} << kSignificandBits;
  if (highest > kMaxExponent || bits > kInfinity) bits = kInfinity;
  if (bits == 0) return 0.0;  // never -0.0: rule 16
  return std::bit_cast<double>(bits | (static_cast<uint64_t>(negative) << 63));
}

double RoundQuotientToDouble(bool negative, unsigned __int128 magnitude, bool sticky, int exponent, uint64_t n) {
  if (magnitude == 0) return 0.0;
  if (n == 1) return RoundToDouble(negative, magnitude, sticky, exponent);
  const int shift = 127 - HighestBit(magnitude);  // 0 if sticky
  magnitude <<= shift;
  // Schoolbook division by one 64-bit digit. The quotient keeps at least 64 bits, and since the remainder is at most
  // n - 1, what is below the magnitude can not carry into it.
  const uint64_t high = static_cast<uint64_t>(magnitude >> 64);
  const Division rest = Divide(high % n, static_cast<uint64_t>(magnitude), n);
  const unsigned __int128 quotient = (static_cast<unsigned __int128>(high / n) << 64) | rest.quotient;
  return RoundToDouble(negative, quotient, sticky || rest.remainder != 0, exponent - shift);
}

}  // namespace headrace
