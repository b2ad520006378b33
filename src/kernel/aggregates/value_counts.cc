// count(distinct), mode, mode_ratio, entropy: from the number of rows of each value.
#include <cmath>
#include <map>
#include <string>

#include "base/hash.h"
#include "kernel/aggregates/hyperloglog.h"
#include "kernel/aggregates/states.h"
#include "kernel/aggregates/value_code.h"

namespace headrace::aggregates {
namespace {

constexpr size_t kExactDistinct = 4096;  // rule 22

uint64_t HashOf(int64_t code) {
  return Hash64(std::string_view(reinterpret_cast<const char*>(&code), sizeof code));
}
uint64_t HashOf(const std::string& text) {
  return Hash64(text);
}

template <typename Code>
class ValueCountState final : public MergeableState<ValueCountState<Code>> {
 public:
  explicit ValueCountState(const AggregateCall& call)
      : kind_(call.kind), type_(call.argument_type), slot_(*call.argument) {}

  void Add(const EventRows& rows, size_t row) override {
    ++counts_[CodeOf<Code>(rows.slots[slot_], row)];
    ++total_;
  }
  void Subtract(const EventRows& rows, size_t row) override {
    const auto it = counts_.find(CodeOf<Code>(rows.slots[slot_], row));
    if (--it->second == 0) counts_.erase(it);
    --total_;
  }
  void MergeSame(const ValueCountState& other) {
    for (const auto& [code, count] : other.counts_) counts_[code] += count;
    total_ += other.total_;
  }

  bool AppendResult(TimestampUs, Column* out) const override {
    if (kind_ == AggregateKind::kCountDistinct) {
      out->AppendInt(CountDistinct());
    } else if (total_ == 0) {
      out->AppendNull();
    } else if (kind_ == AggregateKind::kMode) {
      AppendCode(MostFrequent()->first, type_, out);
    } else if (kind_ == AggregateKind::kModeRatio) {
      out->AppendDouble(static_cast<double>(MostFrequent()->second) / static_cast<double>(total_));
    } else {
      out->AppendDouble(Entropy());
    }
    return false;
  }

 private:
  int64_t CountDistinct() const {
    if (counts_.size() <= kExactDistinct) return static_cast<int64_t>(counts_.size());
    HyperLogLog sketch;
    for (const auto& [code, count] : counts_) sketch.Add(HashOf(code));
    return sketch.Estimate();
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

  const AggregateKind kind_;
  const TypeId type_;
  const size_t slot_;
  int64_t total_ = 0;
  std::map<Code, int64_t> counts_;
};

}  // namespace

std::unique_ptr<AggregateState> MakeValueCountState(const AggregateCall& call) {
  if (call.argument_type == TypeId::kVarchar) return std::make_unique<ValueCountState<std::string>>(call);
  return std::make_unique<ValueCountState<int64_t>>(call);
}

}  // namespace headrace::aggregates
