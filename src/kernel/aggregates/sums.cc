// count, sum, avg, min, max.
#include <limits>

#include "kernel/aggregate.h"
#include "kernel/aggregates/decimal_sum.h"
#include "kernel/aggregates/exact_sum.h"
#include "kernel/aggregates/rounding.h"
#include "kernel/aggregates/states.h"

namespace headrace::aggregates {
namespace {

class CountState final : public MergeableState<CountState> {
 public:
  static constexpr StateForm kForm = StateForm::kCount;
  void Encode(ByteWriter* out) const override { out->PutI64(count_); }
  Status Decode(ByteReader* in) override { return GetRows(in, &count_); }

  void Add(const EventRows&, size_t) override { ++count_; }
  void Subtract(const EventRows&, size_t) override { --count_; }
  void MergeSame(const CountState& other) { count_ += other.count_; }
  bool AppendResult(TimestampUs, Column* out) const override {
    out->AppendInt(count_);
    return false;
  }

 private:
  int64_t count_ = 0;
};

class IntegerSumState final : public MergeableState<IntegerSumState> {
 public:
  static constexpr StateForm kForm = StateForm::kIntegerSum;
  void Encode(ByteWriter* out) const override {
    out->PutI128(sum_);
    out->PutI64(count_);
  }
  Status Decode(ByteReader* in) override {
    HR_RETURN_IF_ERROR(in->GetI128(&sum_));
    return GetRows(in, &count_);
  }

  explicit IntegerSumState(const AggregateCall& call)
      : slot_(*call.argument), is_avg_(call.kind == AggregateKind::kAvg) {}

  void Add(const EventRows& rows, size_t row) override {
    sum_ += rows.slots[slot_].ints()[row];
    ++count_;
  }
  void Subtract(const EventRows& rows, size_t row) override {
    sum_ -= rows.slots[slot_].ints()[row];
    --count_;
  }
  void MergeSame(const IntegerSumState& other) {
    sum_ += other.sum_;
    count_ += other.count_;
  }
  bool AppendResult(TimestampUs, Column* out) const override {
    const bool fits = sum_ >= std::numeric_limits<int64_t>::min() && sum_ <= std::numeric_limits<int64_t>::max();
    if (count_ == 0) {
      out->AppendNull();
    } else if (is_avg_) {
      out->AppendDouble(RoundQuotientToDouble(sum_, 0, static_cast<uint64_t>(count_)));
    } else if (fits) {
      out->AppendInt(static_cast<int64_t>(sum_));
    } else {
      out->AppendNull();
      return true;
    }
    return false;
  }

 private:
  const size_t slot_;
  const bool is_avg_;
  __int128 sum_ = 0;
  int64_t count_ = 0;
};

class DecimalSumState final : public MergeableState<DecimalSumState> {
 public:
  static constexpr StateForm kForm = StateForm::kDecimalSum;
  void Encode(ByteWriter* out) const override {
    sum_.Encode(out);
    out->PutI64(count_);
  }
  Status Decode(ByteReader* in) override {
    HR_RETURN_IF_ERROR(sum_.Decode(in));
    return GetRows(in, &count_);
  }

  explicit DecimalSumState(const AggregateCall& call)
      : slot_(*call.argument), is_avg_(call.kind == AggregateKind::kAvg), scale_(ScaleOf(call.argument_type)) {}

  void Add(const EventRows& rows, size_t row) override {
    sum_.Add(DecodeDecimal(rows.slots[slot_].str(row)));
    ++count_;
  }
  void Subtract(const EventRows& rows, size_t row) override {
    sum_.Subtract(DecodeDecimal(rows.slots[slot_].str(row)));
    --count_;
  }
  void MergeSame(const DecimalSumState& other) {
    sum_.Merge(other.sum_);
    count_ += other.count_;
  }
  bool AppendResult(TimestampUs, Column* out) const override {
    const std::optional<Int128> units = sum_.Units();
    if (count_ == 0) {
      out->AppendNull();
    } else if (is_avg_) {
      out->AppendDouble(sum_.RoundQuotient(static_cast<uint64_t>(count_), scale_));
    } else if (units) {
      AppendDecimal(*units, out);
    } else {
      out->AppendNull();
      return true;
    }
    return false;
  }

