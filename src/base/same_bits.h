// Whether two cells are the same to the last bit, as the proof of features needs it (Value::IdenticalTo, by column).
#pragma once

#include <bit>
#include <cstdint>

#include "base/column.h"

namespace headrace {

// Of columns of one type. Null equals null; NaN payloads and the sign of zero count.
inline bool SameBits(const Column& a, size_t row_a, const Column& b, size_t row_b) {
  if (a.IsNull(row_a) || b.IsNull(row_b)) return a.IsNull(row_a) == b.IsNull(row_b);
  if (a.type() == TypeId::kDouble)
    return std::bit_cast<uint64_t>(a.doubles()[row_a]) == std::bit_cast<uint64_t>(b.doubles()[row_b]);
  if (HoldsBytes(a.type())) return a.str(row_a) == b.str(row_b);
  return a.ints()[row_a] == b.ints()[row_b];
}

}  // namespace headrace
