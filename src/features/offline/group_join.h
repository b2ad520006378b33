// The join of views of the same events: events in, by any number of threads; then partition by partition the features.
// For point_in_time_join.cc only.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <utility>
#include <vector>

#include "features/offline/event_partitions.h"
#include "features/offline/feature_rows.h"
#include "features/offline/label_keys.h"
#include "kernel/event_group.h"
#include "kernel/sweep.h"

namespace headrace {

class GroupJoin {
 public:
  // `features`: of each member of the group. `groups` are scanned together, this one among them. All must outlive it.
  GroupJoin(const EventGroup& group, const LabelKeys& keys, std::vector<FeatureRows*> features, size_t groups,
            bool leak_meter, MemoryBudget* budget, SpillFile* spill)
      : group_(group),
        keys_(keys),
        features_(std::move(features)),
        leak_meter_(leak_meter),
        partitions_(group, keys, groups, budget, spill) {}

  const EventGroup& group() const { return group_; }
  const LabelKeys& keys() const { return keys_; }
  EventPartitions::Lane* AddLane() { return partitions_.AddLane(); }

  // Once all events are there.
  size_t EventsOf(size_t partition) const { return partitions_.RowsOf(partition); }
  // Each partition once, different ones by any threads; `threads` share the work on this one.
  Status SweepPartition(size_t partition, int threads);
  // The rows without a key.
  Status WriteWithoutKey();

  int64_t leaking_cells() const { return leaking_cells_; }
  int64_t overflows() const { return overflows_; }

 private:
  // What a thread works with, to be used again for its next partition.
  struct Workplace {
    SortedEvents sorted;
    std::vector<std::unique_ptr<KeySweep>> sweeps;  // one per member
  };
  // A key with an event that was late, and where its rows are in its partition's.
  struct LateKey {
    size_t begin, end;
    size_t key;
    size_t first_row;
  };

  // What some keys' instants see: of a latest-value view the rows, else the cells.
  struct Answers {
    FeatureCells cells;
    std::vector<uint32_t> latest;
    Answers(const ViewProgram& program, size_t rows);  // with room for them
  };

  std::unique_ptr<Workplace> TakeWorkplace();
  Status SweepKeys(size_t partition, int threads, size_t member, Workplace* workplace);
  Status SweepKey(const KeySweep::Key& key, int threads, KeySweep* sweep, Answers* answers);
  StatusOr<std::vector<Column>> Finish(const EventGroup::Member& member, const SortedEvents& sorted,
                                       Answers answers) const;
  Status MeasureLeaks(const EventGroup::Member& member, const SortedEvents& sorted, const std::vector<LateKey>& late,
                      const std::vector<Column>& features);

  const EventGroup& group_;
  const LabelKeys& keys_;
  const std::vector<FeatureRows*> features_;
  const bool leak_meter_;
  EventPartitions partitions_;
  std::mutex mutex_;  // of idle_
  std::vector<std::unique_ptr<Workplace>> idle_;
  std::atomic<int64_t> leaking_cells_ = 0;
  std::atomic<int64_t> overflows_ = 0;
};

}  // namespace headrace
