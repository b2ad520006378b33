// A finite double as an integer times a power of two: significand * 2^(field - kExponentOfUnit).
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>

namespace headrace {

struct DecodedDouble {
  static constexpr int kSignificandBits = 52;
  static constexpr int kNotFinite = 0x7FF;
  // What a double's exponent field is above that of its lowest bit.
  static constexpr int kExponentOfUnit = 1075;

  int64_t significand;  // signed, below 2^53
  int field;            // the exponent, as the bits have it; 1 of subnormal numbers

  explicit DecodedDouble(double v) {
    const auto bits = std::bit_cast<uint64_t>(v);
    const int biased = static_cast<int>((bits >> kSignificandBits) & 0x7FF);
    auto magnitude = static_cast<int64_t>(bits & ((uint64_t{1} << kSignificandBits) - 1));
    if (biased != 0) magnitude |= int64_t{1} << kSignificandBits;
    significand = (bits >> 63) != 0 ? -magnitude : magnitude;
    field = std::max(biased, 1);
  }
};

}  // namespace headrace
