// headrace build
#include "catalog/graph.h"
#include "engine/commands.h"
#include "engine/pushed_log.h"
#include "engine/selection.h"
#include "warehouse/build.h"

namespace headrace {
namespace {

Json ToJson(const BuildReport& report) {
  Json::Array tables;
  for (const TableReport& table : report.tables) {
    tables.push_back(Json::Object{{"name", table.name},
                                  {"kind", table.kind},
                                  {"rows", table.rows ? Json(*table.rows) : Json()},
                                  {"seconds", table.seconds}});
  }
  Json::Array tests;
  for (const TestReport& test : report.tests) {
    tests.push_back(Json::Object{{"name", test.name},
                                 {"passed", test.passed},
                                 {"failing_rows", test.failing_rows},
                                 {"rejected", test.rejected}});
  }
  Json::Array histories;
  for (const HistoryReport& history : report.histories) {
    histories.push_back(Json::Object{{"name", history.name},
                                     {"rows", history.rows},
                                     {"added", history.added},
                                     {"pushed", history.pushed},
                                     {"retracted", history.retracted},
                                     {"null_event_times", history.null_event_times},
                                     {"duplicates", history.duplicates},
                                     {"note", history.note}});
  }
  return Json::Object{{"published", report.published}, {"release", report.release},
                      {"seconds", report.seconds},     {"tables", std::move(tables)},
                      {"tests", std::move(tests)},     {"histories", std::move(histories)}};
}

void PrintForPerson(const BuildReport& report, Output& output) {
  for (const TableReport& table : report.tables) {
    const std::string rows = table.rows ? fmt::format("{} rows", *table.rows) : "";
    output.Print(fmt::format("  {:<8} {:<32} {:>17}  {:>7.2f} s\n", table.kind, table.name, rows, table.seconds));
  }
  for (const HistoryReport& history : report.histories) {
    output.Print(fmt::format("  {:<8} {:<32} {:>12} rows  {} added, {} retracted\n", "history", history.name,
                             history.rows, history.added, history.retracted));
    if (history.pushed > 0) output.Print(fmt::format("           {} rows were pushed beside it\n", history.pushed));
    if (history.null_event_times > 0)
      output.Print(fmt::format("           {} rows without event time are no events\n", history.null_event_times));
    if (history.duplicates > 0)
      output.Print(fmt::format("           {} rows repeat an event id and were dropped\n", history.duplicates));
    if (!history.note.empty()) output.Print(fmt::format("           {}\n", history.note));
  }
  int64_t passed = 0;
  for (const TestReport& test : report.tests) {
    passed += test.passed ? 1 : 0;
    if (!test.passed)
      output.Print(fmt::format("  FAILED   {}: {} rows; see {}\n", test.name, test.failing_rows, test.rejected));
  }
  output.Print(fmt::format("{} tests passed of {}; {}; {:.1f} s\n", passed, report.tests.size(),
                           report.published ? fmt::format("published release {}", report.release)
                                            : "nothing was published, the last good release is in place",
                           report.seconds));
}

}  // namespace

Status Run(const BuildCommand& command, Workspace& workspace, Output& output) {
  HR_ASSIGN_OR_RETURN(const std::shared_ptr<const ProjectState> state, workspace.State(/*reload=*/true, command.vars));
  HR_ASSIGN_OR_RETURN(Database* const warehouse, workspace.Warehouse());
  BuildOptions options;
  HR_ASSIGN_OR_RETURN(options.select, SelectNodes(state->project, command.select, command.exclude));
  options.full_refresh = command.full_refresh;
  options.now = SystemClock().Now();
  HR_ASSIGN_OR_RETURN(const std::unique_ptr<PushedLog> pushed, OpenPushedLog(workspace));
  options.pushed = pushed.get();
  for (const auto& [name, view] : state->definitions.event_views) {
    if (!view.live()) options.batch_histories.push_back(view.batch);
  }
  const TableGraph graph(state->project);
  HR_ASSIGN_OR_RETURN(const BuildReport report, Build(*warehouse, state->project, graph.order(), options, output));
  if (command.json) {
    output.Print(ToJson(report).DumpPretty());
  } else {
    PrintForPerson(report, output);
  }
  if (report.published) HR_RETURN_IF_ERROR(workspace.NotifyPublished());
  return report.Outcome();
}

}  // namespace headrace
