// Models being served: which version a reference means now, loaded and planned.
//
// Thread-safe. A version that was loaded stays valid for as long as a request holds it, so an alias can be switched
// while requests run.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "features/online/online_features.h"
#include "kernel/feature_plan.h"
#include "models/model.h"
#include "models/registry/registry.h"

namespace headrace {

struct Endpoint {
  std::string model;
  int64_t version = 0;
  std::string alias;  // by which it was asked for; "" when by its number
  std::shared_ptr<const Model> predictor;
  std::shared_ptr<const OnlineDefinition> definition;  // what `plan` points into
  FeaturePlan plan;                                    // its outputs are the model's features, in the model's order
  std::shared_ptr<const Schema> features;
  std::string definitions_hash;  // of the features' definitions
};

class Endpoints {
 public:
  // `default_aliases`: of each model, the alias that its bare name means.
  Endpoints(Registry& registry, std::map<std::string, std::string> default_aliases)
      : registry_(registry), default_aliases_(std::move(default_aliases)) {}

  // "NAME", "NAME@alias" or "NAME/version". kNotFound: no such model, alias or version. kFailedPrecondition: the model
  // needs a feature that the project no longer has.
  StatusOr<std::shared_ptr<const Endpoint>> Find(const std::string& reference,
                                                 const std::shared_ptr<const OnlineDefinition>& definition);

  // Aliases are read again at the next request; loaded versions stay.
  void Refresh(std::map<std::string, std::string> default_aliases);
  void Refresh();

 private:
  StatusOr<std::shared_ptr<const Endpoint>> Load(const std::string& reference,
                                                 const std::shared_ptr<const OnlineDefinition>& definition);

  Registry& registry_;
  std::mutex mutex_;
  std::map<std::string, std::string> default_aliases_;
  std::map<std::string, std::shared_ptr<const Endpoint>> by_reference_;
  std::map<std::pair<std::string, int64_t>, std::shared_ptr<const Model>> models_;
};

}  // namespace headrace
