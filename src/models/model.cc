#include "models/model.h"

#include <array>
#include <utility>

#include "models/runtime/linear/linear_model.h"
#include "models/runtime/trees/tree_ensemble.h"

namespace headrace {
namespace {

constexpr size_t kMaxFeaturesOnStack = 256;

class TreeModel : public Model {
 public:
  TreeModel(const ModelArtifact& artifact, TreeEnsemble trees) : Model(artifact), trees_(std::move(trees)) {}
  size_t num_outputs() const override { return trees_.num_outputs(); }
  void PredictRow(std::span<const double> cells, std::span<double> out) const override { trees_.Predict(cells, out); }

 private:
  TreeEnsemble trees_;
};

class WeightedModel : public Model {
 public:
  WeightedModel(const ModelArtifact& artifact, LinearModel linear) : Model(artifact), linear_(std::move(linear)) {}
  size_t num_outputs() const override { return 1; }
  void PredictRow(std::span<const double> cells, std::span<double> out) const override {
    out[0] = linear_.Predict(cells);
  }

 private:
  LinearModel linear_;
};

Status CheckFeatures(size_t in_payload, const ModelArtifact& artifact) {
  if (in_payload == artifact.encoder.size()) return absl::OkStatus();
  return InvalidArgument("it has {} features, its header names {}", in_payload, artifact.encoder.size());
}

StatusOr<std::unique_ptr<Model>> FromArtifact(const ModelArtifact& artifact) {
  switch (artifact.algorithm) {
    case Algorithm::kLogisticRegression:
    case Algorithm::kLinearRegression: {
      HR_ASSIGN_OR_RETURN(LinearModel linear, LinearModel::FromText(artifact.payload));
      HR_RETURN_IF_ERROR(CheckFeatures(linear.num_features(), artifact));
      return std::make_unique<WeightedModel>(artifact, std::move(linear));
    }
    default: {  // external and imported models come as LightGBM's text too
      HR_ASSIGN_OR_RETURN(TreeEnsemble trees, TreeEnsemble::FromText(artifact.payload));
      HR_RETURN_IF_ERROR(CheckFeatures(trees.num_features(), artifact));
      return std::make_unique<TreeModel>(artifact, std::move(trees));
    }
  }
}

}  // namespace

Model::Model(const ModelArtifact& artifact)
    : algorithm_(artifact.algorithm),
      task_(artifact.task),
      encoder_(artifact.encoder),
      classes_(artifact.classes),
      params_(artifact.params) {
  for (const FeatureSpec& feature : encoder_.features()) {
    names_.push_back(feature.name);
    types_.push_back(feature.type);
  }
}

Status Model::Predict(std::span<const Value> features, std::span<double> out) const {
  std::array<double, kMaxFeaturesOnStack> on_stack;
  std::vector<double> on_heap;
  std::span<double> cells(on_stack);
  if (encoder_.size() > on_stack.size()) {
    on_heap.resize(encoder_.size());
    cells = on_heap;
  }
  cells = cells.first(encoder_.size());
  HR_RETURN_IF_ERROR(encoder_.EncodeRow(features, cells));
  PredictRow(cells, out);
  return absl::OkStatus();
}

StatusOr<std::vector<double>> Model::Predict(std::span<const Value> features) const {
  std::vector<double> out(num_outputs());
  HR_RETURN_IF_ERROR(Predict(features, out));
  return out;
}

std::vector<double> Model::PredictMatrix(const FeatureMatrix& matrix) const {
  const size_t width = num_outputs();
  std::vector<double> out(matrix.num_rows * width);
  for (size_t row = 0; row < matrix.num_rows; ++row) {
    PredictRow(matrix.Row(row), std::span(out).subspan(row * width, width));
  }
  return out;
}

StatusOr<std::vector<double>> Model::PredictBatch(const RecordBatch& batch, std::span<const uint32_t> rows) const {
  HR_ASSIGN_OR_RETURN(const FeatureMatrix matrix, FromColumns(batch, encoder_, rows));
  return PredictMatrix(matrix);
}

StatusOr<std::vector<double>> Model::PredictBatch(const RecordBatch& batch) const {
  HR_ASSIGN_OR_RETURN(const FeatureMatrix matrix, FromColumns(batch, encoder_));
  return PredictMatrix(matrix);
}

StatusOr<std::unique_ptr<Model>> LoadModel(std::string_view bytes, std::string_view name) {
  HR_ASSIGN_OR_RETURN(const ModelArtifact artifact, DecodeArtifact(bytes, name));
  StatusOr<std::unique_ptr<Model>> model = FromArtifact(artifact);
  // The checksum holds, so the bytes are what was written: a kind of model that this program does not know.
  if (!model.ok()) return FailedPrecondition("{}: it cannot be run: {}", name, Message(model.status()));
  return model;
}

}  // namespace headrace
