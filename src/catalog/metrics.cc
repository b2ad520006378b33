#include "catalog/metrics.h"

namespace headrace {

const std::vector<std::string>& MetricsOf(Task task) {
  static const auto& kBinary = *new std::vector<std::string>{
      "auc", "average_precision", "log_loss", "brier", "accuracy", "precision", "recall", "f1", "calibration_error"};
  static const auto& kMulticlass = *new std::vector<std::string>{"log_loss", "accuracy", "f1"};
  static const auto& kRegression = *new std::vector<std::string>{"rmse", "mae", "r2"};
  switch (task) {
    case Task::kMulticlass:
      return kMulticlass;
    case Task::kRegression:
      return kRegression;
    case Task::kBinary:
      break;
  }
  return kBinary;
}

}  // namespace headrace
