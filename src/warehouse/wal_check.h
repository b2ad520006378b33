// Damage that DuckDB would take for the end of its write-ahead log.
//
// A process that dies while it writes leaves the beginning of an entry at the end of the log, or entries without the
// commit that belongs to them; DuckDB drops those without a word. But a flipped bit in the length of a sound entry
// makes it seem to go on beyond the end, and all that was committed there and behind would be dropped, too; one in the
// first bytes drops the whole log. Where the mark of a commit stands behind such a place it is damage. (An entry that
// does not fit its checksum is refused by DuckDB itself.)
//
//   log     64 00 62 65 00 02 ff ff: a log of version 2; then entries                    integers little-endian
//   entry   u64 length | u64 checksum of the payload | payload
//   commit  an entry with the payload 64 00 64 ff ff, after which the log is synced
#pragma once

#include <string>

#include "base/status.h"

namespace headrace {

// The write-ahead logs of the database file `path`, those of a checkpoint that was cut short included. kDataLoss,
// naming file and byte. None is fine.
Status CheckWriteAheadLogs(const std::string& path);

}  // namespace headrace
