// What the parts of this folder share: how the store lies in RocksDB, and RocksDB's errors as ours.
#pragma once

#include <rocksdb/compaction_filter.h>
#include <rocksdb/db.h>
#include <rocksdb/options.h>

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "online_store/rocksdb/rocksdb_store.h"

namespace headrace {

inline constexpr std::string_view kFormat = "headrace online store 1";
inline constexpr char kFormatKey[] = "format";  // in the default column family
inline constexpr char kCheckpointKey[] = "checkpoint";
inline constexpr char kTruncatedKey[] = "truncated";
inline constexpr char kLogFamilyName[] = "log";
inline constexpr size_t kDefaultFamily = 0, kLogFamily = 1, kStateFamily = 2;  // in the order of StoreFamilies

// RocksDB lets no write in, to the log neither, while so many buffers of a family are full; it slows them down at one
// less. A checkpoint fills them faster than they are written to files, so it waits where a few are full.
inline constexpr int kMaxStateBuffers = 6;
inline constexpr uint64_t kFullStateBuffers = 2;

// What to do about damage.
inline constexpr std::string_view kRepairHint =
    "to make the state again from history and log, run: headrace state repair";

// kDataLoss: a file is damaged; RocksDB's text names it, and the message says what to do.
Status FromRocksDb(const rocksdb::Status& status, std::string_view doing);

inline rocksdb::Slice ToSlice(std::string_view text) {
  return {text.data(), text.size()};
}
inline std::string_view FromSlice(const rocksdb::Slice& slice) {
  return {slice.data(), slice.size()};
}

// Big-endian, so that the order of the keys is the order of the positions.
std::string EncodePosition(uint64_t position);
uint64_t DecodePosition(std::string_view bytes);

// Of the states' family: what is written anew when files are put together goes through this.
class StateExpiry : public rocksdb::CompactionFilterFactory {
 public:
  const char* Name() const override { return "headrace expiry"; }
  std::unique_ptr<rocksdb::CompactionFilter> CreateCompactionFilter(
      const rocksdb::CompactionFilter::Context& context) override;
  void Set(OnlineStore::StateExpired expired);

 private:
  std::mutex mutex_;
  OnlineStore::StateExpired expired_;  // empty: none is
};

// All but the recovery mode of the write-ahead log.
rocksdb::Options StoreOptions(const RocksDbStoreOptions& options);
std::vector<rocksdb::ColumnFamilyDescriptor> StoreFamilies(const rocksdb::Options& options);

}  // namespace headrace
