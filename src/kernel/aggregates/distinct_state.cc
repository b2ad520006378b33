// count(distinct) of tiles: the different values while they are few enough to be exact, then a sketch of all of them.
// The answer is that of the table of counts in value_counts.cc: the limit decides which of the two it is, there as
// here.
#include <memory>
#include <string>

#include "absl/container/flat_hash_set.h"
#include "kernel/aggregates/hyperloglog.h"
#include "kernel/aggregates/states.h"
#include "kernel/aggregates/value_code.h"

namespace headrace::aggregates {
namespace {

template <typename Code>
class DistinctState final : public UnwrittenState<DistinctState<Code>> {
 public:
  explicit DistinctState(const AggregateCall& call)
      : slot_(*call.argument), most_(static_cast<size_t>(call.exact.distinct)) {}

  void Add(const EventsView& rows, size_t row) override {
    if (sketch_ != nullptr) {
      sketch_->Add(HashOf(CodeOf<Code>(rows.slots[slot_], row)));
    } else {
      values_.insert(CodeOf<Code>(rows.slots[slot_], row));
      SketchIfMany();
    }
  }
  void Subtract(const EventsView&, size_t) override {}
  void MergeSame(const DistinctState& other) {
    if (sketch_ == nullptr && other.sketch_ == nullptr) {
      values_.insert(other.values_.begin(), other.values_.end());
      return SketchIfMany();
    }
    Sketch();
    if (other.sketch_ != nullptr) {
      sketch_->Merge(*other.sketch_);
    } else {
      for (const Code& code : other.values_) sketch_->Add(HashOf(code));
    }
  }
  bool AppendResult(TimestampUs, Column* out) const override {
    out->AppendInt(sketch_ != nullptr ? sketch_->Estimate() : static_cast<int64_t>(values_.size()));
    return false;
  }

 private:
  void SketchIfMany() {
    if (values_.size() > most_) Sketch();
  }
  void Sketch() {
    if (sketch_ != nullptr) return;
    sketch_ = std::make_unique<HyperLogLog>();
    for (const Code& code : values_) sketch_->Add(HashOf(code));
    values_ = {};
  }

  const size_t slot_;
  const size_t most_;  // values, that are counted exactly
  absl::flat_hash_set<Code> values_;
  std::unique_ptr<HyperLogLog> sketch_;  // of more than so many
};

}  // namespace

std::unique_ptr<AggregateState> MakeDistinctState(const AggregateCall& call) {
  if (HoldsBytes(call.argument_type)) return std::make_unique<DistinctState<std::string>>(call);
  return std::make_unique<DistinctState<int64_t>>(call);
}

}  // namespace headrace::aggregates
