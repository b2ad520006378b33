// quantile_cont, quantile_disc, median, mad.
//
// Up to 1,024 values (a view may say how many) the answer is exact. Beyond, values are counted in buckets of doubles
// that agree in sign, exponent and the first 6 bits of the significand: every value is within 0.8 % of its bucket's
// middle, so a quantile is within 1 % of its neighbours (rule 22). That is DDSketch's idea (Masson, Rim and Lee, VLDB
// 2019) with buckets that need no logarithm. Which of the two answers depends on the number of values alone, so not on
// the order.
#include <algorithm>
#include <bit>
#include <cmath>
#include <iterator>
#include <limits>
#include <map>
#include <utility>
#include <vector>

#include "base/decimal.h"
#include "kernel/aggregates/states.h"
#include "kernel/aggregates/value_code.h"
#include "kernel/computed_double.h"

namespace headrace::aggregates {
namespace {

// The middle of a double's bucket. Infinities, NaN and numbers below 2^-1022 keep to themselves.
double BucketOf(double v) {
  constexpr int kDroppedBits = 46;
  if (!std::isnormal(v)) return v;
  const auto bits = std::bit_cast<uint64_t>(v);
  return std::bit_cast<double>((bits >> kDroppedBits << kDroppedBits) | (uint64_t{1} << (kDroppedBits - 1)));
}

// Between neighbours, `part` of the way; an infinite one wins over a finite one, as in DuckDB.
double Interpolate(double lower, double upper, double part) {
  if (lower == upper || (std::isinf(lower) && std::isfinite(upper))) return lower;
  if (std::isinf(upper) && std::isfinite(lower)) return upper;
  return lower + (upper - lower) * part;
}

// A multiset of values by their codes (value_code.h).
template <typename Code>
class Multiset {
 public:
  void Change(const Code& code, int64_t by) {
    const auto it = counts_.try_emplace(code, 0).first;
    it->second += by;
    if (it->second == 0) counts_.erase(it);
  }
  void Merge(const Multiset& other) {
    for (const auto& [code, count] : other.counts_) counts_[code] += count;
  }
  // The code at `rank`, from 0, in ascending order.
  const Code& At(int64_t rank) const {
    auto it = counts_.begin();
    for (; rank >= it->second; ++it) rank -= it->second;
    return it->first;
  }
  const std::map<Code, int64_t>& counts() const { return counts_; }

 private:
  std::map<Code, int64_t> counts_;
};

// A multiset that only grows, as a sorted list: two of them are merged in one pass, and it is a third of the size.
template <typename Code>
class SortedMultiset {
 public:
  void Change(const Code& code, int64_t by) {
    const auto at = std::lower_bound(counts_.begin(), counts_.end(), code,
                                     [](const auto& entry, const Code& sought) { return entry.first < sought; });
    if (at != counts_.end() && at->first == code) {
      at->second += by;
    } else {
      counts_.emplace(at, code, by);
    }
  }
  void Merge(const SortedMultiset& other) {
    std::vector<std::pair<Code, int64_t>> merged;
    merged.reserve(counts_.size() + other.counts_.size());
    auto mine = counts_.begin();
    auto theirs = other.counts_.begin();
    while (mine != counts_.end() && theirs != other.counts_.end()) {
      if (mine->first < theirs->first) {
        merged.push_back(std::move(*mine++));
      } else if (theirs->first < mine->first) {
        merged.push_back(*theirs++);
      } else {
        merged.push_back(std::move(*mine++));
        merged.back().second += (theirs++)->second;
      }
    }
    std::move(mine, counts_.end(), std::back_inserter(merged));
    std::copy(theirs, other.counts_.end(), std::back_inserter(merged));
    counts_ = std::move(merged);
  }
  const Code& At(int64_t rank) const {
    auto it = counts_.begin();
    for (; rank >= it->second; ++it) rank -= it->second;
    return it->first;
  }
  const std::vector<std::pair<Code, int64_t>>& counts() const { return counts_; }

