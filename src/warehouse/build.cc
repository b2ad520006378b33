#include "warehouse/build.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <map>
#include <tuple>

#include "absl/strings/ascii.h"
#include "warehouse/release.h"
#include "warehouse/schema_objects.h"
#include "warehouse/sources.h"
#include "warehouse/sql_error.h"
#include "warehouse/sql_text.h"
#include "warehouse/test_runner.h"

namespace headrace {
namespace {

constexpr std::string_view kStepTables = "building tables";
constexpr std::string_view kStepTests = "running tests";

class Stopwatch {
 public:
  double Seconds() const { return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin_).count(); }

 private:
  std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
};

// Schemas that are ours or DuckDB's: a source of that name would mix with them.
Status CheckSourceNames(const Project& project, const std::string& catalog_name) {
  const std::set<std::string> reserved = {"main",       "temp",    "system",     "information_schema",
                                          "pg_catalog", "history", "headrace",   "rejected",
                                          "pushed",     "ledger",  "quarantine", catalog_name};
  Diagnostics diagnostics;
  for (const auto& [name, source] : project.sources) {
    // DuckDB's names know no case.
    if (!reserved.contains(absl::AsciiStrToLower(source.source))) continue;
    diagnostics.push_back({source.where, fmt::format("source {}: the name '{}' is reserved", name, source.source),
                           "choose another name for the source"});
  }
  return ToStatus(diagnostics);
}

struct FailedTest {
  std::string name;
  RecordBatch rows;
};

// One build, a step a function.
class Builder {
 public:
  Builder(Connection& connection, const Project& project, std::span<const std::string> order,
          const BuildOptions& options, Output& output)
      : connection_(connection), project_(project), order_(order), options_(options), output_(output) {}

  StatusOr<BuildReport> Run() {
    const Stopwatch stopwatch;
    HR_RETURN_IF_ERROR(CreateBookkeeping(connection_));
    HR_ASSIGN_OR_RETURN(const std::optional<Release> last, LastRelease(connection_));
    HR_ASSIGN_OR_RETURN(release_, NextRelease(connection_, options_.now));
    HR_ASSIGN_OR_RETURN(Transaction transaction, Transaction::Begin(connection_));
    HR_RETURN_IF_ERROR(BuildAll());
    HR_RETURN_IF_ERROR(RunTests());
    if (failed_.empty()) {
      HR_RETURN_IF_ERROR(Publish(std::move(transaction)));
    } else {
      transaction.Rollback();
      HR_RETURN_IF_ERROR(KeepRejected());
      report_.histories.clear();
      if (last) std::tie(report_.release, report_.published_at) = std::pair(last->number, last->published_at);
    }
    report_.seconds = stopwatch.Seconds();
    return std::move(report_);
  }

 private:
  bool IsSelected(const std::string& name) const { return !options_.select || options_.select->contains(name); }

  Status BuildAll() {
    std::vector<std::string> names(order_.begin(), order_.end());
    for (const auto& [name, source] : project_.sources) names.push_back(name);
    std::erase_if(names, [&](const std::string& name) { return !IsSelected(name); });
    int64_t done = 0;
    for (const std::string& name : names) {
      output_.Progress(kStepTables, done, static_cast<int64_t>(names.size()));
      HR_RETURN_IF_ERROR(BuildOne(name));
      ++done;
    }
    output_.Progress(kStepTables, done, done);
    return absl::OkStatus();
  }

  // Builds a table or a source, once, after what it needs.
  Status BuildOne(const std::string& name) {
    if (!built_.insert(name).second) return absl::OkStatus();
    if (const auto source = project_.sources.find(name); source != project_.sources.end()) {
      return source->second.stream ? BuildStream(source->second) : BuildSource(source->second);
    }
    const auto table = project_.tables.find(name);
    if (table == project_.tables.end()) return Internal("the build order names '{}', which the project has not", name);
    for (const std::string& dependency : table->second.depends_on) {
      if (project_.sources.contains(dependency) || IsSelected(dependency)) HR_RETURN_IF_ERROR(BuildOne(dependency));
    }
    return BuildTable(table->second);
  }

  Status BuildSource(const SourceTable& source) {
    const Stopwatch stopwatch;
    HR_ASSIGN_OR_RETURN(const SourceLoad load,
                        LoadSource(connection_, project_, source, options_.full_refresh, release_.published_at));
    report_.tables.push_back({source.FullName(), "source", load.rows, load.new_files, stopwatch.Seconds()});
    return absl::OkStatus();
  }

  Status BuildStream(const SourceTable& source) {
    const std::string& table = source.stream->history_table;
    if (!table.empty() && IsSelected(table)) HR_RETURN_IF_ERROR(BuildOne(table));
    const Stopwatch stopwatch;
    HR_ASSIGN_OR_RETURN(HistoryReport history, TakeStreamHistory(connection_, project_, source, release_.number,
                                                                 options_.full_refresh, options_.pushed));
    report_.tables.push_back({source.FullName(), "stream", history.rows + history.pushed, 0, stopwatch.Seconds()});
    report_.histories.push_back(std::move(history));
    return absl::OkStatus();
  }

