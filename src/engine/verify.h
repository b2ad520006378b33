// The proof: the ledger's features computed again from raw history, compared bit for bit.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/output.h"
#include "engine/workspace.h"
#include "monitoring/ledger.h"

namespace headrace {

struct VerifyReport {
  int64_t rows = 0;               // ledger rows that were computed again
  int64_t cells = 0;              // their feature values
  int64_t differences = 0;        // cells whose bits differ
  int64_t other_definitions = 0;  // rows of definitions that the project no longer has: not computed
  int64_t future_rows = 0;  // rows asked for an instant that had not come: answered with what was known, not computed
  struct Difference {
    std::string id, feature, ledger, recomputed;
  };
  std::vector<Difference> examples;  // the first few
  struct Feature {
    int64_t cells = 0;
    int64_t differences = 0;
  };
  std::map<std::string, Feature> features;  // by name

  Json ToJson() const;
};

struct VerifyOptions {
  std::string model;   // "": all
  bool naive = false;  // with the reference implementation, over some of the rows
  // Only these live predictions of each model's versions, reading no more of history than their windows reach.
  std::optional<LedgerSample> sample;
};
StatusOr<VerifyReport> Verify(Workspace& workspace, const VerifyOptions& options, Output& output);

}  // namespace headrace
