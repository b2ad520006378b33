// The store on RocksDB.
//
//   column family   key                           value
//   "log"           8-byte big-endian position    entry
//   "state"         name                          bytes
//   "default"       "format"                      "headrace online store 1"
//                   "checkpoint"                  8-byte big-endian position
//
// Append writes one value and syncs the write-ahead log before it returns. A checkpoint is one write batch. Blocks and
// log records carry RocksDB's checksums, verified on every read; a damaged file is named and refused.
#pragma once

#include <memory>

#include "online_store/store.h"

namespace headrace {

struct RocksDbStoreOptions {
  bool read_only = false;  // beside a stopped server: the log can be read, nothing written
  bool sync = true;        // false: an acknowledged entry survives a crash of the process, not of the machine
};

// Opens or makes the store in `folder`. kNotFound: read-only, and there is none. kUnavailable: another process has it.
StatusOr<std::unique_ptr<OnlineStore>> OpenRocksDbStore(const std::string& folder,
                                                        const RocksDbStoreOptions& options = {});

}  // namespace headrace
