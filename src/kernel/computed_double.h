// Doubles that arithmetic gave, with the same bits on every path.
//
// Which sign and payload a NaN has is the compiler's choice: x86 takes those of the first operand, and a compiler may
// put either first, here so and in a vectorised loop otherwise; inf - inf is -NaN at run time and NaN when folded. So
// what is computed has one NaN. Values that are passed through (first, last, CASE) keep their bits.
#pragma once

#include <limits>

namespace headrace {

// Of an expression, whose zeros are DuckDB's.
inline double ComputedDouble(double v) {
  return v != v ? std::numeric_limits<double>::quiet_NaN() : v;
}

// Of an aggregate: a zero is +0.0 (rule 16).
inline double AggregatedDouble(double v) {
  return ComputedDouble(v + 0.0);  // -0.0 + 0.0 is +0.0
}

}  // namespace headrace
