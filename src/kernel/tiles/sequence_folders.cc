// The folds of aggregates that look at the order of events. What each computes, kernel/aggregates/sequence.cc says,
// which holds all events of a window; here are the same numbers without.
#include "kernel/tiles/sequence_folders.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <string>

#include "kernel/aggregates/value_code.h"
#include "kernel/computed_double.h"
#include "kernel/tiles/selection.h"
#include "kernel/tiles/tiled_folder.h"

namespace headrace {
namespace {

using K = AggregateKind;
using aggregates::CodeOf;

constexpr double kUsPerSecondDouble = 1e6;

// Instants may lie farther apart than 64 bits say.
double Microseconds(TimestampUs from, TimestampUs to) {
  return static_cast<double>(static_cast<__int128>(to) - from);
}

void SetNumber(const std::optional<double>& number, const FoldOutput& out) {
  number ? out.cells.SetDouble(out.PlaceOf(0), AggregatedDouble(*number)) : out.cells.SetNull(out.PlaceOf(0));
}

// How many events contribute.
class ContributionLogic {
 public:
  using Tile = int64_t;
  static constexpr bool kOrdered = false;

  explicit ContributionLogic(const AggregateCall& call) : call_(call) {}
  void AddRows(const EventsView& rows, size_t begin, size_t end, Tile* tile) const {
    Selection(call_, rows).ForEach(begin, end, [&](size_t) { ++*tile; });
  }
  void Merge(const Tile& from, Tile* into) const { *into += from; }

 private:
  AggregateCall call_;
};

// What is decided by a few events at either end of the window: they alone are given to the state.
class EndsFolder final : public Folder {
 public:
  explicit EndsFolder(const AggregateCall& call) : call_(call), logic_(call_) {
    const auto nth = static_cast<size_t>(call_.parameter);
    switch (call_.kind) {
      case K::kFirst:
        front_ = 1;
        break;
      case K::kFirstList:
        front_ = nth;
        break;
      case K::kRate:
        front_ = back_ = 1;
        break;
      case K::kLast:
      case K::kSecondsSinceLast:
        back_ = 1;
        break;
      default:  // kNthLast, kLastList, kSecondsSinceNthLast
        back_ = nth;
    }
  }

  std::unique_ptr<TileColumn> MakeTiles() const override {
    return std::make_unique<TileLevels<ContributionLogic>>(logic_);
  }

  int64_t Fold(const FoldInput& input, Cells* out) const override {
    const Selection selection(call_, input.rows);
    int64_t overflows = 0;
    for (const FoldInput::Output& output : input.outputs) {
      const std::unique_ptr<AggregateState> state = MakeAggregateState(call_);
      Walk front{input, selection, *state, front_, false};
      for (size_t i = input.PiecesOf(output); i-- > 0 && front.missing > 0;) Take(input.pieces[i], &front);
      Walk back{input, selection, *state, back_, true};
      for (size_t i = 0; i < input.PiecesOf(output) && back.missing > 0; ++i) Take(input.pieces[i], &back);
      overflows += input.To(output, out).SetResult(0, *state, call_.result_type, input.t) ? 1 : 0;
    }
    return overflows;
  }

 private:
  struct Walk {
    const FoldInput& input;
    const Selection& selection;
    AggregateState& state;  // an event that comes from both ends is one to it
    size_t missing;
    bool from_back;
  };

  void Take(const Piece& piece, Walk* walk) const {
    if (!piece.is_tile()) return TakeRows(piece.begin, piece.end, walk);
    TakeTile(piece.level, piece.index, walk);
  }

  void TakeTile(size_t level, size_t index, Walk* walk) const {
    if (static_cast<const TileLevels<ContributionLogic>*>(walk->input.column)->at(level, index) == 0) return;
    if (level == 0) {
      const auto [begin, end] = walk->input.tiles->RowsOfBlock(index);
      return TakeRows(begin, end, walk);
    }
    const auto [first, last] = walk->input.tiles->ChildrenOf(level, index);
    for (size_t i = 0; i < last - first && walk->missing > 0; ++i)
      TakeTile(level - 1, walk->from_back ? last - 1 - i : first + i, walk);
  }

