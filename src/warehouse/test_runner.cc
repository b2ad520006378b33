#include "warehouse/test_runner.h"

#include <set>

#include "warehouse/appender.h"
#include "warehouse/sql_error.h"
#include "warehouse/sql_text.h"

namespace headrace {
namespace {

constexpr std::string_view kCountPrefix = "select count(*) from (\n";

// A relation as the catalog gives it: a plain name, or already quoted.
std::string Relation(const std::string& name) {
  return name.find('"') == std::string::npos ? RelationSql(name) : name;
}

std::string AcceptedValuesSql(const DataTest& test) {
  std::string list;
  for (const Value& value : test.accepted_values) list += (list.empty() ? "" : ", ") + QuoteLiteral(value);
  const std::string column = QuoteIdentifier(test.column);
  return fmt::format("select * from {} where {} is not null and {} not in ({})", Relation(test.table), column, column,
                     list.empty() ? "null" : list);
}

std::string UniqueSql(const DataTest& test) {
  const std::string column = QuoteIdentifier(test.column);
  const std::string relation = Relation(test.table);
  return fmt::format(
      "select * from {0} where {1} in (select {1} from {0} where {1} is not null group by {1} having count(*) > 1) "
      "order by {1}",
      relation, column);
}

std::string RelationshipsSql(const DataTest& test) {
  return fmt::format(
      "select * from {} as child where child.{} is not null and not exists (select 1 from {} as parent where parent.{} "
      "= "
      "child.{})",
      Relation(test.table), QuoteIdentifier(test.column), Relation(test.to_relation), QuoteIdentifier(test.to_field),
      QuoteIdentifier(test.column));
}

Status TestError(const DataTest& test, const Status& status) {
  if (test.kind == TestKind::kSql) return AtPosition(status, test.sql, kCountPrefix.size());
  const Diagnostic diagnostic{test.where, fmt::format("test {}: {}", test.name, std::string(status.message())), ""};
  return Status(status.code(), diagnostic.ToString());
}

// A table cannot have two columns of one name, a query can.
Schema WithDistinctNames(Schema schema) {
  std::set<std::string> seen;
  for (Field& field : schema) {
    const std::string name = field.name;
    for (int n = 1; !seen.insert(field.name).second; ++n) field.name = fmt::format("{}_{}", name, n);
  }
  return schema;
}

}  // namespace

std::string TestSql(const DataTest& test) {
  switch (test.kind) {
    case TestKind::kNotNull:
      return fmt::format("select * from {} where {} is null", Relation(test.table), QuoteIdentifier(test.column));
    case TestKind::kUnique:
      return UniqueSql(test);
    case TestKind::kAcceptedValues:
      return AcceptedValuesSql(test);
    case TestKind::kRelationships:
      return RelationshipsSql(test);
    case TestKind::kSql:
      return std::string(StripStatementEnd(test.sql.sql));
  }
  return "";
}

StatusOr<TestOutcome> RunTest(Connection& connection, const DataTest& test, int64_t row_limit) {
  const std::string sql = TestSql(test);
  TestOutcome outcome;
  const StatusOr<Value> count = connection.QueryValue(fmt::format("{}{}\n)", kCountPrefix, sql));
  if (!count.ok()) return TestError(test, count.status());
  outcome.failing_rows = count->int64();
  if (outcome.failing_rows == 0) return outcome;
  StatusOr<RecordBatch> rows = connection.QueryAll(fmt::format("select * from (\n{}\n) limit {}", sql, row_limit), {},
                                                   {.render_other_types = true});
  if (!rows.ok()) return TestError(test, rows.status());
  outcome.rows = *std::move(rows);
  return outcome;
}

Status KeepRejectedRows(Connection& connection, const std::string& test_name, RecordBatch rows) {
  rows.schema = WithDistinctNames(std::move(rows.schema));
  HR_RETURN_IF_ERROR(connection.Execute(fmt::format("create or replace table rejected.{} ({})",
                                                    QuoteIdentifier(test_name), ColumnDefinitions(rows.schema))));
  HR_ASSIGN_OR_RETURN(const std::unique_ptr<Appender> appender, Appender::Create(connection, "rejected", test_name));
  HR_RETURN_IF_ERROR(appender->Append(rows));
  return appender->Close();
}

}  // namespace headrace
