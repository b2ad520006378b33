#include "catalog/metrics.h"

namespace headrace {

const std::vector<std::string>& MetricNamesOf(Task task) {
  static const auto& kBinary = *new std::vector<std::string>{"auc", "log_loss", "brier", "accuracy"};
  static const auto& kMulticlass = *new std::vector<std::string>{"log_loss", "accuracy"};
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
