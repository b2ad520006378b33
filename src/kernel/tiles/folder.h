// One fold of a view's reads: aggregates that are answered by one pass over what a window holds.
//
// Immutable and shared by all keys of a view; what it keeps of a key are tiles (tile_column.h).
#pragma once

#include <memory>
#include <span>

#include "kernel/aggregate.h"
#include "kernel/tiles/event_tiles.h"

namespace headrace {

// What a window holds at `t`: the pieces, in the order. A tile piece is one of `column`.
struct FoldInput {
  const EventRows& rows;
  std::span<const Piece> pieces;
  const EventTiles* tiles = nullptr;   // nullptr: there are only rows
  const TileColumn* column = nullptr;  // this fold's; nullptr where it has none
  TimestampUs t = 0;
};

class Folder {
 public:
  virtual ~Folder() = default;

  // nullptr: it looks at every event of a window.
  virtual std::unique_ptr<TileColumn> MakeTiles() const = 0;

  // Appends the value of each of the fold's aggregates to its column: out[i] is that of the view's aggregate `i`.
  // Returns how many rule 17 made null.
  virtual int64_t Append(const FoldInput& input, std::span<Column> out) const = 0;
};

// An aggregate of a view, and where its values go.
struct FoldedCall {
  AggregateCall call;
  size_t output = 0;
};

// The folds of a view's aggregates. Kinds and what a tile of them is:
//
//   count                          a number
//   sum, avg                       of bigints the sum in 128 bits; of doubles the same in fixed point at a scale of the
//                                  tile's own, or an ExactSum where it does not fit. Both, and the count, share a fold
//                                  where argument and filter are the same
//   min, max                       the extreme as a number, or as the state has it (texts, decimals)
//   count(distinct)                the different values up to the exact limit, then 4 KB of HyperLogLog
//   quantile_*, median, mad        the values up to the exact limit, then buckets: some hundreds of numbers
//   var_* and its kin, bool_*,     the state, merged
//     bit_*, sum_by and its kin
//   mode, top_k, entropy,          the state, merged: all different values with their counts, so that a read costs as
//     count_by and their kin       much as there are different values
//   first, last, nth_last, their   how many events contribute: the events that matter are looked for from the end
//     lists, rate, seconds_since_*
//   arg_min, arg_max               the extreme; the event that has it is then looked for
//   drawdown                       peak, least value and fall; of neighbours the former's peak less the latter's least
//   count_days, sessions,          the first and last instant, and the number or gap between them
//     longest_gap
//   product, ew_avg                none: they are rounded at every event, so that a read looks at all of the window
std::vector<std::unique_ptr<Folder>> MakeFolders(const ViewProgram& program);

}  // namespace headrace
