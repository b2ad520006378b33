#include "kernel/range_aggregates.h"

#include <algorithm>
#include <bit>
#include <limits>

#include "kernel/aggregates/decoded_double.h"
#include "kernel/aggregates/ordered_bits.h"
#include "kernel/aggregates/rounding.h"

namespace headrace {
namespace {

// Calls `change` for each straggler that enters or leaves before a query, then `answer` with the query's range.
template <typename OnChange, typename Answer>
void ForEachQuery(const WindowRows& window, const OnChange& change, const Answer& answer) {
  if (window.changes.empty()) {
    for (const PositionRange range : window.ranges) answer(range);
    return;
  }
  size_t next = 0;
  for (size_t query = 0; query < window.ranges.size(); ++query) {
    for (; next < window.changes.size() && window.changes[next].query == query; ++next) change(window.changes[next]);
    answer(window.ranges[query]);
  }
}

// Which of a key's events contribute to a call, and how many of the main ones lie before each position.
class Contributions {
 public:
  void Load(const AggregateCall& call, const EventsView& events, size_t begin, size_t end,
            std::span<const uint8_t> is_straggler) {
    const bool filters = call.filter.has_value();
    const auto has_nulls_in = [&](const std::optional<size_t>& slot) {
      return slot && events.slots[*slot].has_nulls();
    };
    const bool has_nulls = has_nulls_in(call.argument) || has_nulls_in(call.second);
    all_ = !filters && !has_nulls && is_straggler.empty();
    if (all_) return;
    const size_t count = end - begin;
    contributes_.resize(count);
    main_before_.resize(count + 1);
    main_before_[0] = 0;
    for (size_t i = 0; i < count; ++i) {
      contributes_[i] = !filters && !has_nulls ? 1 : Contributes(call, events, begin + i) ? 1 : 0;
      const bool is_main = is_straggler.empty() || is_straggler[i] == 0;
      main_before_[i + 1] = main_before_[i] + (is_main ? contributes_[i] : 0);
    }
  }

  bool all() const { return all_; }
  bool Has(size_t position) const { return all_ || contributes_[position] != 0; }
  bool HasMain(size_t position) const { return all_ || main_before_[position + 1] != main_before_[position]; }
  uint32_t MainBefore(size_t position) const { return all_ ? static_cast<uint32_t>(position) : main_before_[position]; }
  int64_t CountMain(PositionRange range) const { return int64_t{MainBefore(range.end)} - MainBefore(range.begin); }

 private:
  bool all_ = true;  // every event contributes, and is a main one
  std::vector<uint8_t> contributes_;
  std::vector<uint32_t> main_before_;
};

class RangeCount : public RangeAggregator {
 public:
  explicit RangeCount(const AggregateCall& call) : call_(call) {}

  void Load(const EventsView& events, size_t begin, size_t end, std::span<const uint8_t> is_straggler) override {
    contributions_.Load(call_, events, begin, end, is_straggler);
  }
  int64_t Append(const WindowRows& window, std::span<const TimestampUs> times, Column* out) override {
    int64_t stragglers = 0;
    ForEachQuery(
        window,
        [&](const StragglerChange& change) {
          if (contributions_.Has(change.position)) stragglers += change.enters ? 1 : -1;
        },
        [&](PositionRange range) { out->AppendInt(contributions_.CountMain(range) + stragglers); });
    return 0;
  }

 private:
  const AggregateCall call_;
  Contributions contributions_;
};

// Any evictable aggregate: a state that slides along, every event added and subtracted once per window.
class Sliding {
 public:
  explicit Sliding(const AggregateCall& call) : call_(call) {}

  int64_t Append(const EventsView& events, size_t begin, const Contributions& contributions, const WindowRows& window,
                 std::span<const TimestampUs> times, Column* out) const {
    const std::unique_ptr<AggregateState> state = MakeSlidingState(call_);
    size_t query = 0;
    PositionRange inside;
    int64_t overflows = 0;
    ForEachQuery(
        window,
        [&](const StragglerChange& change) {
          if (!contributions.Has(change.position)) return;
          if (change.enters) {
            state->Add(events, begin + change.position);
          } else {
            state->Subtract(events, begin + change.position);
          }
        },
        [&](PositionRange range) {
          for (; inside.end < range.end; ++inside.end) {
            if (contributions.HasMain(inside.end)) state->Add(events, begin + inside.end);
          }
          for (; inside.begin < range.begin; ++inside.begin) {
            if (contributions.HasMain(inside.begin)) state->Subtract(events, begin + inside.begin);
          }
          overflows += state->AppendResult(times[query++], out) ? 1 : 0;
        });
    return overflows;
  }

