// The exact sum of doubles in 128 bits, for as long as they fit: an integer times a power of two that goes down with
// the values. What does not fit goes to an ExactSum beside it, so that the sum is exact always; ordinary numbers never
// need one. 48 bytes in place of 600, and several times faster to add to and to merge.
#pragma once

#include <algorithm>
#include <bit>
#include <memory>
#include <span>

#include "kernel/aggregates/exact_sum.h"

namespace headrace {

class ScaledSum {
 public:
  ScaledSum() = default;
  ScaledSum(ScaledSum&&) = default;
  ScaledSum& operator=(ScaledSum&&) = default;

  // Adds integer * 2^exponent; the exponent is -1074 at least, and the sum below 2^1024 times some 2^60.
  void Add(__int128 integer, int exponent);
  void Merge(const ScaledSum& other);
  // Adds values[row] for every row of [begin, end) that `selection` has.
  template <typename Selection>
  void AddRows(std::span<const double> values, size_t begin, size_t end, const Selection& selection);

  // The sum divided by n (n >= 1), rounded once; as ExactSum.
  double RoundQuotient(uint64_t n) const;

 private:
  ExactSum& Wide();

  __int128 integer_ = 0;
  int exponent_ = 0;
  std::unique_ptr<ExactSum> wide_;  // what did not fit
};

// A finite double as significand * 2^exponent.
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

template <typename Selection>
void ScaledSum::AddRows(std::span<const double> values, size_t begin, size_t end, const Selection& selection) {
  int lowest = DecodedDouble::kNotFinite;
  int highest = 0;
  selection.ForEach(begin, end, [&](size_t row) {
    const DecodedDouble decoded(values[row]);
    // A zero fits at any scale.
    lowest = std::min(lowest, decoded.significand == 0 ? lowest : decoded.field);
    highest = std::max(highest, decoded.significand == 0 ? highest : decoded.field);
  });
  if (highest == 0) return;  // nothing, or zeros
  if (highest == DecodedDouble::kNotFinite || highest - lowest + 53 + std::bit_width(end - begin) > 124) {
    return selection.ForEach(begin, end, [&](size_t row) { Wide().Add(values[row]); });
  }
  __int128 sum = 0;
  selection.ForEach(begin, end, [&](size_t row) {
    const DecodedDouble decoded(values[row]);
    // The significand of a zero is moved by nothing, whatever its exponent.
    sum += static_cast<__int128>(decoded.significand) << std::max(0, decoded.field - lowest);
  });
  Add(sum, lowest - DecodedDouble::kExponentOfUnit);
}

}  // namespace headrace
