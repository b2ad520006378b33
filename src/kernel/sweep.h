// Offline: the features of many instants of one key in one pass over its events.
//
// First, per window, which range of events each instant sees (kernel/window_rows.h); then, aggregate by aggregate, the
// values of all ranges of all windows (kernel/range_aggregates.h). Cost: O(events + instants) times small logarithms,
// whatever the windows' lengths; the windows of a view share the index of its events.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "kernel/range_aggregates.h"
#include "kernel/window_rows.h"

namespace headrace {

class KeySweep {
 public:
  explicit KeySweep(const ViewProgram& program);

  // Whether an aggregate of the view looks at available_at and ingest.
  static bool NeedsOrder(const ViewProgram& program);

  // One key's events and the instants that ask, which ascend. Events: rows [begin, end) of `rows`, in the order. With
  // `ignore_availability` every event counts as known when it happens (the leak meter). An empty available_at means the
  // event time, an empty retracted_at never; where NeedsOrder(), neither available_at nor ingest may be empty.
  struct Key {
    const EventsView& rows;
    size_t begin, end;
    std::span<const TimestampUs> times;
    bool ignore_availability = false;
  };

  // Appends one row of cells per instant.
  void Run(const Key& key, FeatureCells* cells);

  // The same in steps, so that the work on one large key can be shared: Locate, then every part once, in any order and
  // on any thread. Part `i` appends to columns of its own, and returns how many cells rule 17 made null.
  void Locate(const Key& key);
  size_t num_parts() const { return program_.is_latest_value() ? 1 : aggregators_.size(); }
  int64_t RunPart(size_t i, const Key& key, FeatureCells* cells);

  // Of a latest-value view, in place of cells: appends the row of `key.rows` that each instant sees, or kNoRow.
  static constexpr uint32_t kNoRow = 0xFFFFFFFF;
  void FindLatest(const Key& key, std::vector<uint32_t>* rows);

 private:
  void AppendLatest(const Key& key, FeatureCells* cells);
  void SelectLatest(const Key& key, std::vector<uint32_t>* rows) const;

  const ViewProgram& program_;
  std::vector<std::unique_ptr<RangeAggregator>> aggregators_;  // one per aggregate
  Visibility visibility_;
  std::vector<WindowRows> rows_;  // one per window; of a latest-value view: one
  std::vector<uint32_t> latest_;
};

}  // namespace headrace
