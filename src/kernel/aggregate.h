// Cells of features: what windows come to, before the outputs' expressions are applied.
#pragma once

#include <vector>

#include "kernel/aggregates/state.h"
#include "kernel/cells.h"
#include "kernel/events.h"
#include "kernel/view.h"

namespace headrace {

// Negative, zero, positive: how rows a and b of `column` compare as values (rule 16), or two values of one type.
int CompareCells(const ColumnView& column_a, size_t a, const ColumnView& column_b, size_t b);
int CompareValues(const Value& a, const Value& b);

// Appends the cell of a min or max: row `row` of `column`; a zero is +0.0 and a NaN the one that C++ calls quiet.
void AppendExtreme(const ColumnView& column, size_t row, Column* out);

// One value per aggregate, window by window: cells[window * aggregates + aggregate]; of a latest-value view one per
// slot.
struct FeatureCells {
  std::vector<Column> columns;
  int64_t overflows = 0;  // cells that rule 17 made null

  FeatureCells() = default;  // of nothing
  explicit FeatureCells(const ViewProgram& program);
  // One row more: what `cells` has from `begin` on.
  void AppendRow(const Cells& cells, size_t begin = 0);
};

// From the cells to the view's features, in the order of program.features.
StatusOr<std::vector<Column>> FinishFeatures(const ViewProgram& program, FeatureCells cells);

}  // namespace headrace
