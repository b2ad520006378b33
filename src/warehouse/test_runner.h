// Data tests as SQL, with dbt's semantics: a test passes when its query gives no row.
//
//   not_null          rows whose column is null
//   unique            rows whose value another row has as well; nulls are never repeated
//   accepted_values   rows whose value is not in the list; null is always accepted
//   relationships     rows whose value is not in the other relation's column; null needs no partner
//   SQL               whatever the query gives
//
// The failing rows are whole rows of the table, where dbt counts distinct values for unique and accepted_values.
#pragma once

#include <string>

#include "catalog/project.h"
#include "warehouse/database.h"

namespace headrace {

// The query whose rows are the failures.
std::string TestSql(const DataTest& test);

struct TestOutcome {
  int64_t failing_rows = 0;
  RecordBatch rows;  // the first of them
};

// Runs a test in the connection's transaction; gives at most `row_limit` failing rows. An error of its SQL is at its
// place in the user's file.
StatusOr<TestOutcome> RunTest(Connection& connection, const DataTest& test, int64_t row_limit);

// Keeps the failing rows as rejected."test name", in place of those of an earlier run.
Status KeepRejectedRows(Connection& connection, const std::string& test_name, RecordBatch rows);

}  // namespace headrace
