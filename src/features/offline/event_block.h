// A block of one partition's events, column by column. For event_partitions.cc only.
//
//   values_   [ event_time | slot 0 | slot 1 | ... | key ]    8 bytes a row and column, 4 of the key
//
// Every column has room for kRows rows. Values without a fixed width stand in columns of their own.
#pragma once

#include <cstdint>
#include <cstring>
#include <span>
#include <vector>

#include "base/column.h"
#include "base/pages.h"
#include "base/time.h"

namespace headrace {

inline bool HasFixedWidth(TypeId type) {
  return type == TypeId::kDouble || type == TypeId::kBigint || type == TypeId::kBoolean || type == TypeId::kDate ||
         type == TypeId::kTimestamp;
}

class EventBlock {
 public:
  static constexpr uint32_t kRows = 4096;

  explicit EventBlock(std::span<const TypeId> slot_types)
      : values_(kRows * ((1 + slot_types.size()) * sizeof(int64_t) + sizeof(uint32_t))),
        keys_(reinterpret_cast<uint32_t*>(values_.data() + kRows * (1 + slot_types.size()) * sizeof(int64_t))),
        validity_(slot_types.size()) {
    for (const TypeId type : slot_types) varying_.emplace_back(HasFixedWidth(type) ? TypeId::kBigint : type);
  }

  uint32_t* keys() { return keys_; }  // the key's place in the partition
  const uint32_t* keys() const { return keys_; }
  int64_t* event_time() { return FixedColumn(0); }
  const int64_t* event_time() const { return FixedColumn(0); }
  template <typename T>  // int64_t or double
  T* slot(size_t i) {
    return reinterpret_cast<T*>(FixedColumn(1 + i));
  }
  template <typename T>
  const T* slot(size_t i) const {
    return reinterpret_cast<const T*>(FixedColumn(1 + i));
  }
  Column& varying(size_t slot) { return varying_[slot]; }
  const Column& varying(size_t slot) const { return varying_[slot]; }

  // Empty until asked for; then of kRows rows, the ones there given what an empty one means.
  std::vector<int64_t>& WritableAvailableAt() {
    if (available_at_.empty()) available_at_.assign(event_time(), event_time() + kRows);
    return available_at_;
  }
  std::vector<int64_t>& WritableRetractedAt() {
    if (retracted_at_.empty()) retracted_at_.assign(kRows, kMaxTimestampUs);
    return retracted_at_;
  }
  std::vector<uint8_t>& WritableValidity(size_t slot) {
    if (validity_[slot].empty()) validity_[slot].assign(kRows, 1);
    return validity_[slot];
  }
  const std::vector<int64_t>& available_at() const { return available_at_; }           // empty: the event time
  const std::vector<int64_t>& retracted_at() const { return retracted_at_; }           // empty: never
  const std::vector<uint8_t>& validity(size_t slot) const { return validity_[slot]; }  // empty: none is null

 private:
  int64_t* FixedColumn(size_t i) const { return reinterpret_cast<int64_t*>(values_.data()) + i * kRows; }

  Pages values_;
  uint32_t* keys_;
  std::vector<Column> varying_;  // by slot; of fixed-width slots an empty one
  std::vector<int64_t> available_at_;
  std::vector<int64_t> retracted_at_;
  std::vector<std::vector<uint8_t>> validity_;  // by slot
};

}  // namespace headrace
