// The proof: the ledger's features computed again from raw history, compared bit for bit.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/output.h"
#include "engine/workspace.h"

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

// `model`: "" for all. `naive`: with the reference implementation, over a sample of rows.
StatusOr<VerifyReport> Verify(Workspace& workspace, const std::string& model, bool naive, Output& output);

}  // namespace headrace
