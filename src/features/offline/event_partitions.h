// The events that a join needs for views of the same events, held by partition of their key until each partition is
// swept.
//
//   Lane::Add --(batches, on many threads)--> key numbers --> blocks of each partition --TakeSorted--> by key, then the
//   order
//
// Memory: 12 bytes an event and 8 per slot, of a slot that is only counted none. What most histories do not need is
// left out of a block: availability where it equals the event time, retraction where there is none, validity where no
// value is null. Ingestion order is not kept at all: a lane marks where a stretch of consecutive rows begins, and put
// in a row the stretches are that order. Of a latest-value view most events are seen by no label row, as the key's next
// event came before the next row asked; such an event is overwritten by the next one, where a look at the key's state
// of one thread proves it. Past the budget a block is put into the spill file once it is full, and its memory is the
// partition's next block.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "base/pages.h"
#include "features/offline/label_keys.h"
#include "features/offline/spill.h"
#include "kernel/event_group.h"
#include "kernel/events.h"

namespace headrace {

class EventBlock;
struct BlockLayout;

// Events of a partition, sorted; those of its i-th key are rows [first_of_key[i], first_of_key[i + 1]). The keys' own
// columns are not kept, nor what KeySweep does not need (of a slot that is only counted the values); `ingest`, where it
// is there, is the row's own number. Of a latest-value view the slots are left where they are (SlotsAt): of most events
// nobody asks for them.
struct SortedEvents {
  EventRows events;
  std::vector<size_t> first_of_key;

  // For EventPartitions alone.
  std::vector<uint32_t> place;   // where the rows went, as they came
  std::vector<uint32_t> origin;  // the reverse, of a latest-value view
  // Rows [begin, end) of a block.
  struct Piece {
    int64_t first_ingest, last_ingest;  // of its stretch
    const EventBlock* block;
    uint32_t begin, end;
    size_t first_row;  // of all pieces, one after the other
  };
  std::vector<Piece> pieces;
};

class EventPartitions {
 public:
  static constexpr size_t kPartitions = LabelKeys::kPartitions;

  // `groups` are scanned together, `group` among them. The keys, the budget and the file must outlive it.
  EventPartitions(const EventGroup& group, const LabelKeys& keys, size_t groups, MemoryBudget* budget,
                  SpillFile* spill);
  ~EventPartitions();

  // One thread's way in.
  class Lane {
   public:
    explicit Lane(EventPartitions& partitions);
    ~Lane();

    // Adds the events of a batch of rows whose ingestion numbers are first_ingest ... last_ingest, in ascending order;
    // no other batch of any lane may have rows between the two. `keys`: the number of each event's key; those without
    // one are dropped.
    Status Add(const EventBatch& events, std::span<const uint32_t> keys, int64_t first_ingest, int64_t last_ingest);

   private:
    friend class EventPartitions;
    // From row `first_row` of the lane's part of a partition on, rows belong to stretch `stretch`.
    struct Mark {
      size_t stretch;
      size_t first_row;
    };
    struct Part {
      std::vector<std::unique_ptr<EventBlock>> blocks;  // all but the last one full
      size_t rows = 0;
      std::vector<Mark> marks;
    };
    struct Stretch {
      int64_t first_ingest, last_ingest;
    };

    void BeginStretch(int64_t first_ingest);
    // Where an event is to be written.
    struct Place {
      EventBlock* block;
      uint32_t row;
    };
    // The last event of a key that was seen, if it is known when it happens and stays.
    struct LastEvent {
      Place place = {};
      size_t stretch = 0;  // how many there were
      TimestampUs event_time = 0;
      TimestampUs next_asked = 0;  // the first instant of a label row of the key that is not before it
    };

    void FindPlaces(std::span<const uint32_t> keys, const EventBatch& events);
    Place NextPlace(uint32_t key);
    Place PlaceOfLatest(uint32_t key, const EventBatch& events, size_t row);
    void BeginBlock(size_t partition);
    Status SpillFullBlocks();
    void WriteFixed(std::span<const int64_t> values, size_t column);
    void WriteSlot(const Column& values, size_t slot);
    void WriteLateness(const EventBatch& events);
    void WriteRetractions(const EventBatch& events);

    EventPartitions& partitions_;
    std::vector<Part> parts_;  // by partition
    std::vector<Stretch> stretches_;
    bool any_late_ = false;               // by now
    std::vector<uint8_t> any_null_;       // likewise, by slot
    std::vector<LastEvent> last_of_key_;  // empty: none is overwritten
    struct FullBlock {
      size_t partition;
      EventBlock* block;
    };
    std::vector<FullBlock> to_spill_;
    // Of the batch at hand: the rows that are kept, and the block and the row there where each goes.
    size_t num_kept_ = 0;
    std::vector<uint32_t> kept_;
    std::vector<Place> places_;
    std::vector<int64_t*> cells_;  // of each place: where its event_time is
  };

  // Thread-safe. The lane lives as long as the partitions.
  Lane* AddLane();

  size_t RowsOf(size_t partition) const;

  // Gives a partition's events away, after the last Add: `num_keys` keys are in it. Different partitions may be taken
  // by different threads; `threads` share the work on this one. `sorted` may hold another partition's before.
  Status TakeSorted(size_t partition, size_t num_keys, int threads, SortedEvents* sorted);

  // Of latest-value views: `slots` of the events' `rows`, nulls for KeySweep::kNoRow.
  std::vector<Column> SlotsAt(const SortedEvents& sorted, std::span<const size_t> slots,
                              std::span<const uint32_t> rows) const;

  // Frees what is left of a partition; `sorted` is of no use then.
  void Free(size_t partition);

 private:
  using Piece = SortedEvents::Piece;
  // The memory of a partition's blocks. One by one at first, then several in a huge page.
  struct BlockMemory {
    std::mutex mutex;
    std::vector<Pages> pages;
    size_t blocks = 0;
    size_t used_bytes = 0;         // of the last pages
    size_t taken_bytes = 0;        // of the budget
    std::vector<std::byte*> free;  // of blocks that are in the spill file
  };
  std::byte* NewBlock(size_t partition);
  Status ReadBack(size_t partition);
  StatusOr<std::vector<Piece>> PiecesInOrder(size_t partition) const;
  Status Gather(const std::vector<Piece>& pieces, std::span<const uint32_t> place, int threads,
                EventRows* events) const;
  void SortWithinKeys(const std::vector<uint8_t>& is_unsorted, SortedEvents* sorted) const;

  const LabelKeys& keys_;
  const bool needs_order_;
  const bool leaves_slots_;
  MemoryBudget* const budget_;
  SpillFile* const spill_;
  const std::unique_ptr<const BlockLayout> layout_;
  std::array<BlockMemory, kPartitions> memory_;
  std::mutex mutex_;  // of lanes_
  std::vector<std::unique_ptr<Lane>> lanes_;
};

}  // namespace headrace
