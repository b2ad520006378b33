// The parameters of a recipe, checked against LightGBM's own list of names.
#pragma once

#include <map>
#include <string>

#include "base/json.h"
#include "base/status.h"
#include "catalog/project.h"

namespace headrace {

// By main name: what the recipe says, and what Headrace sets for a reproducible training.
struct LightGbmParams {
  std::map<std::string, Json> values;
  int num_iterations = 100;
  int early_stopping_round = 0;  // 0: none
  double early_stopping_min_delta = 0;

  std::string ToText() const;  // "bagging_fraction=0.8 bagging_freq=1 ..." as LightGBM takes it
};

// Any alias is taken. Errors as for TrainLightGbm (train/lightgbm.h). `num_classes` counts for kMulticlass only.
StatusOr<LightGbmParams> ResolveLightGbmParams(const std::map<std::string, Json>& params, Task task,
                                               size_t num_classes);

}  // namespace headrace
