// The online state of one key: the events that a group of views reads, in the order, answered at any instant.
//
// Events mostly arrive in the order and are appended; a late one is put in its place. A read finds the windows' ends by
// binary search and folds what lies between: the events of a small key one by one, those of a large key as tiles
// (kernel/tiles/event_tiles.h), with events only at the two edges, so that it costs O(log n + edges). Nested windows
// are folded once, each from where the shorter one stopped. Tiles are made and changed with the events, never by a
// read. Not thread-safe to change; any number of threads may read.
#pragma once

#include <memory>
#include <vector>

#include "kernel/events.h"
#include "kernel/packed_events.h"
#include "kernel/tiles/event_tiles.h"
#include "kernel/tiles/group_read.h"

namespace headrace {

class KeyEvents {
 public:
  // The plan must outlive it.
  explicit KeyEvents(const ReadPlan& plan) : plan_(&plan), rows_(plan.slots()) {}

  // An event that is there already, by its time and ingestion number, is left as it is. `events` has the plan's slots.
  void Insert(const EventsView& events, size_t row);
  // Asks the processor for the memory where an event would be appended.
  void PrefetchEnd() const { rows_.PrefetchEnd(); }
  // Asks it for what a read looks at.
  void PrefetchRead() const { rows_.PrefetchFew(); }

  // Sets what `read`, of the plan, wants at `t`: its cells count from `begin`. Of latest-value views without an event
  // the cells stay as they are. Returns how many rule 17 made null.
  int64_t Read(const GroupRead& read, TimestampUs t, Cells* out, size_t begin = 0) const;
  // The rows that a read at `t` uses, of one window.
  std::vector<uint32_t> SourceRows(const ViewProgram& program, TimestampUs t, size_t window) const;

  // How many of the first rows no read of the view at `horizon` or later can see.
  size_t RowsUnseenFrom(const ViewProgram& program, TimestampUs horizon) const;
  // Forgets those that none of the plan's views can see.
  void Forget(TimestampUs horizon);
  // At no earlier horizon is there anything to forget of what is there now; kMaxTimestampUs: at none at all.
  TimestampUs ForgetsFrom() const;

  const PackedEvents& rows() const { return rows_; }
  void Restore(const EventRows& rows);  // in any order; of one that is there twice only the first is kept
  size_t size() const { return rows_.size(); }
  size_t HeapBytes() const { return rows_.HeapBytes(); }  // about, without tiles

 private:
  size_t FirstAtOrAfter(TimestampUs instant) const;
  size_t FindBegin(const Window& window, const EventsView& events, size_t end, TimestampUs t) const;
  void FindPieces(const EventsView& events, size_t begin, size_t end, TimestampUs t, Pieces* pieces) const;
  std::optional<size_t> LatestRow(const ViewProgram& program, TimestampUs t) const;
  using PieceCounts = absl::InlinedVector<size_t, 8>;
  void FindWindows(const GroupRead::Chain& chain, const EventsView& events, TimestampUs t, Pieces* pieces,
                   PieceCounts* counts) const;
  void ReadLatest(const GroupRead::Latest& latest, TimestampUs t, Cells* out, size_t begin) const;
  size_t BeginOfLastHeld(size_t end, int64_t count, TimestampUs horizon) const;
  size_t RowsUnseenFrom(const Window& window, TimestampUs horizon) const;
  TimestampUs ForgetsFrom(std::optional<DurationUs> reach, std::optional<TimestampUs> hidden_from) const;

  // Fewer rows than a block or two are folded as they are.
  void MakeTilesIfLarge();

  const ReadPlan* plan_;
  PackedEvents rows_;
  VisibilityLogic::Tile visibility_;  // of all rows, and of some that are forgotten
  std::unique_ptr<EventTiles> tiles_;
};

// One row of the empty set: counts 0, the rest null. What a key without events, or with a null part, sees.
void AppendEmptyCells(const ViewProgram& program, FeatureCells* cells);

}  // namespace headrace
