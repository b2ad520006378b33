// The store on RocksDB.
//
//   column family   key                           value
//   "log"           8-byte big-endian position    entry
//   "state"         name                          bytes
//   "default"       "format"                      "headrace online store 1"
//                   "checkpoint"                  8-byte big-endian position
//                   "truncated"                   8-byte big-endian position; there once the log was truncated
//
// Append writes one value to the write-ahead log of RocksDB, and so to the operating system: the death of the process
// loses nothing. What the death of the machine loses is said by the fsync policy:
//
//   kAlways   nothing: Append returns when the write-ahead log is synced
//   kEvery    what Append took in the last period: a thread syncs, and Append waits only for a sync that runs already;
//             once one fails, Append gives kUnavailable until the entries are on disk after all
//   kNever    what the operating system had not written
//
// A write or sync that failed is not repeated on the same file: the kernel may have dropped the pages, and the next
// fsync would not say so. What is in memory is written to new files first.
//
// A checkpoint is one write batch, never on disk without the entries that it includes. Blocks and log records carry
// RocksDB's checksums, verified on every read; a damaged file is named and refused. But without kAlways the death of
// the machine leaves holes in what was not synced: there the log ends at the first damaged record, if the machine was
// started again since it was written.
#pragma once

#include <memory>

#include "catalog/project.h"
#include "online_store/store.h"

namespace rocksdb {
class Env;
}

namespace headrace {

struct RocksDbStoreOptions {
  bool read_only = false;       // beside a stopped server: the log can be read, nothing written
  FsyncPolicy fsync = {};       // read-only: that of the server that wrote
  rocksdb::Env* env = nullptr;  // the operating system, for tests; null: the real one
};

// Opens or makes the store in `folder`. kNotFound: read-only, and there is none. kUnavailable: another process has it.
StatusOr<std::unique_ptr<OnlineStore>> OpenRocksDbStore(const std::string& folder,
                                                        const RocksDbStoreOptions& options = {});

}  // namespace headrace
