// Offline: one aggregate over many ranges of one key's events.
//
// What can be asked for any range is indexed once per key, whatever the number of windows:
//
//   count, sum, avg    prefix sums, exact in 128-bit fixed point: a range is one subtraction
//   min, max           minima of blocks, and of 2, 4, 8 ... blocks: a range is two blocks and two edges
//
// All other aggregates, and sums of doubles that do not fit into 128 bits at one scale, slide a state over the ranges:
// each event is added and taken out once per window. Stragglers
// are added to and taken from a total that runs beside.
#pragma once

#include <memory>
#include <set>
#include <span>
#include <vector>

#include "kernel/aggregate.h"
#include "kernel/window_rows.h"

namespace headrace {

class RangeAggregator {
 public:
  virtual ~RangeAggregator() = default;

  // Rows [begin, end) of `events`, one key's in the order; `is_straggler` as Visibility has it. Both must stay until
  // the last Append.
  virtual void Load(const EventsView& events, size_t begin, size_t end, std::span<const uint8_t> is_straggler) = 0;

  // Appends one cell per query of the window, at `times`; returns how many rule 17 made null.
  virtual int64_t Append(const WindowRows& window, std::span<const TimestampUs> times, Column* out) = 0;
};

// Whether a state slides over the events themselves, and may look at their order.
bool SlidesOverEvents(const AggregateCall& call);

std::unique_ptr<RangeAggregator> MakeRangeAggregator(const AggregateCall& call);

}  // namespace headrace