  static void TakeRows(size_t begin, size_t end, Walk* walk) {
    for (size_t i = 0; i < end - begin && walk->missing > 0; ++i) {
      const size_t row = walk->from_back ? end - 1 - i : begin + i;
      if (!walk->selection.Has(row)) continue;
      walk->state.Add(walk->input.rows, row);
      --walk->missing;
    }
  }

  const AggregateCall call_;
  const ContributionLogic logic_;
  size_t front_ = 0;  // how many events from there
  size_t back_ = 0;
};

// arg_min, arg_max. A tile has the extreme of what is compared; then the first event that has it is looked for.
template <typename Code>
class ArgExtremeLogic {
 public:
  using Tile = std::optional<Code>;
  static constexpr bool kOrdered = false;

  explicit ArgExtremeLogic(const AggregateCall& call) : call_(call), is_min_(call.kind == K::kArgMin) {}
  void AddRows(const EventsView& rows, size_t begin, size_t end, Tile* tile) const {
    const ColumnView& compared = rows.slots[*call_.second];
    Selection(call_, rows).ForEach(begin, end, [&](size_t row) { Consider(CodeOf<Code>(compared, row), tile); });
  }
  void Merge(const Tile& from, Tile* into) const {
    if (from) Consider(*from, into);
  }

 private:
  void Consider(const Code& code, Tile* tile) const {
    if (!*tile || (is_min_ ? code < **tile : **tile < code)) *tile = code;
  }

  AggregateCall call_;
  bool is_min_;
};

template <typename Code>
class ArgExtremeFolder final : public Folder {
 public:
  using Logic = ArgExtremeLogic<Code>;
  using Tile = typename Logic::Tile;

  explicit ArgExtremeFolder(const AggregateCall& call) : call_(call), logic_(call_) {}

  std::unique_ptr<TileColumn> MakeTiles() const override { return std::make_unique<TileLevels<Logic>>(logic_); }

  int64_t Fold(const FoldInput& input, Cells* out) const override {
    Tile best;
    size_t seen = 0;
    for (const FoldInput::Output& output : input.outputs) {
      for (; seen < input.PiecesOf(output); ++seen) {
        const Piece& piece = input.pieces[seen];
        if (piece.is_tile()) {
          logic_.Merge(TileAt(input, piece.level, piece.index), &best);
        } else {
          logic_.AddRows(input.rows, piece.begin, piece.end, &best);
        }
      }
      const size_t place = input.To(output, out).PlaceOf(0);
      if (best) {
        out->SetFrom(place, input.rows.slots[*call_.argument], FirstWith(input, input.PiecesOf(output), *best));
      } else {
        out->SetNull(place);
      }
    }
    return 0;
  }

 private:
  static const Tile& TileAt(const FoldInput& input, size_t level, size_t index) {
    return static_cast<const TileLevels<Logic>*>(input.column)->at(level, index);
  }

  // Rule 20: among equals the first in the order.
  size_t FirstWith(const FoldInput& input, size_t pieces, const Code& best) const {
    for (size_t i = pieces; i-- > 0;) {
      const Piece& piece = input.pieces[i];
      std::optional<size_t> row;
      if (!piece.is_tile()) {
        row = FirstRowWith(input, piece.begin, piece.end, best);
      } else if (TileAt(input, piece.level, piece.index) == best) {
        row = FirstRowOfTile(input, piece.level, piece.index, best);
      }
      if (row) return *row;
    }
    return 0;  // some event has it
  }

  std::optional<size_t> FirstRowOfTile(const FoldInput& input, size_t level, size_t index, const Code& best) const {
    for (; level > 0; --level) {
      const auto [first, last] = input.tiles->ChildrenOf(level, index);
      index = first;
      while (index + 1 < last && TileAt(input, level - 1, index) != best) ++index;
    }
    const auto [begin, end] = input.tiles->RowsOfBlock(index);
    return FirstRowWith(input, begin, end, best);
  }

  std::optional<size_t> FirstRowWith(const FoldInput& input, size_t begin, size_t end, const Code& best) const {
    const Selection selection(call_, input.rows);
    const ColumnView& compared = input.rows.slots[*call_.second];
    for (size_t row = begin; row < end; ++row) {
      if (selection.Has(row) && CodeOf<Code>(compared, row) == best) return row;
    }
    return std::nullopt;
  }

