// The online state of a project (features/online), as its definitions and its warehouse have it.
#pragma once

#include <memory>

#include "catalog/project.h"
#include "engine/workspace.h"
#include "features/online/online_features.h"

namespace headrace {

// What is served now: the project's definitions over the histories of the last release.
StatusOr<OnlineDefinition> CurrentOnlineDefinition(Workspace& workspace);

// The settings under `online:`, but for those of a live server alone (future_skew).
OnlineOptions OnlineOptionsOf(const OnlineSettings& settings);

// Recovers the state over `store`, as a server does at its start. `clock` must outlive it.
StatusOr<std::unique_ptr<OnlineFeatures>> RecoverOnline(Workspace& workspace, std::unique_ptr<OnlineStore> store,
                                                        const Clock& clock);

struct RepairReport {
  std::string damage;                       // what was found; "" if the store was sound
  uint64_t log_entries = 0;                 // kept
  int64_t views = 0, keys = 0, events = 0;  // made again
};

// Makes the states again from history and log, whatever is wrong with them or with what leads to them. kDataLoss: the
// log is damaged, and all is as it was. kFailedPrecondition: a server runs.
StatusOr<RepairReport> RepairOnlineState(Workspace& workspace);

// The hash of the server's state, or without one of what a server would recover; nothing is written then.
StatusOr<StateHash> HashOnlineState(Workspace& workspace);

}  // namespace headrace
