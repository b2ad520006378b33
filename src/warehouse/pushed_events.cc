#include "warehouse/pushed_events.h"

#include <array>

#include "warehouse/appender.h"
#include "warehouse/history.h"
#include "warehouse/history_sql.h"
#include "warehouse/schema_objects.h"
#include "warehouse/sql_text.h"

namespace headrace {
namespace {

// Up to which entry the table of a stream goes; 0 where it has to be made (again).
StatusOr<uint64_t> TakenUntil(Connection& connection, const SourceTable& source, const Schema& columns,
                              PushedLog& log) {
  HR_ASSIGN_OR_RETURN(const ObjectKind existing, FindObject(connection, "pushed", source.FullName()));
  if (existing == ObjectKind::kNone) return 0;
  HR_ASSIGN_OR_RETURN(const Schema found, connection.Describe("select * from " + PushedRelation(source)));
  if (found != columns) return 0;
  HR_ASSIGN_OR_RETURN(const RecordBatch taken, connection.QueryAll(fmt::format(
                                                   "select position, log_hash from headrace.pushed where stream = {}",
                                                   QuoteLiteral(source.FullName()))));
  if (taken.num_rows != 1) return 0;
  const auto position = static_cast<uint64_t>(taken.columns[0].ints()[0]);
  if (position > log.LastPosition()) return 0;
  HR_ASSIGN_OR_RETURN(const std::string hash, log.HashUpTo(position));
  return hash == taken.columns[1].str(0) ? position : 0;
}

Status Remember(Connection& connection, const SourceTable& source, uint64_t position, const std::string& hash) {
  const std::array<Value, 3> row = {Value::Varchar(source.FullName()), Value::Bigint(static_cast<int64_t>(position)),
                                    Value::Varchar(hash)};
  HR_RETURN_IF_ERROR(connection.Execute("delete from headrace.pushed where stream = $1", {row.data(), 1}));
  return connection.Execute("insert into headrace.pushed values (?, ?, ?)", row);
}

Status Append(Connection& connection, const SourceTable& source, const Schema& columns, uint64_t after,
              PushedLog& log) {
  HR_ASSIGN_OR_RETURN(const std::unique_ptr<Appender> appender,
                      Appender::Create(connection, "pushed", source.FullName()));
  HR_RETURN_IF_ERROR(
      log.Read(source.FullName(), columns, after, [&](const RecordBatch& rows) { return appender->Append(rows); }));
  return appender->Close();
}

// Rule 8.
Status DropWhatHistoryHas(Connection& connection, const SourceTable& source) {
  const std::string& id = source.stream->event_id;
  if (id.empty()) return absl::OkStatus();
  HR_ASSIGN_OR_RETURN(const bool any, MayHavePushedIds(connection, StreamHistoryName(source)));
  if (!any) return absl::OkStatus();
  return connection.Execute(fmt::format("delete from {0} where {1} in (select {1} from {2})", PushedRelation(source),
                                        QuoteIdentifier(id), HistoryRelation(StreamHistoryName(source))));
}

}  // namespace

std::string PushedRelation(const SourceTable& source) {
  return "pushed." + QuoteIdentifier(source.FullName());
}

StatusOr<int64_t> TakePushedEvents(Connection& connection, const SourceTable& source, const Schema& columns,
                                   PushedLog* log, bool again) {
  uint64_t after = 0;
  if (log != nullptr && !again) {
    HR_ASSIGN_OR_RETURN(after, TakenUntil(connection, source, columns, *log));
  }
  if (after == 0) {
    HR_RETURN_IF_ERROR(connection.Execute(
        fmt::format("create or replace table {} ({})", PushedRelation(source), ColumnDefinitions(columns))));
    HR_RETURN_IF_ERROR(Remember(connection, source, 0, ""));
  }
  if (log != nullptr && after < log->LastPosition()) {
    HR_RETURN_IF_ERROR(Append(connection, source, columns, after, *log));
    HR_RETURN_IF_ERROR(DropWhatHistoryHas(connection, source));
    HR_ASSIGN_OR_RETURN(const std::string hash, log->HashUpTo(log->LastPosition()));
    HR_RETURN_IF_ERROR(Remember(connection, source, log->LastPosition(), hash));
  }
  return CountOf(connection, PushedRelation(source));
}

}  // namespace headrace
