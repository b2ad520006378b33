// The exact sum of doubles in 128 bits, for as long as they fit: an integer times a power of two that goes down with
// the values. What does not fit goes to an ExactSum beside it, so that the sum is exact always; ordinary numbers never
// need one. 48 bytes in place of 600, and several times faster to add to and to merge.
#pragma once

#include <algorithm>
#include <bit>
#include <memory>
#include <span>

#include "kernel/aggregates/decoded_double.h"
#include "kernel/aggregates/exact_number.h"

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
  ExactNumber ToNumber() const;  // its finite part

 private:
  ExactSum& Wide();

  __int128 integer_ = 0;
  int exponent_ = 0;
  std::unique_ptr<ExactSum> wide_;  // what did not fit
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
