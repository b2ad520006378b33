// Backup: a copy of the project with its state, from which another server could go on.
//
// The parts are copied one after the other while writes go on, in an order in which each is whole with those before:
//
//   ledger, warehouse   the predictions that were answered are brought into the tables, which one transaction reads
//   registry            by SQLite, page by page, as one transaction sees it; then the artifacts that it names
//   online store        every event that those predictions saw is in its log by now
//   all else            the project's files, replays
//
// So what was acknowledged before the backup began is in it, and `verify` finds in it what it finds here. The journal
// of predictions, sockets, locks and spilled rows are of the running process and stay behind.
#pragma once

#include <cstdint>
#include <string>

#include "base/output.h"
#include "engine/workspace.h"

namespace headrace {

struct BackupReport {
  uint64_t log_position = 0;  // of the last log entry that is in it, and is all the same to the states
  int64_t files = 0;
  int64_t bytes = 0;
};

// Writes to `folder` + ".tmp", syncs, and renames: at `folder` there is a whole backup or none, and after an error
// neither of the two. kFailedPrecondition: one of them is there and is not an empty folder; kDataLoss: a file of the
// state is damaged, and is named.
StatusOr<BackupReport> Backup(Workspace& workspace, const std::string& folder, Output& output);

}  // namespace headrace
