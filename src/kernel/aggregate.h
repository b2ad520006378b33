// Mergeable aggregate states: the result depends on the multiset of rows added, never on their order or grouping.
//
//   count            int64                       evictable by subtraction
//   sum, avg bigint  128-bit sum and count       evictable; exact; outside 64 bits the sum is null (rule 17)
//   sum, avg double  ExactSum and count          evictable; the exact sum rounded once
//   min, max         the best value              not evictable; NaN is above all, a zero is given as +0.0 (rule 16)
#pragma once

#include <memory>
#include <vector>

#include "kernel/events.h"
#include "kernel/exact_sum.h"
#include "kernel/view.h"

namespace headrace {

// Whether row `row` counts for `call`: its filter is true and its argument not null.
bool Contributes(const AggregateCall& call, const EventRows& rows, size_t row);

// Negative, zero, positive: how rows a and b of `column` compare as values (rule 16).
int CompareCells(const Column& column_a, size_t a, const Column& column_b, size_t b);

class AggregateState {
 public:
  explicit AggregateState(const AggregateCall& call);

  // Row `row` contributes (see above) and is added, or taken out again; only evictable states can take out.
  void Add(const EventRows& rows, size_t row);
  void Subtract(const EventRows& rows, size_t row);
  void Merge(const AggregateState& other);  // of the same call
  static bool IsEvictable(AggregateKind kind) { return kind != AggregateKind::kMin && kind != AggregateKind::kMax; }

  // Appends the aggregate's value, of call.result_type. Returns true where rule 17 made it null: a sum that left 64 bits.
  bool AppendResult(Column* out) const;

 private:
  void Accumulate(const EventRows& rows, size_t row, int sign);
  void Consider(const Column& column, size_t row);

  AggregateCall call_;
  int64_t count_ = 0;
  __int128 integer_sum_ = 0;
  std::unique_ptr<ExactSum> double_sum_;  // only of doubles: 600 bytes that counts need not carry
  Column best_;                           // min, max: no row or one
};

// Appends the cell of a min or max: row `row` of `column`; a zero is +0.0 and a NaN the one that C++ calls quiet.
void AppendExtreme(const Column& column, size_t row, Column* out);

// One value per aggregate, window by window: cells[window * aggregates + aggregate]; of a latest-value view one per slot.
struct FeatureCells {
  std::vector<Column> columns;
  int64_t overflows = 0;  // cells that rule 17 made null

  explicit FeatureCells(const ViewProgram& program);
};

// From the cells to the view's features, in the order of program.features.
StatusOr<std::vector<Column>> FinishFeatures(const ViewProgram& program, FeatureCells cells);

}  // namespace headrace
