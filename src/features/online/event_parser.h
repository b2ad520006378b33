// The body of POST /v1/events/{source}: an object, an array of objects, or NDJSON -> rows of the source's columns.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/column.h"

namespace headrace {

// A stream source, as the online side needs it.
struct StreamSource {
  std::string name;  // "raw.arrivals"
  Schema columns;
  std::string event_time;                  // one of columns
  std::string event_id;                    // one of columns, or ""
  int64_t delay_us = 0;                    // rule 2: a row is available at max(arrival, event_time + delay)
  bool ignore_unknown = false;             // rule 27: columns that are not declared are dropped instead of refused
  std::optional<int64_t> id_retention_us;  // rule 8; nullopt: the default
};

// Rules 26 and 27: strict types, no unknown columns, a missing column is null, event_time is not. An error names the
// row (from 0) and the column: "row 2, column 'arr_delay': expected a number, got \"late\"".
StatusOr<RecordBatch> ParseEvents(const StreamSource& source, std::string_view body);

}  // namespace headrace
