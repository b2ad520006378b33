// Ledger rows as they were logged, put back into the form that a join takes.
#pragma once

#include <string>
#include <vector>

#include "engine/workspace.h"
#include "features/offline/point_in_time_join.h"
#include "models/registry/registry.h"

namespace headrace {

// Rows of one model version, of one replay ("" live): they share a plan and a way to scan history.
struct LedgerGroup {
  std::string model;
  int64_t version = 0;
  std::string replay;
  std::vector<std::string> features;  // the version's
  RecordBatch rows;                   // all columns of ledger."model"
};

// Models that have ledger rows, by name.
StatusOr<std::vector<std::string>> LedgerModels(Workspace& workspace);

// The rows of a model, grouped; `where` is an SQL condition, or "". kNotFound: nothing was ever predicted by it.
StatusOr<std::vector<LedgerGroup>> ReadLedger(Workspace& workspace, const std::string& model, const std::string& where);

// The label side of the rows: their instants, and keys and request fields from the requests as sent.
StatusOr<LabelRows> ToLabelRows(const FeaturePlan& plan, const RecordBatch& rows);

// The features of a registered version, in the model's order.
StatusOr<std::vector<std::string>> FeaturesOfVersion(Registry& registry, const VersionInfo& version);

}  // namespace headrace
