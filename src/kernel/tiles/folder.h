// One fold of reads: aggregates that are answered by one pass over what a window holds.
//
// Immutable and shared by all keys; what it keeps of a key are tiles (tile_column.h).
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "kernel/aggregate.h"
#include "kernel/cells.h"
#include "kernel/tiles/event_tiles.h"

namespace headrace {

// In the place of a cell: it is not wanted.
inline constexpr uint32_t kUnwantedCell = 0xFFFFFFFF;

// Where the values of one window go. `places`: one per aggregate of the fold, counted from cell `begin`.
struct FoldOutput {
  Cells& cells;
  size_t begin = 0;
  std::span<const uint32_t> places;

  bool Wants(size_t aggregate) const { return places[aggregate] != kUnwantedCell; }
  size_t PlaceOf(size_t aggregate) const { return begin + places[aggregate]; }
  // The value of a state, which gives it to a column. Whether rule 17 made it null.
  bool SetResult(size_t aggregate, const AggregateState& state, TypeId type, TimestampUs t) const;
};

// What several windows hold, of which each holds all that the one before it does: as pieces, from the last to the first
// in the order. A tile piece is one of `column`.
struct FoldInput {
  // The values over one window, for one view.
  struct Output {
    uint32_t window = 0;
    uint32_t places = 0;  // the first of its places
  };

  const EventsView& rows;
  std::span<const Piece> pieces;
  std::span<const size_t> counts;      // by window: how many of the pieces it holds; ascending
  std::span<const Output> outputs;     // by window
  std::span<const uint32_t> places;    // of FoldOutput
  const EventTiles* tiles = nullptr;   // nullptr: there are only rows
  const TileColumn* column = nullptr;  // this fold's; nullptr: there are only rows
  TimestampUs t = 0;
  size_t begin = 0;  // of FoldOutput

  size_t PiecesOf(const Output& output) const { return counts[output.window]; }
  FoldOutput To(const Output& output, Cells* out) const { return {*out, begin, places.subspan(output.places)}; }
};

class Folder {
 public:
  virtual ~Folder() = default;

  virtual std::unique_ptr<TileColumn> MakeTiles() const = 0;

  // Sets the values of all outputs. Returns how many rule 17 made null.
  virtual int64_t Fold(const FoldInput& input, Cells* out) const = 0;
};

// A fold and which aggregates, of those it was made for, it answers: in the order of its places.
struct FoldOf {
  std::unique_ptr<Folder> folder;
  std::vector<size_t> aggregates;
};

// The folds of aggregates over events of the types `slots`. Kinds and what a tile of them is:
//
//   count                          a number
//   sum, avg                       of bigints the sum in 128 bits; of doubles the same in fixed point at a scale of the
//                                  tile's own, or an ExactSum where it does not fit. Both, and the count, share a fold
//                                  where argument and filter are the same
//   min, max                       both as numbers, in one fold where argument and filter are the same; of texts and
//                                  decimals the extreme as its state has it
//   count(distinct)                the different values up to the exact limit, then 4 KB of HyperLogLog
//   quantile_*, median, mad        the values up to the exact limit, then buckets: some hundreds of numbers
//   var_* and its kin, bool_*,     the state, merged
//     bit_*, sum_by and its kin,
//     product, ew_avg
//   mode, top_k, entropy,          the state, merged: all different values with their counts, so that a read costs as
//     count_by and their kin       much as there are different values
//   first, last, nth_last, their   how many events contribute: the events that matter are looked for from the end
//     lists, rate, seconds_since_*
//   arg_min, arg_max               the extreme; the event that has it is then looked for
//   drawdown                       peak, least value and fall; of neighbours the former's peak less the latter's least
//   count_days, sessions,          the first and last instant, and the number or gap between them
//     longest_gap
std::vector<FoldOf> MakeFolders(std::span<const AggregateCall> calls, std::span<const TypeId> slots);

}  // namespace headrace
