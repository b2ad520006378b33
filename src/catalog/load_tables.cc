#include <algorithm>

#include "catalog/loaders.h"

namespace headrace {
namespace {

Materialization ReadMaterialization(const std::string& name, const SourcePosition& where, LoadContext* context) {
  if (name == "view") return Materialization::kView;
  if (name != "table") {
    const std::vector<std::string> known = {"table", "view"};
    context->Report(where, fmt::format("materialization '{}' is not supported", name), NearestNameHint(name, known));
  }
  return Materialization::kTable;
}

void ReadTags(const ConfigValue& config, Table* table, LoadContext* context) {
  const jinja::Value& value = config.value;
  if (value.is_string()) {
    table->tags.push_back(value.str());
    return;
  }
  const bool all_texts = value.is_list() && std::all_of(value.list().begin(), value.list().end(),
                                                        [](const auto& v) { return v.is_string(); });
  if (!all_texts) {
    context->Report(config.where, fmt::format("'tags' must be a text or a list of texts, not {}", value.kind()));
    return;
  }
  for (const jinja::Value& tag : value.list()) table->tags.push_back(tag.str());
}

void ReadTableConfig(const ConfigCall& config, Table* table, LoadContext* context) {
  CheckConfigKeys(config, {"materialized", "tags"}, "a table", context);
  if (const auto tags = config.values.find("tags"); tags != config.values.end()) ReadTags(tags->second, table, context);
  const auto materialized = config.values.find("materialized");
  if (materialized == config.values.end()) return;
  const auto& [value, where] = materialized->second;
  if (value.is_string()) {
    table->materialized = ReadMaterialization(value.str(), where, context);
    context->materialized_in_sql.insert(table->name);
  } else {
    context->Report(where, fmt::format("'materialized' must be a text, not {}", value.kind()));
  }
}

// `config:` of a table's YAML. What the SQL file says itself wins, as in dbt.
void LoadYamlConfig(const YamlNode& node, Table* table, LoadContext* context) {
  YamlReader reader(node, fmt::format("config of table '{}'", table->name), &context->diagnostics);
  const std::string materialized = reader.Text("materialized");
  if (!materialized.empty() && !context->materialized_in_sql.contains(table->name)) {
    table->materialized = ReadMaterialization(materialized, reader.WhereOf("materialized"), context);
  }
  for (std::string& tag : reader.Texts("tags")) table->tags.push_back(std::move(tag));
  reader.Ignore({"meta", "docs", "description"});
  reader.NotSupported({"contract", "schema", "alias", "enabled", "pre_hook", "post_hook", "unique_key",
                       "incremental_strategy", "on_schema_change"});
  reader.Finish();
}

void LoadTableEntry(const YamlNode& node, LoadContext* context) {
  YamlReader reader(node, "a table", &context->diagnostics);
  const std::string name = reader.RequiredText("name");
  const auto found = context->project.tables.find(name);
  if (found == context->project.tables.end()) {
    if (!name.empty()) {
      context->Report(reader.WhereOf("name"),
                      fmt::format("there is no table '{}': no SQL file of that name in tables/", name),
                      NearestNameHint(name, KeysOf(context->project.tables)));
    }
    return;
  }
  CheckDescribedOnce("table", name, reader.WhereOf("name"), context);
  Table& table = found->second;
  table.description = reader.Text("description");
  table.columns = LoadColumns(&reader, name, context);
  LoadDataTests(&reader, name, "", context);
  if (const YamlNode* config = reader.Find("config"); config != nullptr) LoadYamlConfig(*config, &table, context);
  for (std::string& tag : reader.Texts("tags")) table.tags.push_back(std::move(tag));
  reader.Ignore({"meta", "docs", "group", "access"});
  reader.NotSupported({"constraints", "versions", "latest_version", "deprecation_date"});
  reader.Finish();
}

ColumnSpec LoadColumn(const YamlNode& node, const std::string& relation, LoadContext* context) {
  YamlReader reader(node, fmt::format("a column of '{}'", relation), &context->diagnostics);
  ColumnSpec column;
  column.name = reader.RequiredText("name");
  column.where = reader.WhereOf("name");
  column.description = reader.Text("description");
  const std::string type = reader.Text("data_type");
  if (!type.empty()) column.type = ReadType(type, reader.WhereOf("data_type"), context);
  if (!column.name.empty()) LoadDataTests(&reader, relation, column.name, context);
  reader.Ignore({"tests", "data_tests", "meta", "tags", "quote", "docs"});
  reader.NotSupported({"constraints", "policy_tags", "config"});
  reader.Finish();
  return column;
}

}  // namespace

std::vector<ColumnSpec> LoadColumns(YamlReader* reader, const std::string& relation, LoadContext* context) {
  std::vector<ColumnSpec> columns;
  for (const YamlNode& node : reader->List("columns")) {
    ColumnSpec column = LoadColumn(node, relation, context);
    const bool repeated =
        std::any_of(columns.begin(), columns.end(), [&](const ColumnSpec& c) { return c.name == column.name; });
    if (repeated && !column.name.empty())
      context->Report(column.where, fmt::format("column '{}' of '{}' is given twice", column.name, relation));
    columns.push_back(std::move(column));
  }
  return columns;
}

void LoadTableSql(const ProjectFile& file, LoadContext* context) {
  CheckName("table", file.stem, file.where(), context);
  SqlFile sql = RenderSqlFile(file, context);
  Table table;
  table.name = file.stem;
  table.materialized = context->default_materialization;
  table.where = file.where();
  ReadTableConfig(sql.config, &table, context);
  table.depends_on = sql.DistinctRelations();
  table.sql = std::move(sql.sql);
  for (const RelationUse& use : sql.relations) {
    CheckRelation(use, context);
    context->edges.push_back({file.stem, use});
  }
  const auto [other, added] = context->project.tables.emplace(file.stem, std::move(table));
  if (!added)
    context->Report(file.where(), fmt::format("table '{}' is defined twice", file.stem),
                    "the other is " + other->second.where.file);
}

void LoadTableYaml(const ProjectFile& file, LoadContext* context) {
  const auto document = ParseYaml(file.path, file.text, &context->diagnostics);
  if (!document) return;
  YamlReader reader(*document, "a file of tables", &context->diagnostics);
  LoadSources(&reader, context);
  for (const YamlNode& table : reader.List("models")) LoadTableEntry(table, context);
  if (const YamlNode* tables = reader.Find("tables"); tables != nullptr) {
    reader.Report(tables->where, "key 'tables' is not known here", "describe tables under 'models:', as in dbt");
  }
  reader.Ignore({"version"});
  reader.NotSupported({"seeds", "snapshots", "unit_tests", "exposures", "groups", "macros", "metrics",
                       "semantic_models", "saved_queries", "data_tests"});
  reader.Finish();
}

}  // namespace headrace
