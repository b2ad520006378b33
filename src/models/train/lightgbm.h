// Training of trees with LightGBM, and its own prediction for tests and comparisons.
//
// Deterministic: the same data, parameters and machine give the same model text, whatever the number of threads.
// LightGBM's own output is silenced. One training at a time uses all cores; calls from several threads are safe.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/output.h"
#include "base/status.h"
#include "catalog/project.h"
#include "models/dataset.h"

namespace headrace {

struct LightGbmData {
  const FeatureMatrix* matrix = nullptr;
  std::span<const double> labels;  // one per row; multiclass: 0, 1, ..., num_classes - 1
};

struct LightGbmRequest {
  std::string name;  // of the model, for progress
  Task task = Task::kBinary;
  size_t num_classes = 0;              // kMulticlass only
  std::map<std::string, Json> params;  // LightGBM's parameters by any of their names
  const CategoryEncoder* encoder = nullptr;
  LightGbmData train;
  LightGbmData validation;  // may have no rows, if early_stopping_round is not set
};

struct LightGbmResult {
  std::string model_text;  // cut after the best iteration
  int best_iteration = 0;  // number of iterations kept
  Json params;             // all parameters in force, by their main names
};

// Trains for num_iterations (100). With early_stopping_round = n it stops once the first metric has not improved on the
// validation part for n iterations, and keeps the best. kInvalidArgument: a parameter that LightGBM does not know (with
// the nearest name), one that Headrace sets itself, one that does not fit the task, or one whose value LightGBM
// refuses.
StatusOr<LightGbmResult> TrainLightGbm(const LightGbmRequest& request, Output& output);

// Checks the names of parameters only; by any alias. `headrace check` calls it.
Status CheckLightGbmParams(const std::map<std::string, Json>& params, Task task);

// A model loaded into LightGBM itself: what our own runtime is compared with. Not thread-safe.
class LightGbmBooster {
 public:
  static StatusOr<std::unique_ptr<LightGbmBooster>> FromText(const std::string& text);
  ~LightGbmBooster();
  LightGbmBooster(const LightGbmBooster&) = delete;
  LightGbmBooster& operator=(const LightGbmBooster&) = delete;

  // Rows x classes outputs, row-major, of a row-major matrix; `raw`: without the objective's transform.
  StatusOr<std::vector<double>> Predict(std::span<const double> values, size_t num_features, bool raw) const;

 private:
  explicit LightGbmBooster(void* handle) : handle_(handle) {}
  void* handle_;
};

}  // namespace headrace
