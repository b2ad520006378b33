#include "online_store/rocksdb/rocksdb_store.h"

#include <rocksdb/db.h>
#include <rocksdb/options.h>
#include <rocksdb/utilities/checkpoint.h>
#include <rocksdb/write_batch.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <filesystem>
#include <mutex>
#include <optional>
#include <thread>

#include "base/boot.h"
#include "base/parallel.h"
#include "online_store/rocksdb/periodic_sync.h"
#include "online_store/rocksdb/rocksdb_files.h"
#include "online_store/rocksdb/store_files.h"

namespace headrace {
namespace {

constexpr uint64_t kMuchOfLogBytes = 64 << 20;

class RocksDbStore : public OnlineStore {
 public:
  RocksDbStore(rocksdb::DB* db, std::vector<rocksdb::ColumnFamilyHandle*> families, std::shared_ptr<StateExpiry> expiry,
               const RocksDbStoreOptions& options)
      : db_(db), families_(std::move(families)), expiry_(std::move(expiry)) {
    write_options_.sync = options.fsync.when == FsyncPolicy::When::kAlways;
    if (options.fsync.when == FsyncPolicy::When::kEvery && !options.read_only)
      periodic_sync_.emplace(options.fsync.period_us, [this] { return Sync(); });
  }
  ~RocksDbStore() override {
    periodic_sync_.reset();
    for (rocksdb::ColumnFamilyHandle* family : families_) db_->DestroyColumnFamilyHandle(family);
  }

  // Reads where the log ends and what the checkpoint includes.
  Status Load() {
    const std::unique_ptr<rocksdb::Iterator> it(db_->NewIterator({}, log()));
    it->SeekToLast();
    if (it->Valid()) last_position_ = DecodePosition(FromSlice(it->key()));
    HR_RETURN_IF_ERROR(FromRocksDb(it->status(), "reading the end of the log"));
    HR_ASSIGN_OR_RETURN(truncated_position_, ReadPosition(kTruncatedKey));
    HR_ASSIGN_OR_RETURN(checkpoint_position_, ReadPosition(kCheckpointKey));
    last_position_ = std::max(last_position_.load(), truncated_position_.load());
    if (checkpoint_position_ <= last_position_) return absl::OkStatus();
    return DataLoss("online store: the checkpoint includes log entry {}, but the log ends at {}",
                    checkpoint_position_.load(), last_position_.load());
  }

  StatusOr<uint64_t> Append(std::string_view entry) override {
    const std::lock_guard lock(append_mutex_);
    const uint64_t position = last_position_ + 1;
    rocksdb::WriteBatch batch;
    batch.Put(log(), EncodePosition(position), ToSlice(entry));
    HR_RETURN_IF_ERROR(Write(&batch, "appending to the log"));
    last_position_ = position;
    return position;
  }

  uint64_t LastPosition() const override { return last_position_; }

  Status ReadLog(uint64_t after, const LogVisitor& visitor) const override {
    const std::unique_ptr<rocksdb::Iterator> it(db_->NewIterator({}, log()));
    uint64_t expected = after + 1;
    for (it->Seek(EncodePosition(expected)); it->Valid(); it->Next(), ++expected) {
      const uint64_t position = DecodePosition(FromSlice(it->key()));
      if (position != expected && expected <= truncated_position_) break;
      if (position != expected)
        return DataLoss("online store: log entry {} is missing; the next is {}", expected, position);
      HR_RETURN_IF_ERROR(visitor(position, FromSlice(it->value())));
    }
    HR_RETURN_IF_ERROR(FromRocksDb(it->status(), fmt::format("reading log entry {}", expected)));
    if (expected > truncated_position_ || expected != after + 1) return absl::OkStatus();
    return absl::OutOfRangeError(
        fmt::format("online store: the log begins after entry {}", truncated_position_.load()));
  }

  // What the thread of kEvery runs, too. A write beside a sync that fails would fail in a way that RocksDB never
  // recovers from ("writer has previous error", fatal), hence the lock: what comes while a sync runs waits for it.
  Status Sync() override {
    const std::lock_guard lock(wal_mutex_);
    if (damaged_) return Repair();
    const rocksdb::Status status = db_->SyncWAL();
    damaged_ = !status.ok();
    return FromRocksDb(status, "syncing the log");
  }

