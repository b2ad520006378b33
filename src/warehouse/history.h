// Histories: the logs of events that training reads and from which online state starts (semantics.md, rules 1-3,
// 7-9, 11). One table each in the schema "history":
//
//   history."raw.arrivals"           of a stream: its declared columns
//   history."view:weather_latest"    of a batch view: the columns that the view reads
//
//   <columns>        in their declared or mapped type
//   _event_time      TIMESTAMP, never null
//   _available_at    TIMESTAMP, never null: when the row could have been known
//   _retracted_at    TIMESTAMP: when a release dropped the row; null while it is live (always null in a stream)
//   _ingest          BIGINT, from 0, dense: the ingestion order
//   _release         BIGINT: the release that brought the row
//
// Rows are stored by _ingest. Everything here runs in the connection's transaction.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "catalog/project.h"
#include "warehouse/content_hash.h"
#include "warehouse/database.h"
#include "warehouse/parallel_scan.h"
#include "warehouse/pushed_events.h"

namespace headrace {

std::string StreamHistoryName(const SourceTable& source);    // "raw.arrivals"
std::string ViewHistoryName(std::string_view view);          // "view:weather_latest"
std::string HistoryRelation(std::string_view history_name);  // history."raw.arrivals"

// What a build did to a history.
struct HistoryReport {
  std::string name;
  int64_t rows = 0;              // in the history now, retracted ones included
  int64_t added = 0;             // by this build
  int64_t retracted = 0;         // by this build
  int64_t null_event_times = 0;  // rows that are no events (rule 7)
  int64_t duplicates = 0;        // rows whose event_id was there before (rule 8)
  int64_t pushed = 0;            // rows that were pushed to a stream, beside its history
  std::string note;              // for a person: "the history's content has changed; ...", or empty
};

// Takes a stream's history, from its table or file, if it was not taken before or `full_refresh`; else only compares
// its content with what was taken, and reports a difference (rule 11). A stream without one gets an empty history.
// Then "source"."name" is a view on the declared columns of it and of what was pushed (warehouse/pushed_events.h), so
// that tables may read the stream. `log` may be null.
StatusOr<HistoryReport> TakeStreamHistory(Connection& connection, const Project& project, const SourceTable& source,
                                          int64_t release, bool full_refresh, PushedLog* log);

// Whether rows may have been pushed to a stream before its history was taken (again), so that the same ids may be in
// both.
StatusOr<bool> MayHavePushedIds(Connection& connection, const std::string& history_name);

// What a batch feature view reads of a table. Exactly one of `available_at` and `delay_us` may be given.
struct BatchHistorySpec {
  std::string view;
  std::string table;                 // a table's name, or "source.table"
  std::vector<std::string> columns;  // the columns that the view reads
  std::string event_time;
  std::string available_at;  // column, or ""
  std::optional<DurationUs> delay_us;
};

// Brings a batch view's history to the table's present content, as release `release` published at `published_at`
// (rules 2 and 9). The first release takes the declared availability. In a later one, rows that are new (as
// multisets of `columns` and the event time) are available from `published_at`, or event time + delay if that is
// later; rows that are gone are retracted at `published_at`, of several equal ones the newest first. Values are equal
// as in rule 16: null to null, NaN to NaN, -0.0 to 0.0 (a row that only changes the sign of a zero keeps its old bits).
// When the columns or their types differ from those of the history, it starts again, and the report says so.
StatusOr<HistoryReport> UpdateBatchHistory(Connection& connection, const BatchHistorySpec& spec, int64_t release,
                                           TimestampUs published_at);

// Which rows of a history, and which of its columns. With a range of _ingest, several connections can read parts.
struct HistoryQuery {
  std::string history;                         // its name: "raw.arrivals"
  std::vector<std::string> columns;            // in this order; _event_time, _ingest ... as well
  bool ordered = true;                         // by _ingest; else in any order, which is faster
  std::optional<int64_t> ingest_from;          // first
  std::optional<int64_t> ingest_until;         // first that is not read
  std::optional<TimestampUs> retracted_after;  // only rows that were retracted after it
  std::optional<TimestampUs> event_time_from;  // only rows whose _event_time is not before it
};
StatusOr<std::unique_ptr<ResultStream>> ScanHistory(Connection& connection, const HistoryQuery& query);
// All of them by several threads at once, each of which reads stretches of the history in their order
// (warehouse/parallel_scan.h); `query.ordered` has no meaning here.
Status ScanHistoryInParallel(Connection& connection, const HistoryQuery& query,
                             const std::function<BatchSink()>& make_sink);

// What a history was, for manifests. Equal versions mean equal rows, in equal ingestion order.
struct DataVersion {
  int64_t rows = 0;
  int64_t max_ingest = -1;  // -1 when there are no rows
  std::string hash;
};
// As the last build recorded it, if the history still has as many rows and retractions; else computed from its rows.
StatusOr<DataVersion> HistoryVersion(Connection& connection, std::string_view history_name);

// A state that a history was in: of its rows those up to number `max_ingest`, retracted as far as they were until
// `retracted_until`.
struct HistoryCut {
  int64_t max_ingest = -1;
  TimestampUs retracted_until = 0;
};
// HistoryVersion as it was at a cut, if the history has only grown and been retracted from since. Reads its rows.
StatusOr<DataVersion> HistoryVersionAt(Connection& connection, std::string_view history_name, const HistoryCut& cut);

// Whether a history says anything by its _available_at and _retracted_at, so that a scan may leave them unread.
struct HistoryTimes {
  bool any_late = true;       // a row was known at another instant than its event time
  bool any_retracted = true;  // a row was retracted
};
// As the last build recorded it; of a history that an earlier version of Headrace wrote, both.
StatusOr<HistoryTimes> RecordedTimes(Connection& connection, std::string_view history_name);

// Records the version and the times of a history that this build may have changed, in the table
// headrace.history_versions; in the transaction of the change.
Status RecordHistoryVersion(Connection& connection, std::string_view history_name);

}  // namespace headrace
