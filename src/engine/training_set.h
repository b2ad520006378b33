// Point-in-time correct training sets: label rows with the features as they were at each row's instant.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/output.h"
#include "engine/workspace.h"
#include "features/offline/point_in_time_join.h"

namespace headrace {

struct TrainingSetSpec {
  std::string labels;                           // a table of the project, or a file (.parquet, .csv, .json)
  std::string time;                             // column of `labels`: the instant of each row
  std::map<std::string, std::string> entities;  // entity -> column of `labels`; same name by default
  std::vector<std::string> features;            // "view.feature", "view.*"
  std::vector<std::string> allow_leak;          // of the recipe: recorded, nothing else
  std::optional<uint64_t> log_until;            // the log's length to read; for building a set again
};

TrainingSetSpec SpecOf(const ModelRecipe& recipe);

struct TrainingSetOptions {
  // A file with a set that was written before: it is extended where that gives the same as a full build; a note says so
  // where it does not. "": none.
  std::string earlier;
  // What making the set may take, about; 0: half of the machine's. A set that is not written straight into a file is
  // held beside that.
  size_t memory_bytes = 0;

  size_t MemoryBytes() const;
};

struct TrainingSet {
  RecordBatch rows;  // the label columns, first and in order, then the features; of BuildTrainingSet only
  size_t num_rows = 0;
  std::vector<std::string> features;  // the names of their columns
  JoinReport report;
  Json manifest;  // content hash, definitions, data versions, leak meter: what the set is and what it was made from
  std::string content_hash;  // of names, types and values in their order
  size_t reused_rows = 0;    // whose features were taken over from an earlier set; the manifest does not say
};

// kFailedPrecondition: something that it reads has not been built. Bad columns and keys are named.
StatusOr<TrainingSet> BuildTrainingSet(Workspace& workspace, const TrainingSetSpec& spec,
                                       const TrainingSetOptions& options, Output& output);

// The same as a Parquet file, and its manifest beside it as PATH.manifest.json: it is never whole in memory. What is
// returned has no rows.
StatusOr<TrainingSet> WriteTrainingSet(Workspace& workspace, const TrainingSetSpec& spec, const std::string& path,
                                       const TrainingSetOptions& options, Output& output);

// The same files of a set that is there.
Status WriteTrainingSet(const TrainingSet& set, const std::string& path);

// The rows of a table of the project, or of a file, in their order.
StatusOr<RecordBatch> ReadRows(Workspace& workspace, const std::string& table_or_file);

// The label side of the join: the columns of `rows` cast to what `plan` asks (rule 13).
StatusOr<LabelRows> ToLabelRows(const FeaturePlan& plan, const RecordBatch& rows, const std::string& time,
                                const std::map<std::string, std::string>& entities);

}  // namespace headrace
