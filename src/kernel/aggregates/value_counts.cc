// count(distinct), mode, mode_ratio, entropy, list_distinct, top_k, count_by, ratio_by: from the number of rows of each
// value.
#include <algorithm>
#include <cmath>
#include <map>
#include <string>
#include <vector>

#include "base/nested.h"
#include "kernel/aggregates/categories.h"
#include "kernel/aggregates/hyperloglog.h"
#include "kernel/aggregates/states.h"
#include "kernel/aggregates/value_code.h"

namespace headrace::aggregates {
namespace {

template <typename Code>
class ValueCountState final : public MergeableState<ValueCountState<Code>> {
 public:
  static constexpr StateForm kForm = StateForm::kValues;
  void Encode(ByteWriter* out) const override { PutCounts(counts_, out); }
  Status Decode(ByteReader* in) override { return GetCounts(in, &counts_, &total_); }

  explicit ValueCountState(const AggregateCall& call) : call_(call), type_(call.argument_type), slot_(*call.argument) {}

  void Add(const EventsView& rows, size_t row) override {
    ++counts_[CodeOf<Code>(rows.slots[slot_], row)];
    ++total_;
  }
  void Subtract(const EventsView& rows, size_t row) override {
    const auto it = counts_.find(CodeOf<Code>(rows.slots[slot_], row));
    if (--it->second == 0) counts_.erase(it);
    --total_;
  }
  void MergeSame(const ValueCountState& other) {
    for (const auto& [code, count] : other.counts_) counts_[code] += count;
    total_ += other.total_;
  }

  bool AppendResult(TimestampUs, Column* out) const override {
    using K = AggregateKind;
    if (call_.kind == K::kCountDistinct) {
      out->AppendInt(CountDistinct());
    } else if (total_ == 0) {
      out->AppendNull();
    } else if (IsMap(call_.result_type)) {
      return AppendCategories(call_, Values(), CountsOrRatios(), out);
    } else if (call_.kind == K::kListDistinct) {
      return AppendDistinct(out);
    } else if (call_.kind == K::kTopK) {
      out->AppendString(EncodeList(TopK()));
    } else if (call_.kind == K::kMode) {
      AppendCode(MostFrequent()->first, type_, out);
    } else if (call_.kind == K::kModeRatio) {
      out->AppendDouble(static_cast<double>(MostFrequent()->second) / static_cast<double>(total_));
    } else {
      out->AppendDouble(Entropy());
    }
    return false;
  }

 private:
  int64_t CountDistinct() const {
    if (counts_.size() <= static_cast<size_t>(call_.exact.distinct)) return static_cast<int64_t>(counts_.size());
    HyperLogLog sketch;
    for (const auto& [code, count] : counts_) sketch.Add(HashOf(code));
    return sketch.Estimate();
  }

  Column Values() const {
    Column values(type_);
    for (const auto& [code, count] : counts_) AppendCode(code, type_, &values);
    return values;
  }

  bool AppendDistinct(Column* out) const {
    const bool fits = counts_.size() <= kMaxElements;
    if (fits) {
      out->AppendString(EncodeList(Values()));
    } else {
      out->AppendNull();
    }
    return !fits;
  }

  Column CountsOrRatios() const {
    Column column(ElementOf(call_.result_type));
    for (const auto& [code, count] : counts_) {
      if (call_.kind == AggregateKind::kCountBy) {
        column.AppendInt(count);
      } else {
        column.AppendDouble(static_cast<double>(count) / static_cast<double>(total_));
      }
    }
    return column;
  }

  // Rule 21: by count descending, then by value ascending, as the map has them.
  Column TopK() const {
    std::vector<typename std::map<Code, int64_t>::const_iterator> order;
    for (auto it = counts_.begin(); it != counts_.end(); ++it) order.push_back(it);
    std::stable_sort(order.begin(), order.end(), [](auto a, auto b) { return a->second > b->second; });
    order.resize(std::min(order.size(), static_cast<size_t>(call_.parameter)));
    Column values(type_);
    for (const auto& it : order) AppendCode(it->first, type_, &values);
    return values;
  }

  // Rule 20: the smallest of the most frequent.
  auto MostFrequent() const {
    auto best = counts_.begin();
    for (auto it = counts_.begin(); it != counts_.end(); ++it) {
      if (it->second > best->second) best = it;
    }
    return best;
  }

  // In bits, as DuckDB's; added up in the order of the values.
  double Entropy() const {
    double entropy = 0;
    for (const auto& [code, count] : counts_) {
      const double share = static_cast<double>(count) / static_cast<double>(total_);
      entropy -= share * std::log2(share);
    }
    return entropy + 0.0;
  }

  const AggregateCall call_;
  const TypeId type_;
  const size_t slot_;
  int64_t total_ = 0;
  std::map<Code, int64_t> counts_;
};

}  // namespace

std::unique_ptr<AggregateState> MakeValueCountState(const AggregateCall& call) {
  if (HoldsBytes(call.argument_type)) return std::make_unique<ValueCountState<std::string>>(call);
  return std::make_unique<ValueCountState<int64_t>>(call);
}

}  // namespace headrace::aggregates
