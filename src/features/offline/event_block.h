// A block of one partition's events, column by column. For event_partitions.cc only.
//
//   values   [ event_time | slot 0 | slot 1 | ... | key ]    8 bytes a row and column, 4 of the key
//
// Every column has room for `rows` rows. Values without a fixed width stand in columns of their own; of a slot that is
// only counted no values are kept, only which are null. A full block can be put into the spill file, and be read back
// later.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "base/column.h"
#include "base/time.h"
#include "features/offline/spill.h"

namespace headrace {

inline bool HasFixedWidth(TypeId type) {
  return type == TypeId::kDouble || type == TypeId::kBigint || type == TypeId::kBoolean || type == TypeId::kDate ||
         type == TypeId::kTimestamp;
}

// How the blocks of a view's events are laid out.
struct BlockLayout {
  std::vector<TypeId> slot_types;
  std::vector<uint8_t> only_counted;  // by slot
  std::vector<size_t> column_of;      // of each slot with a fixed width that is kept: its column
  size_t columns = 1;                 // of fixed width; the first is event_time
  uint32_t rows = 0;                  // of a block, a power of two

  // So that a block takes about 200 kB: there is a half-empty one for each thread and partition. Where several
  // groups are scanned together they share that.
  BlockLayout(std::vector<TypeId> types, std::vector<uint8_t> counted, size_t groups)
      : slot_types(std::move(types)), only_counted(std::move(counted)) {
    for (size_t slot = 0; slot < slot_types.size(); ++slot) column_of.push_back(IsFixed(slot) ? columns++ : 0);
    const size_t block_bytes = 200'000 / std::min<size_t>(groups, 8);
    constexpr size_t kMinRows = 64;
    rows = static_cast<uint32_t>(std::bit_floor(std::max(block_bytes / RowBytes(), kMinRows)));
  }
  bool IsFixed(size_t slot) const { return only_counted[slot] == 0 && HasFixedWidth(slot_types[slot]); }
  bool IsVarying(size_t slot) const { return only_counted[slot] == 0 && !HasFixedWidth(slot_types[slot]); }
  size_t RowBytes() const { return columns * sizeof(int64_t) + sizeof(uint32_t); }
  size_t Bytes() const { return rows * RowBytes(); }
};

class EventBlock {
 public:
  // `memory`: layout.Bytes() bytes. Both must outlive the block.
  EventBlock(const BlockLayout& layout, std::byte* memory) : rows_(layout.rows), validity_(layout.slot_types.size()) {
    for (size_t slot = 0; slot < layout.slot_types.size(); ++slot)
      varying_.emplace_back(layout.IsVarying(slot) ? layout.slot_types[slot] : TypeId::kBigint);
    SetMemory(layout, memory);
  }

  // Writes a block whose rows are all there; it holds nothing then. Gives its memory back.
  StatusOr<std::byte*> Spill(const BlockLayout& layout, SpillFile* file);
  bool is_spilled() const { return values_ == nullptr; }
  // Reads it back into `memory`, as much as it was made with.
  Status ReadBack(const BlockLayout& layout, const SpillFile& file, std::byte* memory);

  uint32_t* keys() { return keys_; }  // the key's place in the partition
  const uint32_t* keys() const { return keys_; }
  int64_t* event_time() { return FixedColumn(0); }
  const int64_t* event_time() const { return FixedColumn(0); }
  template <typename T>  // int64_t or double
  const T* column(size_t i) const {
    return reinterpret_cast<const T*>(FixedColumn(i));
  }
  Column& varying(size_t slot) { return varying_[slot]; }
  const Column& varying(size_t slot) const { return varying_[slot]; }

  // Empty until asked for; then of all rows, the ones there given what an empty one means.
  std::vector<int64_t>& WritableAvailableAt() {
    if (available_at_.empty()) available_at_.assign(event_time(), event_time() + rows_);
    return available_at_;
  }
  std::vector<int64_t>& WritableRetractedAt() {
    if (retracted_at_.empty()) retracted_at_.assign(rows_, kMaxTimestampUs);
    return retracted_at_;
  }
  std::vector<uint8_t>& WritableValidity(size_t slot) {
    if (validity_[slot].empty()) validity_[slot].assign(rows_, 1);
    return validity_[slot];
  }
  const std::vector<int64_t>& available_at() const { return available_at_; }           // empty: the event time
  const std::vector<int64_t>& retracted_at() const { return retracted_at_; }           // empty: never
  const std::vector<uint8_t>& validity(size_t slot) const { return validity_[slot]; }  // empty: none is null

 private:
  int64_t* FixedColumn(size_t i) const { return values_ + i * rows_; }
  void SetMemory(const BlockLayout& layout, std::byte* memory) {
    values_ = reinterpret_cast<int64_t*>(memory);
    keys_ = reinterpret_cast<uint32_t*>(values_ + rows_ * layout.columns);
  }

  const size_t rows_;
  int64_t* values_ = nullptr;
  uint32_t* keys_ = nullptr;
  SpillFile::Extent fixed_, rest_;  // where they are in the spill file
  std::vector<Column> varying_;     // by slot; of others than varying ones an empty one
  std::vector<int64_t> available_at_;
  std::vector<int64_t> retracted_at_;
  std::vector<std::vector<uint8_t>> validity_;  // by slot
};

}  // namespace headrace