  Status Truncate(uint64_t up_to) override {
    if (up_to > checkpoint_position_)
      return FailedPrecondition("online store: no checkpoint includes log entry {} yet", up_to);
    if (up_to <= truncated_position_) return absl::OkStatus();
    HR_RETURN_IF_ERROR(Sync());
    const std::string begin = EncodePosition(0);
    const std::string end = EncodePosition(up_to + 1);
    rocksdb::WriteBatch batch;
    batch.DeleteRange(log(), begin, end);
    batch.Put(kTruncatedKey, EncodePosition(up_to));
    const uint64_t before = truncated_position_.exchange(up_to);  // first: a reader that misses an entry looks here
    const Status written = Write(&batch, "truncating the log");
    if (!written.ok()) truncated_position_ = before;
    HR_RETURN_IF_ERROR(written);
    // The entries are marked as gone, and those that are in memory never get to a file. A write-ahead log is there as
    // long as any family has something in memory of the time when it was written, hence the default one's few values.
    HR_RETURN_IF_ERROR(FromRocksDb(db_->Flush({}, {families_[kDefaultFamily], log()}), "truncating the log"));
    // The space of those in files comes back when the files are written anew. For a few small files RocksDB does that
    // by itself; for others it has no reason, since nothing is ever written between them.
    uint64_t in_files = 0;
    db_->GetIntProperty(log(), rocksdb::DB::Properties::kTotalSstFilesSize, &in_files);
    if (in_files < kMuchOfLogBytes) return absl::OkStatus();
    const rocksdb::Slice first(begin), last(end);
    rocksdb::CompactRangeOptions beside_others;
    beside_others.exclusive_manual_compaction = false;
    return FromRocksDb(db_->CompactRange(beside_others, log(), &first, &last), "freeing the truncated log's space");
  }

  uint64_t TruncatedPosition() const override { return truncated_position_; }

  Status WriteStates(const std::vector<StateChange>& changes) override {
    if (!write_options_.sync) HR_RETURN_IF_ERROR(Sync());  // the log's entries first
    WaitForStateBuffers();
    rocksdb::WriteBatch batch;
    for (const StateChange& change : changes) {
      if (change.append) {
        batch.Merge(state(), change.name, change.bytes);
      } else if (change.bytes.empty()) {
        batch.Delete(state(), change.name);
      } else {
        batch.Put(state(), change.name, change.bytes);
      }
    }
    unflushed_states_ = true;
    return FromRocksDb(db_->Write(Unlogged(), &batch), "writing states");
  }

  Status WriteCheckpoint(const Checkpoint& checkpoint) override {
    HR_RETURN_IF_ERROR(FlushStates());
    rocksdb::WriteBatch batch;
    for (const auto& [name, bytes] : checkpoint.states) {
      if (bytes.empty()) {
        batch.Delete(state(), name);
      } else {
        batch.Put(state(), name, bytes);
      }
    }
    batch.Put(kCheckpointKey, EncodePosition(checkpoint.position));
    HR_RETURN_IF_ERROR(Write(&batch, "writing a checkpoint"));
    checkpoint_position_ = checkpoint.position;
    return absl::OkStatus();
  }

  uint64_t CheckpointPosition() const override { return checkpoint_position_; }

  Status ReadStates(std::string_view prefix, const StateVisitor& visitor) const override {
    return ReadStateRange(prefix, prefix, std::nullopt, visitor);
  }

  Status ReadStatesInParallel(std::string_view prefix, int threads, const StateVisitor& visitor) const override {
    const std::vector<std::string> begins = BeginsOfShares(prefix);
    return ParallelFor(begins.size(), threads, [&](size_t i) {
      const bool is_last = i + 1 == begins.size();
      return ReadStateRange(prefix, begins[i], is_last ? std::nullopt : std::optional(begins[i + 1]), visitor);
    });
  }

  StatusOr<std::optional<std::string>> ReadState(std::string_view name) const override {
    std::string bytes;
    const rocksdb::Status found = db_->Get({}, state(), ToSlice(name), &bytes);
    if (found.IsNotFound()) return std::nullopt;
    HR_RETURN_IF_ERROR(FromRocksDb(found, "reading a state"));
    return std::optional(std::move(bytes));
  }

  Status DropStates(std::string_view prefix) override {
    // The end is exclusive: the first name that does not begin so. None begins with the highest byte.
    std::string end(prefix.empty() ? "\xFE" : prefix);
    ++end.back();
    unflushed_states_ = true;
    return FromRocksDb(db_->DeleteRange(Unlogged(), state(), ToSlice(prefix), end), "removing states");
  }

