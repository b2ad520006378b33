// Pushed events, for the tables that read streams: one table for each stream in the schema "pushed",
//
//   pushed."raw.arrivals"            the declared columns of the log's rows, in the log's order
//   headrace.pushed(stream, position, log_hash)     up to which log entry each of them goes
//
// brought up to date by each build, in its transaction. The log stays the truth: a table that does not fit it (another
// log, other columns) is made again. Features never read these tables; they read the log.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "base/column.h"
#include "catalog/project.h"
#include "warehouse/database.h"

namespace headrace {

// The log of accepted events as a build sees it: up to one entry, whatever is pushed meanwhile.
class PushedLog {
 public:
  virtual ~PushedLog() = default;
  virtual uint64_t LastPosition() const = 0;  // 0: there are none
  // A hash of the entries up to `position`, which is at most LastPosition().
  virtual StatusOr<std::string> HashUpTo(uint64_t position) = 0;
  // The rows of a stream in the entries after `after`, as `columns`: what a row has not is null.
  virtual Status Read(const std::string& stream, const Schema& columns, uint64_t after,
                      const std::function<Status(const RecordBatch&)>& sink) = 0;
};

std::string PushedRelation(const SourceTable& source);  // pushed."raw.arrivals"

// Brings the table of a stream with these columns up to the log's end, and says how many rows it has. `again`: from the
// log's beginning; needed where the history was taken again, since a pushed row whose id is there is a duplicate (rule
// 8). `log` may be null: there is none.
StatusOr<int64_t> TakePushedEvents(Connection& connection, const SourceTable& source, const Schema& columns,
                                   PushedLog* log, bool again);

}  // namespace headrace
