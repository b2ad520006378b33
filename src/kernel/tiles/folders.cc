#include <bit>
#include <limits>
#include <optional>

#include "kernel/aggregates/ordered_bits.h"
#include "kernel/aggregates/rounding.h"
#include "kernel/aggregates/scaled_sum.h"
#include "kernel/tiles/folder.h"
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

  explicit CountLogic(std::vector<AggregateCall> calls) : calls_(std::move(calls)) {}

  void AddRows(const EventsView& rows, size_t begin, size_t end, Tile* tile) const {
    const Selection selection(calls_[0], rows);
    if (selection.all()) {
      *tile += static_cast<int64_t>(end - begin);
    } else {
      for (size_t row = begin; row < end; ++row) *tile += selection.Has(row) ? 1 : 0;
    }
  }
  void Merge(const Tile& from, Tile* into) const { *into += from; }
  int64_t Set(const Tile& tile, TimestampUs, const FoldOutput& out) const {
    for (size_t i = 0; i < calls_.size(); ++i) {
      if (out.Wants(i)) out.cells.SetInt(out.PlaceOf(i), tile);
    }
    return 0;
  }

 private:
  std::vector<AggregateCall> calls_;  // which select the same rows
};

// What sums of bigints and of doubles are made of.
struct SumOfBigints {
  __int128 sum = 0;

  void AddRows(const ColumnView& argument, size_t begin, size_t end, const Selection& selection) {
    const std::span<const int64_t> values = argument.ints();
    selection.ForEach(begin, end, [&](size_t row) { sum += values[row]; });
  }
  void Merge(const SumOfBigints& other) { sum += other.sum; }
  double Average(uint64_t count) const { return RoundQuotientToDouble(sum, 0, count); }
  bool SetSum(size_t place, Cells* out) const {
    const bool fits = sum >= std::numeric_limits<int64_t>::min() && sum <= std::numeric_limits<int64_t>::max();
    fits ? out->SetInt(place, static_cast<int64_t>(sum)) : out->SetNull(place);
    return !fits;
  }
};

struct SumOfDoubles {
  ScaledSum sum;

  void AddRows(const ColumnView& argument, size_t begin, size_t end, const Selection& selection) {
    sum.AddRows(argument.doubles(), begin, end, selection);
  }
  void Merge(const SumOfDoubles& other) { sum.Merge(other.sum); }
  double Average(uint64_t count) const { return sum.RoundQuotient(count); }
  bool SetSum(size_t place, Cells* out) const {
    out->SetDouble(place, sum.RoundQuotient(1));
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

  explicit SumLogic(std::vector<AggregateCall> calls) : calls_(std::move(calls)) {}

  void AddRows(const EventsView& rows, size_t begin, size_t end, Tile* tile) const {
    const AggregateCall& call = calls_[0];
    const Selection selection(call, rows);
    tile->sum.AddRows(rows.slots[*call.argument], begin, end, selection);
    selection.ForEach(begin, end, [&](size_t) { ++tile->count; });
  }
  void Merge(const Tile& from, Tile* into) const {
    into->sum.Merge(from.sum);
    into->count += from.count;
  }
  int64_t Set(const Tile& tile, TimestampUs, const FoldOutput& out) const {
    int64_t overflows = 0;
    for (size_t i = 0; i < calls_.size(); ++i) {
      if (!out.Wants(i)) continue;
      if (calls_[i].kind == K::kCount) {
        out.cells.SetInt(out.PlaceOf(i), tile.count);
      } else if (tile.count == 0) {
        out.cells.SetNull(out.PlaceOf(i));
      } else if (calls_[i].kind == K::kAvg) {
        out.cells.SetDouble(out.PlaceOf(i), tile.sum.Average(static_cast<uint64_t>(tile.count)));
      } else {
        overflows += tile.sum.SetSum(out.PlaceOf(i), &out.cells) ? 1 : 0;
      }
    }
    return overflows;
  }

 private:
  std::vector<AggregateCall> calls_;  // which have the same argument and select the same rows
};

// min and max of one argument that is held as numbers, as integers in the same order.
class ExtremeLogic {
 public:
  struct Tile {
    int64_t least = std::numeric_limits<int64_t>::max();
    int64_t greatest = std::numeric_limits<int64_t>::min();
    bool has_any = false;
  };
  static constexpr bool kOrdered = false;

  explicit ExtremeLogic(std::vector<AggregateCall> calls) : calls_(std::move(calls)) {}

  void AddRows(const EventsView& rows, size_t begin, size_t end, Tile* tile) const {
    const Selection selection(calls_[0], rows);
    const ColumnView& argument = rows.slots[*calls_[0].argument];
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
    into->greatest = std::max(into->greatest, from.greatest);
    into->has_any |= from.has_any;
  }
  int64_t Set(const Tile& tile, TimestampUs, const FoldOutput& out) const {
    for (size_t i = 0; i < calls_.size(); ++i) {
      if (!out.Wants(i)) continue;
      const int64_t code = calls_[i].kind == K::kMin ? tile.least : tile.greatest;
      if (!tile.has_any) {
        out.cells.SetNull(out.PlaceOf(i));
      } else if (calls_[i].argument_type == TypeId::kDouble) {
        out.cells.SetDouble(out.PlaceOf(i), DoubleOfOrderedBits(code));
      } else {
        out.cells.SetInt(out.PlaceOf(i), code);
      }
    }
    return 0;
  }

