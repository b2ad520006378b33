// The events of one key, in the order, in as little memory as they need: a key with three events of one slot takes 160
// bytes, where vectors took 900, and an append touches two or three lines of the processor's cache.
//
// All columns lie in one piece of memory of 8-byte words, each with room for `capacity` rows:
//
//   event_time | available_at | ingest | slot 0 | slot 1 | ... | retracted_at, if any is | validity bytes, if any is
//   null
//
// A text's word says where it begins among the key's texts: a u32 with its length, then its bytes. Texts of rows that
// are gone stay until they are half of all. Not thread-safe to change; any number of threads may read.
#pragma once

#include <cstdlib>
#include <memory>
#include <string>
#include <tuple>
#include <vector>

#include "kernel/events.h"

namespace headrace {

class PackedEvents {
 public:
  using SlotTypes = std::vector<TypeId>;

  // The types must outlive it.
  explicit PackedEvents(const SlotTypes& slots) : slots_(&slots) {}

  size_t size() const { return size_; }
  EventsView view() const;
  std::span<const TimestampUs> event_time() const { return {block_.get(), size_}; }
  // A row's place in the order: event_time, available_at, ingest.
  using Place = std::tuple<TimestampUs, TimestampUs, int64_t>;
  int64_t IngestOf(size_t row) const { return Words(kIngest)[row]; }
  Place PlaceOf(size_t row) const { return {Words(kEventTime)[row], Words(kAvailableAt)[row], Words(kIngest)[row]}; }

  void Reserve(size_t rows);
  // Puts row `row` of `events`, whose slots have these types, before row `position`.
  void Insert(size_t position, const EventsView& events, size_t row);
  void EraseFront(size_t rows);
  // Asks the processor for the memory where an event would be appended.
  void PrefetchEnd() const;
  // Asks it for the event times and the slots, where they are few.
  void PrefetchFew() const;

  // All of it, with columns of their own.
  EventRows Rows() const;
  EventRows Take(std::span<const uint32_t> rows) const;

  size_t HeapBytes() const;  // about, beside the object itself

 private:
  static constexpr size_t kEventTime = 0;
  static constexpr size_t kAvailableAt = 1;
  static constexpr size_t kIngest = 2;
  static constexpr size_t kFirstSlot = 3;

  struct Free {
    void operator()(int64_t* words) const { std::free(words); }
  };
  using Block = std::unique_ptr<int64_t, Free>;
  // Which columns that are mostly of one value there are.
  struct Form {
    uint32_t capacity = 0;
    bool has_retracted = false;
    bool has_nulls = false;
  };

  size_t RetractedAt() const { return kFirstSlot + slots_->size(); }
  int64_t* Words(size_t column) const { return block_.get() + column * form_.capacity; }
  uint8_t* Validity(size_t slot) const;
  size_t BytesOf(const Form& form) const;
  void Reshape(const Form& form);
  void MakeRoom(size_t position, bool retracted, bool null);
  uint64_t AddText(std::string_view text);
  void CompactTexts();

  const SlotTypes* slots_;
  Block block_;
  std::unique_ptr<std::string> texts_;  // nullptr: none yet
  uint32_t size_ = 0;
  Form form_;
};

}  // namespace headrace
