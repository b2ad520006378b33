#include "catalog/loaders.h"

namespace headrace {

void LoadSettings(const ProjectFile& file, const std::map<std::string, Json>& var_overrides, LoadContext* context) {
  const auto document = ParseYaml(file.path, file.text, &context->diagnostics);
  if (!document) return;
  YamlReader reader(*document, "headrace.yml", &context->diagnostics);
  context->project.name = reader.RequiredIdentifier("name");
  reader.Ignore({"description", "version"});
  if (const YamlNode* vars = reader.Find("vars"); vars != nullptr) {
    if (!vars->is_mapping())
      reader.Report(vars->where, fmt::format("'vars' must be a mapping, not {}", vars->Describe()));
    for (const YamlNode::Member& member : vars->members) context->vars[member.key] = ToJson(member.value);
  }
  for (const auto& [name, value] : var_overrides) context->vars[name] = value;
  context->project.vars = context->vars;
  if (const YamlNode* defaults = reader.Find("defaults"); defaults != nullptr) {
    YamlReader keys(*defaults, "defaults", &context->diagnostics);
    const std::string materialized = keys.OneOf("materialized", {"table", "view"}, "table");
    context->default_materialization = materialized == "view" ? Materialization::kView : Materialization::kTable;
    keys.Finish();
  }
  LoadSources(&reader, context);
  reader.NotSupported({"jobs"});
  reader.Finish();
}

}  // namespace headrace
