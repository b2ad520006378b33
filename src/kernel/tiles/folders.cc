#include <bit>
#include <limits>
#include <optional>

#include "kernel/aggregates/ordered_bits.h"
#include "kernel/aggregates/rounding.h"
#include "kernel/tiles/folder.h"
#include "kernel/tiles/scaled_sum.h"
#include "kernel/tiles/selection.h"
#include "kernel/tiles/sequence_folders.h"
#include "kernel/tiles/tiled_folder.h"

namespace headrace {
namespace {

using K = AggregateKind;

class CountLogic {
 public:
  using Tile = int64_t;
  static constexpr bool kOrdered = false;

  explicit CountLogic(std::vector<FoldedCall> calls) : calls_(std::move(calls)) {}

  void AddRows(const EventRows& rows, size_t begin, size_t end, Tile* tile) const {
    const Selection selection(calls_[0].call, rows);
    if (selection.all()) {
      *tile += static_cast<int64_t>(end - begin);
    } else {
      for (size_t row = begin; row < end; ++row) *tile += selection.Has(row) ? 1 : 0;
    }
  }
  void Merge(const Tile& from, Tile* into) const { *into += from; }
  int64_t Append(const Tile& tile, TimestampUs, std::span<Column> out) const {
    for (const FoldedCall& folded : calls_) out[folded.output].AppendInt(tile);
    return 0;
  }

 private:
  std::vector<FoldedCall> calls_;  // which select the same rows
};

// What sums of bigints and of doubles are made of.
struct SumOfBigints {
  __int128 sum = 0;

  void AddRows(const Column& argument, size_t begin, size_t end, const Selection& selection) {
    const std::span<const int64_t> values = argument.ints();
    selection.ForEach(begin, end, [&](size_t row) { sum += values[row]; });
  }
  void Merge(const SumOfBigints& other) { sum += other.sum; }
  double Average(uint64_t count) const { return RoundQuotientToDouble(sum, 0, count); }
  bool AppendSum(Column* out) const {
    const bool fits = sum >= std::numeric_limits<int64_t>::min() && sum <= std::numeric_limits<int64_t>::max();
    fits ? out->AppendInt(static_cast<int64_t>(sum)) : out->AppendNull();
    return !fits;
  }
};

struct SumOfDoubles {
  ScaledSum sum;

  void AddRows(const Column& argument, size_t begin, size_t end, const Selection& selection) {
    sum.AddRows(argument.doubles(), begin, end, selection);
  }
  void Merge(const SumOfDoubles& other) { sum.Merge(other.sum); }
  double Average(uint64_t count) const { return sum.RoundQuotient(count); }
  bool AppendSum(Column* out) const {
    out->AppendDouble(sum.RoundQuotient(1));
    return false;
  }
};

// sum, avg and count of one argument.
template <typename Sum>
class SumLogic {
 public:
  struct Tile {
    Sum sum;
    int64_t count = 0;
  };
  static constexpr bool kOrdered = false;

  explicit SumLogic(std::vector<FoldedCall> calls) : calls_(std::move(calls)) {}

  void AddRows(const EventRows& rows, size_t begin, size_t end, Tile* tile) const {
    const AggregateCall& call = calls_[0].call;
    const Selection selection(call, rows);
    tile->sum.AddRows(rows.slots[*call.argument], begin, end, selection);
    selection.ForEach(begin, end, [&](size_t) { ++tile->count; });
  }
  void Merge(const Tile& from, Tile* into) const {
    into->sum.Merge(from.sum);
    into->count += from.count;
  }
  int64_t Append(const Tile& tile, TimestampUs, std::span<Column> out) const {
    int64_t overflows = 0;
    for (const FoldedCall& folded : calls_) {
      Column* column = &out[folded.output];
      if (folded.call.kind == K::kCount) {
        column->AppendInt(tile.count);
      } else if (tile.count == 0) {
        column->AppendNull();
      } else if (folded.call.kind == K::kAvg) {
        column->AppendDouble(tile.sum.Average(static_cast<uint64_t>(tile.count)));
      } else {
        overflows += tile.sum.AppendSum(column) ? 1 : 0;
      }
    }
    return overflows;
  }

 private:
  std::vector<FoldedCall> calls_;  // which have the same argument and select the same rows
};

// min or max of what is held as numbers, as integers in the same order; a max is the min of the complements.
class ExtremeLogic {
 public:
  struct Tile {
    int64_t least = std::numeric_limits<int64_t>::max();
    bool has_any = false;
  };
  static constexpr bool kOrdered = false;

  explicit ExtremeLogic(FoldedCall folded) : folded_(folded), flip_(folded_.call.kind == K::kMax ? -1 : 0) {}

  void AddRows(const EventRows& rows, size_t begin, size_t end, Tile* tile) const {
    const Selection selection(folded_.call, rows);
    const Column& argument = rows.slots[*folded_.call.argument];
    if (argument.type() == TypeId::kDouble) {
      const std::span<const double> values = argument.doubles();
      Add(
          selection, begin, end, [&](size_t row) { return OrderedBits(values[row]); }, tile);
    } else {
      const std::span<const int64_t> values = argument.ints();
      Add(
          selection, begin, end, [&](size_t row) { return values[row]; }, tile);
    }
  }
  void Merge(const Tile& from, Tile* into) const {
    into->least = std::min(into->least, from.least);
    into->has_any |= from.has_any;
  }
  int64_t Append(const Tile& tile, TimestampUs, std::span<Column> out) const {
    Column* column = &out[folded_.output];
    const int64_t code = tile.least ^ flip_;
    if (!tile.has_any) {
      column->AppendNull();
    } else if (column->type() == TypeId::kDouble) {
      column->AppendDouble(DoubleOfOrderedBits(code));
    } else {
      column->AppendInt(code);
    }
    return 0;
  }

