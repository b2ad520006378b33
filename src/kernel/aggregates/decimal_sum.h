// The sum of decimals of one scale: exact, in 192 bits, so that whatever was added can be taken out again.
#pragma once

#include <optional>

#include "base/codec.h"
#include "base/decimal.h"

namespace headrace {

class DecimalSum {
 public:
  void Add(Int128 units);
  void Subtract(Int128 units);
  void Merge(const DecimalSum& other);

  // i128 the lower bits, i64 the upper ones, of two's complement.
  void Encode(ByteWriter* out) const;
  Status Decode(ByteReader* in);

  // nullopt beyond 38 digits.
  std::optional<Int128> Units() const;
  // sum / (n * 10^scale), rounded once; n >= 1.
  double RoundQuotient(uint64_t n, int scale) const;

 private:
  void Change(Int128 low, int64_t high);

  unsigned __int128 low_ = 0;
  int64_t high_ = 0;
};

}  // namespace headrace
