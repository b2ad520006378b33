// The tiles over one key's events: where they begin and end, and which of them a read may use.
//
//   events in the order   [ h h h | b b b b b b | b b b b b b | b b b b b b | b b b b b b | t t ]
//   level 0: blocks                [     0     ] [     1     ] [     2     ] [     3     ]
//   level 1, of `fan_out` blocks   [           0             ] [           1             ]
//   level 2                        [                         0                           ]
//
// Events come to the tail; a tail of a block's length becomes a block, and the tile of a whole number of blocks comes
// to be when its last block does. A late event is added to the block where it belongs and to the tiles above; a block
// that has grown to twice its length is split. What is forgotten at the front takes with it every tile that holds some
// of it; what is left of its block is the head. Head and tail have no tiles.
//
// A tile also has the greatest available_at and the least retracted_at of its events. At an instant that sees them all
// it stands for them; else its children are asked, and at last the events themselves: a tile never hides an event that
// is not known yet.
//
// Not thread-safe to change; any number of threads may read.
#pragma once

#include <memory>
#include <vector>

#include "absl/container/inlined_vector.h"
#include "kernel/events.h"
#include "kernel/tiles/tile_column.h"

namespace headrace {

class ReadPlan;

struct TileSizes {
  size_t block_rows = 256;
  size_t fan_out = 16;
};

// What events are known, and none of them retracted: all of them in [known_at, retracted_at).
struct VisibilityLogic {
  struct Tile {
    TimestampUs known_at = kMinTimestampUs;
    TimestampUs retracted_at = EventRows::kNeverRetracted;

    bool AllVisibleAt(TimestampUs t) const { return known_at <= t && t < retracted_at; }
  };
  static constexpr bool kOrdered = false;

  void AddRows(const EventsView& rows, size_t begin, size_t end, Tile* tile) const;
  void Merge(const Tile& from, Tile* into) const;
};

// A part of what a window holds: events that are all visible, on their own or as a tile.
struct Piece {
  static constexpr size_t kRows = static_cast<size_t>(-1);

  size_t begin = 0;  // rows
  size_t end = 0;
  size_t level = kRows;  // of the tile, if it is one
  size_t index = 0;      // of the tile in its level

  bool is_tile() const { return level != kRows; }
};
using Pieces = absl::InlinedVector<Piece, 8>;

class EventTiles {
 public:
  // Of `rows`, as they are. The plan must outlive it.
  EventTiles(const ReadPlan& plan, const EventsView& rows);

  // The rows have changed: one is new at `position`; or so many are gone from the front.
  void RowInserted(const EventsView& rows, size_t position);
  void RowsErased(const EventsView& rows, size_t count);

  // Of the plan's fold `i`.
  const TileColumn& column(size_t i) const { return *columns_[i]; }

  // Appends the pieces, in the order, that hold exactly the visible ones of rows [begin, end) at `t`.
  void FindPieces(const EventsView& rows, size_t begin, size_t end, TimestampUs t, Pieces* pieces) const;
  // The greatest row from which on [that, end) has `count` rows visible at `t`; `begin` if there are fewer.
  size_t BeginOfLast(const EventsView& rows, size_t begin, size_t end, size_t count, TimestampUs t) const;

  // A tile of a level above 0 has the tiles [first, second) of the level below.
  std::pair<size_t, size_t> ChildrenOf(size_t level, size_t index) const;
  // The rows of a block.
  std::pair<size_t, size_t> RowsOfBlock(size_t index) const { return {starts_[index], starts_[index + 1]}; }

 private:
  size_t num_blocks() const { return starts_.size() - 1; }
  // Blocks have numbers that stay while blocks are forgotten at the front; a tile of a level has those that its number
  // times the level's span begins.
  size_t Span(size_t level) const;
  size_t FirstTile(size_t level) const;  // the number of the first
  size_t NumTiles(size_t level) const;

  void Rebuild(const EventsView& rows);
  void Seal(const EventsView& rows);
  void Grow();
  void FoldChildren(size_t level, size_t index);
  void AddToTiles(const EventsView& rows, size_t block, size_t position);
  void Split(const EventsView& rows, size_t block);
  template <typename Change>
  void ForEachColumn(const Change& change);

  Piece TileFrom(size_t block, size_t last_block, TimestampUs t) const;
  Piece TileTo(size_t first_block, size_t last_block, TimestampUs t) const;
  Piece PieceOf(size_t level, size_t block) const;

  const ReadPlan& plan_;
  size_t first_block_ = 0;      // its number
  std::vector<size_t> starts_;  // the first row of each block, and of the tail
  size_t num_levels_ = 0;       // that have tiles
  TileLevels<VisibilityLogic> visibility_;
  std::vector<std::unique_ptr<TileColumn>> columns_;
};

// Appends, as pieces, the runs of rows of [begin, end) that are visible at `t`.
void AppendVisibleRuns(const EventsView& rows, size_t begin, size_t end, TimestampUs t, Pieces* pieces);
// As EventTiles::BeginOfLast, row by row. `*count` becomes how many are missing.
size_t BeginOfLastRows(const EventsView& rows, size_t begin, size_t end, TimestampUs t, size_t* count);

}  // namespace headrace
