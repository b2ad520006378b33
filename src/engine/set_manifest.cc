#include "engine/set_manifest.h"

#include "base/hash.h"
#include "engine/history_scan.h"
#include "engine/set_hash.h"
#include "warehouse/release.h"

namespace headrace {
namespace {

constexpr std::string_view kFormat = "headrace training set 1";

Json FeatureManifest(const FeaturePlan& plan, const JoinReport& report) {
  Json::Array features;
  for (size_t i = 0; i < plan.outputs.size(); ++i) {
    features.push_back(Json::Object{{"name", plan.outputs[i].name},
                                    {"type", std::string(TypeName(plan.outputs[i].type))},
                                    {"null_cells", report.null_cells[i]}});
  }
  return features;
}

// Each view's definition, and the version of the history that it reads.
StatusOr<Json> ViewManifest(Connection& connection, const ProjectState& state, const FeaturePlan& plan) {
  Json::Object views;
  for (const ViewProgram* program : plan.event_views) {
    const EventView& view = state.definitions.event_views.at(program->name);
    StatusOr<std::string> version = HistoryVersionText(connection, view.HistoryName());
    if (!version.ok()) return Annotate(version.status(), fmt::format("feature view {}", view.name));
    views.emplace_back(view.name, Json::Object{{"definition", view.definition_hash},
                                               {"history", view.HistoryName()},
                                               {"history_version", *std::move(version)},
                                               {"live", view.live()}});
  }
  for (const RequestProgram* program : plan.request_views) {
    views.emplace_back(program->name, Json::Object{{"definition", program->definition_hash}});
  }
  return Json(std::move(views));
}

bool HasLiveView(const ProjectState& state, const FeaturePlan& plan) {
  return std::any_of(plan.event_views.begin(), plan.event_views.end(), [&](const ViewProgram* program) {
    return state.definitions.event_views.at(program->name).live();
  });
}

// Whether a member is there and says the same; one that is missing says nothing.
bool SaysTheSame(const Json* object, std::string_view key, const Json& now) {
  const Json* then = object == nullptr ? nullptr : object->Find(key);
  return then != nullptr && then->Dump() == now.Dump();
}

std::string ViewDifference(const Json* views, const std::string& name, const Json& now) {
  const Json* then = views == nullptr ? nullptr : views->Find(name);
  for (const Json::Member& member : now.object()) {
    if (member.first == "history_version" || SaysTheSame(then, member.first, member.second)) continue;
    return member.first == "definition" ? fmt::format("the definition of {} changed", name)
                                        : fmt::format("{} reads another history", name);
  }
  return "";
}

std::string FeatureDifference(const Json* features, const FeaturePlan& plan) {
  const bool is_list = features != nullptr && features->is_array();
  if (!is_list || features->array().size() != plan.outputs.size()) return "it has other features";
  for (size_t i = 0; i < plan.outputs.size(); ++i) {
    const Json& feature = features->array()[i];
    if (!SaysTheSame(&feature, "name", plan.outputs[i].name) ||
        !SaysTheSame(&feature, "type", std::string(TypeName(plan.outputs[i].type))))
      return fmt::format("feature {} was another one, or of another type", plan.outputs[i].name);
  }
  return "";
}

}  // namespace

StatusOr<SetSources> SourcesOf(Workspace& workspace, const ProjectState& state, const TrainingSetSpec& spec,
                               const FeaturePlan& plan, uint64_t log_position) {
  HR_ASSIGN_OR_RETURN(Database* const warehouse, workspace.Warehouse());
  HR_ASSIGN_OR_RETURN(const std::unique_ptr<Connection> connection, warehouse->Connect());
  SetSources sources;
  Json::Object entities;
  for (const auto& [entity, column] : spec.entities) entities.emplace_back(entity, column);
  sources.labels = Json::Object{{"from", spec.labels}, {"time", spec.time}, {"entities", std::move(entities)}};
  sources.wanted = Json::Array(spec.features.begin(), spec.features.end());
  sources.allow_leak = Json::Array(spec.allow_leak.begin(), spec.allow_leak.end());
  Json::Object fields;
  for (const Field& field : plan.request_fields) fields.emplace_back(field.name, std::string(TypeName(field.type)));
  sources.request_fields = std::move(fields);
  HR_ASSIGN_OR_RETURN(sources.views, ViewManifest(*connection, state, plan));
  HR_ASSIGN_OR_RETURN(const std::optional<Release> release, LastRelease(*connection));
  sources.release = release ? release->number : 0;
  sources.log_position = log_position;
  if (HasLiveView(state, plan)) {
    HR_ASSIGN_OR_RETURN(sources.log_hash, LogHash(workspace, log_position));
  }
  return sources;
}

Json MakeManifest(const SetSources& sources, const FeaturePlan& plan, const TrainingSet& set) {
  return Json::Object{
      {"format", kFormat},
      {"content_hash", set.content_hash},
      {"rows", static_cast<int64_t>(set.num_rows)},
      {"labels", sources.labels},
      {"wanted", sources.wanted},
      {"allow_leak", sources.allow_leak},
      {"request_fields", sources.request_fields},
      {"features", FeatureManifest(plan, set.report)},
      {"views", sources.views},
      {"release", sources.release},
      {"log_position", static_cast<int64_t>(sources.log_position)},
      {"log_hash", sources.log_hash},
      {"events_read", set.report.events_read},
      {"overflow_cells", set.report.overflow_cells},
      {"leak_meter", Json::Object{{"cells", set.report.cells}, {"leaking_cells", set.report.leaking_cells}}},
  };
}

std::string SpecDifference(const Json& manifest, const SetSources& sources, const FeaturePlan& plan) {
  if (!SaysTheSame(&manifest, "format", kFormat)) return "its manifest is of another version";
  if (!SaysTheSame(&manifest, "labels", sources.labels)) return "it has other labels, or another time or entities";
  if (!SaysTheSame(&manifest, "wanted", sources.wanted)) return "other features were wanted";
  if (!SaysTheSame(&manifest, "allow_leak", sources.allow_leak)) return "the recipe's allow_leak changed";
  for (const Json::Member& view : sources.views.object()) {
    std::string difference = ViewDifference(manifest.Find("views"), view.first, view.second);
    if (!difference.empty()) return difference;
  }
  if (!SaysTheSame(&manifest, "request_fields", sources.request_fields)) return "its request fields were others";
  return FeatureDifference(manifest.Find("features"), plan);
}

std::string ContentHashOf(const RecordBatch& rows) {
  SetHash hash(rows.schema);
  hash.Add(rows);
  return hash.Finish();
}

}  // namespace headrace
