// The text of an INTERVAL literal.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/status.h"

namespace headrace::compile {

// Kept apart: a month has no fixed number of days, a day none of hours where clocks change.
struct Interval {
  int64_t months = 0;
  int64_t days = 0;
  int64_t us = 0;
};

// "1 day", "2 hours 30 minutes", "-1.5 weeks", "1 month 12:30:00.5", "3 days ago", "90" (seconds); DuckDB's units and
// fractions: half a month is 15 days, half a day 12 hours.
StatusOr<Interval> ParseInterval(std::string_view text);

}  // namespace headrace::compile
