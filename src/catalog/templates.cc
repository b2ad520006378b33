// What the names in a project's templates mean.
#include <algorithm>
#include <utility>

#include "catalog/loaders.h"
#include "catalog/template/call.h"
#include "catalog/template/error.h"

namespace headrace {
namespace {

// The functions of one template; remembers what it asked for. Must outlive the rendering.
class TemplateHost {
 public:
  // `at` turns an offset of the template into its place in the file.
  using PositionOf = std::function<SourcePosition(size_t)>;
  TemplateHost(const LoadContext& context, PositionOf at) : context_(context), at_(std::move(at)) {}

  std::vector<RelationUse> relations;
  ConfigCall config;

  jinja::Globals Globals() {
    jinja::Globals globals;
    globals["ref"] = Method("ref", &TemplateHost::Ref);
    globals["source"] = Method("source", &TemplateHost::Source);
    globals["config"] = Method("config", &TemplateHost::Config);
    globals["var"] = Method("var", &TemplateHost::Var);
    globals["env_var"] = Method("env_var", &TemplateHost::EnvVar);
    return globals;
  }

 private:
  jinja::Value Method(const std::string& name, StatusOr<jinja::Value> (TemplateHost::*method)(const jinja::CallSite&)) {
    return jinja::MakeFunction(name, [this, method](const jinja::CallSite& site) { return (this->*method)(site); });
  }

  static std::string Quote(std::string_view name) { return fmt::format("\"{}\"", name); }

  // The argument's text, which has to be a name, so that it can be quoted as it is.
  static StatusOr<std::string> NameArgument(const jinja::Argument& argument, const jinja::CallSite& site) {
    HR_ASSIGN_OR_RETURN(std::string name, jinja::TextArgument(argument, site.function));
    if (!IsIdentifier(name)) return jinja::ErrorAt(argument.begin, fmt::format("'{}' is no name", name));
    return name;
  }

  StatusOr<jinja::Value> Ref(const jinja::CallSite& site) {
    HR_ASSIGN_OR_RETURN(const auto arguments, jinja::BindArguments(site, {"name"}, 1));
    HR_ASSIGN_OR_RETURN(const std::string name, NameArgument(*arguments[0], site));
    relations.push_back({.relation = name, .is_source = false, .where = at_(arguments[0]->begin)});
    return jinja::Value(Quote(name));
  }

  StatusOr<jinja::Value> Source(const jinja::CallSite& site) {
    HR_ASSIGN_OR_RETURN(const auto arguments, jinja::BindArguments(site, {"source", "table"}, 2));
    HR_ASSIGN_OR_RETURN(const std::string source, NameArgument(*arguments[0], site));
    HR_ASSIGN_OR_RETURN(const std::string table, NameArgument(*arguments[1], site));
    relations.push_back({.relation = source + "." + table, .is_source = true, .where = at_(arguments[0]->begin)});
    return jinja::Value(Quote(source) + "." + Quote(table));
  }

  StatusOr<jinja::Value> Config(const jinja::CallSite& site) {
    if (!config.present) config.where = at_(site.begin);
    config.present = true;
    for (const jinja::Argument& argument : site.arguments) {
      if (argument.name.empty())
        return jinja::ErrorAt(argument.begin, "'config' takes arguments with names only: config(name=value)");
      config.values[argument.name] = {argument.value, at_(argument.begin)};
    }
    return jinja::Value("");
  }

  StatusOr<jinja::Value> Var(const jinja::CallSite& site) {
    HR_ASSIGN_OR_RETURN(const auto arguments, jinja::BindArguments(site, {"name", "default"}, 1));
    HR_ASSIGN_OR_RETURN(const std::string name, jinja::TextArgument(*arguments[0], site.function));
    const auto found = context_.vars.find(name);
    if (found != context_.vars.end()) return jinja::Value::FromJson(found->second);
    if (arguments[1] != nullptr) return arguments[1]->value;
    const std::string nearest = NearestNameHint(name, KeysOf(context_.vars));
    return jinja::ErrorAt(arguments[0]->begin, fmt::format("var '{}' is not set", name),
                          nearest.empty() ? "set it under 'vars' in headrace.yml, or give a default" : nearest);
  }

