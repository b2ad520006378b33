// Expressions of the kernel as SQL that DuckDB runs, with the same answers.
#pragma once

#include <string>
#include <vector>

#include "base/time.h"
#include "kernel/expression.h"

namespace headrace {

// `columns[i]`: the SQL of the expression's column i.
std::string ToSql(const Expression& expression, const std::vector<std::string>& columns);

// "1 day", "90 minutes": what stands in INTERVAL '...'.
std::string IntervalText(DurationUs duration);

}  // namespace headrace
