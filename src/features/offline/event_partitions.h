// The events that a join needs of one view, held by partition of their key until each partition is swept.
//
//   Add --(batches of 64k rows)--> key numbers --> chunks of each partition --TakeSorted--> by key, then the order
//
// A chunk leaves out what most histories do not need: availability where it equals the event time, retraction where
// there is none. About 16 bytes an event and 8 per slot.
#pragma once

#include <cstdint>
#include <vector>

#include "features/offline/label_keys.h"
#include "kernel/events.h"

namespace headrace {

// Events of a partition, sorted; those of its i-th key are rows [first_of_key[i], first_of_key[i + 1]). The keys' own
// columns are not kept.
struct SortedEvents {
  EventRows events;
  std::vector<size_t> first_of_key;
};

class EventPartitions {
 public:
  static constexpr size_t kPartitions = 64;

  // `keys` must outlive it. Key number k lies in partition k % kPartitions, where it is the k / kPartitions-th.
  EventPartitions(const ViewProgram& program, const LabelKeys& keys);

  void Add(const EventRows& events);  // those of keys that no label row has are dropped
  void Finish();                      // after the last Add

  static size_t NumKeys(const LabelKeys& keys, size_t partition) {
    return keys.size() <= partition ? 0 : (keys.size() - partition - 1) / kPartitions + 1;
  }

  // Gives a partition's events away. Different partitions may be taken by different threads.
  SortedEvents TakeSorted(size_t partition);

 private:
  struct Chunk {
    std::vector<uint32_t> key;
    std::vector<TimestampUs> event_time;
    std::vector<TimestampUs> available_at;  // empty: the event time
    std::vector<TimestampUs> retracted_at;  // empty: never
    std::vector<int64_t> ingest;            // empty: ingest_first + ingest_offset
    int64_t ingest_first = 0;
    std::vector<uint32_t> ingest_offset;
    std::vector<Column> slots;
  };

  static Chunk Pack(const EventRows& events, std::span<const uint32_t> numbers, std::span<const uint32_t> rows);
  static EventRows Unpack(const ViewProgram& program, const std::vector<Chunk>& chunks,
                          std::span<const uint32_t> place);
  void Scatter();

  const ViewProgram& program_;
  const LabelKeys& keys_;
  EventRows pending_;
  std::vector<uint32_t> pending_numbers_;
  std::vector<std::vector<Chunk>> chunks_;  // by partition
};

}  // namespace headrace
