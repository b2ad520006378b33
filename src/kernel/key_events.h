// The online state of one key of one view: its events in the order, answered at any instant.
//
// Events mostly arrive in the order and are appended; a late one is put in its place. A read finds the window's ends by
// binary search and folds what lies between: the events of a small key one by one, those of a large key as tiles
// (kernel/tiles/event_tiles.h), with events only at the two edges, so that it costs O(log n + edges). Tiles are made
// and changed with the events, never by a read. Not thread-safe to change; any number of threads may read.
#pragma once

#include <memory>
#include <vector>

#include "kernel/aggregate.h"
#include "kernel/events.h"
#include "kernel/tiles/event_tiles.h"
#include "kernel/tiles/read_plan.h"

namespace headrace {

class KeyEvents {
 public:
  // The plan must outlive it.
  explicit KeyEvents(const ReadPlan& plan) : plan_(&plan), rows_(plan.program()) {}

  // An event that is there already, by its time and ingestion number, is left as it is.
  void Insert(const EventRows& events, size_t row);
  // Asks the processor for the memory where an event would be appended.
  void PrefetchEnd() const { rows_.PrefetchEnd(); }

  // Appends one row to the cells: the view's aggregates (or latest values) at `t`.
  void Read(TimestampUs t, FeatureCells* cells) const;
  // The rows that a read at `t` uses, of one window.
  std::vector<uint32_t> SourceRows(TimestampUs t, size_t window) const;

  // How many of the first rows no read at `horizon` or later can see.
  size_t RowsUnseenFrom(TimestampUs horizon) const;
  // Forgets those.
  void Forget(TimestampUs horizon);

  const EventRows& rows() const { return rows_; }
  void Restore(EventRows rows);  // in any order; of one that is there twice only the first is kept
  size_t size() const { return rows_.size(); }

 private:
  struct Range {
    size_t begin = 0;
    size_t end = 0;
  };
  const ViewProgram& program() const { return plan_->program(); }
  Range WindowRange(const Window& window, TimestampUs t) const;
  void FindPieces(const Window& window, TimestampUs t, Pieces* pieces) const;
  std::optional<size_t> LatestRow(TimestampUs t) const;
  void ReadLatest(TimestampUs t, FeatureCells* cells) const;

  // Fewer rows than a block or two are folded as they are.
  void MakeTilesIfLarge();

  const ReadPlan* plan_;
  EventRows rows_;
  VisibilityLogic::Tile visibility_;  // of all rows, and of some that are forgotten
  std::unique_ptr<EventTiles> tiles_;
};

// One row of the empty set: counts 0, the rest null. What a key without events, or with a null part, sees.
void AppendEmptyCells(const ReadPlan& plan, FeatureCells* cells);
void AppendEmptyCells(const ViewProgram& program, FeatureCells* cells);

}  // namespace headrace
