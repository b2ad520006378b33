// Plans of the features that are asked for, which are mostly the same few lists. Thread-safe.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "features/online/online_definition.h"

namespace headrace {

class PlanCache {
 public:
  // PlanFeatures over the definition's catalog.
  StatusOr<std::shared_ptr<const FeaturePlan>> Find(const std::shared_ptr<const OnlineDefinition>& definition,
                                                    const std::vector<std::string>& wanted);

 private:
  static constexpr size_t kMostPlans = 1'000;

  std::mutex mutex_;
  std::shared_ptr<const OnlineDefinition> definition_;  // of all plans
  absl::flat_hash_map<std::vector<std::string>, std::shared_ptr<const FeaturePlan>> plans_;
};

}  // namespace headrace
