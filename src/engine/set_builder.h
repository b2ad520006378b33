// Makes a training set batch by batch: the label columns, then the features. For training_set.cc only.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/set_extension.h"
#include "engine/set_hash.h"
#include "engine/training_set.h"

namespace headrace {

class SetBuilder {
 public:
  // Reads the labels and joins. `batch_rows`: 0 for all rows in one batch.
  static StatusOr<std::unique_ptr<SetBuilder>> Begin(Workspace& workspace, const TrainingSetSpec& spec,
                                                     const TrainingSetOptions& options, size_t batch_rows,
                                                     Output& output);

  const Schema& schema() const { return schema_; }

  // The next rows; nothing at the end. Without label rows one empty batch.
  StatusOr<std::optional<RecordBatch>> Next();

  // After the last batch: all of the set but its rows.
  TrainingSet Finish() &&;

 private:
  SetBuilder(const TrainingSetSpec& spec, size_t batch_rows) : spec_(spec), batch_rows_(batch_rows) {}
  Status ReadLabels(Workspace& workspace, const ProjectState& state);
  Status MakeFeatures(Workspace& workspace, const TrainingSetOptions& options, Output& output);
  Status ExtendEarlier(Workspace& workspace, const WantedSet& wanted, const TrainingSetOptions& options,
                       Output& output);
  StatusOr<std::vector<Column>> NextFeatures(size_t begin, size_t rows);

  const TrainingSetSpec spec_;
  const size_t batch_rows_;
  std::shared_ptr<const ProjectState> state_;
  FeaturePlan plan_;
  RecordBatch rows_;  // of the label table
  LabelRows labels_;
  SetSources sources_;
  Schema schema_;
  size_t num_rows_ = 0;
  // One of the two is there.
  std::optional<ExtendedSet> extended_;
  std::unique_ptr<JoinedFeatures> joined_;
  size_t next_row_ = 0;
  bool at_end_ = false;
  std::optional<SetHash> hash_;
};

}  // namespace headrace
