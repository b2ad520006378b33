#include "kernel/feature_plan.h"

#include <algorithm>
#include <atomic>

#include "absl/container/flat_hash_set.h"
#include "base/diagnostic.h"
#include "base/hash.h"

namespace headrace {
namespace {

class Planner {
 public:
  explicit Planner(const ViewCatalog& catalog) : catalog_(catalog) {}

  StatusOr<FeaturePlan> Plan(const std::vector<std::string>& wanted) {
    for (const std::string& reference : wanted) HR_RETURN_IF_ERROR(AddReference(reference));
    return std::move(plan_);
  }

 private:
  Status AddReference(const std::string& reference) {
    const size_t dot = reference.find('.');
    const std::string view = reference.substr(0, dot);
    const std::string feature = dot == std::string::npos ? "" : reference.substr(dot + 1);
    if (feature.empty()) return InvalidArgument("'{}' is not a feature: write view.feature or view.*", reference);
    const Schema* features = catalog_.FeaturesOf(view);
    if (features == nullptr) {
      return InvalidArgument("'{}': there is no feature view '{}'; {}", reference, view,
                             NearestNameHint(view, catalog_.ViewNames()));
    }
    if (feature == "*") {
      for (size_t i = 0; i < features->size(); ++i) HR_RETURN_IF_ERROR(AddOutput(view, *features, i));
      return absl::OkStatus();
    }
    const std::optional<size_t> index = FindField(*features, feature);
    if (!index) {
      const std::vector<std::string> names = NamesOf(*features);
      return InvalidArgument("'{}': view '{}' has no feature '{}'; {}", reference, view, feature,
                             NearestNameHint(feature, names));
    }
    return AddOutput(view, *features, *index);
  }

  Status AddOutput(const std::string& view, const Schema& features, size_t index) {
    const std::string name = view + "." + features[index].name;
    if (!names_.insert(name).second) return absl::OkStatus();
    HR_ASSIGN_OR_RETURN(const FeaturePlan::Place place, PlaceOf(view, index));
    plan_.outputs.push_back({name, features[index].type});
    plan_.places.push_back(place);
    return absl::OkStatus();
  }

  StatusOr<FeaturePlan::Place> PlaceOf(const std::string& view, size_t feature) {
    if (const auto it = catalog_.events.find(view); it != catalog_.events.end()) {
      return FeaturePlan::Place{false, EventViewIndex(it->second), feature};
    }
    HR_ASSIGN_OR_RETURN(const size_t index, RequestViewIndex(catalog_.requests.at(view)));
    return FeaturePlan::Place{true, index, feature};
  }

  size_t EventViewIndex(const ViewProgram& program) {
    const auto it = std::find(plan_.event_views.begin(), plan_.event_views.end(), &program);
    if (it != plan_.event_views.end()) return static_cast<size_t>(it - plan_.event_views.begin());
    for (const Field& part : program.entity) AddField(part, &plan_.entities);
    plan_.event_views.push_back(&program);
    return plan_.event_views.size() - 1;
  }

  StatusOr<size_t> RequestViewIndex(const RequestProgram& program) {
    const auto it = std::find(plan_.request_views.begin(), plan_.request_views.end(), &program);
    if (it != plan_.request_views.end()) return static_cast<size_t>(it - plan_.request_views.begin());
    if (std::find(open_.begin(), open_.end(), &program) != open_.end()) {
      return InvalidArgument("feature view '{}' reads its own features through others", program.name);
    }
    open_.push_back(&program);
    std::vector<FeaturePlan::Place> inputs;
    for (const std::string& reference : program.feature_inputs) {
      const std::string view = reference.substr(0, reference.find('.'));
      const std::optional<size_t> feature = FindField(*catalog_.FeaturesOf(view), reference.substr(view.size() + 1));
      HR_ASSIGN_OR_RETURN(const FeaturePlan::Place place, PlaceOf(view, *feature));
      inputs.push_back(place);
    }
    open_.pop_back();
    for (const Field& field : program.input) {
      const auto& features = program.feature_inputs;
      const bool is_feature = std::find(features.begin(), features.end(), field.name) != features.end();
      if (is_feature || (program.uses_request_time && field.name == "request_time")) continue;
      AddField(field, &plan_.request_fields);
    }
    plan_.request_views.push_back(&program);
    plan_.feature_inputs.push_back(std::move(inputs));
    return plan_.request_views.size() - 1;
  }