 private:
  std::vector<std::pair<Code, int64_t>> counts_;
};

// The answers of `count_` values: from `values_` while they are exact, beyond from `buckets_`.
template <typename State, typename Code, template <typename> typename Bag>
class QuantileAnswers : public MergeableState<State> {
 public:
  static constexpr StateForm kForm = StateForm::kQuantiles;

  explicit QuantileAnswers(const AggregateCall& call)
      : kind_(call.kind),
        type_(call.argument_type),
        slot_(*call.argument),
        fraction_(call.parameter),
        exact_values_(call.exact.quantile_values) {}

  bool AppendResult(TimestampUs, Column* out) const final {
    if (count_ == 0) {
      out->AppendNull();
    } else if (kind_ == AggregateKind::kQuantileDisc) {
      AppendDiscrete(out);
    } else if (kind_ == AggregateKind::kQuantileCont) {
      out->AppendDouble(AggregatedDouble(Continuous(fraction_)));
    } else {
      out->AppendDouble(AggregatedDouble(MedianDeviation()));
    }
    return false;
  }

 protected:
  bool is_exact() const { return count_ <= exact_values_; }
  double ToDouble(const std::string& decimal) const { return DecimalToDouble(DecodeDecimal(decimal), ScaleOf(type_)); }
  double ToDouble(int64_t value_code) const {
    return type_ == TypeId::kDouble ? DoubleOfOrderedBits(value_code) : static_cast<double>(value_code);
  }
  int64_t BucketCode(const Code& code) const { return OrderedBits(BucketOf(ToDouble(code))); }

  const AggregateKind kind_;
  const TypeId type_;
  const size_t slot_;
  const double fraction_;
  const int64_t exact_values_;
  int64_t count_ = 0;
  Bag<Code> values_;
  Bag<int64_t> buckets_;

 private:
  // DuckDB's: the least value that at least the fraction of all does not exceed.
  void AppendDiscrete(Column* out) const {
    const auto n = static_cast<double>(count_);
    const int64_t rank = std::max<int64_t>(1, count_ - static_cast<int64_t>(std::floor(n - fraction_ * n))) - 1;
    if (is_exact()) return AppendCode(values_.At(rank), type_, out);
    const double middle = DoubleOfOrderedBits(buckets_.At(rank));
    if (type_ == TypeId::kDouble) return out->AppendDouble(middle);
    if (IsDecimal(type_)) return AppendDecimal(NearestDecimal(middle), out);
    constexpr double kBeyond = 0x1p63;
    out->AppendInt(middle >= kBeyond   ? std::numeric_limits<int64_t>::max()
                   : middle < -kBeyond ? std::numeric_limits<int64_t>::min()
                                       : std::llround(middle));
  }

  // Not beyond the type, as a bucket's middle may be.
  Int128 NearestDecimal(double v) const {
    const StatusOr<Int128> units = DoubleToDecimal(v, type_);
    const Int128 most = PowerOfTen(WidthOf(type_)) - 1;
    return units.ok() ? *units : v < 0 ? -most : most;
  }

  // Rule 22: position q * (n - 1), linear between neighbours. Beyond the exact values the middle of the lower
  // neighbour's bucket stands for both.
  double Continuous(double fraction) const {
    const double position = fraction * static_cast<double>(count_ - 1);
    const auto rank = static_cast<int64_t>(std::floor(position));
    if (!is_exact()) return DoubleOfOrderedBits(buckets_.At(rank));
    const double lower = ToDouble(values_.At(rank));
    const double part = position - static_cast<double>(rank);
    return part == 0 ? lower : Interpolate(lower, ToDouble(values_.At(rank + 1)), part);
  }

