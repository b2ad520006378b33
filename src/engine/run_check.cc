// headrace check
#include <algorithm>
#include <set>
#include <tuple>

#include "catalog/load.h"
#include "engine/commands.h"

namespace headrace {
namespace {

std::string Counted(size_t n, std::string_view one, std::string_view many) {
  return fmt::format("{} {}", n, n == 1 ? one : many);
}

Json ToJson(const Diagnostics& diagnostics, const Project& project) {
  Json::Array errors;
  for (const Diagnostic& error : diagnostics) {
    errors.push_back(Json::Object{{"file", error.where.file},
                                  {"line", error.where.line},
                                  {"column", error.where.column},
                                  {"message", error.message},
                                  {"hint", error.hint}});
  }
  return Json::Object{{"errors", std::move(errors)},
                      {"checked", Json::Object{{"sources", project.sources.size()},
                                               {"tables", project.tables.size()},
                                               {"tests", project.tests.size()},
                                               {"views", project.views.size()},
                                               {"models", project.models.size()}}}};
}

// Of a line that could not be read as the user meant it, what types and binding say is only a consequence.
void DropConsequences(size_t first_compiled, Diagnostics* diagnostics) {
  std::set<std::pair<std::string, int>> broken_lines;
  for (size_t i = 0; i < first_compiled; ++i) {
    const SourcePosition& where = (*diagnostics)[i].where;
    if (where.line > 0) broken_lines.emplace(where.file, where.line);
  }
  const auto compiled = diagnostics->begin() + static_cast<ptrdiff_t>(first_compiled);
  const auto is_consequence = [&](const Diagnostic& d) { return broken_lines.contains({d.where.file, d.where.line}); };
  diagnostics->erase(std::remove_if(compiled, diagnostics->end(), is_consequence), diagnostics->end());
}

// By place, as someone goes through the files; each once.
void SortByPlace(Diagnostics* diagnostics) {
  const auto key = [](const Diagnostic& d) {
    return std::tie(d.where.file, d.where.line, d.where.column, d.message, d.hint);
  };
  std::sort(diagnostics->begin(), diagnostics->end(),
            [&](const Diagnostic& a, const Diagnostic& b) { return key(a) < key(b); });
  const auto same = [&](const Diagnostic& a, const Diagnostic& b) { return key(a) == key(b); };
  diagnostics->erase(std::unique(diagnostics->begin(), diagnostics->end(), same), diagnostics->end());
}

Status Outcome(const Diagnostics& diagnostics) {
  if (diagnostics.empty()) return absl::OkStatus();
  std::set<std::string> files;
  for (const Diagnostic& error : diagnostics) files.insert(error.where.file);
  return Aborted("{} in {}", Counted(diagnostics.size(), "error", "errors"), Counted(files.size(), "file", "files"));
}

}  // namespace

Status Run(const CheckCommand& command, const std::string& root, Output& output) {
  HR_ASSIGN_OR_RETURN(LoadResult loaded, ReadProject(root, command.vars));
  const Project& project = loaded.project;
  const size_t errors_of_files = loaded.diagnostics.size();
  CompileProject(project, &loaded.diagnostics);
  DropConsequences(errors_of_files, &loaded.diagnostics);
  SortByPlace(&loaded.diagnostics);
  if (command.json) {
    output.Print(ToJson(loaded.diagnostics, project).DumpPretty());
    return Outcome(loaded.diagnostics);
  }
  for (const Diagnostic& error : loaded.diagnostics) output.Print(error.ToString() + "\n");
  if (loaded.diagnostics.empty()) {
    output.Print(fmt::format(
        "{}: no errors in {}, {}, {}, {}, {}\n", project.name, Counted(project.sources.size(), "source", "sources"),
        Counted(project.tables.size(), "table", "tables"), Counted(project.tests.size(), "test", "tests"),
        Counted(project.views.size(), "feature view", "feature views"),
        Counted(project.models.size(), "model", "models")));
  }
  return Outcome(loaded.diagnostics);
}

}  // namespace headrace
