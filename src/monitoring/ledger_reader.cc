#include "monitoring/ledger_reader.h"

#include <algorithm>
#include <array>

#include "base/json.h"
#include "monitoring/ledger_tables.h"
#include "warehouse/sql_text.h"

namespace headrace {
namespace {

// NaN and the infinities are strings in JSON.
StatusOr<std::vector<double>> ParseClassValues(const Value& text) {
  std::vector<double> result;
  if (text.is_null()) return result;
  HR_ASSIGN_OR_RETURN(const Json json, Json::Parse(text.str()));
  if (!json.is_array()) return DataLoss("class_values of the ledger is no array: {}", text.str());
  for (const Json& item : json.array()) {
    HR_ASSIGN_OR_RETURN(const Value value, FromJson(item, TypeId::kDouble));
    result.push_back(value.dbl());
  }
  return result;
}

// The first row of a query of all columns.
StatusOr<LedgerRow> ToLedgerRow(const std::string& model, const RecordBatch& rows) {
  const size_t fixed = LedgerColumns().size();
  if (rows.columns.size() < fixed) return DataLoss("the table {} lacks columns", LedgerRelation(model));
  const auto value = [&](size_t column) { return rows.columns[column].GetValue(0); };
  LedgerRow row;
  Prediction& p = row.prediction;
  p.model = model;
  p.id = value(0).str();
  p.time = value(1).int64();
  p.version = value(2).int64();
  p.alias = value(3).str();
  p.replay = value(4).str();
  p.request_json = value(5).str();
  p.value = value(6).dbl();
  HR_ASSIGN_OR_RETURN(p.class_values, ParseClassValues(value(7)));
  p.latency_us = value(8).int64();
  p.definitions = value(9).str();
  if (!value(10).is_null()) row.label = value(10).dbl();
  if (!value(11).is_null()) row.label_known_at = value(11).int64();
  p.asked_at = value(12).int64();
  p.features =
      std::make_shared<const Schema>(rows.schema.begin() + static_cast<std::ptrdiff_t>(fixed), rows.schema.end());
  for (size_t i = fixed; i < rows.columns.size(); ++i) p.values.push_back(value(i));
  return row;
}

}  // namespace

StatusOr<std::vector<std::string>> ModelsWithLedger(Connection& connection) {
  HR_ASSIGN_OR_RETURN(const RecordBatch names,
                      connection.QueryAll("select table_name from information_schema.tables where table_catalog = "
                                          "current_catalog() and table_schema = 'ledger' order by table_name"));
  std::vector<std::string> result;
  for (size_t i = 0; i < names.num_rows; ++i) result.emplace_back(names.columns[0].str(i));
  return result;
}

StatusOr<std::string> LedgerScanSql(Connection& connection, std::string_view model, const LedgerFilter& filter) {
  HR_ASSIGN_OR_RETURN(const std::optional<Schema> table, LedgerTableSchema(connection, model));
  if (!table) return NotFound("no prediction of model '{}' is in the ledger", model);
  std::string columns = "*";
  if (filter.features) {
    columns.clear();
    for (const Field& field : LedgerColumns()) columns += (columns.empty() ? "" : ", ") + QuoteIdentifier(field.name);
    for (const Field& feature : *filter.features) {
      const LedgerColumn column = FindLedgerColumn(*table, feature);
      if (!column.exists) {
        return NotFound("the ledger of model '{}' has no feature {} of type {}", model, feature.name,
                        TypeName(feature.type));
      }
      columns += fmt::format(", {} as {}", QuoteIdentifier(column.name), QuoteIdentifier(feature.name));
    }
  }
  std::string sql = fmt::format("select {} from {} where true", columns, LedgerRelation(model));
  if (filter.replay) sql += " and replay = " + QuoteLiteral(*filter.replay);
  if (filter.version) sql += fmt::format(" and model_version = {}", *filter.version);
  if (filter.id) sql += " and id = " + QuoteLiteral(*filter.id);
  if (!filter.sample) return sql;
  sql += " and asked_at >= " + QuoteLiteral(Value::Timestamp(filter.sample->asked_from));
  // DuckDB samples before it filters, so the filter is a query of its own.
  return fmt::format("select * from ({}) using sample reservoir({} rows)", sql, filter.sample->rows);
}

StatusOr<std::vector<LedgerPart>> LedgerParts(Connection& connection, std::string_view model) {
  HR_ASSIGN_OR_RETURN(const std::optional<Schema> table, LedgerTableSchema(connection, model));
  if (!table) return NotFound("no prediction of model '{}' is in the ledger", model);
  HR_ASSIGN_OR_RETURN(const RecordBatch rows,
                      connection.QueryAll(fmt::format("select distinct model_version, replay from {} order by 1, 2",
                                                      LedgerRelation(model))));
  std::vector<LedgerPart> parts;
  for (size_t i = 0; i < rows.num_rows; ++i)
    parts.push_back({rows.columns[0].ints()[i], std::string(rows.columns[1].str(i))});
  return parts;
}

StatusOr<std::vector<std::string>> ExistingIds(Connection& connection, std::string_view model,
                                               std::span<const std::string> ids) {
  constexpr size_t kIdsPerQuery = 4096;
  std::vector<std::string> result;
  for (; !ids.empty(); ids = ids.subspan(std::min(kIdsPerQuery, ids.size()))) {
    std::string list;
    for (const std::string& id : ids.first(std::min(kIdsPerQuery, ids.size()))) {
      list += (list.empty() ? "" : ", ") + QuoteLiteral(id);
    }
    const StatusOr<RecordBatch> found =
        connection.QueryAll(fmt::format("select id from {} where id in ({})", LedgerRelation(model), list));
    if (!found.ok()) {  // perhaps since there is no table; asking first would take longer than the query
      HR_ASSIGN_OR_RETURN(const std::optional<Schema> table, LedgerTableSchema(connection, model));
      if (table) return found.status();
      return result;
    }
    for (size_t i = 0; i < found->num_rows; ++i) result.emplace_back(found->columns[0].str(i));
  }
  return result;
}

StatusOr<std::optional<LedgerRow>> FindLedgerRow(Connection& connection, std::string_view id) {
  const std::array<Value, 1> parameters = {Value::Varchar(std::string(id))};
  HR_ASSIGN_OR_RETURN(const std::vector<std::string> models, ModelsWithLedger(connection));
  for (const std::string& model : models) {
    HR_ASSIGN_OR_RETURN(
        const RecordBatch rows,
        connection.QueryAll(fmt::format("select * from {} where id = ? limit 1", LedgerRelation(model)), parameters));
    if (rows.num_rows == 0) continue;
    HR_ASSIGN_OR_RETURN(LedgerRow row, ToLedgerRow(model, rows));
    return row;
  }
  return std::nullopt;
}

}  // namespace headrace