 private:
  template <typename CodeAt>
  void Add(const Selection& selection, size_t begin, size_t end, const CodeAt& code_at, Tile* tile) const {
    int64_t least = tile->least;
    bool has_any = tile->has_any;
    selection.ForEach(begin, end, [&](size_t row) {
      least = std::min(least, code_at(row) ^ flip_);
      has_any = true;
    });
    *tile = {least, has_any};
  }

  FoldedCall folded_;
  int64_t flip_;  // all ones for a max
};

// Any aggregate whose states are cheap to merge.
class StateLogic {
 public:
  using Tile = std::unique_ptr<AggregateState>;  // nullptr: of no rows
  static constexpr bool kOrdered = false;

  explicit StateLogic(FoldedCall folded) : folded_(folded) {}

  void AddRows(const EventRows& rows, size_t begin, size_t end, Tile* tile) const {
    Selection(folded_.call, rows).ForEach(begin, end, [&](size_t row) { Ready(tile).Add(rows, row); });
  }
  void Merge(const Tile& from, Tile* into) const {
    if (from != nullptr) Ready(into).Merge(*from);
  }
  int64_t Append(const Tile& tile, TimestampUs t, std::span<Column> out) const {
    Column* column = &out[folded_.output];
    if (tile != nullptr) return tile->AppendResult(t, column) ? 1 : 0;
    return MakeMergedState(folded_.call)->AppendResult(t, column) ? 1 : 0;
  }

 private:
  AggregateState& Ready(Tile* tile) const {
    if (*tile == nullptr) *tile = MakeMergedState(folded_.call);
    return **tile;
  }

  FoldedCall folded_;
};

bool SelectTheSame(const AggregateCall& a, const AggregateCall& b) {
  return a.argument == b.argument && a.second == b.second && a.filter == b.filter;
}

// sum and avg of what one pass adds up.
bool IsPlainSum(const AggregateCall& call) {
  return (call.kind == K::kSum || call.kind == K::kAvg) &&
         (call.argument_type == TypeId::kBigint || call.argument_type == TypeId::kDouble);
}

bool IsCount(const AggregateCall& call) {
  return call.kind == K::kCountStar || call.kind == K::kCount || call.kind == K::kRegrCount;
}

bool IsPlainExtreme(const AggregateCall& call) {
  return (call.kind == K::kMin || call.kind == K::kMax) && !HoldsBytes(call.argument_type);
}

bool IsOfSequence(const AggregateCall& call) {
  return MakeAggregateState(call)->form() == StateForm::kSequence;
}

std::unique_ptr<Folder> MakeSumFolder(std::vector<FoldedCall> calls) {
  if (calls[0].call.argument_type == TypeId::kDouble)
    return std::make_unique<TiledFolder<SumLogic<SumOfDoubles>>>(SumLogic<SumOfDoubles>(std::move(calls)));
  return std::make_unique<TiledFolder<SumLogic<SumOfBigints>>>(SumLogic<SumOfBigints>(std::move(calls)));
}

std::unique_ptr<Folder> MakeSingleFolder(FoldedCall folded, const ViewProgram& program) {
  if (IsPlainExtreme(folded.call)) return std::make_unique<TiledFolder<ExtremeLogic>>(ExtremeLogic(folded));
  if (IsOfSequence(folded.call)) {
    const TypeId compared = folded.call.second ? program.slots[*folded.call.second].type : TypeId::kBigint;
    return MakeSequenceFolder(folded, compared);
  }
  return std::make_unique<TiledFolder<StateLogic>>(StateLogic(folded));
}

}  // namespace

std::vector<std::unique_ptr<Folder>> MakeFolders(const ViewProgram& program) {
  const std::vector<AggregateCall>& calls = program.aggregates;
  std::vector<std::unique_ptr<Folder>> folders;
  std::vector<bool> folded(calls.size());
  // Takes every call that is not folded yet, selects what `of` selects, and is of the kind.
  const auto take = [&](const AggregateCall& of, const auto& is_of_kind) {
    std::vector<FoldedCall> taken;
    for (size_t i = 0; i < calls.size(); ++i) {
      if (folded[i] || !SelectTheSame(of, calls[i]) || !is_of_kind(calls[i])) continue;
      folded[i] = true;
      taken.push_back({calls[i], i});
    }
    return taken;
  };
  for (size_t i = 0; i < calls.size(); ++i) {
    if (folded[i] || !IsPlainSum(calls[i])) continue;
    folders.push_back(MakeSumFolder(
        take(calls[i], [](const AggregateCall& call) { return IsPlainSum(call) || call.kind == K::kCount; })));
  }
  for (size_t i = 0; i < calls.size(); ++i) {
    if (folded[i]) continue;
    if (IsCount(calls[i])) {
      folders.push_back(std::make_unique<TiledFolder<CountLogic>>(CountLogic(take(calls[i], IsCount))));
    } else {
      folders.push_back(MakeSingleFolder({calls[i], i}, program));
    }
  }
  return folders;
}

}  // namespace headrace
