// Inside of the catalog: the loaders, one per subject, and what they share while one project is read.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/diagnostic.h"
#include "base/json.h"
#include "catalog/project.h"
#include "catalog/template/template.h"
#include "catalog/yaml.h"

namespace headrace {

struct ProjectFile {
  std::string path;  // relative to the project's folder
  std::string stem;  // "fct_flights"
  std::string text;

  // The file as a whole.
  SourcePosition where() const { return {.file = path, .line = 0, .column = 0}; }
};

// A ref() or source() in a file.
struct RelationUse {
  std::string relation;  // "fct_flights" or "raw.flights"
  bool is_source = false;
  SourcePosition where;
};

// An edge of the table graph that a user wrote, kept to say where a cycle is.
struct TableEdge {
  std::string from;  // what reads
  RelationUse to;
};

struct ConfigValue {
  jinja::Value value;
  SourcePosition where;
};

// What a config(...) said.
struct ConfigCall {
  std::map<std::string, ConfigValue> values;
  SourcePosition where;  // of the first call; the file as a whole when there was none
  bool present = false;
};

// A SQL file after rendering.
struct SqlFile {
  RenderedSql sql;
  std::vector<RelationUse> relations;  // in order of use; repeated ones included
  ConfigCall config;

  std::vector<std::string> DistinctRelations() const;
};

// What the loaders share. Loaders add to `project` and `diagnostics`; what needs the whole project is put in
// `checks`, which run last.
struct LoadContext {
  std::map<std::string, Json> vars;
  std::map<std::string, std::string, std::less<>> environment;
  Materialization default_materialization = Materialization::kTable;
  Project project;
  Diagnostics diagnostics;
  std::vector<TableEdge> edges;
  std::set<std::string> test_names;
  std::set<std::string> materialized_in_sql;        // tables whose SQL says it, which wins over YAML
  std::map<std::string, SourcePosition> described;  // tables and views, by the entry in YAML
  std::vector<std::function<void()>> checks;

  void Report(const SourcePosition& where, std::string message, std::string hint = "") {
    diagnostics.push_back({where, std::move(message), std::move(hint)});
  }
};

// The files below `folder` whose names end in one of `endings`, by path. Hidden ones are skipped; a folder that does
// not exist has none. A file that cannot be read is reported.
std::vector<ProjectFile> ReadFiles(const std::string& root, const std::string& folder,
                                   const std::vector<std::string>& endings, LoadContext* context);

// templates.cc: ref, source, config, var and env_var.
SqlFile RenderSqlFile(const ProjectFile& file, LoadContext* context);
// The relation that the text "ref('x')" or "source('raw', 'x')" names, with or without {{ }}.
std::optional<RelationUse> ReadRelation(const YamlNode& text, LoadContext* context);
// A YAML text with its {{ var() }} and {{ env_var() }} resolved.
std::string RenderText(const YamlNode& text, LoadContext* context);

// Later, reports a relation that the project does not have.
void CheckRelation(const RelationUse& use, LoadContext* context);
// Later, reports a table that the project does not have.
void CheckTable(const std::string& name, const SourcePosition& where, LoadContext* context);
// Reports a second description of the same table or view.
void CheckDescribedOnce(std::string_view what, const std::string& name, const SourcePosition& where,
                        LoadContext* context);
// Reports a name that SQL could not write without quotes; says whether it is good.
bool CheckName(std::string_view what, const std::string& name, const SourcePosition& where, LoadContext* context);
// Reports keys of `config` that are not in `known`.
void CheckConfigKeys(const ConfigCall& config, const std::vector<std::string>& known, std::string_view what,
                     LoadContext* context);

// ParseDuration and ParseTypeName with the error reported at `where`.
std::optional<DurationUs> ReadDuration(std::string_view text, const SourcePosition& where, LoadContext* context);
std::optional<TypeId> ReadType(std::string_view text, const SourcePosition& where, LoadContext* context);

template <typename Map>
std::vector<std::string> KeysOf(const Map& map) {
  std::vector<std::string> keys;
  keys.reserve(map.size());
  for (const auto& [key, value] : map) keys.push_back(key);
  return keys;
}

void LoadSettings(const ProjectFile& file, const std::map<std::string, Json>& var_overrides, LoadContext* context);
void LoadSources(YamlReader* reader, LoadContext* context);           // the key `sources`
void LoadTableSql(const ProjectFile& file, LoadContext* context);     // tables/**/*.sql
void LoadTableYaml(const ProjectFile& file, LoadContext* context);    // tables/**/*.yml
void LoadSqlTest(const ProjectFile& file, LoadContext* context);      // tests/**/*.sql
void LoadViewSql(const ProjectFile& file, LoadContext* context);      // features/**/*.sql
void LoadViewYaml(const ProjectFile& file, LoadContext* context);     // features/**/*.yml
void LoadModelRecipe(const ProjectFile& file, LoadContext* context);  // models/**/*.yml

// The key `columns` of a table, with the tests of each column; `relation` is "fct" or "raw.flights".
std::vector<ColumnSpec> LoadColumns(YamlReader* reader, const std::string& relation, LoadContext* context);
// The keys `tests` and `data_tests` of a table (`column` is "") or of a column.
void LoadDataTests(YamlReader* reader, const std::string& relation, const std::string& column, LoadContext* context);

// What only the whole project shows: name clashes, cycles.
void CheckProject(LoadContext* context);

}  // namespace headrace
