// A build: sources are loaded, tables built, tests run, and the lot published, in one transaction.
//
//   begin -> sources, tables, streams' histories -> tests -> batch views' histories -> release row -> commit
//                                                     |
//                                                     one fails: roll back, then keep its rows in schema "rejected"
//
// Until the commit every other connection reads the last good release, and an error or a crash leaves that one.
// Where things are:
//   "fct"                    a table (schema main)
//   "raw"."flights"          a source table; of a stream: a view on its history and what was pushed until the build
//   history."..."            warehouse/history.h
//   headrace.releases        warehouse/schema_objects.h
//   rejected."test name"     the failing rows of each test that failed when it last ran
// One build at a time per database: a second one fails with kUnavailable.
#pragma once

#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "base/output.h"
#include "base/time.h"
#include "catalog/project.h"
#include "warehouse/database.h"
#include "warehouse/history.h"
#include "warehouse/pushed_events.h"

namespace headrace {

struct BuildOptions {
  // Tables and sources ("fct", "raw.weather") to build; nothing: all. Sources that a selected table reads are loaded
  // as well; other tables are read as they were last published. Tests run that touch what was built.
  std::optional<std::set<std::string>> select;
  bool full_refresh = false;    // incremental sources and streams' histories are taken again
  TimestampUs now = 0;          // the publishing instant
  PushedLog* pushed = nullptr;  // none: nothing was pushed
  std::vector<BatchHistorySpec> batch_histories;
  int64_t rejected_row_limit = 1000;  // rows kept of a failing test
};

struct TableReport {
  std::string name;             // "fct", "raw.flights"
  std::string kind;             // "source", "stream", "table", "view"
  std::optional<int64_t> rows;  // nothing for a view, since counting would compute it
  int64_t new_files = 0;        // of a source
  double seconds = 0;
};

struct TestReport {
  std::string name;
  bool passed = false;
  int64_t failing_rows = 0;
  std::string rejected;  // `rejected."..."`, where the failing rows are; "" when it passed
  double seconds = 0;
};

struct BuildReport {
  bool published = false;  // false: a test failed, and the last good release is in place
  int64_t release = 0;     // the number of the release that is live now; 0: none
  TimestampUs published_at = 0;
  std::vector<TableReport> tables;
  std::vector<TestReport> tests;
  std::vector<HistoryReport> histories;
  double seconds = 0;

  // OK when published; else kAborted, with a line for each failing test.
  Status Outcome() const;
};

// Builds the project. `order` names all of its tables (and, if the caller likes, sources), each after what it reads.
// An error of a table's SQL is at its place in the user's file. Failing tests are no error: they are in the report.
StatusOr<BuildReport> Build(Database& database, const Project& project, std::span<const std::string> order,
                            const BuildOptions& options, Output& output);

}  // namespace headrace
