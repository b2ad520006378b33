#include "online_store/rocksdb/rocksdb_files.h"

#include <rocksdb/filter_policy.h>
#include <rocksdb/merge_operator.h>
#include <rocksdb/rate_limiter.h>
#include <rocksdb/table.h>

#include <deque>
#include <memory>

namespace headrace {
namespace {

// The log's entries wait in memory to be written to files, and most are truncated before that: the default of an export
// is every 64 MB, while which some more come. Then they are written once, to the write-ahead log, and not twice.
constexpr size_t kLogBufferBytes = 128 << 20;
// Only a recovery reads states, and nearly all that is written of them is new: to put files together early is work for
// nothing. With RocksDB's 4 it took as much CPU time as the export.
constexpr int kStateFilesBeforeCompaction = 32;
constexpr uint64_t kSecondsBeforeExpiry = 86'400;
constexpr double kStateFilterBits = 10;      // a key: one in a hundred that are not there is looked for in a file
constexpr double kStateBufferFilter = 0.05;  // of a buffer's size
constexpr size_t kStateCacheBytes = 64 << 20;
// What goes to files beside the write-ahead log comes in small pieces, each begun some milliseconds after the last: a
// disk that has tens of megabytes to write keeps a commit's sync waiting as long as that takes (a probe that
// syncs 26 KB beside a writer of 64 MB: 21 to 25 ms at the 99th percentile, 7 to 14 with pieces and pauses).
constexpr int64_t kFileBytesPerSecond = 128 << 20;
constexpr int64_t kPieceBytes = 1 << 20;
constexpr int64_t kMicrosecondsPerPiece = 1'000'000 * kPieceBytes / kFileBytesPerSecond;

// A state's bytes, one change behind the other.
class AppendOperator : public rocksdb::MergeOperator {
 public:
  const char* Name() const override { return "headrace append"; }

  bool FullMergeV2(const MergeOperationInput& in, MergeOperationOutput* out) const override {
    out->new_value.clear();  // it may hold what another key had
    if (in.existing_value != nullptr) out->new_value.assign(in.existing_value->data(), in.existing_value->size());
    for (const rocksdb::Slice& operand : in.operand_list) out->new_value.append(operand.data(), operand.size());
    return true;
  }

  bool PartialMergeMulti(const rocksdb::Slice&, const std::deque<rocksdb::Slice>& operands, std::string* merged,
                         rocksdb::Logger*) const override {
    merged->clear();
    for (const rocksdb::Slice& operand : operands) merged->append(operand.data(), operand.size());
    return true;
  }
};

class ExpiryFilter : public rocksdb::CompactionFilter {
 public:
  explicit ExpiryFilter(OnlineStore::StateExpired expired) : expired_(std::move(expired)) {}
  const char* Name() const override { return "headrace expiry"; }

  Decision FilterV2(int, const rocksdb::Slice& name, ValueType, const rocksdb::Slice& bytes, std::string*,
                    std::string*) const override {
    return expired_(FromSlice(name), FromSlice(bytes)) ? Decision::kRemove : Decision::kKeep;
  }

 private:
  const OnlineStore::StateExpired expired_;
};

}  // namespace

std::unique_ptr<rocksdb::CompactionFilter> StateExpiry::CreateCompactionFilter(
    const rocksdb::CompactionFilter::Context&) {
  const std::lock_guard lock(mutex_);
  return expired_ ? std::make_unique<ExpiryFilter>(expired_) : nullptr;
}

void StateExpiry::Set(OnlineStore::StateExpired expired) {
  const std::lock_guard lock(mutex_);
  expired_ = std::move(expired);
}

Status FromRocksDb(const rocksdb::Status& status, std::string_view doing) {
  if (status.ok()) return absl::OkStatus();
  const std::string message = fmt::format("online store: {}: {}", doing, status.ToString());
  if (status.IsCorruption()) return DataLoss("{}; {}", message, kRepairHint);
  if (status.IsIOError() || status.IsNoSpace() || status.IsBusy() || status.IsTimedOut())
    return absl::UnavailableError(message);
  return absl::InternalError(message);
}

std::string EncodePosition(uint64_t position) {
  std::string bytes(8, '\0');
  for (int i = 7; i >= 0; --i, position >>= 8) bytes[static_cast<size_t>(i)] = static_cast<char>(position & 0xFF);
  return bytes;
}

uint64_t DecodePosition(std::string_view bytes) {
  uint64_t position = 0;
  for (const char c : bytes) position = (position << 8) | static_cast<unsigned char>(c);
  return position;
}

rocksdb::Options StoreOptions(const RocksDbStoreOptions& options) {
  rocksdb::Options result;
  result.create_if_missing = true;
  result.create_missing_column_families = true;
  result.info_log_level = rocksdb::WARN_LEVEL;
  result.keep_log_file_num = 2;
  result.bytes_per_sync = kPieceBytes;
  result.rate_limiter.reset(rocksdb::NewGenericRateLimiter(kFileBytesPerSecond, kMicrosecondsPerPiece));
  if (options.env != nullptr) result.env = options.env;
  return result;
}

std::vector<rocksdb::ColumnFamilyDescriptor> StoreFamilies(const rocksdb::Options& options) {
  rocksdb::ColumnFamilyOptions log(options);
  log.write_buffer_size = kLogBufferBytes;
  log.compression = rocksdb::kNoCompression;  // a day of it at most, which goes to Parquet then
  rocksdb::ColumnFamilyOptions states(options);
  states.merge_operator = std::make_shared<AppendOperator>();
  states.compaction_filter_factory = std::make_shared<StateExpiry>();
  states.periodic_compaction_seconds = kSecondsBeforeExpiry;  // of a file
  rocksdb::BlockBasedTableOptions table;
  table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(kStateFilterBits));  // keys that come new are not there
  table.block_cache = rocksdb::NewLRUCache(kStateCacheBytes);
  // Filters and indexes, too, take no more than the cache has. In pieces, since none in it may be large.
  table.cache_index_and_filter_blocks = true;
  table.index_type = rocksdb::BlockBasedTableOptions::kTwoLevelIndexSearch;
  table.partition_filters = true;
  states.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  states.memtable_whole_key_filtering = true;
  states.memtable_prefix_bloom_size_ratio = kStateBufferFilter;
  states.max_write_buffer_number = kMaxStateBuffers;
  states.level0_file_num_compaction_trigger = kStateFilesBeforeCompaction;
  states.max_bytes_for_level_base = kStateFilesBeforeCompaction * states.write_buffer_size;  // it looks at both
  states.level0_slowdown_writes_trigger = 2 * kStateFilesBeforeCompaction;
  states.level0_stop_writes_trigger = 3 * kStateFilesBeforeCompaction;
  return {{rocksdb::kDefaultColumnFamilyName, options}, {kLogFamilyName, log}, {"state", states}};
}

}  // namespace headrace
