// The states of aggregates: what a window's events come to, whatever their order.
//
// A state depends only on the multiset of rows that were added and not subtracted again, each with its place in the
// order (semantics.md, rule 4), never on when or in which pieces they came. All are mergeable; all but min and max can
// take a row out again.
//
//   function                       exactness                          bytes
//   count                          exact                              8
//   sum, avg of bigints            exact; a sum outside 64 bits null  24
//   sum, avg of doubles            the exact sum, rounded once        600
//   min, max                       exact                              8 or the text
//   var_*, stddev_*, covar_*,      from exact power sums; rule 19     1,200 to 3,000
//     corr, regr_*, skewness, kurtosis
//   bool_*, bit_*                  exact                              520
//   count(distinct)                exact to 4,096 values, beyond HyperLogLog (1.6 %)   48 per value
//   mode, mode_ratio, entropy,     exact                              48 per value
//     top_k, list_distinct, count_by, ratio_by
//   sum_by, avg_by                 as sum and avg                     80 + that of sum per category
//   min_by_category and its kin    exact                              80 per category, 48 per value of it
//   quantile_*, median, mad        exact to 1,024 values, beyond within 1 % (rule 22)  96 per value
//   the rest                       over the events in the order       120 per event
#pragma once

#include <memory>
#include <optional>

#include "kernel/aggregates/kinds.h"
#include "kernel/events.h"

namespace headrace {

class AggregateState {
 public:
  virtual ~AggregateState() = default;

  // Row `row` contributes (Contributes, below) and is added, or taken out again.
  virtual void Add(const EventRows& rows, size_t row) = 0;
  virtual void Subtract(const EventRows& rows, size_t row) = 0;  // not of min and max
  virtual void Merge(const AggregateState& other) = 0;           // of the same call

  // Appends the value at the instant `t`, of call.result_type. True where rule 17 made it null: a sum left 64 bits.
  virtual bool AppendResult(TimestampUs t, Column* out) const = 0;
};

std::unique_ptr<AggregateState> MakeAggregateState(const AggregateCall& call);

// Whether row `row` counts for `call`: its filter is true and no argument null. For first, last and nth_last, and
// the lists of first and last, a null is a value (rules 20, 21).
bool Contributes(const AggregateCall& call, const EventRows& rows, size_t row);

}  // namespace headrace
