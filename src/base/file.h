// Whole small files. Paths in errors are as given.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace headrace {

StatusOr<std::string> ReadFile(const std::string& path);

// Writes aside, syncs, renames: a reader or a crash sees the old file or the new one, never a part.
Status WriteFileAtomically(const std::string& path, std::string_view bytes);

// All of `bytes` at the file's position, whatever write() takes at a time. Syncs nothing.
Status WriteAll(int fd, std::string_view bytes, const std::string& path);

// Makes what was created, renamed or removed in a folder survive the machine's death.
Status SyncFolder(const std::string& path);

Status MakeFolders(const std::string& path);

}  // namespace headrace
