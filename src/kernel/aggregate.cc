#include "kernel/aggregate.h"

#include "kernel/aggregates/ordered_bits.h"

namespace headrace {

int CompareCells(const ColumnView& column_a, size_t a, const ColumnView& column_b, size_t b) {
  if (column_a.type() == TypeId::kDouble) return CompareDoubles(column_a.doubles()[a], column_b.doubles()[b]);
  if (HoldsBytes(column_a.type())) return column_a.str(a).compare(column_b.str(b));
  const int64_t x = column_a.ints()[a];
  const int64_t y = column_b.ints()[b];
  return x < y ? -1 : x > y ? 1 : 0;
}

int CompareValues(const Value& a, const Value& b) {
  if (a.type() == TypeId::kDouble) return CompareDoubles(a.dbl(), b.dbl());
  if (HoldsBytes(a.type())) return a.str().compare(b.str());
  return a.int64() < b.int64() ? -1 : a.int64() > b.int64() ? 1 : 0;
}

void AppendExtreme(const ColumnView& column, size_t row, Column* out) {
  if (column.type() == TypeId::kDouble)
    return out->AppendDouble(DoubleOfOrderedBits(OrderedBits(column.doubles()[row])));
  column.AppendTo(row, out);
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

void FeatureCells::AppendRow(const Cells& cells, size_t begin) {
  for (size_t i = 0; i < columns.size(); ++i) cells.AppendTo(begin + i, &columns[i]);
}

StatusOr<std::vector<Column>> FinishFeatures(const ViewProgram& program, FeatureCells cells) {
  if (program.is_latest_value()) return std::move(cells.columns);
  const size_t per_window = program.aggregates.size();
  const size_t num_windows = program.windows.size();
  const size_t rows = cells.columns.empty() ? 0 : cells.columns[0].size();
  std::vector<Column> features(program.outputs.size() * num_windows, Column(TypeId::kBigint));
  std::vector<size_t> renamed;            // outputs that only name a column
  std::vector<uint8_t> seen(per_window);  // columns that were named by then
  for (size_t i = 0; i < program.outputs.size(); ++i) {
    const Expression& output = program.outputs[i];
    if (output.kind == Expression::Kind::kColumn && seen[output.column]++ == 0) {
      renamed.push_back(i);
      continue;
    }
    for (size_t window = 0; window < num_windows; ++window) {
      const std::span<const Column> inputs =
          std::span<const Column>(cells.columns).subspan(window * per_window, per_window);
      HR_ASSIGN_OR_RETURN(features[i * num_windows + window], Evaluate(output, inputs, rows));
    }
  }
  for (const size_t i : renamed) {  // the others have been evaluated
    for (size_t window = 0; window < num_windows; ++window)
      features[i * num_windows + window] = std::move(cells.columns[window * per_window + program.outputs[i].column]);
  }
  return features;
}

}  // namespace headrace
