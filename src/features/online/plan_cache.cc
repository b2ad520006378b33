#include "features/online/plan_cache.h"

namespace headrace {

StatusOr<std::shared_ptr<const FeaturePlan>> PlanCache::Find(const std::shared_ptr<const OnlineDefinition>& definition,
                                                             const std::vector<std::string>& wanted) {
  {
    const std::lock_guard lock(mutex_);
    if (definition_ != definition) {
      definition_ = definition;
      plans_.clear();
    }
    if (const auto it = plans_.find(wanted); it != plans_.end()) return it->second;
  }
  HR_ASSIGN_OR_RETURN(FeaturePlan plan, PlanFeatures(*definition->catalog, wanted));
  auto made = std::make_shared<const FeaturePlan>(std::move(plan));
  const std::lock_guard lock(mutex_);
  if (definition_ != definition) return made;
  if (plans_.size() >= kMostPlans) plans_.clear();
  return plans_.try_emplace(wanted, std::move(made)).first->second;
}

}  // namespace headrace
