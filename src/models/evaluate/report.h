// The metrics of one part of the data, as a whole and by slices.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "base/column.h"
#include "base/json.h"
#include "base/status.h"
#include "models/evaluate/metrics.h"

namespace headrace {

// A slice of a column with fewer rows is not reported, nor are any beyond the largest kMaxSlices of a column.
inline constexpr size_t kMinSliceRows = 30;
inline constexpr size_t kMaxSlices = 100;

struct SliceColumn {
  std::string name;
  const Column* column = nullptr;  // its row rows[i] belongs to label i
};

// {"rows": 1200, "auc": {"value", "low", "high"}, ..., "slices": {"carrier": {"UA": {"rows": 300, "auc": ...}, ...}}}
// Slices come largest first; null is the slice "null". A metric that some rows cannot say is null there.
StatusOr<Json> EvaluationReport(const Predictions& predictions, std::span<const Metric> metrics,
                                std::span<const uint32_t> rows, std::span<const SliceColumn> slices);

}  // namespace headrace
