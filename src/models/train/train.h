// From a training set to an artifact with its evaluation: split by time, fit, measure, pack.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/column.h"
#include "base/json.h"
#include "base/output.h"
#include "base/status.h"
#include "base/time.h"
#include "catalog/project.h"
#include "models/evaluate/metrics.h"

namespace headrace {

// The rows of a training set, in any order. What it points to must outlive the call.
struct TrainingData {
  const RecordBatch* rows = nullptr;   // holds the features and the columns of recipe.slices
  std::vector<std::string> features;   // columns of `rows` that the model sees, in order: "carrier_recent.flights_1h"
  std::span<const double> labels;      // one per row; NaN: no label, the row is left out
  std::span<const TimestampUs> times;  // one per row: when the question is asked
  std::vector<std::string> classes;    // multiclass: the name of label 0, 1, ...; may be empty
};

struct TrainedModel {
  std::string artifact;  // bytes of models/artifact.h
  int iterations = 0;    // of trees kept; 0 for linear models
  size_t train_rows = 0;
  size_t validation_rows = 0;
  size_t rows_without_label = 0;
  // {"train": REPORT, "validation": REPORT, "test": REPORT}, REPORT as in evaluate/report.h; slices for the test only.
  // A part without rows is null.
  Json metrics;
  Metric primary_metric = Metric::kAuc;  // the recipe's first: by which versions are compared
  Task task = Task::kBinary;

  // The test part, for a comparison with another version on the same rows.
  std::vector<uint32_t> test_rows;  // indices into TrainingData::rows, ascending
  std::vector<double> test_labels;
  std::vector<double> test_scores;  // test_rows.size() x num_outputs, row-major
  size_t num_outputs = 1;
  Predictions TestPredictions() const { return {task, test_labels, test_scores, num_outputs}; }
};

// Algorithms lightgbm, logistic_regression (binary) and linear_regression (regression). Labels: 0 or 1 for binary;
// 0, 1, ..., k - 1 for multiclass, all of them seen in the training part. The same input gives the same bytes.
// kInvalidArgument: parameters, metrics, labels or columns are wrong; kFailedPrecondition: the training part is empty.
StatusOr<TrainedModel> TrainModel(const ModelRecipe& recipe, const TrainingData& data, Output& output);

// The scores of `artifact` for the rows of a batch: those of the champion on the challenger's test rows, say.
// kInvalidArgument: a feature of the model is no column of the batch.
StatusOr<std::vector<double>> ScoreRows(std::string_view artifact, const RecordBatch& batch,
                                        std::span<const uint32_t> rows);

// Whether a new version takes the alias. `difference` is PairedDifference(new, champion) on the test part; nothing when
// there is no champion to beat. kBetter: the whole interval lies above 0, or there is no champion.
bool ShouldPromote(PromoteWhen when, const std::optional<Estimate>& difference);

}  // namespace headrace
