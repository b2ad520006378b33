#include "warehouse/history.h"

#include "warehouse/history_sql.h"
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

StatusOr<std::unique_ptr<ResultStream>> ScanHistory(Connection& connection, const HistoryQuery& query) {
  std::string sql =
      fmt::format("select {} from {} where true", query.columns.empty() ? "_ingest" : ColumnList(query.columns),
                  HistoryRelation(query.history));
  if (query.ingest_from) sql += fmt::format(" and _ingest >= {}", *query.ingest_from);
  if (query.ingest_until) sql += fmt::format(" and _ingest < {}", *query.ingest_until);
  if (query.ordered) sql += " order by _ingest";
  return connection.Query(sql);
}

StatusOr<DataVersion> HistoryVersion(Connection& connection, std::string_view history_name) {
  const std::string relation = HistoryRelation(history_name);
  HR_ASSIGN_OR_RETURN(const Value max_ingest,
                      connection.QueryValue(fmt::format("select coalesce(max(_ingest), -1) from {}", relation)));
  HR_ASSIGN_OR_RETURN(const ContentHash content,
                      HashQuery(connection, fmt::format("select * exclude (_release) from {}", relation)));
  return DataVersion{content.rows, max_ingest.int64(), content.hash};
}

}  // namespace headrace
