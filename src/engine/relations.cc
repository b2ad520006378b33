#include "engine/relations.h"

#include <algorithm>

#include "absl/strings/str_join.h"
#include "catalog/graph.h"
#include "warehouse/cast_sql.h"
#include "warehouse/database.h"
#include "warehouse/sources.h"
#include "warehouse/sql_error.h"
#include "warehouse/sql_text.h"

namespace headrace {
namespace {

class RelationBinder {
 public:
  RelationBinder(const Project& project, Diagnostics* diagnostics) : project_(project), diagnostics_(diagnostics) {}

  BoundRelations Run() {
    Status status = Open();
    if (!status.ok()) {
      diagnostics_->push_back({{"headrace.yml", 0, 0}, std::string(Message(status)), ""});
      return std::move(result_);
    }
    const TableGraph graph(project_);
    for (const std::string& name : graph.order()) {
      if (const auto source = project_.sources.find(name); source != project_.sources.end()) {
        BindSource(source->second);
      } else if (const auto table = project_.tables.find(name); table != project_.tables.end()) {
        BindTable(table->second);
      }
    }
    return std::move(result_);
  }

 private:
  Status Open() {
    HR_ASSIGN_OR_RETURN(database_, Database::OpenInMemory());
    HR_ASSIGN_OR_RETURN(connection_, database_->Connect());
    HR_ASSIGN_OR_RETURN(const RecordBatch names,
                        connection_->QueryAll("SELECT DISTINCT lower(function_name) FROM duckdb_functions() "
                                              "WHERE function_type = 'aggregate' ORDER BY 1"));
    for (size_t row = 0; row < names.num_rows; ++row) result_.aggregate_names.emplace_back(names.columns[0].str(row));
    return absl::OkStatus();
  }

  void BindSource(const SourceTable& source) {
    Status status = CreateSource(source);
    if (status.ok()) return Describe(source.FullName());
    diagnostics_->push_back({source.where, fmt::format("source {}: {}", source.FullName(), Message(status)), ""});
    failed_.push_back(source.FullName());
  }

  Status CreateSource(const SourceTable& source) {
    HR_RETURN_IF_ERROR(connection_->Execute("CREATE SCHEMA IF NOT EXISTS " + QuoteIdentifier(source.source)));
    const std::string create = fmt::format("CREATE TABLE {}", RelationSql(source.FullName()));
    if (source.stream) {
      std::vector<std::string> columns;
      for (const Field& field : StreamColumns(source))
        columns.push_back(QuoteIdentifier(field.name) + " " + std::string(TypeName(field.type)));
      return connection_->Execute(fmt::format("{} ({})", create, absl::StrJoin(columns, ", ")));
    }
    HR_ASSIGN_OR_RETURN(const std::vector<std::string> files, FindFiles(*connection_, project_, source));
    HR_ASSIGN_OR_RETURN(const std::string reader, ReaderSql(*connection_, project_, source, files));
    return connection_->Execute(fmt::format("{} AS ({}) WITH NO DATA", create, reader));
  }

  void BindTable(const Table& table) {
    const bool stands_on_failed = std::any_of(
        table.depends_on.begin(), table.depends_on.end(),
        [&](const std::string& name) { return std::find(failed_.begin(), failed_.end(), name) != failed_.end(); });
    if (stands_on_failed) return failed_.push_back(table.name);
    const std::string prefix = fmt::format("CREATE TABLE {} AS (", QuoteIdentifier(table.name));
    const Status status =
        connection_->Execute(prefix + std::string(StripStatementEnd(table.sql.sql)) + "\n) WITH NO DATA");
    if (status.ok()) return Describe(table.name);
    diagnostics_->push_back(ToDiagnostic(status, table.sql, prefix.size()));
    failed_.push_back(table.name);
  }

  // Columns of other types are not ours to compute with; SQL may still use them.
  void Describe(const std::string& name) {
    const StatusOr<std::vector<TypedColumn>> columns =
        DescribeTypes(*connection_, "SELECT * FROM " + RelationSql(name));
    if (!columns.ok()) return;
    Schema schema;
    for (const TypedColumn& column : *columns) {
      std::string type = column.type;
      if (type == "HUGEINT" || type == "UBIGINT") type = "BIGINT";
      if (type == "TIMESTAMP_S" || type == "TIMESTAMP_MS" || type == "TIMESTAMP_NS") type = "TIMESTAMP";
      if (const StatusOr<TypeId> id = ParseTypeName(type); id.ok()) schema.push_back({column.name, *id});
    }
    result_.schemas[name] = std::move(schema);
  }

  const Project& project_;
  Diagnostics* diagnostics_;
  BoundRelations result_;
  std::vector<std::string> failed_;
  std::unique_ptr<Database> database_;
  std::unique_ptr<Connection> connection_;
};

}  // namespace

Schema StreamColumns(const SourceTable& source) {
  Schema columns;
  for (const ColumnSpec& column : source.columns) {
    if (column.type) columns.push_back({column.name, *column.type});
  }
  return columns;
}

BoundRelations BindRelations(const Project& project, Diagnostics* diagnostics) {
  return RelationBinder(project, diagnostics).Run();
}

}  // namespace headrace
