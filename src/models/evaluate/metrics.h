// How good predictions are, with 95 % intervals, and whether one model is better than another on the same rows.
//
//   metric      task                    value                                            better
//   auc         binary                  P(score of a 1 > score of a 0), ties count half   higher
//   log_loss    binary, multiclass      mean of -ln(probability given to what came)       lower
//   brier       binary                  mean of (p - y)^2                                 lower
//   accuracy    binary, multiclass      share of right answers (p >= 0.5; most likely)    higher
//   rmse        regression              sqrt(mean of squared errors)                      lower
//   mae         regression              mean of absolute errors                           lower
//   r2          regression              1 - squared errors / squares around the mean      higher
//
// Probabilities are held within [2^-52, 1 - 2^-52] for log_loss, as scikit-learn does it.
//
// Intervals: every metric here is, to first order, a sum over rows of that row's influence on it, so its variance is
// the sample variance of the influences divided by their number, and a paired difference is the same with each row's
// difference of influences. Value +- 1.959964 standard errors, held to the range of the metric. The influences are
//   means       the row's own term
//   rmse, r2    by the delta method
//   auc         DeLong's structural components, of positives and of negatives apart, in O(n log n): DeLong, DeLong and
//               Clarke-Pearson, Biometrics 44 (1988); Sun and Xu, IEEE Signal Processing Letters 21 (2014).
// Pure functions.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/status.h"
#include "catalog/project.h"

namespace headrace {

enum class Metric : uint8_t { kAuc, kLogLoss, kBrier, kAccuracy, kRmse, kMae, kR2 };

std::string_view MetricName(Metric metric);
bool HigherIsBetter(Metric metric);
std::span<const Metric> MetricsOf(Task task);  // the first is the default, by which models are compared

// "auc" -> kAuc. kInvalidArgument: not known (with the nearest name), or not for this task.
StatusOr<Metric> ParseMetric(std::string_view name, Task task);

// A value and its 95 % interval.
struct Estimate {
  double value = 0;
  double low = 0;
  double high = 0;

  Json ToJson() const;  // {"value": 0.71, "low": 0.70, "high": 0.72}; a bound that is not finite is null
};

// Outcomes and what a model said of them. Labels: 0 or 1; 0 .. num_outputs - 1; any number. Scores: labels.size() x
// num_outputs, row-major; probabilities for a classification.
struct Predictions {
  Task task = Task::kBinary;
  std::span<const double> labels;
  std::span<const double> scores;
  size_t num_outputs = 1;
};

// kFailedPrecondition when the rows cannot say: none, one class only for auc, no variance of labels for r2. The
// interval is unbounded (or the whole range of the metric) for a single row, or for auc with fewer than two rows of a
// class.
StatusOr<Estimate> Evaluate(Metric metric, const Predictions& predictions);

// How much better `challenger` is than `champion` on the same rows and labels: positive is better whatever the metric.
// kInvalidArgument: not the same rows.
StatusOr<Estimate> PairedDifference(Metric metric, const Predictions& challenger, const Predictions& champion);

// The rows of `predictions` at `indices`, in their order.
struct OwnedPredictions {
  std::vector<double> labels;
  std::vector<double> scores;
  Predictions View(Task task, size_t num_outputs) const { return {task, labels, scores, num_outputs}; }
};
OwnedPredictions TakePredictions(const Predictions& predictions, std::span<const uint32_t> indices);

}  // namespace headrace
