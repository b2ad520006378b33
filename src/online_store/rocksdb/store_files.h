// Damage that RocksDB would take for the end of a file.
//
// Its write-ahead logs and its MANIFEST are files of records (below), each with a checksum. A process that dies within
// a write leaves the beginning of a record at the end of the file, so a record that ends beyond the file is dropped
// without a word. But a flipped bit in the length of a sound record makes it look so, and RocksDB would drop it and
// all that follow, acknowledged as they are. A torn record has nothing behind it: where whole records follow, or the
// bytes up to the end fit the checksum after all, it is damage.
//
//   file     blocks of 32,768 bytes; a record that does not fit is split; fewer than 7 bytes at a block's end are zeros
//   record   u32 masked CRC-32C of type and payload | u16 length | u8 type | payload          little-endian
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "catalog/project.h"

namespace headrace {

// The files that RocksDB is about to read in `folder`: that CURRENT names a MANIFEST; that this ends with a whole
// record or a torn one; and with `check_wal` so do the write-ahead logs (without it, the machine's death may have left
// anything behind what was synced). kDataLoss, naming file and byte. A folder without a store is fine.
Status CheckStoreFiles(const std::string& folder, bool check_wal);

// Whether the write-ahead logs must be whole, but for a torn end: each write is synced, or the machine has not died
// since they were written (base/boot.h), so that all of them is there.
bool WalMustBeWhole(const std::string& folder, const FsyncPolicy& fsync);

// The write-ahead logs of a store, by name.
std::vector<std::string> WalFiles(const std::string& folder);

// One file of records.
Status CheckRecordFile(const std::string& path);

}  // namespace headrace
