// From a recipe to a registered version.
#pragma once

#include <string>

#include "base/output.h"
#include "engine/commands.h"
#include "engine/training_set.h"
#include "engine/workspace.h"

namespace headrace {

struct TrainReport {
  int64_t version = 0;
  std::string training_set_hash;
  size_t training_set_rows = 0;
  size_t reused_rows = 0;  // of them, from the earlier set
  JoinReport join;
  std::vector<std::string> features;  // that join.null_cells counts
  Json metrics;
  size_t train_rows = 0, validation_rows = 0, test_rows = 0;
  std::string alias;      // that the version took, or ""
  std::string promotion;  // why it took the alias or not, for a person
  double training_set_seconds = 0, training_seconds = 0;

  Json ToJson() const;
};

// `command` says whether a file keeps the training set; its model is `recipe`.
StatusOr<TrainReport> TrainAndRegister(Workspace& workspace, const ModelRecipe& recipe, const TrainCommand& command,
                                       Output& output);

// Builds the training set of a registered version again, from the histories and the log as far as it read them, and
// compares its content hash: kAborted if it differs. `reference` as in Registry::Resolve.
Status RebuildTrainingSet(Workspace& workspace, const std::string& reference, bool json, Output& output);

// The recipe called `name`; kNotFound with the nearest name.
StatusOr<const ModelRecipe*> FindRecipe(const ProjectState& state, const std::string& name);

}  // namespace headrace
