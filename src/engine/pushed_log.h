// What the log of accepted events holds of a stream, for scans and builds.
#pragma once

#include <memory>

#include "engine/workspace.h"
#include "features/online/pushed_rows.h"
#include "warehouse/pushed_events.h"

namespace headrace {

// The requests of a stream in the entries after `after`, up to `until` (0: all).
Status ReadPushed(Workspace& workspace, const std::string& stream, uint64_t after, uint64_t until,
                  const std::function<Status(const LoggedRequest&)>& visitor);

// Which ids of the log a history has, too, that was taken after them (rule 8: the history's rows go first). No function
// where there can be none.
StatusOr<IdTest> SupersededIds(Workspace& workspace, const StreamSource& stream, uint64_t until);

// For a build, as far as the log goes now.
StatusOr<std::unique_ptr<PushedLog>> OpenPushedLog(Workspace& workspace);

}  // namespace headrace
