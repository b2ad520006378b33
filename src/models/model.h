// A loaded model: feature values in, predictions out, whatever the algorithm behind.
//
// One output: the probability of 1 (binary), the value (regression). Several: the probability of each class
// (multiclass), in the order of classes(). Immutable; any number of threads may predict.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/column.h"
#include "base/json.h"
#include "base/status.h"
#include "base/value.h"
#include "catalog/project.h"
#include "models/artifact.h"
#include "models/dataset.h"

namespace headrace {

class Model {
 public:
  virtual ~Model() = default;
  Model(const Model&) = delete;
  Model& operator=(const Model&) = delete;

  Algorithm algorithm() const { return algorithm_; }
  Task task() const { return task_; }
  const CategoryEncoder& encoder() const { return encoder_; }
  const std::vector<std::string>& feature_names() const { return names_; }
  const std::vector<TypeId>& feature_types() const { return types_; }
  const std::vector<std::string>& classes() const { return classes_; }  // may be empty
  const Json& params() const { return params_; }
  virtual size_t num_outputs() const = 0;

  // The prediction for one row. `features` are in the order of feature_names(); null is a missing value.
  // kInvalidArgument names a feature whose value is of another kind. Never allocates for up to 256 features.
  Status Predict(std::span<const Value> features, std::span<double> out) const;
  StatusOr<std::vector<double>> Predict(std::span<const Value> features) const;

  // The same for cells that encoder() has encoded: one per feature; `out` has num_outputs() elements.
  virtual void PredictRow(std::span<const double> cells, std::span<double> out) const = 0;

  // Rows x num_outputs() predictions, row-major, for the rows of a matrix, or for rows of a batch that has all features
  // among its columns.
  std::vector<double> PredictMatrix(const FeatureMatrix& matrix) const;
  StatusOr<std::vector<double>> PredictBatch(const RecordBatch& batch, std::span<const uint32_t> rows) const;
  StatusOr<std::vector<double>> PredictBatch(const RecordBatch& batch) const;

 protected:
  explicit Model(const ModelArtifact& artifact);

 private:
  Algorithm algorithm_;
  Task task_;
  CategoryEncoder encoder_;
  std::vector<std::string> names_;
  std::vector<TypeId> types_;
  std::vector<std::string> classes_;
  Json params_;
};

// From the bytes of an artifact. `name` (a path, a model version) is named by errors. kDataLoss: damaged bytes;
// kFailedPrecondition: written by a newer Headrace, or of a kind that this one cannot run.
StatusOr<std::unique_ptr<Model>> LoadModel(std::string_view artifact, std::string_view name = "the model");

}  // namespace headrace
