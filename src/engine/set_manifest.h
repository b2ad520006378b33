// The manifest of a training set: what the set is, and everything that it was made from.
#pragma once

#include <string>

#include "engine/training_set.h"

namespace headrace {

// What decides the cells of a set, apart from the label rows themselves.
struct SetSources {
  Json labels;          // {"from", "time", "entities"}
  Json wanted;          // the features as they were asked for
  Json allow_leak;      // of the recipe
  Json request_fields;  // name -> type
  Json views;           // of event views {"definition", "history", "history_version", "live"}, of others {"definition"}
  int64_t release = 0;
  uint64_t log_position = 0;
  std::string log_hash;  // of the log's entries up to log_position; "" where no view reads the log
};

// kFailedPrecondition: something that it reads has not been built.
StatusOr<SetSources> SourcesOf(Workspace& workspace, const ProjectState& state, const TrainingSetSpec& spec,
                               const FeaturePlan& plan, uint64_t log_position);

Json MakeManifest(const SetSources& sources, const FeaturePlan& plan, const TrainingSet& set);

// Why the features of a set with this manifest are not those of `sources` and `plan`, for a person; "" if they are. The
// data that both were made from is not looked at.
std::string SpecDifference(const Json& manifest, const SetSources& sources, const FeaturePlan& plan);

// Of names, types and values in their order.
std::string ContentHashOf(const RecordBatch& rows);

}  // namespace headrace
