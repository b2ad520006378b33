#include <algorithm>
#include <initializer_list>

#include "catalog/loaders.h"

namespace headrace {
namespace {

constexpr int64_t kMostExactValues = 1'000'000;  // of exact_distinct and exact_quantiles: states hold so many values

// Reads the values of one config(...) call, each of the kind that is asked for, else reported.
class ConfigReader {
 public:
  ConfigReader(const ConfigCall& config, LoadContext* context) : config_(config), context_(context) {}

  bool Has(const std::string& key) const { return config_.values.contains(key); }
  const SourcePosition& WhereOf(const std::string& key) const {
    return Has(key) ? config_.values.at(key).where : config_.where;
  }
  const ConfigValue* Find(const std::string& key) const { return Has(key) ? &config_.values.at(key) : nullptr; }

  std::string Text(const std::string& key) {
    const ConfigValue* config = Find(key);
    if (config == nullptr) return "";
    if (config->value.is_string()) return config->value.str();
    context_->Report(config->where, fmt::format("'{}' must be a text, not {}", key, config->value.kind()));
    return "";
  }

  std::string Identifier(const std::string& key) {
    const std::string text = Text(key);
    if (text.empty() && !(Has(key) && Find(key)->value.is_string())) return "";
    return CheckName(key, text, WhereOf(key), context_) ? text : "";
  }

  // One text or a list of texts.
  std::vector<std::string> Texts(const std::string& key) {
    const ConfigValue* config = Find(key);
    if (config == nullptr) return {};
    if (config->value.is_string()) return {config->value.str()};
    std::vector<std::string> texts;
    if (config->value.is_list()) {
      for (const jinja::Value& item : config->value.list()) {
        if (item.is_string()) texts.push_back(item.str());
      }
      if (texts.size() == config->value.list().size()) return texts;
    }
    context_->Report(config->where,
                     fmt::format("'{}' must be a text or a list of texts, not {}", key,
                                 config->value.is_list() ? "a list with other values" : config->value.kind()));
    return {};
  }

  std::optional<DurationUs> Duration(const std::string& key) {
    if (!Has(key)) return std::nullopt;
    if (Find(key)->value.is_string()) return ReadDuration(Text(key), WhereOf(key), context_);
    Text(key);
    return std::nullopt;
  }

  // From 1 to `most`.
  std::optional<int64_t> Count(const std::string& key, int64_t most) {
    const ConfigValue* config = Find(key);
    if (config == nullptr) return std::nullopt;
    if (config->value.is_integer() && config->value.integer() >= 1 && config->value.integer() <= most)
      return config->value.integer();
    context_->Report(config->where, fmt::format("'{}' must be a whole number from 1 to {}", key, most));
    return std::nullopt;
  }

  // Reports each of `keys` that is given, with why it may not be.
  void Refuse(std::initializer_list<const char*> keys, std::string_view why) {
    for (const char* key : keys) {
      if (Has(key)) context_->Report(WhereOf(key), fmt::format("'{}' {}", key, why));
    }
  }

