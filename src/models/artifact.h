// The file of a trained model: what it is, what it needs, and the model itself, guarded by a checksum.
//
//   offset       size  content
//   0            8     "HRMODEL\n"
//   8            4     format version, little-endian: 1
//   12           4     h, the length of the header, little-endian
//   16           8     p, the length of the payload, little-endian
//   24           h     header: JSON on one line
//   24 + h       p     payload: LightGBM's model text, or the JSON of runtime/linear/linear_model.h
//   24 + h + p   64    SHA-256 of everything before, in lower-case hexadecimal
//
// Header: {"algorithm": "lightgbm", "task": "binary", "features": [{"name": "trip.carrier", "type": "VARCHAR",
// "categories": ["AA", "UA"]}, ...], "classes": ["no", "yes"], "params": {...}}. Nothing in the file depends on when or
// where it was written: the same training gives the same bytes.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/status.h"
#include "catalog/project.h"
#include "models/dataset.h"

namespace headrace {

struct ModelArtifact {
  Algorithm algorithm = Algorithm::kLightGbm;
  Task task = Task::kBinary;
  CategoryEncoder encoder;           // the features, in order
  std::vector<std::string> classes;  // of a multiclass model, by output; may be empty
  Json params;                       // as trained
  std::string payload;
};

std::string EncodeArtifact(const ModelArtifact& artifact);

// `name` (a path, a model version) is named by errors. kDataLoss: the bytes are damaged, cut short, or no model;
// kFailedPrecondition: written by a newer Headrace.
StatusOr<ModelArtifact> DecodeArtifact(std::string_view bytes, std::string_view name);

// "lightgbm", "logistic_regression", ... and "binary", "multiclass", "regression", as in a recipe.
std::string_view AlgorithmName(Algorithm algorithm);
std::string_view TaskName(Task task);

}  // namespace headrace
