#include "models/evaluate/metrics.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <utility>

#include "base/diagnostic.h"
#include "models/evaluate/auc.h"

namespace headrace {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNormal975 = 1.959963984540054;  // the normal distribution's 0.975 quantile
constexpr double kSmallestProbability = std::numeric_limits<double>::epsilon();

constexpr Metric kBinaryMetrics[] = {Metric::kAuc, Metric::kLogLoss, Metric::kBrier, Metric::kAccuracy};
constexpr Metric kMulticlassMetrics[] = {Metric::kLogLoss, Metric::kAccuracy};
constexpr Metric kRegressionMetrics[] = {Metric::kRmse, Metric::kMae, Metric::kR2};

// A metric on some rows: its value, and the influences of the rows in independent groups (two for auc, else one).
struct Influences {
  double value = 0;
  std::vector<std::vector<double>> groups;
};

double Mean(std::span<const double> v) {
  return std::accumulate(v.begin(), v.end(), 0.0) / static_cast<double>(v.size());
}

// Of the mean of `v`; infinite for fewer than two values.
double VarianceOfMean(std::span<const double> v) {
  if (v.size() < 2) return kInfinity;
  const double mean = Mean(v);
  double squares = 0;
  for (const double x : v) squares += (x - mean) * (x - mean);
  const double n = static_cast<double>(v.size());
  return squares / (n - 1) / n;
}

std::pair<double, double> RangeOf(Metric metric) {
  switch (metric) {
    case Metric::kAuc:
    case Metric::kBrier:
    case Metric::kAccuracy:
      return {0, 1};
    case Metric::kR2:
      return {-kInfinity, 1};
    default:
      return {0, kInfinity};
  }
}

Estimate WithInterval(const Influences& influences, std::pair<double, double> range) {
  double variance = 0;
  for (const std::vector<double>& group : influences.groups) variance += VarianceOfMean(group);
  const double half = kNormal975 * std::sqrt(variance);
  return {influences.value, std::max(range.first, influences.value - half),
          std::min(range.second, influences.value + half)};
}

double LogLossOf(const Predictions& p, size_t row) {
  double given =
      p.num_outputs == 1 ? p.scores[row] : p.scores[row * p.num_outputs + static_cast<size_t>(p.labels[row])];
  if (p.num_outputs == 1 && p.labels[row] != 1.0) given = 1 - given;
  return -std::log(std::clamp(given, kSmallestProbability, 1 - kSmallestProbability));
}

double IsRight(const Predictions& p, size_t row) {
  if (p.num_outputs == 1) return (p.scores[row] >= 0.5) == (p.labels[row] == 1.0) ? 1 : 0;
  const auto scores = p.scores.subspan(row * p.num_outputs, p.num_outputs);
  return static_cast<double>(std::ranges::max_element(scores) - scores.begin()) == p.labels[row] ? 1 : 0;
}

double ErrorOf(const Predictions& p, size_t row) {
  return p.labels[row] - p.scores[row];
}

template <typename Term>
Influences MeanOf(const Predictions& p, Term term) {
  std::vector<double> terms(p.labels.size());
  for (size_t row = 0; row < terms.size(); ++row) terms[row] = term(row);
  return {Mean(terms), {terms}};
}

Influences Rmse(const Predictions& p) {
  Influences squares = MeanOf(p, [&](size_t row) { return ErrorOf(p, row) * ErrorOf(p, row); });
  squares.value = std::sqrt(squares.value);
  for (double& v : squares.groups[0]) v = squares.value > 0 ? v / (2 * squares.value) : 0;
  return squares;
}

StatusOr<Influences> RSquared(const Predictions& p) {
  const double mean = Mean(p.labels);
  Influences errors = MeanOf(p, [&](size_t row) { return ErrorOf(p, row) * ErrorOf(p, row); });
  const Influences spread = MeanOf(p, [&](size_t row) { return (p.labels[row] - mean) * (p.labels[row] - mean); });
  if (!(spread.value > 0)) return FailedPrecondition("r2: all labels are the same");
  const double ratio = errors.value / spread.value;
  errors.value = 1 - ratio;
  for (size_t row = 0; row < p.labels.size(); ++row) {
    double& v = errors.groups[0][row];
    v = -(v - ratio * spread.groups[0][row]) / spread.value;
  }
  return errors;
}

StatusOr<Influences> InfluencesOf(Metric metric, const Predictions& p) {
  if (p.labels.empty()) return FailedPrecondition("{}: there are no rows", MetricName(metric));
  if (p.scores.size() != p.labels.size() * p.num_outputs) {
    return InvalidArgument("{}: {} labels, but {} scores", MetricName(metric), p.labels.size(), p.scores.size());
  }
  switch (metric) {
    case Metric::kAuc: {
      HR_ASSIGN_OR_RETURN(AucParts parts, ComputeAuc(p.labels, p.scores));
      return Influences{parts.auc, {std::move(parts.positives), std::move(parts.negatives)}};
    }
    case Metric::kLogLoss:
      return MeanOf(p, [&](size_t row) { return LogLossOf(p, row); });
    case Metric::kBrier:
      return MeanOf(p, [&](size_t row) { return ErrorOf(p, row) * ErrorOf(p, row); });
    case Metric::kAccuracy:
      return MeanOf(p, [&](size_t row) { return IsRight(p, row); });
    case Metric::kRmse:
      return Rmse(p);
    case Metric::kMae:
      return MeanOf(p, [&](size_t row) { return std::fabs(ErrorOf(p, row)); });
    case Metric::kR2:
      return RSquared(p);
  }
  return Internal("a metric without a formula");
}

Json FiniteOrNull(double v) {
  return std::isfinite(v) ? Json(v) : Json();
}

}  // namespace