  static void AddField(const Field& field, Schema* schema) {
    if (!FindField(*schema, field.name)) schema->push_back(field);
  }

  const ViewCatalog& catalog_;
  FeaturePlan plan_;
  absl::flat_hash_set<std::string> names_;  // of the outputs
  std::vector<const RequestProgram*> open_;
};

}  // namespace

const Schema* ViewCatalog::FeaturesOf(const std::string& view) const {
  if (const auto it = events.find(view); it != events.end()) return &it->second.features;
  if (const auto it = requests.find(view); it != requests.end()) return &it->second.features;
  return nullptr;
}

std::vector<std::string> ViewCatalog::ViewNames() const {
  std::vector<std::string> names;
  for (const auto& [name, program] : events) names.push_back(name);
  for (const auto& [name, program] : requests) names.push_back(name);
  return names;
}

StatusOr<FeaturePlan> PlanFeatures(const ViewCatalog& catalog, const std::vector<std::string>& wanted) {
  static std::atomic<uint64_t> last_number = 0;
  HR_ASSIGN_OR_RETURN(FeaturePlan plan, Planner(catalog).Plan(wanted));
  plan.number = ++last_number;
  return plan;
}

std::string DefinitionsOf(const FeaturePlan& plan) {
  std::map<std::string, std::string> definitions;
  for (const ViewProgram* program : plan.event_views) definitions[program->name] = program->definition_hash;
  for (const RequestProgram* program : plan.request_views) definitions[program->name] = program->definition_hash;
  Sha256 hash;
  for (const auto& [view, definition] : definitions) hash.Update(fmt::format("{}={};", view, definition));
  return hash.Finish();
}

StatusOr<std::vector<std::vector<Column>>> ComputeRequestFeatures(
    const FeaturePlan& plan, const std::vector<std::vector<Column>>& event_features, const RecordBatch& request,
    const Column& times, size_t rows) {
  std::vector<std::vector<Column>> request_features;
  const auto at = [&](const FeaturePlan::Place& place) -> const Column& {
    return (place.from_request_view ? request_features : event_features)[place.view][place.feature];
  };
  for (size_t i = 0; i < plan.request_views.size(); ++i) {
    const RequestProgram& program = *plan.request_views[i];
    std::vector<Column> inputs;
    for (const Field& field : program.input) {
      const auto it = std::find(program.feature_inputs.begin(), program.feature_inputs.end(), field.name);
      if (it != program.feature_inputs.end()) {
        inputs.push_back(at(plan.feature_inputs[i][static_cast<size_t>(it - program.feature_inputs.begin())]));
      } else if (program.uses_request_time && field.name == "request_time") {
        inputs.push_back(times);
      } else {
        inputs.push_back(*request.Find(field.name));
      }
    }
    std::vector<Column> features;
    for (const Expression& output : program.outputs) {
      HR_ASSIGN_OR_RETURN(Column column, Evaluate(output, inputs, rows));
      features.push_back(std::move(column));
    }
    request_features.push_back(std::move(features));
  }
  return request_features;
}

StatusOr<std::vector<Column>> AssembleFeatures(const FeaturePlan& plan, std::vector<std::vector<Column>> event_features,
                                               const RecordBatch& request, const Column& times, size_t rows) {
  HR_ASSIGN_OR_RETURN(std::vector<std::vector<Column>> request_features,
                      ComputeRequestFeatures(plan, event_features, request, times, rows));
  std::vector<Column> outputs;
  for (const FeaturePlan::Place& place : plan.places) {  // each is there once
    outputs.push_back(
        std::move((place.from_request_view ? request_features : event_features)[place.view][place.feature]));
  }
  return outputs;
}

}  // namespace headrace