  StatusOr<jinja::Value> EnvVar(const jinja::CallSite& site) {
    HR_ASSIGN_OR_RETURN(const auto arguments, jinja::BindArguments(site, {"name", "default"}, 1));
    HR_ASSIGN_OR_RETURN(const std::string name, jinja::TextArgument(*arguments[0], site.function));
    const auto found = context_.environment.find(name);
    if (found != context_.environment.end()) return jinja::Value(found->second);
    if (arguments[1] != nullptr) return arguments[1]->value;
    return jinja::ErrorAt(arguments[0]->begin, fmt::format("environment variable '{}' is not set", name),
                          "set it, or give a default");
  }

  const LoadContext& context_;
  PositionOf at_;
};

// Offsets within a YAML text, as places in its file: exact for texts on one line without escapes, else its beginning.
TemplateHost::PositionOf WithinText(const YamlNode& text) {
  return [where = text.where, quoted = text.quoted,
          one_line = text.scalar.find('\n') == std::string::npos](size_t offset) {
    SourcePosition position = where;
    if (one_line) position.column += static_cast<int>(offset) + (quoted ? 1 : 0);
    return position;
  };
}

// "{{ x }}" -> "x" with the offset of x in the text.
std::pair<std::string_view, size_t> WithoutBraces(std::string_view text) {
  const size_t begin = text.find_first_not_of(" \n\t");
  const size_t end = text.find_last_not_of(" \n\t");
  if (begin == std::string_view::npos || end - begin < 4) return {text, 0};
  if (text.substr(begin, 2) != "{{" || text.substr(end - 1, 2) != "}}") return {text, 0};
  return {text.substr(begin + 2, end - begin - 3), begin + 2};
}

}  // namespace

std::vector<std::string> SqlFile::DistinctRelations() const {
  std::vector<std::string> distinct;
  for (const RelationUse& use : relations) {
    if (std::find(distinct.begin(), distinct.end(), use.relation) == distinct.end()) distinct.push_back(use.relation);
  }
  return distinct;
}

SqlFile RenderSqlFile(const ProjectFile& file, LoadContext* context) {
  TemplateHost host(*context, [&](size_t offset) { return jinja::PositionAt(file.path, file.text, offset); });
  SqlFile result;
  result.sql.file = file.path;
  result.sql.source = file.text;
  StatusOr<jinja::Rendered> rendered = jinja::Render(file.text, host.Globals());
  if (rendered.ok()) {
    result.sql.sql = std::move(rendered->text);
    result.sql.segments = std::move(rendered->segments);
  } else {
    context->diagnostics.push_back(jinja::ToDiagnostic(rendered.status(), file.path, file.text));
  }
  result.relations = std::move(host.relations);
  result.config = std::move(host.config);
  if (!result.config.present) result.config.where = file.where();
  return result;
}

std::optional<RelationUse> ReadRelation(const YamlNode& text, LoadContext* context) {
  const auto within = WithinText(text);
  const auto [expression, begin] = WithoutBraces(text.scalar);
  TemplateHost host(*context, [&within, begin = begin](size_t offset) { return within(begin + offset); });
  const StatusOr<jinja::Value> value = jinja::Evaluate(expression, host.Globals());
  if (!value.ok()) {
    context->Report(within(begin + jinja::OffsetOf(value.status())), std::string(value.status().message()),
                    jinja::HintOf(value.status()));
    return std::nullopt;
  }
  if (host.relations.size() == 1) return host.relations[0];
  context->Report(text.where, fmt::format("'{}' names no table", text.scalar),
                  "write ref('table') or source('source', 'table')");
  return std::nullopt;
}

std::string RenderText(const YamlNode& text, LoadContext* context) {
  if (text.scalar.find('{') == std::string::npos) return text.scalar;
  const auto within = WithinText(text);
  TemplateHost host(*context, within);
  StatusOr<jinja::Rendered> rendered = jinja::Render(text.scalar, host.Globals());
  if (rendered.ok()) return std::move(rendered->text);
  context->Report(within(jinja::OffsetOf(rendered.status())), std::string(rendered.status().message()),
                  jinja::HintOf(rendered.status()));
  return "";
}

}  // namespace headrace
