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
  template <typename Selection>
  bool AddAlike(std::span<const double> values, size_t begin, size_t end, const Selection& selection);
  ExactSum& Wide();

  __int128 integer_ = 0;
  int exponent_ = 0;
  std::unique_ptr<ExactSum> wide_;  // what did not fit
};

template <typename Selection>
void ScaledSum::AddRows(std::span<const double> values, size_t begin, size_t end, const Selection& selection) {
  if (AddAlike(values, begin, end, selection)) return;
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

// One pass at a scale around the first value, with a multiplication in place of a shift of 128 bits: what columns of
// amounts, lengths or ratios fit into. Nothing is added where one does not.
template <typename Selection>
bool ScaledSum::AddAlike(std::span<const double> values, size_t begin, size_t end, const Selection& selection) {
  constexpr unsigned kMaxShift = 62;  // a bit less than an int64_t has
  constexpr int kMaxRowBits = 124 - 53 - static_cast<int>(kMaxShift);
  if (begin == end || std::bit_width(end - begin) > kMaxRowBits) return false;
  const int scale = DecodedDouble(values[begin]).field - static_cast<int>(kMaxShift) / 2;
  if (scale < 1 || scale + static_cast<int>(kMaxShift) >= DecodedDouble::kNotFinite) return false;
  __int128 sum = 0;
  bool fits = true;
  selection.ForEach(begin, end, [&](size_t row) {
    const DecodedDouble decoded(values[row]);
    const auto shift = static_cast<unsigned>(decoded.field - scale);
    fits &= shift <= kMaxShift || decoded.significand == 0;
    sum += static_cast<__int128>(decoded.significand) * (int64_t{1} << (shift % 64));
  });
  if (fits) Add(sum, scale - DecodedDouble::kExponentOfUnit);
  return fits;
}

}  // namespace headrace
