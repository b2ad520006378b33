#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_join.h"
#include "catalog/graph.h"
#include "catalog/loaders.h"

namespace headrace {
namespace {

struct Named {
  std::string_view what;
  std::string name;
  SourcePosition where;
};

// Tables, feature views and models share one space of names, since commands take any of them; and the database does
// not tell 'Flights' from 'flights'. Two of one kind and spelling were reported where they were read.
void CheckClashes(LoadContext* context) {
  std::vector<Named> all;
  for (const auto& [name, table] : context->project.tables) all.push_back({"table", name, table.where});
  for (const auto& [name, view] : context->project.views)
    all.push_back({"feature view", name, {.file = view.sql.file, .line = 0, .column = 0}});
  for (const auto& [name, model] : context->project.models) all.push_back({"model", name, model.where});
  std::map<std::string, const Named*> taken;
  for (const Named& named : all) {
    const std::string lower = absl::AsciiStrToLower(named.name);
    const auto [other, free] = taken.emplace(lower, &named);
    if (free) continue;
    context->Report(named.where,
                    fmt::format("{} '{}' has the name of {} '{}'", named.what, named.name, other->second->what,
                                other->second->name),
                    fmt::format("rename one of them; the other is at {}", other->second->where.ToString()));
  }
  for (const Named& named : all) {
    if (absl::AsciiStrToLower(named.name) != "request") continue;
    context->Report(named.where, fmt::format("name '{}' is reserved", named.name),
                    "'from request' reads the request's fields");
  }
}

// Sources that DuckDB would not tell apart.
void CheckSourceNames(LoadContext* context) {
  std::map<std::string, std::string> taken;
  for (const auto& [name, source] : context->project.sources) {
    const auto [other, free] = taken.emplace(absl::AsciiStrToLower(name), name);
    if (!free)
      context->Report(source.where, fmt::format("source '{}' has the name of source '{}'", name, other->second),
                      "names are told apart without case");
  }
}

void CheckCycles(LoadContext* context) {
  const TableGraph graph(context->project);
  for (const std::vector<std::string>& cycle : graph.cycles()) {
    const std::string& from = cycle.front();
    const std::string& to = cycle[1 % cycle.size()];
    const auto edge = std::find_if(context->edges.begin(), context->edges.end(),
                                   [&](const TableEdge& e) { return e.from == from && e.to.relation == to; });
    const SourcePosition where = edge == context->edges.end() ? SourcePosition{} : edge->to.where;
    context->Report(where,
                    fmt::format("tables read each other in a cycle: '{} -> {}'", absl::StrJoin(cycle, " -> "), from),
                    "each arrow says 'reads'; take one of them out");
  }
}

void ReportUnknownRelation(const RelationUse& use, LoadContext* context) {
  const Project& project = context->project;
  if (use.is_source) {
    if (project.sources.contains(use.relation)) return;
    context->Report(use.where, fmt::format("source '{}' does not exist", use.relation),
                    NearestNameHint(use.relation, KeysOf(project.sources)));
    return;
  }
  if (project.tables.contains(use.relation)) return;
  std::string hint = NearestNameHint(use.relation, KeysOf(project.tables));
  if (project.views.contains(use.relation)) hint = "that is a feature view, which tables cannot read";
  for (const auto& [name, source] : project.sources) {
    if (source.name == use.relation)
      hint = fmt::format("that is a source: write source('{}', '{}')", source.source, source.name);
  }
  context->Report(use.where, fmt::format("table '{}' does not exist", use.relation), hint);
}

}  // namespace

void CheckRelation(const RelationUse& use, LoadContext* context) {
  context->checks.push_back([use, context] { ReportUnknownRelation(use, context); });
}

void CheckTable(const std::string& name, const SourcePosition& where, LoadContext* context) {
  CheckRelation({.relation = name, .is_source = false, .where = where}, context);
}

void CheckDescribedOnce(std::string_view what, const std::string& name, const SourcePosition& where,
                        LoadContext* context) {
  const auto [other, is_first] = context->described.emplace(fmt::format("{} {}", what, name), where);
  if (!is_first)
    context->Report(where, fmt::format("{} '{}' is described twice", what, name),
                    "the other is at " + other->second.ToString());
}

bool CheckName(std::string_view what, const std::string& name, const SourcePosition& where, LoadContext* context) {
  if (IsIdentifier(name)) return true;
  context->Report(where, fmt::format("{} '{}' is no name", what, name),
                  "a name has letters, digits and _, and does not begin with a digit");
  return false;
}

void CheckConfigKeys(const ConfigCall& config, const std::vector<std::string>& known, std::string_view what,
                     LoadContext* context) {
  for (const auto& [key, value] : config.values) {
    if (std::find(known.begin(), known.end(), key) != known.end()) continue;
    context->Report(value.where, fmt::format("config '{}' is not known for {}", key, what),
                    NearestNameHint(key, known));
  }
}

std::optional<DurationUs> ReadDuration(std::string_view text, const SourcePosition& where, LoadContext* context) {
  const StatusOr<DurationUs> duration = ParseDuration(text);
  if (duration.ok()) return *duration;
  context->Report(where, std::string(duration.status().message()));
  return std::nullopt;
}

std::optional<TypeId> ReadType(std::string_view text, const SourcePosition& where, LoadContext* context) {
  const StatusOr<TypeId> type = ParseTypeName(text);
  if (type.ok()) return *type;
  context->Report(where, std::string(type.status().message()));
  return std::nullopt;
}

void CheckProject(LoadContext* context) {
  for (const auto& check : context->checks) check();
  CheckClashes(context);
  CheckSourceNames(context);
  CheckCycles(context);
}

}  // namespace headrace
