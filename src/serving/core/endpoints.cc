#include "serving/core/endpoints.h"

namespace headrace {
StatusOr<std::shared_ptr<const Endpoint>> Endpoints::Find(const std::string& reference,
                                                          const std::shared_ptr<const OnlineDefinition>& definition) {
  const std::lock_guard lock(mutex_);
  const auto it = by_reference_.find(reference);
  if (it != by_reference_.end() && it->second->definition == definition) return it->second;
  HR_ASSIGN_OR_RETURN(std::shared_ptr<const Endpoint> endpoint, Load(reference, definition));
  by_reference_[reference] = endpoint;
  return endpoint;
}

StatusOr<std::shared_ptr<const Endpoint>> Endpoints::Load(const std::string& reference,
                                                          const std::shared_ptr<const OnlineDefinition>& definition) {
  const size_t mark = reference.find_first_of("@/");
  const std::string name = reference.substr(0, mark);
  const auto fallback = default_aliases_.find(name);
  const std::string default_alias = fallback == default_aliases_.end() ? "champion" : fallback->second;
  HR_ASSIGN_OR_RETURN(const VersionInfo version, registry_.Resolve(reference, default_alias));

  auto endpoint = std::make_shared<Endpoint>();
  endpoint->model = version.model;
  endpoint->version = version.version;
  if (mark == std::string::npos) {
    endpoint->alias = default_alias;
  } else if (reference[mark] == '@') {
    endpoint->alias = reference.substr(mark + 1);
  }
  std::shared_ptr<const Model>& loaded = models_[{version.model, version.version}];
  if (loaded == nullptr) {
    HR_ASSIGN_OR_RETURN(const std::string artifact, registry_.ReadArtifact(version));
    HR_ASSIGN_OR_RETURN(loaded, LoadModel(artifact, fmt::format("{}/{}", version.model, version.version)));
  }
  endpoint->predictor = loaded;
  endpoint->definition = definition;
  StatusOr<FeaturePlan> plan = PlanFeatures(*definition->catalog, loaded->feature_names());
  if (!plan.ok()) {
    return FailedPrecondition("{}/{} cannot be served by this project: {}", version.model, version.version,
                              Message(plan.status()));
  }
  endpoint->plan = *std::move(plan);
  endpoint->features = std::make_shared<const Schema>(endpoint->plan.outputs);
  endpoint->definitions_hash = DefinitionsOf(endpoint->plan);
  return std::shared_ptr<const Endpoint>(std::move(endpoint));
}

void Endpoints::Refresh(std::map<std::string, std::string> default_aliases) {
  const std::lock_guard lock(mutex_);
  default_aliases_ = std::move(default_aliases);
  by_reference_.clear();
}

void Endpoints::Refresh() {
  const std::lock_guard lock(mutex_);
  by_reference_.clear();
}

}  // namespace headrace
