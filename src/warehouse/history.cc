#include "warehouse/history.h"

#include <array>

#include "warehouse/history_sql.h"
#include "warehouse/schema_objects.h"
#include "warehouse/sql_text.h"

namespace headrace {

std::string StreamHistoryName(const SourceTable& source) {
  return source.FullName();
}
std::string ViewHistoryName(std::string_view view) {
  return fmt::format("view:{}", view);
}
std::string HistoryRelation(std::string_view history_name) {
  return "history." + QuoteIdentifier(history_name);
}

StatusOr<int64_t> CountOf(Connection& connection, std::string_view relation, std::string_view condition) {
  HR_ASSIGN_OR_RETURN(const Value count,
                      connection.QueryValue(fmt::format("select count(*) from {} where {}", relation, condition)));
  return count.int64();
}

Status CheckFinite(Connection& connection, std::string_view relation, const std::vector<std::string>& names,
                   const std::vector<TypeId>& types) {
  std::vector<std::string> columns = {"_event_time", "_available_at"};
  for (size_t i = 0; i < names.size(); ++i) {
    if (types[i] == TypeId::kDate || types[i] == TypeId::kTimestamp) columns.push_back(names[i]);
  }
  std::string counts;
  for (const std::string& column : columns) {
    counts += fmt::format("{}count(*) filter (where isinf({}))", counts.empty() ? "" : ", ", QuoteIdentifier(column));
  }
  HR_ASSIGN_OR_RETURN(const RecordBatch row, connection.QueryAll(fmt::format("select {} from {}", counts, relation)));
  // The declared columns first: _event_time is the copy of one of them.
  for (size_t i = columns.size(); i-- > 0;) {
    const int64_t count = row.columns[i].ints()[0];
    if (count > 0)
      return InvalidArgument("column '{}' is infinite in {} rows: an instant is finite", columns[i], count);
  }
  return absl::OkStatus();
}

namespace {

std::string InstantSql(TimestampUs t) {
  return QuoteLiteral(Value::Timestamp(t));
}

std::string HistorySql(const HistoryQuery& query) {
  std::string sql =
      fmt::format("select {} from {} where true", query.columns.empty() ? "_ingest" : ColumnList(query.columns),
                  HistoryRelation(query.history));
  if (query.ingest_from) sql += fmt::format(" and _ingest >= {}", *query.ingest_from);
  if (query.ingest_until) sql += fmt::format(" and _ingest < {}", *query.ingest_until);
  if (query.retracted_after) sql += fmt::format(" and _retracted_at > {}", InstantSql(*query.retracted_after));
  if (query.event_time_from) sql += fmt::format(" and _event_time >= {}", InstantSql(*query.event_time_from));
  return sql;
}

}  // namespace

StatusOr<std::unique_ptr<ResultStream>> ScanHistory(Connection& connection, const HistoryQuery& query) {
  return connection.Query(HistorySql(query) + (query.ordered ? " order by _ingest" : ""));
}

Status ScanHistoryInParallel(Connection& connection, const HistoryQuery& query,
                             const std::function<BatchSink()>& make_sink) {
  return ScanInParallel(connection, HistorySql(query), make_sink);
}

namespace {

// Cheap to ask for; histories only grow, and their rows are only ever retracted.
struct HistoryExtent {
  int64_t rows = 0;
  int64_t retracted = 0;
  int64_t max_ingest = -1;
};

StatusOr<bool> HasRecordedVersions(Connection& connection) {
  HR_ASSIGN_OR_RETURN(const ObjectKind kind, FindObject(connection, "headrace", "history_versions"));
  return kind != ObjectKind::kNone;
}

StatusOr<HistoryExtent> ExtentOf(Connection& connection, std::string_view history_name) {
  HR_ASSIGN_OR_RETURN(
      const RecordBatch row,
      connection.QueryAll(fmt::format("select count(*), count(_retracted_at), coalesce(max(_ingest), -1) from {}",
                                      HistoryRelation(history_name))));
  return HistoryExtent{row.columns[0].ints()[0], row.columns[1].ints()[0], row.columns[2].ints()[0]};
}

StatusOr<std::optional<DataVersion>> RecordedVersion(Connection& connection, std::string_view history_name,
                                                     const HistoryExtent& extent) {
  HR_ASSIGN_OR_RETURN(const bool has_recorded, HasRecordedVersions(connection));
  if (!has_recorded) return std::nullopt;
  const std::array<Value, 4> parameters = {Value::Varchar(std::string(history_name)), Value::Bigint(extent.rows),
                                           Value::Bigint(extent.retracted), Value::Bigint(extent.max_ingest)};
  HR_ASSIGN_OR_RETURN(
      const RecordBatch found,
      connection.QueryAll("select hash from headrace.history_versions where history = ? and num_rows = ? and "
                          "retracted = ? and max_ingest = ?",
                          parameters));
  if (found.num_rows == 0) return std::nullopt;
  return DataVersion{extent.rows, extent.max_ingest, std::string(found.columns[0].str(0))};
}

StatusOr<DataVersion> ComputeVersion(Connection& connection, std::string_view history_name,
                                     const HistoryExtent& extent) {
  HR_ASSIGN_OR_RETURN(
      const ContentHash content,
      HashQuery(connection, fmt::format("select * exclude (_release) from {}", HistoryRelation(history_name))));
  return DataVersion{content.rows, extent.max_ingest, content.hash};
}

}  // namespace

StatusOr<DataVersion> HistoryVersion(Connection& connection, std::string_view history_name) {
  HR_ASSIGN_OR_RETURN(const HistoryExtent extent, ExtentOf(connection, history_name));
  HR_ASSIGN_OR_RETURN(const std::optional<DataVersion> recorded, RecordedVersion(connection, history_name, extent));
  return recorded ? *recorded : ComputeVersion(connection, history_name, extent);
}

StatusOr<DataVersion> HistoryVersionAt(Connection& connection, std::string_view history_name, const HistoryCut& cut) {
  const std::string sql = fmt::format(
      "select * exclude (_release) replace (case when _retracted_at > {} then null else _retracted_at end as "
      "_retracted_at) from {} where _ingest <= {}",
      InstantSql(cut.retracted_until), HistoryRelation(history_name), cut.max_ingest);
  HR_ASSIGN_OR_RETURN(const ContentHash content, HashQuery(connection, sql));
  return DataVersion{content.rows, cut.max_ingest, content.hash};
}

StatusOr<HistoryTimes> RecordedTimes(Connection& connection, std::string_view history_name) {
  HR_ASSIGN_OR_RETURN(const bool has_recorded, HasRecordedVersions(connection));
  if (!has_recorded) return HistoryTimes{};
  const std::array<Value, 1> name = {Value::Varchar(std::string(history_name))};
  HR_ASSIGN_OR_RETURN(const RecordBatch found,
                      connection.QueryAll("from headrace.history_versions where history = ?", name));
  const Column* const late = found.Find("late");  // not there before the first build of this version
  if (late == nullptr || found.num_rows == 0 || late->IsNull(0)) return HistoryTimes{};
  return HistoryTimes{late->ints()[0] > 0, found.Find("retracted")->ints()[0] > 0};
}

Status RecordHistoryVersion(Connection& connection, std::string_view history_name) {
  HR_ASSIGN_OR_RETURN(const HistoryExtent extent, ExtentOf(connection, history_name));
  HR_ASSIGN_OR_RETURN(const DataVersion version, ComputeVersion(connection, history_name, extent));
  HR_ASSIGN_OR_RETURN(const int64_t late,
                      CountOf(connection, HistoryRelation(history_name), "_available_at <> _event_time"));
  const std::array<Value, 1> name = {Value::Varchar(std::string(history_name))};
  HR_RETURN_IF_ERROR(connection.Execute("delete from headrace.history_versions where history = ?", name));
  const std::array<Value, 6> row = {name[0],
                                    Value::Bigint(extent.rows),
                                    Value::Bigint(extent.retracted),
                                    Value::Bigint(extent.max_ingest),
                                    Value::Varchar(version.hash),
                                    Value::Bigint(late)};
  return connection.Execute("insert into headrace.history_versions values (?, ?, ?, ?, ?, ?)", row);
}

}  // namespace headrace