  void SetExpiry(StateExpired expired) override { expiry_->Set(std::move(expired)); }

  Status Verify() const override { return FromRocksDb(db_->VerifyChecksum(), "reading all of it"); }

  Status Snapshot(const std::string& folder) const override {
    rocksdb::Checkpoint* checkpoint = nullptr;
    HR_RETURN_IF_ERROR(FromRocksDb(rocksdb::Checkpoint::Create(db_.get(), &checkpoint), "a snapshot"));
    const std::unique_ptr<rocksdb::Checkpoint> owner(checkpoint);
    return FromRocksDb(checkpoint->CreateCheckpoint(folder), fmt::format("a snapshot in {}", folder));
  }

 private:
  // Those under `prefix` from `begin` to before `end`.
  Status ReadStateRange(std::string_view prefix, std::string_view begin, const std::optional<std::string>& end,
                        const StateVisitor& visitor) const {
    rocksdb::ReadOptions options;
    const rocksdb::Slice upper = end ? rocksdb::Slice(*end) : rocksdb::Slice();
    if (end) options.iterate_upper_bound = &upper;
    const std::unique_ptr<rocksdb::Iterator> it(db_->NewIterator(options, state()));
    for (it->Seek(ToSlice(begin)); it->Valid() && it->key().starts_with(ToSlice(prefix)); it->Next()) {
      HR_RETURN_IF_ERROR(visitor(FromSlice(it->key()), FromSlice(it->value())));
    }
    return FromRocksDb(it->status(), "reading states");
  }

  // Where the files of the states under `prefix` begin, which are of a size: what lies between is about alike.
  std::vector<std::string> BeginsOfShares(std::string_view prefix) const {
    rocksdb::ColumnFamilyMetaData states;
    db_->GetColumnFamilyMetaData(state(), &states);
    std::vector<std::string> begins = {std::string(prefix)};
    for (const rocksdb::LevelMetaData& level : states.levels) {
      for (const rocksdb::SstFileMetaData& file : level.files) {
        if (file.smallestkey.starts_with(prefix)) begins.push_back(file.smallestkey);
      }
    }
    std::sort(begins.begin(), begins.end());
    begins.erase(std::unique(begins.begin(), begins.end()), begins.end());
    return begins;
  }

  // 0: it was never written.
  StatusOr<uint64_t> ReadPosition(const char* key) const {
    std::string bytes;
    const rocksdb::Status found = db_->Get({}, key, &bytes);
    if (found.IsNotFound()) return 0;
    HR_RETURN_IF_ERROR(FromRocksDb(found, fmt::format("reading the position '{}'", key)));
    return DecodePosition(bytes);
  }

  // Past the write-ahead log, whose next sync would have to carry them: WriteCheckpoint brings them to the disk.
  static rocksdb::WriteOptions Unlogged() {
    rocksdb::WriteOptions unlogged;
    unlogged.disableWAL = true;
    return unlogged;
  }

  rocksdb::ColumnFamilyHandle* log() const { return families_[kLogFamily]; }
  rocksdb::ColumnFamilyHandle* state() const { return families_[kStateFamily]; }

  Status Write(rocksdb::WriteBatch* batch, std::string_view doing) {
    const std::lock_guard lock(wal_mutex_);
    if (damaged_ && periodic_sync_) return NotSynced();
    if (damaged_) HR_RETURN_IF_ERROR(Repair());
    const rocksdb::Status status = db_->Write(write_options_, batch);
    damaged_ = !status.ok();
    if (periodic_sync_) periodic_sync_->Wrote();
    return FromRocksDb(status, doing);
  }

  Status NotSynced() const {
    HR_RETURN_IF_ERROR(periodic_sync_->status());
    return Unavailable("online store: the log could not be written to the disk");
  }

  // For a while: where none can be written to a file any more, the write says so.
  void WaitForStateBuffers() const {
    constexpr std::chrono::milliseconds kPause(2);
    constexpr int kMostPauses = 5000;
    uint64_t full = 0;
    for (int i = 0; i < kMostPauses; ++i) {
      db_->GetIntProperty(state(), rocksdb::DB::Properties::kNumImmutableMemTable, &full);
      if (full < kFullStateBuffers) return;
      std::this_thread::sleep_for(kPause);
    }
  }

