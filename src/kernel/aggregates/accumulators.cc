// product and ew_avg where their states are never written: from what has no need of the events.
#include "kernel/aggregates/decayed_average.h"
#include "kernel/aggregates/log_product.h"
#include "kernel/aggregates/states.h"
#include "kernel/computed_double.h"

namespace headrace::aggregates {
namespace {

class ProductState final : public UnwrittenState<ProductState> {
 public:
  explicit ProductState(const AggregateCall& call) : slot_(*call.argument) {}

  void Add(const EventsView& rows, size_t row) override {
    product_.Multiply(rows.slots[slot_].doubles()[row]);
    ++rows_;
  }
  void Subtract(const EventsView& rows, size_t row) override {
    product_.Divide(rows.slots[slot_].doubles()[row]);
    --rows_;
  }
  void MergeSame(const ProductState& other) {
    product_.Merge(other.product_);
    rows_ += other.rows_;
  }
  bool AppendResult(TimestampUs, Column* out) const override {
    rows_ == 0 ? out->AppendNull() : out->AppendDouble(AggregatedDouble(product_.Round()));
    return false;
  }

 private:
  const size_t slot_;
  LogProduct product_;
  int64_t rows_ = 0;
};

class EwAvgState final : public UnwrittenState<EwAvgState> {
 public:
  explicit EwAvgState(const AggregateCall& call)
      : slot_(*call.argument), average_(static_cast<DurationUs>(call.parameter)) {}

  void Add(const EventsView& rows, size_t row) override {
    average_.Add(rows.event_time[row], rows.slots[slot_].doubles()[row]);
    ++rows_;
  }
  void Subtract(const EventsView& rows, size_t row) override {
    average_.Subtract(rows.event_time[row], rows.slots[slot_].doubles()[row]);
    --rows_;
  }
  void MergeSame(const EwAvgState& other) {
    average_.Merge(other.average_);
    rows_ += other.rows_;
  }
  bool AppendResult(TimestampUs, Column* out) const override {
    rows_ == 0 ? out->AppendNull() : out->AppendDouble(AggregatedDouble(average_.Round()));
    return false;
  }

 private:
  const size_t slot_;
  DecayedAverage average_;
  int64_t rows_ = 0;
};

}  // namespace

std::unique_ptr<AggregateState> MakeProductState(const AggregateCall& call) {
  return std::make_unique<ProductState>(call);
}

std::unique_ptr<AggregateState> MakeEwAvgState(const AggregateCall& call) {
  return std::make_unique<EwAvgState>(call);
}

}  // namespace headrace::aggregates
