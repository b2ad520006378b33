// The online state of one key of one view: its events in the order, answered at any instant.
//
// Events mostly arrive in the order and are appended; a late one is put in its place. A read finds the window's ends
// by binary search and folds what lies between, so it costs O(log n + events in the window). Not thread-safe.
#pragma once

#include <string>
#include <string_view>

#include "kernel/aggregate.h"
#include "kernel/events.h"

namespace headrace {

class KeyEvents {
 public:
  explicit KeyEvents(const ViewProgram& program) : rows_(program) {}

  void Insert(const EventRows& events, size_t row);
  // Asks the processor for the memory where an event would be appended.
  void PrefetchEnd() const { rows_.PrefetchEnd(); }

  // Appends one row to the cells: the view's aggregates (or latest values) at `t`.
  void Read(const ViewProgram& program, TimestampUs t, FeatureCells* cells) const;
  // The rows that a read at `t` uses, of one window.
  std::vector<uint32_t> SourceRows(const ViewProgram& program, TimestampUs t, size_t window) const;

  // Forgets what no read at `horizon` or later can see.
  void Forget(const ViewProgram& program, TimestampUs horizon);

  const EventRows& rows() const { return rows_; }
  void Restore(EventRows rows) { rows_ = std::move(rows); }  // which lie in the order
  size_t size() const { return rows_.size(); }

 private:
  struct Range {
    size_t begin = 0;
    size_t end = 0;
  };
  Range WindowRange(const Window& window, TimestampUs t) const;
  std::optional<size_t> LatestRow(const ViewProgram& program, TimestampUs t) const;

  EventRows rows_;
};

// One row of the empty set: counts 0, the rest null. What a key without events, or with a null part, sees.
void AppendEmptyCells(const ViewProgram& program, FeatureCells* cells);

}  // namespace headrace
