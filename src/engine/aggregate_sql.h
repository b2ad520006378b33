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
  std::string instant;  // the label row's
};

// A call that DuckDB has no aggregate for is written as NULL with its name in a comment.
std::string ToAggregateSql(const AggregateCall& call, const AggregateSqlInput& input);

}  // namespace headrace
