// Offline: the features of many instants of one key in one pass over its events.
//
// Events lie in the order, instants ascending. For each window an event is held from the instant it is both inside
// the window and visible, to the instant it leaves either:
//
//   event_time + offset < t  and  available_at <= t         -> enters   (two pointers, and a heap of late ones)
//   event_time + offset + length < t  or  retracted_at <= t -> leaves   (a pointer, and a heap of retracted ones)
//
// Sums and counts are added to and subtracted from; min, max and the latest row come from a tournament over the
// positions of the key's events. Cost: O((events + instants) log events), whatever the window's length.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "kernel/aggregate.h"
#include "kernel/events.h"

namespace headrace {

class KeySweep {
 public:
  explicit KeySweep(const ViewProgram& program);
  ~KeySweep();

  // Appends one row of cells per instant. Events: rows [begin, end) of `events`, all of one key, in the order.
  // With `ignore_availability` every event counts as known at once (the leak meter).
  void Run(const EventRows& events, size_t begin, size_t end, std::span<const TimestampUs> times, bool ignore_availability,
           FeatureCells* cells);

 private:
  class WindowSweep;
  const ViewProgram& program_;
  std::vector<std::unique_ptr<WindowSweep>> windows_;  // of a latest-value view: one
};

}  // namespace headrace
