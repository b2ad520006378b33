// What an expression of SQL reads of its row, seen from its syntax tree (kernel/compile/syntax.h).
//
// Pure and without types, so it says only what holds whatever the types are; where that is not enough, it says that
// it does not know (row_wise is false) or that a read may be of a part only (whole is false).
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/json.h"

namespace headrace {

struct ColumnRead {
  std::vector<std::string> names;  // as written, qualifiers first
  // The value counts as such. Not so in payload ->> '$.amount' or flags & 1: what else stands in there is not read.
  bool whole = true;
};

// value = the column + months + us. A day has 24 hours, since timestamps are UTC.
struct TimeShift {
  int64_t months = 0;
  int64_t us = 0;
  bool rounded_down = false;  // value <= ... instead

  // A month forth and a month back may lose days: 31 March, 28 February, 28 March.
  TimeShift operator+(const TimeShift& other) const {
    const bool back_and_forth = (months < 0 && other.months > 0) || (months > 0 && other.months < 0);
    return {months + other.months, us + other.us, rounded_down || other.rounded_down || back_and_forth};
  }
};

struct ExpressionReads {
  bool row_wise = true;  // the value follows from `columns` alone; when false, the rest is not complete
  std::vector<ColumnRead> columns;
  bool copy = false;               // of one column, renamed or cast
  std::optional<TimeShift> shift;  // of one column, an instant moved by a constant
};

// `aggregates`: names of aggregate functions, in lower case, whose calls are over more than a row.
ExpressionReads ReadsOfRow(const Json& expression, std::span<const std::string> aggregates);

// Of a feature: aggregates are functions like others, and read whole values.
ExpressionReads ReadsOfFeature(const Json& expression);

}  // namespace headrace
