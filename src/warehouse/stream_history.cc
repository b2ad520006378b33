#include <algorithm>
#include <array>

#include "base/diagnostic.h"
#include "warehouse/cast_sql.h"
#include "warehouse/history.h"
#include "warehouse/history_sql.h"
#include "warehouse/schema_objects.h"
#include "warehouse/sources.h"
#include "warehouse/sql_error.h"
#include "warehouse/sql_text.h"

namespace headrace {
namespace {

constexpr std::string_view kTaken = "temp.headrace_taken";

Status AtSource(const SourceTable& source, const SourcePosition& where, const Status& status) {
  const Diagnostic diagnostic{where, fmt::format("stream {}: {}", source.FullName(), std::string(status.message())),
                              ""};
  return Status(status.code(), diagnostic.ToString());
}

struct StreamColumns {
  std::vector<std::string> names;
  std::vector<TypeId> types;

  Schema AsSchema() const {
    Schema schema;
    for (size_t i = 0; i < names.size(); ++i) schema.push_back({names[i], types[i]});
    return schema;
  }
};

// The declared columns; with no declaration, those of the history.
StatusOr<StreamColumns> ColumnsOf(Connection& connection, const SourceTable& source, const std::string& from) {
  StreamColumns result;
  for (const ColumnSpec& column : source.columns) {
    result.names.push_back(column.name);
    result.types.push_back(column.type.value_or(TypeId::kVarchar));
  }
  if (!result.names.empty() || from.empty()) return result;
  HR_ASSIGN_OR_RETURN(const Schema schema, connection.Describe(from));
  for (const Field& field : schema) {
    result.names.push_back(field.name);
    result.types.push_back(field.type);
  }
  return result;
}

// The SELECT that gives the raw rows, in ingestion order; "" for a stream without a history.
StatusOr<std::string> HistorySelect(Connection& connection, const Project& project, const SourceTable& source) {
  if (!source.stream->history_table.empty()) return "select * from " + RelationSql(source.stream->history_table);
  if (source.location.empty()) return std::string();
  HR_ASSIGN_OR_RETURN(const std::vector<std::string> files, FindFiles(connection, project, source));
  return ReaderSql(connection, project, source, files);
}

SourcePosition WhereDeclared(const SourceTable& source, const std::string& column) {
  for (const ColumnSpec& spec : source.columns) {
    if (spec.name == column) return spec.where;
  }
  return source.where;
}

Status CheckColumns(const SourceTable& source, const std::vector<std::string>& names,
                    const std::vector<TypedColumn>& found) {
  std::vector<std::string> there;
  there.reserve(found.size());
  for (const TypedColumn& column : found) there.push_back(column.name);
  std::vector<std::string> wanted = names;
  for (const std::string& name : {source.stream->event_time, source.stream->event_id, source.stream->available_at}) {
    if (!name.empty() && std::find(wanted.begin(), wanted.end(), name) == wanted.end()) wanted.push_back(name);
  }
  Diagnostics diagnostics;
  for (const std::string& name : wanted) {
    if (std::find(there.begin(), there.end(), name) != there.end()) continue;
    diagnostics.push_back({WhereDeclared(source, name),
                           fmt::format("stream {}: its history has no column '{}'", source.FullName(), name),
                           NearestNameHint(name, there)});
  }
  return ToStatus(diagnostics);
}

const TypedColumn& ColumnNamed(const std::vector<TypedColumn>& columns, const std::string& name) {
  return *std::find_if(columns.begin(), columns.end(), [&](const TypedColumn& c) { return c.name == name; });
}

// Rows of the history as they came, cast, in a temporary table whose rowid is their order.
Status CopyRows(Connection& connection, const SourceTable& source, const StreamColumns& columns,
                const std::string& from) {
  HR_ASSIGN_OR_RETURN(const std::vector<TypedColumn> found, DescribeTypes(connection, from));
  HR_RETURN_IF_ERROR(CheckColumns(source, columns.names, found));
  std::string list;
  for (size_t i = 0; i < columns.names.size(); ++i) {
    list += CastSql(ColumnNamed(found, columns.names[i]), columns.types[i]) + " as " +
            QuoteIdentifier(columns.names[i]) + ", ";
  }
  const StreamSpec& stream = *source.stream;
  const std::string event_time = CastSql(ColumnNamed(found, stream.event_time), TypeId::kTimestamp);
  std::string available_at = event_time;
  if (!stream.available_at.empty()) {
    available_at = CastSql(ColumnNamed(found, stream.available_at), TypeId::kTimestamp);
  } else if (stream.delay_us != 0) {
    available_at = fmt::format("{} + to_microseconds({})", event_time, stream.delay_us);
  }
  std::string id;
  if (!stream.event_id.empty()) id = ", " + QuoteIdentifier(stream.event_id) + " as _event_id";
  HR_RETURN_IF_ERROR(connection.Execute(
      fmt::format("create or replace temp table headrace_taken as select {}{} as _event_time, {} as _available_at{} "
                  "from ({})",
                  list, event_time, available_at, id, from)));
  return CheckFinite(connection, kTaken, columns.names, columns.types);
}

// The same as an empty table, for a stream that has no history.
Status CopyNothing(Connection& connection, const SourceTable& source, const StreamColumns& columns) {
  std::string list;
  for (size_t i = 0; i < columns.names.size(); ++i) {
    list += fmt::format("{} {}, ", QuoteIdentifier(columns.names[i]), TypeName(columns.types[i]));
  }
  return connection.Execute(
      fmt::format("create or replace temp table headrace_taken ({}_event_time timestamp, _available_at timestamp{})",
                  list, source.stream->event_id.empty() ? "" : ", _event_id varchar"));
}

// Rules 7 and 8: takes the rows out of the copy that are no events, or repeat an event's id. Gives how many repeat one.
StatusOr<int64_t> DropNoEvents(Connection& connection, const SourceTable& source, int64_t null_event_times) {
  if (null_event_times > 0)
    HR_RETURN_IF_ERROR(connection.Execute(fmt::format("delete from {} where _event_time is null", kTaken)));
  if (source.stream->event_id.empty()) return 0;
  HR_ASSIGN_OR_RETURN(const int64_t before, CountOf(connection, kTaken));
  HR_RETURN_IF_ERROR(connection.Execute(
      fmt::format("delete from {0} using (select _event_id as id, min(rowid) as first from {0} where _event_id is not "
                  "null group by _event_id having count(*) > 1) as repeated "
                  "where headrace_taken._event_id = repeated.id and headrace_taken.rowid <> repeated.first",
                  kTaken)));
  HR_ASSIGN_OR_RETURN(const int64_t after, CountOf(connection, kTaken));
  return before - after;
}

// Rules 3, 7 and 8: from the copied rows to the log. They stand in their order already, in which DuckDB reads and
// writes a table; a window over all of the history would number them in 4 GB more of memory (20M rows).
Status StoreLog(Connection& connection, const SourceTable& source, const StreamColumns& columns, int64_t release,
                HistoryReport* report) {
  const std::string relation = HistoryRelation(report->name);
  HR_ASSIGN_OR_RETURN(report->duplicates, DropNoEvents(connection, source, report->null_event_times));
  // Without gaps a row's number follows from its rowid, which does not begin at 0 in a table that no transaction has
  // committed; with them an unordered window counts rows as they come, on one thread.
  const bool dense = report->null_event_times == 0 && report->duplicates == 0;
  HR_RETURN_IF_ERROR(connection.Execute(
      fmt::format("create or replace table {} as "
                  "select {}_event_time, coalesce(_available_at, _event_time) as _available_at, "
                  "null::timestamp as _retracted_at, {} as _ingest, {}::bigint as _release from {}",
                  relation, columns.names.empty() ? "" : ColumnList(columns.names) + ", ",
                  dense ? fmt::format("rowid - (select min(rowid) from {})", kTaken) : "row_number() over () - 1",
                  release, kTaken)));
  HR_ASSIGN_OR_RETURN(report->rows, CountOf(connection, relation));
  report->added = report->rows;
  return absl::OkStatus();
}

Status RememberContent(Connection& connection, const std::string& name, const ContentHash& content,
                       bool may_have_pushed_ids) {
  const std::array<Value, 4> row = {Value::Varchar(name), Value::Bigint(content.rows), Value::Varchar(content.hash),
                                    Value::Boolean(may_have_pushed_ids)};
  HR_RETURN_IF_ERROR(connection.Execute("delete from headrace.histories where name = $1", {row.data(), 1}));
  return connection.Execute("insert into headrace.histories values (?, ?, ?, ?)", row);
}

StatusOr<bool> ContentIsAsTaken(Connection& connection, const std::string& name, const ContentHash& content) {
  const std::array<Value, 3> row = {Value::Varchar(name), Value::Bigint(content.rows), Value::Varchar(content.hash)};
  HR_ASSIGN_OR_RETURN(const Value count,
                      connection.QueryValue("select count(*) from headrace.histories where name = ? and "
                                            "content_rows = ? and content_hash = ?",
                                            row));
  return count.int64() == 1;
}

// A view of the stream's declared columns, under the name that source() renders.
Status CreateStreamView(Connection& connection, const SourceTable& source, const StreamColumns& columns) {
  HR_RETURN_IF_ERROR(connection.Execute("create schema if not exists " + QuoteIdentifier(source.source)));
  HR_RETURN_IF_ERROR(DropUnless(connection, source.source, source.name, ObjectKind::kView));
  return connection.Execute(fmt::format(
      "create or replace view {0} as select {1} from {2} union all select {1} from {3}", RelationSql(source.FullName()),
      ColumnList(columns.names), HistoryRelation(StreamHistoryName(source)), PushedRelation(source)));
}

// What was taken must have the columns that the stream declares now.
Status CheckTakenSchema(Connection& connection, const SourceTable& source, const StreamColumns& columns) {
  HR_ASSIGN_OR_RETURN(Schema taken, connection.Describe("select * from " + HistoryRelation(StreamHistoryName(source))));
  const Schema declared = columns.AsSchema();
  if (taken.size() >= declared.size()) taken.resize(declared.size());
  if (taken == declared) return absl::OkStatus();
  return AtSource(source, source.where,
                  FailedPrecondition("its columns are not those of the history that was taken; `headrace build "
                                     "--full-refresh` takes the history again"));
}

StatusOr<HistoryReport> Take(Connection& connection, const Project& project, const SourceTable& source, int64_t release,
                             bool full_refresh, PushedLog* log) {
  HistoryReport report;
  report.name = StreamHistoryName(source);
  HR_ASSIGN_OR_RETURN(const std::string from, HistorySelect(connection, project, source));
  HR_ASSIGN_OR_RETURN(const StreamColumns columns, ColumnsOf(connection, source, from));
  HR_RETURN_IF_ERROR(from.empty() ? CopyNothing(connection, source, columns)
                                  : CopyRows(connection, source, columns, from));
  HR_ASSIGN_OR_RETURN(report.null_event_times, CountOf(connection, kTaken, "_event_time is null"));
  HR_ASSIGN_OR_RETURN(const ContentHash content, HashQuery(connection, fmt::format("select * from {}", kTaken)));
  HR_ASSIGN_OR_RETURN(const ObjectKind existing, FindObject(connection, "history", report.name));
  const bool take = existing == ObjectKind::kNone || full_refresh;
  if (take) {
    HR_RETURN_IF_ERROR(StoreLog(connection, source, columns, release, &report));
    HR_RETURN_IF_ERROR(
        RememberContent(connection, report.name, content, full_refresh || (log != nullptr && log->LastPosition() > 0)));
  } else {
    HR_RETURN_IF_ERROR(CheckTakenSchema(connection, source, columns));
    HR_ASSIGN_OR_RETURN(report.rows, CountOf(connection, HistoryRelation(report.name)));
    report.null_event_times = 0;
    HR_ASSIGN_OR_RETURN(const bool same, ContentIsAsTaken(connection, report.name, content));
    if (!same) {
      report.note =
          "the history's content has changed since it was taken; the change is not in the stream "
          "(`headrace build --full-refresh` takes it again)";
    }
  }
  HR_RETURN_IF_ERROR(connection.Execute(fmt::format("drop table {}", kTaken)));
  HR_ASSIGN_OR_RETURN(report.pushed, TakePushedEvents(connection, source, columns.AsSchema(), log, /*again=*/take));
  HR_RETURN_IF_ERROR(CreateStreamView(connection, source, columns));
  return report;
}

}  // namespace

StatusOr<bool> MayHavePushedIds(Connection& connection, const std::string& history_name) {
  HR_ASSIGN_OR_RETURN(const Value count,
                      connection.QueryValue(fmt::format("select count(*) from headrace.histories where name = {} and "
                                                        "may_have_pushed_ids",
                                                        QuoteLiteral(history_name))));
  return count.int64() > 0;
}

StatusOr<HistoryReport> TakeStreamHistory(Connection& connection, const Project& project, const SourceTable& source,
                                          int64_t release, bool full_refresh, PushedLog* log) {
  StatusOr<HistoryReport> report = Take(connection, project, source, release, full_refresh, log);
  // DuckDB's own errors know no place in the user's files; the others were given one.
  if (!report.ok() &&
      std::string(report.status().message()).compare(0, source.where.file.size(), source.where.file) != 0) {
    return AtSource(source, source.where, report.status());
  }
  return report;
}

}  // namespace headrace
