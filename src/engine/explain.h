// One prediction, explained: its features, the source rows behind each, definitions and versions.
#pragma once

#include <string>
#include <vector>

#include "base/json.h"
#include "base/output.h"
#include "engine/workspace.h"

namespace headrace {

// kNotFound: no ledger holds the id. The document is what `headrace explain --json` prints:
// {"id", "model", "version", "time", "value", "label", "request", "training_set_hash", "features": [{"name", "value",
//  "recomputed_equal"}], "views": [{"view", "file", "definition", "history", "windows": [{"window", "rows": n,
//  "latest": [{"event_time", "available_at", "ingest", "values"}]}]}]}
StatusOr<Json> Explain(Workspace& workspace, const std::string& id, Output& output);

}  // namespace headrace
