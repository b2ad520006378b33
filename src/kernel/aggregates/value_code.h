// Values as map keys in their order: texts and decimals as they are held, all others as 64-bit integers (ordered_bits.h
// for doubles).
#pragma once

#include <map>
#include <string>
#include <type_traits>

#include "base/codec.h"
#include "base/column_view.h"
#include "base/hash.h"
#include "kernel/aggregates/ordered_bits.h"

namespace headrace::aggregates {

// `Code` is std::string for columns of bytes, int64_t for the others.
template <typename Code>
Code CodeOf(const ColumnView& column, size_t row) {
  if constexpr (std::is_same_v<Code, std::string>) {
    return std::string(column.str(row));
  } else {
    return column.type() == TypeId::kDouble ? OrderedBits(column.doubles()[row]) : column.ints()[row];
  }
}

// What sketches of different values take in.
inline uint64_t HashOf(int64_t code) {
  return Hash64(std::string_view(reinterpret_cast<const char*>(&code), sizeof code));
}
inline uint64_t HashOf(const std::string& text) {
  return Hash64(text);
}

inline void PutCode(const std::string& code, ByteWriter* out) {
  out->PutText(code);
}
inline void PutCode(int64_t code, ByteWriter* out) {
  out->PutI64(code);
}
inline Status GetCode(ByteReader* in, std::string* code) {
  return in->GetText(code);
}
inline Status GetCode(ByteReader* in, int64_t* code) {
  return in->GetI64(code);
}

// u32 entries | each: code | i64 rows: above 0, codes ascending.
template <typename Code>
void PutCounts(const std::map<Code, int64_t>& counts, ByteWriter* out) {
  out->PutU32(static_cast<uint32_t>(counts.size()));
  for (const auto& [code, count] : counts) {
    PutCode(code, out);
    out->PutI64(count);
  }
}

// `total`: of all rows. Ranks among them are computed in doubles, so there is a limit to what is believed.
constexpr int64_t kMaxRows = int64_t{1} << 53;
template <typename Code>
Status GetCounts(ByteReader* in, std::map<Code, int64_t>* counts, int64_t* total) {
  uint32_t entries = 0;
  HR_RETURN_IF_ERROR(in->GetU32(&entries));
  counts->clear();
  *total = 0;
  for (uint32_t i = 0; i < entries; ++i) {
    Code code{};
    int64_t count = 0;
    HR_RETURN_IF_ERROR(GetCode(in, &code));
    HR_RETURN_IF_ERROR(in->GetI64(&count));
    const bool ascends = counts->empty() || counts->rbegin()->first < code;
    if (!ascends || count < 1 || count > kMaxRows - *total) return DataLoss("a damaged table of values");
    *total += count;
    counts->emplace_hint(counts->end(), std::move(code), count);
  }
  return absl::OkStatus();
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
