// Which events of one key each of many instants sees.
//
// Events lie in the order. A *main* event becomes known no later than every main event after it, so at any instant the
// visible main events are a prefix, and those inside a window are one range of positions. The others are *stragglers*:
// late ones whose successors are known before them, and rows that are retracted. They come and go one by one.
//
//   position    0   1   2   3   4   5   6          window at t: main events of [2, 6), and straggler 3
//   known at    0   1   2   9*  4   5   6          while 9 <= t
//
// On a stream that is in order, or late by a constant, there is no straggler.
#pragma once

#include <cstdint>
#include <set>
#include <span>
#include <vector>

#include "kernel/events.h"

namespace headrace {

// Positions [begin, end) of a key's events; both ends grow from query to query.
struct PositionRange {
  uint32_t begin = 0;
  uint32_t end = 0;
};

// A straggler enters or leaves a window before `query` is answered.
struct StragglerChange {
  uint32_t query = 0;
  uint32_t position = 0;
  bool enters = false;
};

// What the queries of a window see: the main events of ranges[query], and the stragglers that are inside by then.
struct WindowRows {
  std::vector<PositionRange> ranges;
  std::vector<StragglerChange> changes;  // by query
};

class Visibility {
 public:
  // Rows [begin, end) of `events`, all of one key, in the order. With `ignore_availability` every event counts as
  // known when it happens. An empty available_at means the event time, an empty retracted_at never.
  void Reset(const EventsView& events, size_t begin, size_t end, bool ignore_availability);

  // One byte per position, 1 for a straggler; empty when there is none.
  std::span<const uint8_t> is_straggler() const { return is_straggler_; }

  // For ascending `times`: rows[i] of windows[i]. Without windows it is a latest-value view that asks: rows[0] then has
  // no left end and includes the instant.
  void FindRows(std::span<const Window> windows, std::span<const TimestampUs> times, std::span<WindowRows> rows) const;

 private:
  TimestampUs RetractedAt(size_t position) const {
    return retracted_at_.empty() ? EventRows::kNeverRetracted : retracted_at_[position];
  }
  void FindEnds(const Window* window, std::span<const TimestampUs> times, WindowRows* rows) const;
  void FindBegins(const Window& window, std::span<const TimestampUs> times, WindowRows* rows) const;
  void KeepLast(size_t count, WindowRows* rows) const;
  std::vector<uint32_t> LastOf(PositionRange range, const std::set<uint32_t>& stragglers, size_t count) const;
  void FindChanges(const Window* window, std::span<const TimestampUs> times, WindowRows* rows) const;

  std::span<const TimestampUs> event_time_;
  std::span<const TimestampUs> available_at_;
  std::span<const TimestampUs> retracted_at_;
  bool ignore_availability_ = false;
  bool all_on_time_ = false;  // every main event is known when it happens
  std::vector<uint8_t> is_straggler_;
  std::vector<uint32_t> stragglers_;
};

}  // namespace headrace