std::string_view MetricName(Metric metric) {
  switch (metric) {
    case Metric::kAuc:
      return "auc";
    case Metric::kLogLoss:
      return "log_loss";
    case Metric::kBrier:
      return "brier";
    case Metric::kAccuracy:
      return "accuracy";
    case Metric::kRmse:
      return "rmse";
    case Metric::kMae:
      return "mae";
    case Metric::kR2:
      return "r2";
  }
  return "";
}

bool HigherIsBetter(Metric metric) {
  return metric == Metric::kAuc || metric == Metric::kAccuracy || metric == Metric::kR2;
}

std::span<const Metric> MetricsOf(Task task) {
  switch (task) {
    case Task::kBinary:
      return kBinaryMetrics;
    case Task::kMulticlass:
      return kMulticlassMetrics;
    case Task::kRegression:
      return kRegressionMetrics;
  }
  return {};
}

StatusOr<Metric> ParseMetric(std::string_view name, Task task) {
  std::vector<std::string> names;
  for (const Metric metric : MetricsOf(task)) {
    if (MetricName(metric) == name) return metric;
    names.emplace_back(MetricName(metric));
  }
  return InvalidArgument("metric '{}' is not known for this task; {}", name, NearestNameHint(name, names));
}

Json Estimate::ToJson() const {
  return Json(Json::Object{{"value", FiniteOrNull(value)}, {"low", FiniteOrNull(low)}, {"high", FiniteOrNull(high)}});
}

StatusOr<Estimate> Evaluate(Metric metric, const Predictions& predictions) {
  HR_ASSIGN_OR_RETURN(const Influences influences, InfluencesOf(metric, predictions));
  return WithInterval(influences, RangeOf(metric));
}

StatusOr<Estimate> PairedDifference(Metric metric, const Predictions& challenger, const Predictions& champion) {
  if (!std::ranges::equal(challenger.labels, champion.labels)) {
    return InvalidArgument("{}: the two models were not evaluated on the same rows", MetricName(metric));
  }
  HR_ASSIGN_OR_RETURN(Influences a, InfluencesOf(metric, challenger));
  HR_ASSIGN_OR_RETURN(const Influences b, InfluencesOf(metric, champion));
  const double sign = HigherIsBetter(metric) ? 1 : -1;
  a.value = sign * (a.value - b.value);
  for (size_t group = 0; group < a.groups.size(); ++group) {
    for (size_t i = 0; i < a.groups[group].size(); ++i) {
      a.groups[group][i] = sign * (a.groups[group][i] - b.groups[group][i]);
    }
  }
  return WithInterval(a, {-kInfinity, kInfinity});
}

OwnedPredictions TakePredictions(const Predictions& predictions, std::span<const uint32_t> indices) {
  OwnedPredictions taken;
  for (const uint32_t index : indices) {
    taken.labels.push_back(predictions.labels[index]);
    const auto scores = predictions.scores.subspan(index * predictions.num_outputs, predictions.num_outputs);
    taken.scores.insert(taken.scores.end(), scores.begin(), scores.end());
  }
  return taken;
}

}  // namespace headrace