 private:
  const AggregateCall call_;
};

// sum and avg of bigints or doubles.
class RangeSum : public RangeAggregator {
 public:
  explicit RangeSum(const AggregateCall& call) : call_(call), sliding_(call) {}

  void Load(const EventsView& events, size_t begin, size_t end, std::span<const uint8_t> is_straggler) override {
    events_ = &events;
    begin_ = begin;
    contributions_.Load(call_, events, begin, end, is_straggler);
    const ColumnView& argument = events.slots[*call_.argument];
    if (argument.type() == TypeId::kDouble) {
      doubles_ = argument.doubles().subspan(begin, end - begin);
      fits_ = FindScale();
    } else {
      integers_ = argument.ints().subspan(begin, end - begin);
    }
    if (!fits_) return;
    sum_before_.resize(end - begin + 1);
    __int128 sum = 0;
    sum_before_[0] = 0;
    for (size_t i = 0; i < end - begin; ++i) {
      if (contributions_.HasMain(i)) sum += Scaled(i);
      sum_before_[i + 1] = sum;
    }
  }

  int64_t Append(const WindowRows& window, std::span<const TimestampUs> times, Column* out) override {
    if (!fits_) return sliding_.Append(*events_, begin_, contributions_, window, times, out);
    __int128 straggler_sum = 0;
    int64_t straggler_count = 0;
    int64_t overflows = 0;
    ForEachQuery(
        window,
        [&](const StragglerChange& change) {
          if (!contributions_.Has(change.position)) return;
          straggler_sum += change.enters ? Scaled(change.position) : -Scaled(change.position);
          straggler_count += change.enters ? 1 : -1;
        },
        [&](PositionRange range) {
          const int64_t count = contributions_.CountMain(range) + straggler_count;
          overflows +=
              AppendCell(sum_before_[range.end] - sum_before_[range.begin] + straggler_sum, count, out) ? 1 : 0;
        });
    return overflows;
  }

 private:
  __int128 Scaled(size_t position) const {
    if (doubles_.empty()) return integers_[position];
    const DecodedDouble decoded(doubles_[position]);
    // A zero may have an exponent below the scale.
    if (decoded.significand == 0) return 0;
    return static_cast<__int128>(decoded.significand) << (decoded.field - DecodedDouble::kExponentOfUnit - scale_);
  }

  // Chooses the scale at which every value is an integer; false if sums could leave 127 bits, or a value is not finite.
  bool FindScale() {
    constexpr int kNotFinite = DecodedDouble::kNotFinite;
    int lowest = kNotFinite + 1;  // as the bits have the exponent; 0 is that of subnormal numbers, whose unit 1 has too
    int highest = 0;
    for (size_t i = 0; i < doubles_.size(); ++i) {
      if (!contributions_.Has(i)) continue;
      const auto bits = std::bit_cast<uint64_t>(doubles_[i]) << 1;  // without the sign
      const int exponent = bits == 0 ? kNotFinite + 1 : std::max(static_cast<int>(bits >> 53), 1);
      lowest = std::min(lowest, exponent);
      highest = std::max(highest, bits == 0 ? 0 : exponent);
    }
    if (highest == kNotFinite) return false;
    scale_ = highest == 0 ? 0 : lowest - DecodedDouble::kExponentOfUnit;
    return highest - std::min(lowest, highest) + 53 + std::bit_width(doubles_.size()) < 126;
  }

