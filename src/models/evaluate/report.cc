#include "models/evaluate/report.h"

#include <algorithm>
#include <map>
#include <utility>

namespace headrace {
namespace {

StatusOr<Json::Object> MetricsReport(const Predictions& predictions, std::span<const Metric> metrics) {
  Json::Object report{{"rows", predictions.labels.size()}};
  for (const Metric metric : metrics) {
    const StatusOr<Estimate> estimate = Evaluate(metric, predictions);
    if (!estimate.ok() && !absl::IsFailedPrecondition(estimate.status())) return estimate.status();
    report.emplace_back(MetricName(metric), estimate.ok() ? estimate->ToJson() : Json());
  }
  return report;
}

StatusOr<Json> SlicesReport(const Predictions& predictions, std::span<const Metric> metrics,
                            std::span<const uint32_t> rows, const Column& column) {
  std::map<std::string, std::vector<uint32_t>> by_value;
  for (uint32_t i = 0; i < rows.size(); ++i) by_value[column.GetValue(rows[i]).ToString()].push_back(i);
  std::vector<std::pair<std::string, std::vector<uint32_t>>> slices(by_value.begin(), by_value.end());
  std::ranges::stable_sort(slices, [](const auto& a, const auto& b) { return a.second.size() > b.second.size(); });
  if (slices.size() > kMaxSlices) slices.resize(kMaxSlices);
  Json::Object report;
  for (const auto& [value, indices] : slices) {
    if (indices.size() < kMinSliceRows) break;
    const OwnedPredictions slice = TakePredictions(predictions, indices);
    HR_ASSIGN_OR_RETURN(Json::Object one,
                        MetricsReport(slice.View(predictions.task, predictions.num_outputs), metrics));
    report.emplace_back(value, Json(std::move(one)));
  }
  return Json(std::move(report));
}

}  // namespace

StatusOr<Json> EvaluationReport(const Predictions& predictions, std::span<const Metric> metrics,
                                std::span<const uint32_t> rows, std::span<const SliceColumn> slices) {
  HR_ASSIGN_OR_RETURN(Json::Object report, MetricsReport(predictions, metrics));
  Json::Object by_column;
  for (const SliceColumn& slice : slices) {
    HR_ASSIGN_OR_RETURN(Json one, SlicesReport(predictions, metrics, rows, *slice.column));
    by_column.emplace_back(slice.name, std::move(one));
  }
  if (!by_column.empty()) report.emplace_back("slices", Json(std::move(by_column)));
  return Json(std::move(report));
}

}  // namespace headrace