  // The median of the distances from the median.
  double MedianDeviation() const {
    const double median = Continuous(0.5);
    Multiset<int64_t> distances;
    const auto add = [&](double value, int64_t count) {
      distances.Change(OrderedBits(std::fabs(value - median)), count);
    };
    if (is_exact()) {
      for (const auto& [code, count] : values_.counts()) add(ToDouble(code), count);
    } else {
      for (const auto& [code, count] : buckets_.counts()) add(DoubleOfOrderedBits(code), count);
    }
    const double position = 0.5 * static_cast<double>(count_ - 1);
    const auto rank = static_cast<int64_t>(position);
    const double lower = DoubleOfOrderedBits(distances.At(rank));
    if (static_cast<double>(rank) == position) return lower;
    return Interpolate(lower, DoubleOfOrderedBits(distances.At(rank + 1)), 0.5);
  }
};

// Has values and buckets of all, since values that are taken out again may make it exact again.
template <typename Code>
class QuantileState final : public QuantileAnswers<QuantileState<Code>, Code, Multiset> {
  using Base = QuantileAnswers<QuantileState<Code>, Code, Multiset>;

 public:
  using Base::Base;
  void Encode(ByteWriter* out) const override { PutCounts(this->values_.counts(), out); }
  Status Decode(ByteReader* in) override {
    std::map<Code, int64_t> values;
    HR_RETURN_IF_ERROR(GetCounts(in, &values, &this->count_));
    this->values_ = {};
    this->buckets_ = {};
    for (const auto& [code, count] : values) ChangeValue(code, count);
    return absl::OkStatus();
  }

  void Add(const EventsView& rows, size_t row) override { Change(rows, row, +1); }
  void Subtract(const EventsView& rows, size_t row) override { Change(rows, row, -1); }
  void MergeSame(const QuantileState& other) {
    this->count_ += other.count_;
    this->values_.Merge(other.values_);
    this->buckets_.Merge(other.buckets_);
  }

 private:
  void Change(const EventsView& rows, size_t row, int64_t by) {
    this->count_ += by;
    ChangeValue(CodeOf<Code>(rows.slots[this->slot_], row), by);
  }
  void ChangeValue(const Code& code, int64_t by) {
    this->values_.Change(code, by);
    this->buckets_.Change(this->BucketCode(code), by);
  }
};

// Of tiles: values while they are exact, and from then on buckets.
template <typename Code>
class MergedQuantileState final : public QuantileAnswers<MergedQuantileState<Code>, Code, SortedMultiset> {
  using Base = QuantileAnswers<MergedQuantileState<Code>, Code, SortedMultiset>;

 public:
  using Base::Base;
  void Encode(ByteWriter*) const override {}
  Status Decode(ByteReader*) override { return Internal("states of tiles are not written"); }

  void Add(const EventsView& rows, size_t row) override {
    const auto code = CodeOf<Code>(rows.slots[this->slot_], row);
    GrowBy(1);
    this->is_exact() ? this->values_.Change(code, 1) : this->buckets_.Change(this->BucketCode(code), 1);
  }
  void Subtract(const EventsView&, size_t) override {}
  void MergeSame(const MergedQuantileState& other) {
    GrowBy(other.count_);
    if (this->is_exact()) {
      this->values_.Merge(other.values_);
    } else {
      this->buckets_.Merge(other.is_exact() ? BucketsOf(other.values_) : other.buckets_);
    }
  }

 private:
  void GrowBy(int64_t count) {
    const bool was_exact = this->is_exact();
    this->count_ += count;
    if (!was_exact || this->is_exact()) return;
    this->buckets_ = BucketsOf(this->values_);
    this->values_ = {};
  }
  SortedMultiset<int64_t> BucketsOf(const SortedMultiset<Code>& values) const {
    SortedMultiset<int64_t> buckets;
    for (const auto& [code, count] : values.counts()) buckets.Change(this->BucketCode(code), count);
    return buckets;
  }
};

}  // namespace

std::unique_ptr<AggregateState> MakeQuantileState(const AggregateCall& call) {
  if (IsDecimal(call.argument_type)) return std::make_unique<QuantileState<std::string>>(call);
  return std::make_unique<QuantileState<int64_t>>(call);
}

std::unique_ptr<AggregateState> MakeMergedQuantileState(const AggregateCall& call) {
  if (IsDecimal(call.argument_type)) return std::make_unique<MergedQuantileState<std::string>>(call);
  return std::make_unique<MergedQuantileState<int64_t>>(call);
}

}  // namespace headrace::aggregates