 private:
  const ConfigCall& config_;
  LoadContext* context_;
};

void ReadEntity(ConfigReader* config, FeatureView* view, LoadContext* context) {
  if (!config->Has("entity")) {
    context->Report(view->config_where, fmt::format("feature view '{}' names no entity", view->name),
                    "write config(entity='column', ...)");
    return;
  }
  for (const std::string& column : config->Texts("entity")) {
    if (!CheckName("entity", column, config->WhereOf("entity"), context)) continue;
    if (std::find(view->entity.begin(), view->entity.end(), column) != view->entity.end()) {
      context->Report(config->WhereOf("entity"), fmt::format("entity '{}' is given twice", column));
    }
    view->entity.push_back(column);
  }
  const ConfigValue& value = *config->Find("entity");
  if (value.value.is_list() && value.value.list().empty()) context->Report(value.where, "'entity' is an empty list");
}

void ReadWindows(ConfigReader* config, FeatureView* view, LoadContext* context) {
  const SourcePosition where = config->WhereOf("windows");
  for (const std::string& text : config->Texts("windows")) {
    const StatusOr<WindowSpec> window = ParseWindow(text);
    if (!window.ok()) {
      context->Report(where, std::string(window.status().message()));
      continue;
    }
    const auto same = [&](const WindowSpec& w) { return w.suffix == window->suffix; };
    if (std::any_of(view->windows.begin(), view->windows.end(), same))
      context->Report(where, fmt::format("window '{}' is given twice", text));
    view->windows.push_back(*window);
  }
  const ConfigValue* value = config->Find("windows");
  if (value != nullptr && value->value.is_list() && value->value.list().empty()) {
    context->Report(where, "'windows' is an empty list", "leave it out for a latest-value view");
  }
}

// The one relation that the view reads.
void ReadFrom(const SqlFile& sql, FeatureView* view, LoadContext* context) {
  const std::vector<std::string> relations = sql.DistinctRelations();
  if (relations.empty()) {
    context->Report(view->config_where, fmt::format("feature view '{}' reads no table", view->name),
                    "write from {{ ref('table') }} or from {{ source('source', 'stream') }}");
    return;
  }
  view->from = relations[0];
  for (const RelationUse& use : sql.relations) {
    CheckRelation(use, context);
    if (use.relation == view->from) continue;
    context->Report(use.where,
                    fmt::format("feature view '{}' reads '{}' beside '{}'", view->name, use.relation, view->from),
                    "join them in a table, and read that one");
  }
}

void ReadEventsView(const SqlFile& sql, ConfigReader* config, FeatureView* view, LoadContext* context) {
  ReadFrom(sql, view, context);
  ReadEntity(config, view, context);
  view->event_time = config->Identifier("event_time");
  if (!config->Has("event_time")) {
    context->Report(view->config_where, fmt::format("feature view '{}' names no event_time", view->name),
                    "write config(event_time='column', ...)");
  }
  ReadWindows(config, view, context);
  view->ttl_us = config->Duration("ttl");
  if (config->Has("windows"))
    config->Refuse({"ttl"}, "is for latest-value views: a view with 'windows' forgets by them");
  view->exact_distinct = config->Count("exact_distinct", kMostExactValues);
  view->exact_quantiles = config->Count("exact_quantiles", kMostExactValues);
  if (!config->Has("windows"))
    config->Refuse({"exact_distinct", "exact_quantiles"}, "is for aggregates, which need 'windows'");
  view->available_at = config->Identifier("available_at");
  view->delay_us = config->Duration("delay");
  if (config->Has("available_at") && config->Has("delay")) {
    context->Report(config->WhereOf("delay"), "'available_at' and 'delay' are both given",
                    "keep one: they say the same in two ways");
  }
  config->Refuse({"request"}, "is for views of kind='request'");
}

void ReadRequestField(const std::string& name, const jinja::Value& type, const SourcePosition& where, FeatureView* view,
                      LoadContext* context) {
  if (!CheckName("request field", name, where, context)) return;
  if (!type.is_string()) {
    context->Report(where, fmt::format("the type of request field '{}' must be a text, not {}", name, type.kind()));
    return;
  }
  if (const auto id = ReadType(type.str(), where, context)) view->request.push_back({name, *id});
}

void ReadRequestView(const SqlFile& sql, ConfigReader* config, FeatureView* view, LoadContext* context) {
  view->from = "request";
  config->Refuse(
      {"entity", "event_time", "windows", "ttl", "available_at", "delay", "exact_distinct", "exact_quantiles"},
      "is not for views of kind='request', which compute from one row when asked");
  for (const RelationUse& use : sql.relations) {
    context->Report(use.where, fmt::format("request view '{}' reads '{}'", view->name, use.relation),
                    "a request view reads 'from request', and other features as view.feature");
  }
  const ConfigValue* request = config->Find("request");
  if (request == nullptr) return;
  if (!request->value.is_dict()) {
    context->Report(request->where,
                    fmt::format("'request' must be like {{'distance': 'double'}}, not {}", request->value.kind()));
    return;
  }
  for (const auto& [name, type] : request->value.dict()) {
    ReadRequestField(name.is_string() ? name.str() : "", type, request->where, view, context);
  }
}

void ReadViewConfig(const SqlFile& sql, FeatureView* view, LoadContext* context) {
  if (!sql.config.present) {
    context->Report(sql.config.where, fmt::format("feature view '{}' has no config", view->name),
                    "begin it with {{ config(entity='column', event_time='column') }}");
    return;
  }
  CheckConfigKeys(sql.config,
                  {"entity", "event_time", "windows", "ttl", "available_at", "delay", "kind", "request",
                   "exact_distinct", "exact_quantiles"},
                  "a feature view", context);
  ConfigReader config(sql.config, context);
  const std::string kind = config.Text("kind");
  if (kind == "request") {
    view->kind = ViewKind::kRequest;
    return ReadRequestView(sql, &config, view, context);
  }
  if (!kind.empty() && kind != "events") {
    const std::vector<std::string> kinds = {"events", "request"};
    context->Report(config.WhereOf("kind"), fmt::format("'{}' is no value of 'kind'", kind),
                    NearestNameHint(kind, kinds));
  }
  ReadEventsView(sql, &config, view, context);
}

void LoadFeatureDescription(const YamlNode& node, FeatureView* view, LoadContext* context) {
  YamlReader reader(node, fmt::format("a feature of '{}'", view->name), &context->diagnostics);
  const std::string name = reader.RequiredText("name");
  const std::string description = reader.Text("description");
  if (!name.empty() && !view->feature_descriptions.emplace(name, description).second) {
    context->Report(reader.WhereOf("name"), fmt::format("feature '{}.{}' is described twice", view->name, name));
  }
  reader.Ignore({"meta", "tags"});
  reader.Finish();
}

void LoadViewEntry(const YamlNode& node, LoadContext* context) {
  YamlReader reader(node, "a feature view", &context->diagnostics);
  const std::string name = reader.RequiredText("name");
  const auto found = context->project.views.find(name);
  if (found == context->project.views.end()) {
    if (!name.empty()) {
      context->Report(reader.WhereOf("name"),
                      fmt::format("there is no feature view '{}': no SQL file of that name in features/", name),
                      NearestNameHint(name, KeysOf(context->project.views)));
    }
    return;
  }
  CheckDescribedOnce("feature view", name, reader.WhereOf("name"), context);
  found->second.description = reader.Text("description");
  found->second.owner = reader.Text("owner");
  for (const YamlNode& feature : reader.List("features")) LoadFeatureDescription(feature, &found->second, context);
  reader.Ignore({"meta", "tags"});
  reader.NotSupported({"tests", "data_tests"});
  reader.Finish();
}

}  // namespace

void LoadViewSql(const ProjectFile& file, LoadContext* context) {
  CheckName("feature view", file.stem, file.where(), context);
  SqlFile sql = RenderSqlFile(file, context);
  FeatureView view;
  view.name = file.stem;
  view.config_where = sql.config.where;
  // A file whose template fails has said so; what its config lacks would only be noise.
  if (!sql.sql.segments.empty() || file.text.empty()) ReadViewConfig(sql, &view, context);
  view.sql = std::move(sql.sql);
  const auto [other, added] = context->project.views.emplace(file.stem, std::move(view));
  if (!added)
    context->Report(file.where(), fmt::format("feature view '{}' is defined twice", file.stem),
                    "the other is " + other->second.sql.file);
}

void LoadViewYaml(const ProjectFile& file, LoadContext* context) {
  const auto document = ParseYaml(file.path, file.text, &context->diagnostics);
  if (!document) return;
  YamlReader reader(*document, "a file of feature views", &context->diagnostics);
  for (const YamlNode& view : reader.List("feature_views")) LoadViewEntry(view, context);
  reader.Ignore({"version"});
  reader.Finish();
}

}  // namespace headrace