  bool AppendCell(__int128 sum, int64_t count, Column* out) const {
    if (count == 0) {
      out->AppendNull();
    } else if (call_.result_type == TypeId::kDouble) {
      out->AppendDouble(
          RoundQuotientToDouble(sum, scale_, call_.kind == AggregateKind::kAvg ? static_cast<uint64_t>(count) : 1));
    } else if (sum < std::numeric_limits<int64_t>::min() || sum > std::numeric_limits<int64_t>::max()) {
      out->AppendNull();
      return true;
    } else {
      out->AppendInt(static_cast<int64_t>(sum));
    }
    return false;
  }

  const AggregateCall call_;
  const Sliding sliding_;
  Contributions contributions_;
  const EventsView* events_ = nullptr;
  size_t begin_ = 0;
  std::span<const double> doubles_;
  std::span<const int64_t> integers_;
  bool fits_ = true;
  int scale_ = 0;  // values are multiples of 2^scale_
  std::vector<__int128> sum_before_;
};

// min and max, over values as integers in the same order; a max is the min of the complements.
class RangeExtreme : public RangeAggregator {
 public:
  explicit RangeExtreme(const AggregateCall& call) : call_(call) {}

  void Load(const EventsView& events, size_t begin, size_t end, std::span<const uint8_t> is_straggler) override {
    contributions_.Load(call_, events, begin, end, is_straggler);
    argument_ = &events.slots[*call_.argument];
    ReadCodes(begin, end - begin);
    main_codes_ = codes_;
    if (!contributions_.all()) {
      selected_.clear();
      for (size_t i = 0; i < codes_.size(); ++i) {
        if (contributions_.HasMain(i)) selected_.push_back(codes_[i]);
      }
      main_codes_ = selected_;
    }
    BuildLevels();
  }

  int64_t Append(const WindowRows& window, std::span<const TimestampUs> times, Column* out) override {
    std::multiset<int64_t> stragglers;
    ForEachQuery(
        window,
        [&](const StragglerChange& change) {
          if (!contributions_.Has(change.position)) return;
          const int64_t code = codes_[change.position];
          if (change.enters) {
            stragglers.insert(code);
          } else {
            stragglers.erase(stragglers.find(code));
          }
        },
        [&](PositionRange range) {
          const size_t first = contributions_.MainBefore(range.begin);
          const size_t last = contributions_.MainBefore(range.end);
          if (first == last && stragglers.empty()) return out->AppendNull();
          int64_t best = LeastOf(first, last);
          if (!stragglers.empty()) best = std::min(best, *stragglers.begin());
          AppendDecoded(best, out);
        });
    return 0;
  }

 private:
  static constexpr size_t kBlock = 16;

  void ReadCodes(size_t begin, size_t count) {
    codes_.resize(count);
    if (HoldsBytes(argument_->type())) {
      RankTexts(begin);
    } else if (argument_->type() == TypeId::kDouble) {
      for (size_t i = 0; i < count; ++i) codes_[i] = OrderedBits(argument_->doubles()[begin + i]);
    } else {
      std::copy_n(argument_->ints().begin() + static_cast<ptrdiff_t>(begin), count, codes_.begin());
    }
    if (call_.kind == AggregateKind::kMax) {
      for (int64_t& code : codes_) code = ~code;
    }
  }

  // Texts are numbered in their order, once per key.
  void RankTexts(size_t begin) {
    by_rank_.resize(codes_.size());
    for (size_t i = 0; i < by_rank_.size(); ++i) by_rank_[i] = static_cast<uint32_t>(begin + i);
    std::sort(by_rank_.begin(), by_rank_.end(),
              [&](uint32_t a, uint32_t b) { return argument_->str(a) < argument_->str(b); });
    for (size_t rank = 0; rank < by_rank_.size(); ++rank) codes_[by_rank_[rank] - begin] = static_cast<int64_t>(rank);
  }