  const AggregateCall call_;
  const Logic logic_;
};

// The largest fall from a value to a later one: within one of two parts, or from the peak of the first to the least of
// the second. Rounding keeps the order of differences, so that it is the same double however it was found.
class DrawdownLogic {
 public:
  struct Tile {
    bool has_any = false;
    double peak = 0;
    double least = 0;
    double largest = 0;
    std::optional<double> nan;  // the first
  };
  static constexpr bool kOrdered = true;

  explicit DrawdownLogic(const AggregateCall& call) : call_(call) {}
  void AddRows(const EventsView& rows, size_t begin, size_t end, Tile* tile) const {
    const std::span<const double> values = rows.slots[*call_.argument].doubles();
    Selection(call_, rows).ForEach(begin, end, [&](size_t row) {
      const double v = values[row];
      Merge(std::isnan(v) ? Tile{true, 0, 0, 0, v} : Tile{true, v, v, 0, std::nullopt}, tile);
    });
  }
  void Merge(const Tile& from, Tile* into) const {
    if (!from.has_any || into->nan) return;
    if (!into->has_any || from.nan) {
      *into = from;
      return;
    }
    const double fall = into->peak > from.least ? into->peak - from.least : 0;
    *into = {true, std::max(into->peak, from.peak), std::min(into->least, from.least),
             std::max({into->largest, from.largest, fall}), std::nullopt};
  }
  int64_t Set(const Tile& tile, TimestampUs, const FoldOutput& out) const {
    SetNumber(tile.has_any ? std::optional(tile.nan.value_or(tile.largest)) : std::nullopt, out);
    return 0;
  }

 private:
  AggregateCall call_;
};

// count_days, sessions, longest_gap: from the instants of neighbours.
class InstantsLogic {
 public:
  struct Tile {
    int64_t events = 0;
    TimestampUs first = 0;
    TimestampUs last = 0;
    int64_t groups = 0;  // days, or sessions
    double longest_gap = 0;
  };
  static constexpr bool kOrdered = true;

  explicit InstantsLogic(const AggregateCall& call) : call_(call) {}
  void AddRows(const EventsView& rows, size_t begin, size_t end, Tile* tile) const {
    Selection(call_, rows).ForEach(begin, end, [&](size_t row) {
      Merge({1, rows.event_time[row], rows.event_time[row], 1, 0}, tile);
    });
  }
  void Merge(const Tile& from, Tile* into) const {
    if (from.events == 0) return;
    if (into->events == 0) {
      *into = from;
      return;
    }
    const double gap = Microseconds(into->last, from.first);
    into->events += from.events;
    into->groups += from.groups - (AreOfOneGroup(into->last, from.first, gap) ? 1 : 0);
    into->longest_gap = std::max({into->longest_gap, from.longest_gap, gap});
    into->last = from.last;
  }
  int64_t Set(const Tile& tile, TimestampUs, const FoldOutput& out) const {
    if (call_.kind != K::kLongestGap) {
      out.cells.SetInt(out.PlaceOf(0), tile.groups);
    } else {
      SetNumber(tile.events < 2 ? std::nullopt : std::optional(tile.longest_gap / kUsPerSecondDouble), out);
    }
    return 0;
  }

 private:
  static int64_t DayOf(TimestampUs t) { return t / kUsPerDay - (t % kUsPerDay < 0 ? 1 : 0); }
  bool AreOfOneGroup(TimestampUs a, TimestampUs b, double gap) const {
    if (call_.kind == K::kCountDays) return DayOf(a) == DayOf(b);
    return gap <= call_.parameter;
  }

  AggregateCall call_;
};

}  // namespace

std::unique_ptr<Folder> MakeSequenceFolder(const AggregateCall& call, TypeId compared_type) {
  switch (call.kind) {
    case K::kDrawdown:
      return std::make_unique<TiledFolder<DrawdownLogic>>(DrawdownLogic(call));
    case K::kCountDays:
    case K::kSessions:
    case K::kLongestGap:
      return std::make_unique<TiledFolder<InstantsLogic>>(InstantsLogic(call));
    case K::kArgMin:
    case K::kArgMax:
      if (HoldsBytes(compared_type)) return std::make_unique<ArgExtremeFolder<std::string>>(call);
      return std::make_unique<ArgExtremeFolder<int64_t>>(call);
    default:
      return std::make_unique<EndsFolder>(call);
  }
}

}  // namespace headrace
