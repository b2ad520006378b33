// Values as map keys in their order: texts as they are, all others as 64-bit integers (ordered_bits.h for doubles).
#pragma once

#include <string>
#include <type_traits>

#include "base/column.h"
#include "kernel/aggregates/ordered_bits.h"

namespace headrace::aggregates {

// `Code` is std::string for VARCHAR columns, int64_t for the others.
template <typename Code>
Code CodeOf(const Column& column, size_t row) {
  if constexpr (std::is_same_v<Code, std::string>) {
    return std::string(column.str(row));
  } else {
    return column.type() == TypeId::kDouble ? OrderedBits(column.doubles()[row]) : column.ints()[row];
  }
}

inline void AppendCode(const std::string& code, TypeId, Column* out) {
  out->AppendString(code);
}
inline void AppendCode(int64_t code, TypeId type, Column* out) {
  if (type == TypeId::kDouble) {
    out->AppendDouble(DoubleOfOrderedBits(code));
  } else {
    out->AppendInt(code);
  }
}

}  // namespace headrace::aggregates
