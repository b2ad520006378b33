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

  void Add(const EventsView&, size_t) override { ++count_; }
  void Subtract(const EventsView&, size_t) override { --count_; }
  void MergeSame(const CountState& other) { count_ += other.count_; }
  bool AppendResult(TimestampUs, Column* out) const override {
    out->AppendInt(count_);
    return false;
  }

 private:
  int64_t count_ = 0;
};

// What a sum of each type is made of: its cells added and taken out, the sum (true: it left its type) and the average.
struct IntegerSum {
  static constexpr StateForm kForm = StateForm::kIntegerSum;
  __int128 sum = 0;

  explicit IntegerSum(TypeId) {}
  void Add(const ColumnView& column, size_t row) { sum += column.ints()[row]; }
  void Subtract(const ColumnView& column, size_t row) { sum -= column.ints()[row]; }
  void Merge(const IntegerSum& other) { sum += other.sum; }
  void Encode(ByteWriter* out) const { out->PutI128(sum); }
  Status Decode(ByteReader* in) { return in->GetI128(&sum); }
  double Average(uint64_t count) const { return RoundQuotientToDouble(sum, 0, count); }
  bool AppendSum(Column* out) const {
    const bool fits = sum >= std::numeric_limits<int64_t>::min() && sum <= std::numeric_limits<int64_t>::max();
    if (fits) {
      out->AppendInt(static_cast<int64_t>(sum));
    } else {
      out->AppendNull();
    }
    return !fits;
  }
};

struct SumOfDecimals {
  static constexpr StateForm kForm = StateForm::kDecimalSum;
  const int scale;
  DecimalSum sum;

  explicit SumOfDecimals(TypeId type) : scale(ScaleOf(type)) {}
  void Add(const ColumnView& column, size_t row) { sum.Add(DecodeDecimal(column.str(row))); }
  void Subtract(const ColumnView& column, size_t row) { sum.Subtract(DecodeDecimal(column.str(row))); }
  void Merge(const SumOfDecimals& other) { sum.Merge(other.sum); }
  void Encode(ByteWriter* out) const { sum.Encode(out); }
  Status Decode(ByteReader* in) { return sum.Decode(in); }
  double Average(uint64_t count) const { return sum.RoundQuotient(count, scale); }
  bool AppendSum(Column* out) const {
    const std::optional<Int128> units = sum.Units();
    if (units) {
      AppendDecimal(*units, out);
    } else {
      out->AppendNull();
    }
    return !units;
  }
};

struct SumOfDoubles {
  static constexpr StateForm kForm = StateForm::kDoubleSum;
  ExactSum sum;

  explicit SumOfDoubles(TypeId) {}
  void Add(const ColumnView& column, size_t row) { sum.Add(column.doubles()[row]); }
  void Subtract(const ColumnView& column, size_t row) { sum.Subtract(column.doubles()[row]); }
  void Merge(const SumOfDoubles& other) { sum.Merge(other.sum); }
  void Encode(ByteWriter* out) const { sum.Encode(out); }
  Status Decode(ByteReader* in) { return sum.Decode(in); }
  double Average(uint64_t count) const { return sum.RoundQuotient(count); }
  bool AppendSum(Column* out) const {
    out->AppendDouble(sum.RoundQuotient(1));
    return false;
  }
};

// sum and avg.
template <typename Sum>
class SumState final : public MergeableState<SumState<Sum>> {
 public:
  static constexpr StateForm kForm = Sum::kForm;
  void Encode(ByteWriter* out) const override {
    sum_.Encode(out);
    out->PutI64(count_);
  }
  Status Decode(ByteReader* in) override {
    HR_RETURN_IF_ERROR(sum_.Decode(in));
    return GetRows(in, &count_);
  }

  explicit SumState(const AggregateCall& call)
      : slot_(*call.argument), is_avg_(call.kind == AggregateKind::kAvg), sum_(call.argument_type) {}

  void Add(const EventsView& rows, size_t row) override {
    sum_.Add(rows.slots[slot_], row);
    ++count_;
  }
  void Subtract(const EventsView& rows, size_t row) override {
    sum_.Subtract(rows.slots[slot_], row);
    --count_;
  }
  void MergeSame(const SumState& other) {
    sum_.Merge(other.sum_);
    count_ += other.count_;
  }
  bool AppendResult(TimestampUs, Column* out) const override {
    if (count_ == 0) {
      out->AppendNull();
      return false;
    }
    if (!is_avg_) return sum_.AppendSum(out);
    out->AppendDouble(sum_.Average(static_cast<uint64_t>(count_)));
    return false;
  }

 private:
  const size_t slot_;
  const bool is_avg_;
  Sum sum_;
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

  void Add(const EventsView& rows, size_t row) override { Consider(rows.slots[slot_], row); }
  void Subtract(const EventsView&, size_t) override {}
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
  void Consider(const ColumnView& column, size_t row) {
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
  if (call.argument_type == TypeId::kDouble) return std::make_unique<SumState<SumOfDoubles>>(call);
  if (IsDecimal(call.argument_type)) return std::make_unique<SumState<SumOfDecimals>>(call);
  return std::make_unique<SumState<IntegerSum>>(call);
}

std::unique_ptr<AggregateState> MakeExtremeState(const AggregateCall& call) {
  return std::make_unique<ExtremeState>(call);
}

}  // namespace headrace::aggregates
