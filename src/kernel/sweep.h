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

  // Appends one row of cells per instant, which ascend. Events: rows [begin, end) of `events`, all of one key, in the
  // order. With `ignore_availability` every event counts as known when it happens (the leak meter). An empty
  // available_at means the event time, an empty retracted_at never; where NeedsOrder(), neither available_at nor ingest
  // may be empty.
  void Run(const EventRows& events, size_t begin, size_t end, std::span<const TimestampUs> times,
           bool ignore_availability, FeatureCells* cells);

 private:
  void AppendLatest(const EventRows& events, size_t begin, std::span<const TimestampUs> times, FeatureCells* cells);

  const ViewProgram& program_;
  std::vector<std::unique_ptr<RangeAggregator>> aggregators_;  // one per aggregate
  Visibility visibility_;
  std::vector<WindowRows> rows_;  // one per window; of a latest-value view: one
};

}  // namespace headrace
