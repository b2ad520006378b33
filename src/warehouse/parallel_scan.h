// The rows of a query, given to callbacks on DuckDB's own threads.
//
//   select count(headrace_sink(17, a, b, c)) from (QUERY)
//
// headrace_sink is a scalar function of ours: DuckDB calls it with each vector of a few thousand rows, on the thread
// that read them. No result is collected, and no chunk changes hands.
#pragma once

#include <functional>
#include <string_view>

#include "base/column.h"
#include "warehouse/database.h"

namespace headrace {

using BatchSink = std::function<Status(RecordBatch batch)>;

// Gives all rows of a query of the connection to sinks. Each thread that takes part asks `make_sink` for one of its
// own (never two at once) and calls it with one batch after the other; the sinks live until the scan ends. Scanning a
// table, a thread takes one row group after the other, each in its order. The first error of a sink ends the scan and
// is returned.
Status ScanInParallel(Connection& connection, std::string_view sql, const std::function<BatchSink()>& make_sink);

// Makes headrace_sink known to the database of a connection; once, when it is opened.
Status RegisterScanSink(Connection& connection);

}  // namespace headrace
