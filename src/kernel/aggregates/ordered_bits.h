// Doubles as integers in the same order (semantics.md, rule 16): all NaN are one value above +infinity, and a zero of
// either sign is +0.0.
#pragma once

#include <bit>
#include <cstdint>
#include <limits>

namespace headrace {

inline int64_t OrderedBits(double v) {
  if (v != v) return std::numeric_limits<int64_t>::max();
  const auto bits = std::bit_cast<int64_t>(v + 0.0);  // -0.0 + 0.0 is +0.0
  return bits >= 0 ? bits : bits ^ std::numeric_limits<int64_t>::max();
}

inline double DoubleOfOrderedBits(int64_t code) {
  if (code == std::numeric_limits<int64_t>::max()) return std::numeric_limits<double>::quiet_NaN();
  return std::bit_cast<double>(code >= 0 ? code : code ^ std::numeric_limits<int64_t>::max());
}

}  // namespace headrace
