// Ledger rows as they were logged, put back into the form that a join takes.
#pragma once

#include <string>
#include <vector>

#include "engine/workspace.h"
#include "features/offline/point_in_time_join.h"
#include "models/registry/registry.h"
#include "monitoring/ledger.h"

namespace headrace {

// Rows of one part of a model's ledger: they share a plan and a way to scan history.
struct LedgerGroup {
  std::string model;
  LedgerPart part;
  std::vector<std::string> features;  // the version's
  RecordBatch rows;                   // the ledger's fixed columns, then the features under their names
};

// Which rows of a part: all, or one prediction, or a sample.
struct LedgerSelection {
  std::optional<std::string> id = {};
  std::optional<LedgerSample> sample = {};
};

// The rows of one part of a model's ledger.
StatusOr<LedgerGroup> ReadLedger(Workspace& workspace, const std::string& model, const LedgerPart& part,
                                 const LedgerSelection& selection = {});

// The label side of the rows: their instants, and keys and request fields from the requests as sent.
StatusOr<LabelRows> ToLabelRows(const FeaturePlan& plan, const RecordBatch& rows);

// The features of a registered version with their types, in the model's order.
StatusOr<Schema> FeaturesOfVersion(Registry& registry, const VersionInfo& version);

}  // namespace headrace
