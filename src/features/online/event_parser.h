// The body of POST /v1/events/{source}: an object, an array of objects, or NDJSON -> rows of the source's columns.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/column.h"
#include "base/time.h"

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

// A row that its source refuses.
struct BadRow {
  size_t index = 0;    // among the rows of its request
  std::string column;  // "" when the row as a whole is wrong: no JSON, no object
  std::string reason;  // without index and column
  std::string text;    // the row as it was sent, byte by byte, blanks around it apart
};

struct CheckedEvents {
  RecordBatch good;  // in the order sent
  std::vector<BadRow> bad;
};

// As ParseEvents, but takes the good rows and gives the bad ones back. Rows are found in any body: the elements of an
// array whose brackets pair, however wrong they are inside; the lines of NDJSON that are not empty; else the body is
// one row. A row that happens after `latest` is bad. kInvalidArgument only for a body without a byte.
StatusOr<CheckedEvents> CheckEvents(const StreamSource& source, std::string_view body,
                                    TimestampUs latest = kMaxTimestampUs);

// The same of a text that is one row, whatever is in it.
CheckedEvents CheckRow(const StreamSource& source, std::string_view text);

// The texts of a body's rows, as CheckEvents finds them. They borrow from `body`.
std::vector<std::string_view> SplitRows(std::string_view body);

}  // namespace headrace
