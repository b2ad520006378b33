// The events that a join needs of one view, held by partition of their key until each partition is swept.
//
//   Lane::Add --(batches, on many threads)--> key numbers --> blocks of each partition --TakeSorted--> by key, then the
//   order
//
// Memory: 12 bytes an event and 8 per slot. What most histories do not need is left out of a block: availability where
// it equals the event time, retraction where there is none, validity where no value is null. Ingestion order is not
// kept at all: a lane marks where a stretch of consecutive rows begins, and put in a row the stretches are that order.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "base/pages.h"
#include "features/offline/label_keys.h"
#include "kernel/events.h"

namespace headrace {

class EventBlock;
struct BlockLayout;

// Events of a partition, sorted; those of its i-th key are rows [first_of_key[i], first_of_key[i + 1]). The keys' own
// columns are not kept, nor what KeySweep::Run does not need; `ingest`, where it is there, is the row's own number.
struct SortedEvents {
  EventRows events;
  std::vector<size_t> first_of_key;
};

class EventPartitions {
 public:
  static constexpr size_t kPartitions = 64;

  // `keys` must outlive it. Key number k lies in partition k % kPartitions, as its k / kPartitions-th.
  EventPartitions(const ViewProgram& program, const LabelKeys& keys);
  ~EventPartitions();

  // One thread's way in.
  class Lane {
   public:
    explicit Lane(EventPartitions& partitions);
    ~Lane();

    // Adds the events of a batch of rows whose ingestion numbers are first_ingest ... last_ingest, in ascending order;
    // no other batch of any lane may have rows between the two. Events of keys that no label row has are dropped.
    Status Add(const EventBatch& events, int64_t first_ingest, int64_t last_ingest);

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
    void FindPlaces(const EventBatch& events);
    void WriteFixed(std::span<const int64_t> values, size_t column);
    void WriteSlot(const Column& values, size_t slot);
    void WriteLateness(const EventBatch& events);
    void WriteRetractions(const EventBatch& events);

    EventPartitions& partitions_;
    std::vector<Part> parts_;  // by partition
    std::vector<Stretch> stretches_;
    bool any_late_ = false;  // by now
    std::vector<uint32_t> numbers_;
    // Of the batch at hand: the rows that are kept, and the block and the row there where each goes.
    struct Place {
      EventBlock* block;
      uint32_t row;
    };
    size_t num_kept_ = 0;
    std::vector<uint32_t> kept_;
    std::vector<Place> places_;
    std::vector<int64_t*> cells_;  // of each place: where its event_time is
  };

  // Thread-safe. The lane lives as long as the partitions.
  Lane* AddLane();

  static size_t NumKeys(const LabelKeys& keys, size_t partition) {
    return keys.size() <= partition ? 0 : (keys.size() - partition - 1) / kPartitions + 1;
  }

  // Gives a partition's events away, after the last Add. Different partitions may be taken by different threads.
  StatusOr<SortedEvents> TakeSorted(size_t partition);

 private:
  // Rows [begin, end) of a block.
  struct Piece {
    int64_t first_ingest, last_ingest;  // of its stretch
    const EventBlock* block;
    uint32_t begin, end;
  };
  // The memory of a partition's blocks. One by one at first, then several in a huge page.
  struct BlockMemory {
    std::mutex mutex;
    std::vector<Pages> pages;
    size_t blocks = 0;
    size_t used_bytes = 0;  // of the last pages
  };
  std::byte* NewBlock(size_t partition);
  StatusOr<std::vector<Piece>> PiecesInOrder(size_t partition) const;
  void Gather(const std::vector<Piece>& pieces, std::span<const uint32_t> place, EventRows* events) const;
  void SortWithinKeys(const std::vector<uint8_t>& is_unsorted, SortedEvents* sorted) const;

  const LabelKeys& keys_;
  const bool needs_order_;
  const std::unique_ptr<const BlockLayout> layout_;
  std::array<BlockMemory, kPartitions> memory_;
  std::mutex mutex_;  // of lanes_
  std::vector<std::unique_ptr<Lane>> lanes_;
};

}  // namespace headrace