  Status BuildTable(const Table& table) {
    const Stopwatch stopwatch;
    const bool view = table.materialized == Materialization::kView;
    const std::string kind = view ? "view" : "table";
    HR_RETURN_IF_ERROR(DropUnless(connection_, "main", table.name, view ? ObjectKind::kView : ObjectKind::kTable));
    const std::string prefix = fmt::format("create or replace {} {} as\n", kind, QuoteIdentifier(table.name));
    // A query, since that takes one statement only: a second one in the user's file is an error.
    const Status status = connection_.QueryAll(prefix + table.sql.sql).status();
    if (!status.ok()) return AtPosition(status, table.sql, prefix.size());
    TableReport report{table.name, kind, std::nullopt, 0, 0};
    if (!view) {
      HR_ASSIGN_OR_RETURN(const Value rows,
                          connection_.QueryValue("select count(*) from " + QuoteIdentifier(table.name)));
      report.rows = rows.int64();
    }
    report.seconds = stopwatch.Seconds();
    report_.tables.push_back(std::move(report));
    return absl::OkStatus();
  }

  bool TouchesWhatWasBuilt(const DataTest& test) const {
    if (!options_.select || built_.contains(test.table)) return true;
    return std::any_of(test.depends_on.begin(), test.depends_on.end(),
                       [&](const std::string& name) { return built_.contains(name); });
  }

  Status RunTests() {
    int64_t done = 0;
    const auto total = static_cast<int64_t>(project_.tests.size());
    for (const DataTest& test : project_.tests) {
      output_.Progress(kStepTests, done++, total);
      if (!TouchesWhatWasBuilt(test)) continue;
      const Stopwatch stopwatch;
      HR_ASSIGN_OR_RETURN(TestOutcome outcome, RunTest(connection_, test, options_.rejected_row_limit));
      TestReport report{test.name, outcome.failing_rows == 0, outcome.failing_rows, "", stopwatch.Seconds()};
      if (!report.passed) {
        report.rejected = "rejected." + QuoteIdentifier(test.name);
        failed_.push_back({test.name, std::move(outcome.rows)});
      }
      report_.tests.push_back(std::move(report));
    }
    if (total > 0) output_.Progress(kStepTests, total, total);
    return absl::OkStatus();
  }

  Status DropRejected() {
    for (const TestReport& test : report_.tests) {
      HR_RETURN_IF_ERROR(connection_.Execute("drop table if exists rejected." + QuoteIdentifier(test.name)));
    }
    return absl::OkStatus();
  }

  Status KeepRejected() {
    HR_ASSIGN_OR_RETURN(Transaction transaction, Transaction::Begin(connection_));
    HR_RETURN_IF_ERROR(DropRejected());
    for (FailedTest& test : failed_) HR_RETURN_IF_ERROR(KeepRejectedRows(connection_, test.name, std::move(test.rows)));
    return transaction.Commit();
  }

  Status Publish(Transaction transaction) {
    for (const BatchHistorySpec& spec : options_.batch_histories) {
      if (!built_.contains(spec.table)) continue;
      HR_ASSIGN_OR_RETURN(HistoryReport history,
                          UpdateBatchHistory(connection_, spec, release_.number, release_.published_at));
      report_.histories.push_back(std::move(history));
    }
    for (const HistoryReport& history : report_.histories) {
      if (history.added > 0 || history.retracted > 0)
        HR_RETURN_IF_ERROR(RecordHistoryVersion(connection_, history.name));
    }
    HR_RETURN_IF_ERROR(DropRejected());
    std::vector<ReleasedTable> tables;
    for (const TableReport& table : report_.tables) tables.push_back({table.name, table.kind, table.rows});
    HR_RETURN_IF_ERROR(RecordRelease(connection_, release_, tables));
    HR_RETURN_IF_ERROR(transaction.Commit());
    report_.published = true;
    report_.release = release_.number;
    report_.published_at = release_.published_at;
    // Frees the blocks of the release before: without it the file grows by a whole release each time. It cannot run
    // beside another write transaction, and then the next build does it.
    (void)connection_.Execute("checkpoint");
    return absl::OkStatus();
  }

  Connection& connection_;
  const Project& project_;
  const std::span<const std::string> order_;
  const BuildOptions& options_;
  Output& output_;
  Release release_;  // that this build publishes if all goes well
  std::set<std::string> built_;
  std::vector<FailedTest> failed_;
  BuildReport report_;
};

}  // namespace

Status BuildReport::Outcome() const {
  if (published) return absl::OkStatus();
  std::string lines;
  for (const TestReport& test : tests) {
    if (test.passed) continue;
    lines += fmt::format("{}test {} failed: {} rows, see {}", lines.empty() ? "" : "\n", test.name, test.failing_rows,
                         test.rejected);
  }
  return Aborted("{}", lines);
}

StatusOr<BuildReport> Build(Database& database, const Project& project, std::span<const std::string> order,
                            const BuildOptions& options, Output& output) {
  HR_RETURN_IF_ERROR(CheckSourceNames(project, database.catalog_name()));
  HR_ASSIGN_OR_RETURN(const std::unique_ptr<Connection> connection, database.Connect());
  return Builder(*connection, project, order, options, output).Run();
}

}  // namespace headrace
