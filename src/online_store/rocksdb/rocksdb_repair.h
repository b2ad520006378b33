// Repair of the store on RocksDB: a new one with every entry of the log and without a checkpoint, so that the states
// are made again of history and log.
//
//   damaged                                     what is done
//   states, what RocksDB derives of its files   not read
//   CURRENT, MANIFEST                           made again of the tables and write-ahead logs (RocksDB's RepairDB), in
//                                               a copy
//   the log: its tables, write-ahead logs       nothing: kDataLoss, and the store is as it was
//
// The new store is written aside and verified, then changes places with the old one in one step. It needs the room
// that the log takes.
#pragma once

#include <cstdint>
#include <string>

#include "online_store/rocksdb/rocksdb_store.h"

namespace headrace {

struct StoreRepair {
  uint64_t log_entries = 0;  // kept: all that the store had
  std::string damage;        // what was found, as opening the store says it; "" if it was sound
};

// `exported`: the last log entry that was copied elsewhere; up to there entries may have been truncated. kNotFound:
// there is no store. kDataLoss: entries of the log are damaged or missing. Nobody else may have the store.
StatusOr<StoreRepair> RepairRocksDbStore(const std::string& folder, uint64_t exported,
                                         const RocksDbStoreOptions& options = {});

}  // namespace headrace
