#include "models/train/train.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "models/artifact.h"
#include "models/dataset.h"
#include "models/evaluate/report.h"
#include "models/model.h"
#include "models/train/lightgbm.h"
#include "models/train/linear.h"
#include "models/train/split.h"

namespace headrace {
namespace {

// One part of the split, ready to fit or to measure.
struct Part {
  std::span<const uint32_t> rows;
  FeatureMatrix matrix;
  std::vector<double> labels;
};

StatusOr<Part> MakePart(const TrainingData& data, const CategoryEncoder& encoder, std::span<const uint32_t> rows) {
  Part part{rows, {}, {}};
  HR_ASSIGN_OR_RETURN(part.matrix, FromColumns(*data.rows, encoder, rows));
  for (const uint32_t row : rows) part.labels.push_back(data.labels[row]);
  return part;
}

Status CheckLabels(const ModelRecipe& recipe, const TrainingData& data) {
  for (size_t row = 0; row < data.labels.size(); ++row) {
    const double label = data.labels[row];
    if (std::isnan(label)) continue;
    if (recipe.task == Task::kBinary && label != 0 && label != 1) {
      return InvalidArgument("model {}: a binary label is 0 or 1, row {} has {}", recipe.name, row, label);
    }
    if (recipe.task == Task::kMulticlass && !(label >= 0 && label < 1000 && label == std::floor(label))) {
      return InvalidArgument("model {}: a class is an integer from 0 to 999, row {} has {}", recipe.name, row, label);
    }
    if (recipe.task == Task::kRegression && !std::isfinite(label)) {
      return InvalidArgument("model {}: row {} has an infinite label", recipe.name, row);
    }
  }
  return absl::OkStatus();
}

Status CheckData(const ModelRecipe& recipe, const TrainingData& data) {
  if (data.features.empty()) return InvalidArgument("model {}: it has no features", recipe.name);
  if (data.labels.size() != data.rows->num_rows) {
    return InvalidArgument("model {}: {} rows, but {} labels", recipe.name, data.rows->num_rows, data.labels.size());
  }
  return CheckLabels(recipe, data);
}

// The number of classes; every one must be seen in training, or the model could not answer it.
StatusOr<size_t> CountClasses(const ModelRecipe& recipe, const TrainingData& data, const Part& train) {
  if (recipe.task != Task::kMulticlass) return 0;
  size_t count = data.classes.size();
  for (const double label : data.labels) {
    if (!std::isnan(label)) count = std::max(count, static_cast<size_t>(label) + 1);
  }
  std::vector<char> seen(count);
  for (const double label : train.labels) seen[static_cast<size_t>(label)] = 1;
  const auto unseen = std::ranges::find(seen, 0);
  if (unseen == seen.end()) return count;
  const auto label = static_cast<size_t>(unseen - seen.begin());
  return InvalidArgument("model {}: class {} has no row in the training part", recipe.name,
                         label < data.classes.size() ? data.classes[label] : fmt::format("{}", label));
}

StatusOr<std::vector<Metric>> MetricsOfRecipe(const ModelRecipe& recipe) {
  std::vector<Metric> metrics;
  for (const std::string& name : recipe.metrics) {
    HR_ASSIGN_OR_RETURN(const Metric metric, ParseMetric(name, recipe.task));
    metrics.push_back(metric);
  }
  if (metrics.empty()) metrics.assign(MetricsOf(recipe.task).begin(), MetricsOf(recipe.task).end());
  return metrics;
}

StatusOr<std::vector<SliceColumn>> SlicesOfRecipe(const ModelRecipe& recipe, const TrainingData& data) {
  std::vector<SliceColumn> slices;
  for (const std::string& name : recipe.slices) {
    const Column* column = data.rows->Find(name);
    if (column == nullptr)
      return InvalidArgument("model {}: the slice '{}' is no column of the training set", recipe.name, name);
    slices.push_back({name, column});
  }
  return slices;
}

// Fits by the recipe's algorithm: fills the payload and the parameters of the artifact; returns the iterations.
StatusOr<int> FitTrees(const ModelRecipe& recipe, const TrainingData& data, const Part& train, const Part& validation,
                       ModelArtifact* artifact, Output& output) {
  LightGbmRequest request{.name = recipe.name,
                          .task = recipe.task,
                          .num_classes = 0,
                          .params = recipe.params,
                          .encoder = &artifact->encoder,
                          .train = {&train.matrix, train.labels},
                          .validation = {&validation.matrix, validation.labels}};
  HR_ASSIGN_OR_RETURN(request.num_classes, CountClasses(recipe, data, train));
  HR_ASSIGN_OR_RETURN(LightGbmResult result, TrainLightGbm(request, output));
  artifact->payload = std::move(result.model_text);
  artifact->params = std::move(result.params);
  return result.best_iteration;
}

StatusOr<int> FitLinear(const ModelRecipe& recipe, const Part& train, ModelArtifact* artifact, Output& output) {
  const bool logistic = recipe.algorithm == Algorithm::kLogisticRegression;
  if (recipe.task != (logistic ? Task::kBinary : Task::kRegression)) {
    return InvalidArgument("{} is for a {} task, this one is {}", AlgorithmName(recipe.algorithm),
                           TaskName(logistic ? Task::kBinary : Task::kRegression), TaskName(recipe.task));
  }
  LinearRequest request{.name = recipe.name,
                        .params = {},
                        .encoder = &artifact->encoder,
                        .matrix = &train.matrix,
                        .labels = train.labels};
  HR_ASSIGN_OR_RETURN(request.params, ParseLinearParams(recipe.params));
  HR_ASSIGN_OR_RETURN(const LinearModel model,
                      logistic ? TrainLogisticRegression(request, output) : TrainLinearRegression(request, output));
  artifact->payload = model.ToText();
  artifact->params = Json(Json::Object{{"l2", request.params.l2},
                                       {"max_iterations", request.params.max_iterations},
                                       {"tolerance", request.params.tolerance}});
  return 0;
}

StatusOr<int> Fit(const ModelRecipe& recipe, const TrainingData& data, const Part& train, const Part& validation,
                  ModelArtifact* artifact, Output& output) {
  switch (recipe.algorithm) {
    case Algorithm::kLightGbm:
      return FitTrees(recipe, data, train, validation, artifact, output);
    case Algorithm::kLogisticRegression:
    case Algorithm::kLinearRegression:
      return FitLinear(recipe, train, artifact, output);
    default:
      return InvalidArgument("a model with algorithm {} is not trained here", AlgorithmName(recipe.algorithm));
  }
}

StatusOr<Json> Report(const Predictions& predictions, std::span<const Metric> metrics, std::span<const uint32_t> rows,
                      std::span<const SliceColumn> slices) {
  if (rows.empty()) return Json();
  return EvaluationReport(predictions, metrics, rows, slices);
}

// Measures the packed model on every part: what is registered is what was measured.
Status EvaluateParts(const ModelRecipe& recipe, const TrainingData& data, std::span<const Part* const, 3> parts,
                     TrainedModel* trained) {
  HR_ASSIGN_OR_RETURN(const std::vector<Metric> metrics, MetricsOfRecipe(recipe));
  HR_ASSIGN_OR_RETURN(const std::vector<SliceColumn> slices, SlicesOfRecipe(recipe, data));
  HR_ASSIGN_OR_RETURN(const std::unique_ptr<Model> model, LoadModel(trained->artifact, recipe.name));
  trained->primary_metric = metrics.front();
  trained->num_outputs = model->num_outputs();
  static constexpr const char* kNames[] = {"train", "validation", "test"};
  Json::Object reports;
  for (size_t i = 0; i < parts.size(); ++i) {
    std::vector<double> scores = model->PredictMatrix(parts[i]->matrix);
    const Predictions predictions{recipe.task, parts[i]->labels, scores, model->num_outputs()};
    const bool is_test = i + 1 == parts.size();
    HR_ASSIGN_OR_RETURN(Json report,
                        Report(predictions, metrics, parts[i]->rows,
                               is_test ? std::span<const SliceColumn>(slices) : std::span<const SliceColumn>()));
    reports.emplace_back(kNames[i], std::move(report));
    if (is_test) trained->test_scores = std::move(scores);
  }
  trained->metrics = Json(std::move(reports));
  return absl::OkStatus();
}

}  // namespace

StatusOr<TrainedModel> TrainModel(const ModelRecipe& recipe, const TrainingData& data, Output& output) {
  HR_RETURN_IF_ERROR(CheckData(recipe, data));
  // Wrong metrics and slices are found before the training, not after it.
  HR_RETURN_IF_ERROR(MetricsOfRecipe(recipe).status());
  HR_RETURN_IF_ERROR(SlicesOfRecipe(recipe, data).status());
  HR_ASSIGN_OR_RETURN(Split split, SplitByTime(recipe, data.labels, data.times));

  ModelArtifact artifact;
  artifact.algorithm = recipe.algorithm;
  artifact.task = recipe.task;
  artifact.classes = data.classes;
  HR_ASSIGN_OR_RETURN(artifact.encoder, CategoryEncoder::Fit(*data.rows, data.features, split.train));
  HR_ASSIGN_OR_RETURN(const Part train, MakePart(data, artifact.encoder, split.train));
  HR_ASSIGN_OR_RETURN(const Part validation, MakePart(data, artifact.encoder, split.validation));
  HR_ASSIGN_OR_RETURN(Part test, MakePart(data, artifact.encoder, split.test));

  TrainedModel trained;
  trained.task = recipe.task;
  StatusOr<int> iterations = Fit(recipe, data, train, validation, &artifact, output);
  if (!iterations.ok()) return Annotate(iterations.status(), fmt::format("model {}", recipe.name));
  trained.iterations = *iterations;
  trained.artifact = EncodeArtifact(artifact);
  trained.train_rows = split.train.size();
  trained.validation_rows = split.validation.size();
  trained.rows_without_label = split.without_label;
  const Part* parts[] = {&train, &validation, &test};
  HR_RETURN_IF_ERROR(EvaluateParts(recipe, data, parts, &trained));
  trained.test_labels = std::move(test.labels);
  trained.test_rows = std::move(split.test);
  return trained;
}

StatusOr<std::vector<double>> ScoreRows(std::string_view artifact, const RecordBatch& batch,
                                        std::span<const uint32_t> rows) {
  HR_ASSIGN_OR_RETURN(const std::unique_ptr<Model> model, LoadModel(artifact));
  return model->PredictBatch(batch, rows);
}

bool ShouldPromote(PromoteWhen when, const std::optional<Estimate>& difference) {
  switch (when) {
    case PromoteWhen::kAlways:
      return true;
    case PromoteWhen::kNever:
      return false;
    case PromoteWhen::kBetter:
      return !difference || difference->low > 0;
  }
  return false;
}

}  // namespace headrace