  // levels_[k][b]: the least of 2^k blocks from block b on.
  void BuildLevels() {
    const size_t blocks = main_codes_.size() / kBlock;
    if (levels_.empty()) levels_.emplace_back();
    levels_[0].resize(blocks);
    for (size_t block = 0; block < blocks; ++block) {
      levels_[0][block] = *std::min_element(main_codes_.begin() + static_cast<ptrdiff_t>(block * kBlock),
                                            main_codes_.begin() + static_cast<ptrdiff_t>((block + 1) * kBlock));
    }
    for (size_t level = 1; (size_t{1} << level) <= blocks; ++level) {
      if (levels_.size() == level) levels_.emplace_back();
      const size_t half = size_t{1} << (level - 1);
      levels_[level].resize(blocks - 2 * half + 1);
      for (size_t block = 0; block < levels_[level].size(); ++block) {
        levels_[level][block] = std::min(levels_[level - 1][block], levels_[level - 1][block + half]);
      }
    }
  }

  int64_t ScanLeast(size_t first, size_t last) const {
    int64_t least = std::numeric_limits<int64_t>::max();
    for (size_t i = first; i < last; ++i) least = std::min(least, main_codes_[i]);
    return least;
  }

  int64_t LeastOf(size_t first, size_t last) const {
    const size_t first_block = (first + kBlock - 1) / kBlock;
    const size_t last_block = last / kBlock;
    if (first_block >= last_block) return ScanLeast(first, last);
    const auto level = static_cast<size_t>(std::bit_width(last_block - first_block) - 1);
    const int64_t edges = std::min(ScanLeast(first, first_block * kBlock), ScanLeast(last_block * kBlock, last));
    return std::min({edges, levels_[level][first_block], levels_[level][last_block - (size_t{1} << level)]});
  }

  void AppendDecoded(int64_t code, Column* out) const {
    if (call_.kind == AggregateKind::kMax) code = ~code;
    if (argument_->type() == TypeId::kDouble) {
      out->AppendDouble(DoubleOfOrderedBits(code));
    } else if (HoldsBytes(argument_->type())) {
      out->AppendString(argument_->str(by_rank_[static_cast<size_t>(code)]));
    } else {
      out->AppendInt(code);
    }
  }

  const AggregateCall call_;
  Contributions contributions_;
  const ColumnView* argument_ = nullptr;
  std::vector<int64_t> codes_;           // of every position
  std::vector<int64_t> selected_;        // the codes that contribute, where that is not all of them
  std::span<const int64_t> main_codes_;  // of the main events that contribute
  std::vector<std::vector<int64_t>> levels_;
  std::vector<uint32_t> by_rank_;  // of texts: the row of each rank
};

class RangeSlide : public RangeAggregator {
 public:
  explicit RangeSlide(const AggregateCall& call) : call_(call), sliding_(call) {}

  void Load(const EventsView& events, size_t begin, size_t end, std::span<const uint8_t> is_straggler) override {
    events_ = &events;
    begin_ = begin;
    contributions_.Load(call_, events, begin, end, is_straggler);
  }
  int64_t Append(const WindowRows& window, std::span<const TimestampUs> times, Column* out) override {
    return sliding_.Append(*events_, begin_, contributions_, window, times, out);
  }

 private:
  const AggregateCall call_;
  const Sliding sliding_;
  Contributions contributions_;
  const EventsView* events_ = nullptr;
  size_t begin_ = 0;
};

}  // namespace

bool SlidesOverEvents(const AggregateCall& call) {
  switch (call.kind) {
    case AggregateKind::kCountStar:
    case AggregateKind::kCount:
    case AggregateKind::kRegrCount:
    case AggregateKind::kMin:
    case AggregateKind::kMax:
      return false;
    case AggregateKind::kSum:
    case AggregateKind::kAvg:
      return IsDecimal(call.argument_type);
    default:
      return true;
  }
}

std::unique_ptr<RangeAggregator> MakeRangeAggregator(const AggregateCall& call) {
  switch (call.kind) {
    case AggregateKind::kCountStar:
    case AggregateKind::kCount:
    case AggregateKind::kRegrCount:
      return std::make_unique<RangeCount>(call);
    case AggregateKind::kSum:
    case AggregateKind::kAvg:
      if (IsDecimal(call.argument_type)) return std::make_unique<RangeSlide>(call);
      return std::make_unique<RangeSum>(call);
    case AggregateKind::kMin:
    case AggregateKind::kMax:
      return std::make_unique<RangeExtreme>(call);
    default:
      return std::make_unique<RangeSlide>(call);
  }
}

}  // namespace headrace
