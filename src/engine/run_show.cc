// headrace show
#include "base/diagnostic.h"
#include "catalog/graph.h"
#include "catalog/load.h"
#include "engine/commands.h"
#include "engine/view_sql.h"

namespace headrace {
namespace {

// The files as they are now, not as they were when this process first read them.
StatusOr<ProjectState> ReadState(const std::string& root) {
  HR_ASSIGN_OR_RETURN(LoadResult loaded, ReadProject(root));
  ProjectState state;
  state.project = std::move(loaded.project);
  state.definitions = CompileProject(state.project, &loaded.diagnostics);
  HR_RETURN_IF_ERROR(ToStatus(loaded.diagnostics));
  return state;
}

struct PlanStep {
  std::string kind;  // "source", "stream", "table", "view", "tests", "history", "publish"
  std::string name;
  std::string what;  // for a person
};

PlanStep SourceStep(const SourceTable& source) {
  if (!source.stream) {
    return {"source", source.FullName(),
            fmt::format("{} {}", source.incremental ? "new files of" : "read", source.location)};
  }
  const std::string& table = source.stream->history_table;
  const std::string from = !table.empty() ? "table " + table : source.location;
  return {"stream", source.FullName(), from.empty() ? "no history" : "history, taken once, from " + from};
}

// In the order of the build (warehouse/build.h).
std::vector<PlanStep> PlanOf(const ProjectState& state) {
  const Project& project = state.project;
  std::vector<PlanStep> steps;
  const TableGraph graph(project);
  for (const std::string& name : graph.order()) {
    if (const auto source = project.sources.find(name); source != project.sources.end()) {
      steps.push_back(SourceStep(source->second));
    } else if (const auto table = project.tables.find(name); table != project.tables.end()) {
      const bool view = table->second.materialized == Materialization::kView;
      steps.push_back({view ? "view" : "table", name, table->second.sql.file});
    }
  }
  for (const DataTest& test : project.tests) {
    steps.push_back({"test", test.name, test.where.file});
  }
  for (const auto& [name, view] : state.definitions.event_views) {
    if (!view.live()) steps.push_back({"history", name, "what changed in " + view.batch.table});
  }
  steps.push_back({"publish", "", "all of it at once, if every test passes"});
  return steps;
}

Status ShowPlan(const ProjectState& state, bool json, Output& output) {
  const std::vector<PlanStep> steps = PlanOf(state);
  Json::Array list;
  std::string text;
  for (const PlanStep& step : steps) {
    list.push_back(Json::Object{{"kind", step.kind}, {"name", step.name}, {"what", step.what}});
    text += fmt::format("{:<8} {:<40} {}\n", step.kind, step.name, step.what);
  }
  output.Print(json ? Json(Json::Object{{"steps", std::move(list)}}).DumpPretty() : text);
  return absl::OkStatus();
}

StatusOr<std::string> SqlOf(const ProjectState& state, const std::string& name) {
  const auto view = state.project.views.find(name);
  if (view == state.project.views.end()) {
    std::vector<std::string> names;
    for (const auto& [known, _] : state.project.views) names.push_back(known);
    return NotFound("there is no feature view '{}'; {}", name, NearestNameHint(name, names));
  }
  if (view->second.kind == ViewKind::kRequest) {
    return fmt::format(
        "-- computed when asked, over one row: the request's fields and the features that it names\n{}\n",
        view->second.sql.sql);
  }
  return EventViewSql(state.definitions.event_views.at(name), state.definitions.catalog->events.at(name));
}

}  // namespace

Status Run(const ShowCommand& command, Workspace& workspace, Output& output) {
  HR_ASSIGN_OR_RETURN(const ProjectState state, ReadState(workspace.root()));
  if (command.view.empty()) return ShowPlan(state, command.json, output);
  HR_ASSIGN_OR_RETURN(const std::string sql, SqlOf(state, command.view));
  output.Print(command.json ? Json(Json::Object{{"view", command.view}, {"sql", sql}}).DumpPretty() : sql);
  return absl::OkStatus();
}

}  // namespace headrace
