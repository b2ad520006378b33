// Aggregate calls as DuckDB's SQL, with the kernel's answers where the two differ (semantics.md, rules 15, 16, 18, 20).
#pragma once

#include <string>

#include "kernel/view.h"

namespace headrace {

// SQL texts over the events `e` of one group, which is one row of nulls where there is no event.
struct AggregateSqlInput {
  std::string argument;  // of calls without one: the event time, which is never null
  std::string second;
  std::string filter;   // a condition, or ""
  std::string instant;  // the label row's, alike in all rows of the group
};

// Sums and weights of doubles differ from the kernel's in the last places, for DuckDB rounds each step.
std::string ToAggregateSql(const AggregateCall& call, const AggregateSqlInput& input);

}  // namespace headrace