  Status FlushStates() {
    if (!unflushed_states_.exchange(false)) return absl::OkStatus();
    const rocksdb::Status status = db_->Flush({}, state());
    if (status.ok()) return absl::OkStatus();
    unflushed_states_ = true;
    const std::lock_guard lock(wal_mutex_);
    damaged_ = true;
    return FromRocksDb(status, "writing states");
  }

  // After a failed write or sync: everything in memory goes to new files, which are synced.
  Status Repair() {
    HR_RETURN_IF_ERROR(FromRocksDb(db_->Resume(), "writing again after an error"));
    HR_RETURN_IF_ERROR(FromRocksDb(db_->Flush({}, families_), "writing again after an error"));
    damaged_ = false;
    return absl::OkStatus();
  }

  const std::unique_ptr<rocksdb::DB> db_;
  const std::vector<rocksdb::ColumnFamilyHandle*> families_;
  const std::shared_ptr<StateExpiry> expiry_;
  rocksdb::WriteOptions write_options_;
  std::mutex append_mutex_;
  std::mutex wal_mutex_;
  bool damaged_ = false;  // under wal_mutex_: a write or a sync has failed since what is in memory was on disk
  std::atomic<bool> unflushed_states_ = false;
  std::atomic<uint64_t> last_position_ = 0;
  std::atomic<uint64_t> checkpoint_position_ = 0;
  std::atomic<uint64_t> truncated_position_ = 0;
  std::optional<PeriodicSync> periodic_sync_;
};

Status CheckFormat(rocksdb::DB* db, const std::string& folder, bool read_only) {
  std::string format;
  const rocksdb::Status found = db->Get({}, kFormatKey, &format);
  if (found.IsNotFound() && !read_only) {
    rocksdb::WriteOptions sync;
    sync.sync = true;
    return FromRocksDb(db->Put(sync, kFormatKey, ToSlice(kFormat)), "marking the format");
  }
  HR_RETURN_IF_ERROR(FromRocksDb(found, "reading the format"));
  if (format == kFormat) return absl::OkStatus();
  return FailedPrecondition("{}: holds '{}', this program reads '{}'", folder, format, kFormat);
}

}  // namespace

StatusOr<std::unique_ptr<OnlineStore>> OpenRocksDbStore(const std::string& folder, const RocksDbStoreOptions& options) {
  if (options.read_only && !std::filesystem::exists(folder + "/CURRENT"))
    return NotFound("{}: there is no online store", folder);
  HR_RETURN_IF_ERROR(CheckStoreFiles(folder, WalMustBeWhole(folder, options.fsync)));
  rocksdb::Options db_options = StoreOptions(options);
  // A torn last record is what a crash in the middle of an unacknowledged write leaves; anything else is damage. Only
  // without a sync at each write may the machine's death leave anything behind the last sync.
  db_options.wal_recovery_mode = options.fsync.when == FsyncPolicy::When::kAlways
                                     ? rocksdb::WALRecoveryMode::kTolerateCorruptedTailRecords
                                     : rocksdb::WALRecoveryMode::kPointInTimeRecovery;
  const std::vector<rocksdb::ColumnFamilyDescriptor> descriptors = StoreFamilies(db_options);
  std::vector<rocksdb::ColumnFamilyHandle*> families;
  rocksdb::DB* db = nullptr;
  // Compactions, whom nobody waits for, go behind all other threads.
  db_options.env->LowerThreadPoolCPUPriority(rocksdb::Env::LOW, rocksdb::CpuPriority::kLow);
  const rocksdb::Status opened = options.read_only
                                     ? rocksdb::DB::OpenForReadOnly(db_options, folder, descriptors, &families, &db)
                                     : rocksdb::DB::Open(db_options, folder, descriptors, &families, &db);
  HR_RETURN_IF_ERROR(FromRocksDb(opened, fmt::format("opening {}", folder)));
  auto expiry = std::static_pointer_cast<StateExpiry>(descriptors[kStateFamily].options.compaction_filter_factory);
  auto store = std::make_unique<RocksDbStore>(db, std::move(families), std::move(expiry), options);
  HR_RETURN_IF_ERROR(CheckFormat(db, folder, options.read_only));
  HR_RETURN_IF_ERROR(store->Load());
  if (!options.read_only) HR_RETURN_IF_ERROR(RememberBoot(folder));
  return store;
}

}  // namespace headrace
