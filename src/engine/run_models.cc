// headrace models
#include "absl/strings/str_join.h"
#include "engine/commands.h"
#include "engine/train.h"

namespace headrace {
namespace {

std::string Text(const std::map<std::string, int64_t>& aliases) {
  return absl::StrJoin(aliases, ", ", [](std::string* out, const auto& alias) {
    out->append(fmt::format("{}={}", alias.first, alias.second));
  });
}

Status List(Registry& registry, bool json, Output& output) {
  HR_ASSIGN_OR_RETURN(const std::vector<ModelSummary> models, registry.ListModels());
  Json::Array list;
  std::string text;
  for (const ModelSummary& model : models) {
    Json::Object aliases;
    for (const auto& [alias, version] : model.aliases) aliases.emplace_back(alias, version);
    list.push_back(Json::Object{{"model", model.model},
                                {"latest_version", model.latest_version},
                                {"created_at", FormatTimestamp(model.created_at)},
                                {"aliases", std::move(aliases)}});
    text += fmt::format("{:<32} {:>3} {:<9} {}\n", model.model, model.latest_version,
                        model.latest_version == 1 ? "version" : "versions", Text(model.aliases));
  }
  if (text.empty()) text = "no model is registered yet; make one with: headrace train MODEL\n";
  output.Print(json ? Json(std::move(list)).DumpPretty() : text);
  return absl::OkStatus();
}

// "auc 0.6292 [0.5451, 0.7134], log_loss ..." for one part of the metrics: {"rows": 293, "auc": {"value", "low",
// "high"}}.
std::string PartText(const Json& part) {
  std::string text;
  for (const Json::Member& member : part.object()) {
    const Json* value = member.second.Find("value");
    const Json* low = member.second.Find("low");
    const Json* high = member.second.Find("high");
    if (value == nullptr || !value->is_number()) continue;
    text += fmt::format("{}{} {:.4f}", text.empty() ? "" : ", ", member.first, value->number());
    if (low != nullptr && high != nullptr && low->is_number() && high->is_number()) {
      text += fmt::format(" [{:.4f}, {:.4f}]", low->number(), high->number());
    }
  }
  return text;
}

Status Show(Registry& registry, const std::string& reference, bool json, Output& output) {
  HR_ASSIGN_OR_RETURN(const VersionInfo version, registry.Resolve(reference));
  if (json) {
    output.Print(version.ToJson().DumpPretty());
    return absl::OkStatus();
  }
  output.Print(fmt::format("{}/{}\n", version.model, version.version));
  const auto line = [&](std::string_view what, std::string_view text) {
    output.Print(fmt::format("  {:<13} {}\n", what, text));
  };
  line("aliases", version.aliases.empty() ? "none" : absl::StrJoin(version.aliases, ", "));
  line("algorithm", fmt::format("{}, {}", version.algorithm, version.task));
  line("created", FormatTimestamp(version.created_at));
  line("status", version.status);
  line("recipe", version.recipe_hash);
  line("training set", version.training_set_hash);
  line("artifact", version.artifact_path);
  if (const Json* allowed = version.training_set.Find("allow_leak"); allowed != nullptr && !allowed->array().empty())
    line("allow_leak", allowed->Dump());
  line("params", version.params.Dump());
  for (const Json::Member& part : version.metrics.is_object() ? version.metrics.object() : Json::Object()) {
    if (part.second.is_object()) line(part.first, PartText(part.second));
  }
  return absl::OkStatus();
}

Status SetAlias(Workspace& workspace, Registry& registry, const ModelsCommand& command, Output& output) {
  HR_RETURN_IF_ERROR(registry.SetAlias(command.reference, command.alias, command.version));
  HR_RETURN_IF_ERROR(workspace.NotifyModelsChanged());
  const Json json = Json::Object{{"model", command.reference}, {"alias", command.alias}, {"version", command.version}};
  output.Print(command.json ? json.DumpPretty()
                            : fmt::format("{}@{} is version {}\n", command.reference, command.alias, command.version));
  return absl::OkStatus();
}

}  // namespace

Status Run(const ModelsCommand& command, Workspace& workspace, Output& output) {
  HR_ASSIGN_OR_RETURN(Registry* const registry, workspace.Models());
  switch (command.action) {
    case ModelsCommand::Action::kList:
      return List(*registry, command.json, output);
    case ModelsCommand::Action::kShow:
      return Show(*registry, command.reference, command.json, output);
    case ModelsCommand::Action::kAlias:
      return SetAlias(workspace, *registry, command, output);
    case ModelsCommand::Action::kRebuild:
      return RebuildTrainingSet(workspace, command.reference, command.json, output);
  }
  return Internal("an action of models that nobody runs");
}

}  // namespace headrace