 private:
  template <typename CodeAt>
  static void Add(const Selection& selection, size_t begin, size_t end, const CodeAt& code_at, Tile* tile) {
    Tile added = *tile;
    selection.ForEach(begin, end, [&](size_t row) {
      const int64_t code = code_at(row);
      added.least = std::min(added.least, code);
      added.greatest = std::max(added.greatest, code);
      added.has_any = true;
    });
    *tile = added;
  }

  std::vector<AggregateCall> calls_;  // which have the same argument and select the same rows
};

// Any aggregate whose states are cheap to merge.
class StateLogic {
 public:
  using Tile = std::unique_ptr<AggregateState>;  // nullptr: of no rows
  static constexpr bool kOrdered = false;

  explicit StateLogic(const AggregateCall& call) : call_(call) {}

  void AddRows(const EventsView& rows, size_t begin, size_t end, Tile* tile) const {
    Selection(call_, rows).ForEach(begin, end, [&](size_t row) { Ready(tile).Add(rows, row); });
  }
  void Merge(const Tile& from, Tile* into) const {
    if (from != nullptr) Ready(into).Merge(*from);
  }
  int64_t Set(const Tile& tile, TimestampUs t, const FoldOutput& out) const {
    const Tile empty = tile == nullptr ? MakeMergedState(call_) : nullptr;
    return out.SetResult(0, tile == nullptr ? *empty : *tile, call_.result_type, t) ? 1 : 0;
  }

 private:
  AggregateState& Ready(Tile* tile) const {
    if (*tile == nullptr) *tile = MakeMergedState(call_);
    return **tile;
  }

  AggregateCall call_;
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
  return MakeMergedState(call)->form() == StateForm::kSequence;
}

std::unique_ptr<Folder> MakeSumFolder(std::vector<AggregateCall> calls) {
  if (calls[0].argument_type == TypeId::kDouble)
    return std::make_unique<TiledFolder<SumLogic<SumOfDoubles>>>(SumLogic<SumOfDoubles>(std::move(calls)));
  return std::make_unique<TiledFolder<SumLogic<SumOfBigints>>>(SumLogic<SumOfBigints>(std::move(calls)));
}

std::unique_ptr<Folder> MakeSingleFolder(const AggregateCall& call, std::span<const TypeId> slots) {
  if (IsOfSequence(call)) return MakeSequenceFolder(call, call.second ? slots[*call.second] : TypeId::kBigint);
  return std::make_unique<TiledFolder<StateLogic>>(StateLogic(call));
}

// Shares out aggregates among folds.
class Sharing {
 public:
  explicit Sharing(std::span<const AggregateCall> calls) : calls_(calls), taken_(calls.size()) {}

  bool IsTaken(size_t i) const { return taken_[i]; }
  // Takes every aggregate that is left, selects what aggregate `of` selects, and is of the kind.
  template <typename IsOfKind>
  std::vector<size_t> Take(size_t of, const IsOfKind& is_of_kind) {
    std::vector<size_t> taken;
    for (size_t i = 0; i < calls_.size(); ++i) {
      if (taken_[i] || !SelectTheSame(calls_[of], calls_[i]) || !is_of_kind(calls_[i])) continue;
      taken_[i] = true;
      taken.push_back(i);
    }
    return taken;
  }
  std::vector<AggregateCall> Calls(const std::vector<size_t>& aggregates) const {
    std::vector<AggregateCall> calls;
    calls.reserve(aggregates.size());
    for (const size_t i : aggregates) calls.push_back(calls_[i]);
    return calls;
  }

 private:
  std::span<const AggregateCall> calls_;
  std::vector<bool> taken_;
};

}  // namespace

bool FoldOutput::SetResult(size_t aggregate, const AggregateState& state, TypeId type, TimestampUs t) const {
  Column result(type);
  const bool overflows = state.AppendResult(t, &result);
  cells.SetFrom(PlaceOf(aggregate), result, 0);
  return overflows;
}

std::vector<FoldOf> MakeFolders(std::span<const AggregateCall> calls, std::span<const TypeId> slots) {
  std::vector<FoldOf> folders;
  Sharing sharing(calls);
  for (size_t i = 0; i < calls.size(); ++i) {
    if (sharing.IsTaken(i) || !IsPlainSum(calls[i])) continue;
    std::vector<size_t> shared =
        sharing.Take(i, [](const AggregateCall& call) { return IsPlainSum(call) || call.kind == K::kCount; });
    folders.push_back({MakeSumFolder(sharing.Calls(shared)), std::move(shared)});
  }
  for (size_t i = 0; i < calls.size(); ++i) {
    if (sharing.IsTaken(i)) continue;
    if (IsCount(calls[i])) {
      std::vector<size_t> shared = sharing.Take(i, IsCount);
      folders.push_back(
          {std::make_unique<TiledFolder<CountLogic>>(CountLogic(sharing.Calls(shared))), std::move(shared)});
    } else if (IsPlainExtreme(calls[i])) {
      std::vector<size_t> shared = sharing.Take(i, IsPlainExtreme);
      folders.push_back(
          {std::make_unique<TiledFolder<ExtremeLogic>>(ExtremeLogic(sharing.Calls(shared))), std::move(shared)});
    } else {
      folders.push_back({MakeSingleFolder(calls[i], slots), {i}});
    }
  }
  return folders;
}

}  // namespace headrace
