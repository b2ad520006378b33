#include "kernel/aggregate.h"

#include <limits>

#include "kernel/ordered_bits.h"
#include "kernel/rounding.h"

namespace headrace {

bool Contributes(const AggregateCall& call, const EventRows& rows, size_t row) {
  if (call.filter) {
    const Column& filter = rows.slots[*call.filter];
    if (filter.IsNull(row) || filter.ints()[row] == 0) return false;
  }
  return !call.argument || !rows.slots[*call.argument].IsNull(row);
}

int CompareCells(const Column& column_a, size_t a, const Column& column_b, size_t b) {
  if (column_a.type() == TypeId::kDouble) return CompareDoubles(column_a.doubles()[a], column_b.doubles()[b]);
  if (column_a.type() == TypeId::kVarchar) return column_a.str(a).compare(column_b.str(b));
  const int64_t x = column_a.ints()[a];
  const int64_t y = column_b.ints()[b];
  return x < y ? -1 : x > y ? 1 : 0;
}

AggregateState::AggregateState(const AggregateCall& call) : call_(call), best_(call.argument_type) {
  const bool sums = call.kind == AggregateKind::kSum || call.kind == AggregateKind::kAvg;
  if (sums && call.argument_type == TypeId::kDouble) double_sum_ = std::make_unique<ExactSum>();
}

void AggregateState::Add(const EventRows& rows, size_t row) { Accumulate(rows, row, +1); }
void AggregateState::Subtract(const EventRows& rows, size_t row) { Accumulate(rows, row, -1); }

void AggregateState::Accumulate(const EventRows& rows, size_t row, int sign) {
  count_ += sign;
  if (call_.kind == AggregateKind::kCountStar || call_.kind == AggregateKind::kCount) return;
  const Column& argument = rows.slots[*call_.argument];
  if (!IsEvictable(call_.kind)) return Consider(argument, row);
  if (double_sum_ == nullptr) {
    integer_sum_ += sign * static_cast<__int128>(argument.ints()[row]);
  } else if (sign > 0) {
    double_sum_->Add(argument.doubles()[row]);
  } else {
    double_sum_->Subtract(argument.doubles()[row]);
  }
}

void AggregateState::Consider(const Column& column, size_t row) {
  if (best_.size() > 0) {
    const int order = CompareCells(column, row, best_, 0);
    if (call_.kind == AggregateKind::kMin ? order >= 0 : order <= 0) return;
    best_ = Column(call_.argument_type);
  }
  best_.AppendFrom(column, row);
}

void AggregateState::Merge(const AggregateState& other) {
  count_ += other.count_;
  integer_sum_ += other.integer_sum_;
  if (double_sum_ != nullptr) double_sum_->Merge(*other.double_sum_);
  if (other.best_.size() > 0) Consider(other.best_, 0);
}

void AppendExtreme(const Column& column, size_t row, Column* out) {
  if (column.type() == TypeId::kDouble) return out->AppendDouble(DoubleOfOrderedBits(OrderedBits(column.doubles()[row])));
  out->AppendFrom(column, row);
}

bool AggregateState::AppendResult(Column* out) const {
  if (call_.kind == AggregateKind::kCountStar || call_.kind == AggregateKind::kCount) {
    out->AppendInt(count_);
    return false;
  }
  if (count_ == 0) {
    out->AppendNull();
    return false;
  }
  if (!IsEvictable(call_.kind)) {
    AppendExtreme(best_, 0, out);
    return false;
  }
  if (call_.kind == AggregateKind::kAvg) {
    const auto n = static_cast<uint64_t>(count_);
    out->AppendDouble(double_sum_ ? double_sum_->RoundQuotient(n) : RoundQuotientToDouble(integer_sum_, 0, n));
    return false;
  }
  if (double_sum_ != nullptr) {
    out->AppendDouble(double_sum_->Round());
    return false;
  }
  const bool fits = integer_sum_ >= std::numeric_limits<int64_t>::min() && integer_sum_ <= std::numeric_limits<int64_t>::max();
  if (fits) {
    out->AppendInt(static_cast<int64_t>(integer_sum_));
  } else {
    out->AppendNull();
  }
  return !fits;
}

FeatureCells::FeatureCells(const ViewProgram& program) {
  if (program.is_latest_value()) {
    for (const Expression& slot : program.slots) columns.emplace_back(slot.type);
    return;
  }
  for (size_t window = 0; window < program.windows.size(); ++window) {
    for (const AggregateCall& call : program.aggregates) columns.emplace_back(call.result_type);
  }
}

StatusOr<std::vector<Column>> FinishFeatures(const ViewProgram& program, FeatureCells cells) {
  if (program.is_latest_value()) return std::move(cells.columns);
  const size_t per_window = program.aggregates.size();
  const size_t rows = cells.columns.empty() ? 0 : cells.columns[0].size();
  std::vector<Column> features;
  for (const Expression& output : program.outputs) {
    for (size_t window = 0; window < program.windows.size(); ++window) {
      const std::span<const Column> inputs = std::span<const Column>(cells.columns).subspan(window * per_window, per_window);
      HR_ASSIGN_OR_RETURN(Column feature, Evaluate(output, inputs, rows));
      features.push_back(std::move(feature));
    }
  }
  return features;
}

}  // namespace headrace