 private:
  const size_t slot_;
  const bool is_avg_;
  const int scale_;
  DecimalSum sum_;
  int64_t count_ = 0;
};

class DoubleSumState final : public MergeableState<DoubleSumState> {
 public:
  static constexpr StateForm kForm = StateForm::kDoubleSum;
  void Encode(ByteWriter* out) const override {
    sum_.Encode(out);
    out->PutI64(count_);
  }
  Status Decode(ByteReader* in) override {
    HR_RETURN_IF_ERROR(sum_.Decode(in));
    return GetRows(in, &count_);
  }

  explicit DoubleSumState(const AggregateCall& call)
      : slot_(*call.argument), is_avg_(call.kind == AggregateKind::kAvg) {}

  void Add(const EventRows& rows, size_t row) override {
    sum_.Add(rows.slots[slot_].doubles()[row]);
    ++count_;
  }
  void Subtract(const EventRows& rows, size_t row) override {
    sum_.Subtract(rows.slots[slot_].doubles()[row]);
    --count_;
  }
  void MergeSame(const DoubleSumState& other) {
    sum_.Merge(other.sum_);
    count_ += other.count_;
  }
  bool AppendResult(TimestampUs, Column* out) const override {
    if (count_ == 0) {
      out->AppendNull();
    } else {
      out->AppendDouble(sum_.RoundQuotient(is_avg_ ? static_cast<uint64_t>(count_) : 1));
    }
    return false;
  }

 private:
  const size_t slot_;
  const bool is_avg_;
  ExactSum sum_;
  int64_t count_ = 0;
};

class ExtremeState final : public MergeableState<ExtremeState> {
 public:
  static constexpr StateForm kForm = StateForm::kExtreme;
  void Encode(ByteWriter* out) const override { out->PutColumn(best_); }
  Status Decode(ByteReader* in) override {
    HR_ASSIGN_OR_RETURN(Column best, in->GetColumn());
    if (best.type() != best_.type() || best.size() > 1 || best.has_nulls()) return DataLoss("a damaged extreme");
    best_ = std::move(best);
    return absl::OkStatus();
  }

  explicit ExtremeState(const AggregateCall& call)
      : slot_(*call.argument), is_min_(call.kind == AggregateKind::kMin), best_(call.argument_type) {}

  void Add(const EventRows& rows, size_t row) override { Consider(rows.slots[slot_], row); }
  void Subtract(const EventRows&, size_t) override {}
  void MergeSame(const ExtremeState& other) {
    if (other.best_.size() > 0) Consider(other.best_, 0);
  }
  bool AppendResult(TimestampUs, Column* out) const override {
    if (best_.size() == 0) {
      out->AppendNull();
    } else {
      AppendExtreme(best_, 0, out);
    }
    return false;
  }

 private:
  void Consider(const Column& column, size_t row) {
    if (best_.size() > 0) {
      const int order = CompareCells(column, row, best_, 0);
      if (is_min_ ? order >= 0 : order <= 0) return;
      best_ = Column(column.type());
    }
    AppendExtreme(column, row, &best_);  // equal values have equal bits, whichever came first
  }

  const size_t slot_;
  const bool is_min_;
  Column best_;  // no row or one
};

}  // namespace

std::unique_ptr<AggregateState> MakeCountState(const AggregateCall&) {
  return std::make_unique<CountState>();
}

std::unique_ptr<AggregateState> MakeSumState(const AggregateCall& call) {
  if (call.argument_type == TypeId::kDouble) return std::make_unique<DoubleSumState>(call);
  if (IsDecimal(call.argument_type)) return std::make_unique<DecimalSumState>(call);
  return std::make_unique<IntegerSumState>(call);
}

std::unique_ptr<AggregateState> MakeExtremeState(const AggregateCall& call) {
  return std::make_unique<ExtremeState>(call);
}

}  // namespace headrace::aggregates
