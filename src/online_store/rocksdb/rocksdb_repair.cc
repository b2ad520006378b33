#include "online_store/rocksdb/rocksdb_repair.h"

#include <fcntl.h>
#include <rocksdb/db.h>
#include <rocksdb/env.h>
#include <rocksdb/write_batch.h>

#include <array>
#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <mutex>
#include <optional>

#include "base/file.h"
#include "online_store/rocksdb/rocksdb_files.h"
#include "online_store/rocksdb/store_files.h"

namespace headrace {
namespace {

namespace fs = std::filesystem;

constexpr size_t kBatchBytes = 4 << 20;

// What RocksDB leaves out because it is damaged it only tells its own log.
class DamageLogger : public rocksdb::Logger {
 public:
  using rocksdb::Logger::Logv;
  void Logv(const char* format, va_list arguments) override {
    std::array<char, 1024> line{};
    (void)std::vsnprintf(line.data(), line.size(), format, arguments);
    const std::string_view text(line.data());
    if (text.find("ropping") == std::string_view::npos && text.find("gnoring") == std::string_view::npos) return;
    const std::lock_guard lock(mutex_);
    if (damage_.empty()) damage_ = text;
  }

  std::string damage() const {
    const std::lock_guard lock(mutex_);
    return damage_;
  }

 private:
  mutable std::mutex mutex_;
  std::string damage_;
};

// An open database with its column families.
struct OpenDb {
  std::unique_ptr<rocksdb::DB> db;
  std::vector<rocksdb::ColumnFamilyHandle*> families;

  OpenDb() = default;
  OpenDb(OpenDb&&) = default;
  OpenDb& operator=(OpenDb&&) = delete;
  ~OpenDb() {
    for (rocksdb::ColumnFamilyHandle* family : families) db->DestroyColumnFamilyHandle(family);
  }
};

Status LogIsDamaged(const std::string& folder, std::string_view what) {
  return DataLoss(
      "{}: the log of accepted events itself is damaged, and cannot be made again: {}; nothing was changed; go on with "
      "the latest backup (headrace backup)",
      folder, what);
}

// Opens the store with damaged tables, which are met when they are read.
StatusOr<OpenDb> OpenDamaged(const std::string& folder, const RocksDbStoreOptions& options) {
  const auto logger = std::make_shared<DamageLogger>();
  rocksdb::Options db_options = StoreOptions(options);
  db_options.paranoid_checks = false;
  db_options.info_log = logger;
  const bool always = options.fsync.when == FsyncPolicy::When::kAlways;
  db_options.wal_recovery_mode =
      always ? rocksdb::WALRecoveryMode::kTolerateCorruptedTailRecords : rocksdb::WALRecoveryMode::kPointInTimeRecovery;
  OpenDb opened;
  rocksdb::DB* db = nullptr;
  const rocksdb::Status status =
      rocksdb::DB::OpenForReadOnly(db_options, folder, StoreFamilies(db_options), &opened.families, &db);
  if (status.IsCorruption()) return LogIsDamaged(folder, status.ToString());
  HR_RETURN_IF_ERROR(FromRocksDb(status, fmt::format("opening {}", folder)));
  opened.db.reset(db);
  if (const std::string damage = logger->damage(); always && !damage.empty()) return LogIsDamaged(folder, damage);
  return opened;
}

StatusOr<OpenDb> OpenNew(const std::string& folder, const RocksDbStoreOptions& options) {
  const rocksdb::Options db_options = StoreOptions(options);
  OpenDb opened;
  rocksdb::DB* db = nullptr;
  HR_RETURN_IF_ERROR(
      FromRocksDb(rocksdb::DB::Open(db_options, folder, StoreFamilies(db_options), &opened.families, &db),
                  fmt::format("making {}", folder)));
  opened.db.reset(db);
  return opened;
}

// RepairDB knows a column family by its tables alone: gives each a table, with nothing but a deletion in it, numbered
// after all others.
Status SeedFamilies(const std::string& folder, const std::string& copy, const RocksDbStoreOptions& options) {
  {
    HR_ASSIGN_OR_RETURN(const OpenDb seed, OpenNew(folder, options));
    for (rocksdb::ColumnFamilyHandle* family : seed.families)
      HR_RETURN_IF_ERROR(FromRocksDb(seed.db->Delete({}, family, "seed"), "seeding column families"));
    HR_RETURN_IF_ERROR(FromRocksDb(seed.db->Flush({}, seed.families), "seeding column families"));
  }
  int number = 900'000'000;
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder, error)) {
    if (entry.path().extension() != ".sst") continue;
    fs::rename(entry.path(), fmt::format("{}/{}.sst", copy, number++), error);
    if (error) return Unavailable("{}: cannot be moved to {}: {}", entry.path().string(), copy, error.message());
  }
  return absl::OkStatus();
}

// A copy whose CURRENT and MANIFEST are made again. Tables are never written, so they are linked.
Status RebuildManifest(const std::string& folder, const std::string& copy, const RocksDbStoreOptions& options) {
  std::error_code error;
  fs::create_directories(copy, error);
  for (const fs::directory_entry& entry : fs::directory_iterator(folder, error)) {
    const fs::path to = fs::path(copy) / entry.path().filename();
    const std::string extension = entry.path().extension().string();
    if (extension == ".sst") fs::create_hard_link(entry.path(), to, error);
    if (extension == ".log" || (extension == ".sst" && error)) fs::copy_file(entry.path(), to, error);
    if (error) return Unavailable("{}: cannot be copied to {}: {}", entry.path().string(), copy, error.message());
  }
  HR_RETURN_IF_ERROR(SeedFamilies(copy + ".seed", copy, options));
  const auto logger = std::make_shared<DamageLogger>();
  rocksdb::Options db_options = StoreOptions(options);
  db_options.info_log = logger;
  const rocksdb::Status status = rocksdb::RepairDB(copy, db_options, StoreFamilies(db_options));
  if (status.IsCorruption()) return LogIsDamaged(folder, status.ToString());
  HR_RETURN_IF_ERROR(FromRocksDb(status, fmt::format("making the MANIFEST of {} again", folder)));
  const std::string damage = logger->damage();
  return damage.empty() ? absl::OkStatus() : LogIsDamaged(folder, damage);
}

// What the default family says, if it can be read.
std::optional<std::string> Find(const OpenDb& store, const char* key) {
  std::string value;
  if (!store.db->Get({}, key, &value).ok()) return std::nullopt;
  return value;
}

Status CheckEnd(const OpenDb& from, const std::string& folder, uint64_t end) {
  const std::optional<std::string> checkpoint = Find(from, kCheckpointKey);
  if (!checkpoint || DecodePosition(*checkpoint) <= end) return absl::OkStatus();
  return LogIsDamaged(folder, fmt::format("it ends at entry {}, but the checkpoint includes entry {}", end,
                                          DecodePosition(*checkpoint)));
}

// Copies the log, entry by entry; gives how many there are. What it begins after was truncated, which is done no
// further than `exported`, and leaves nothing if it went to the end.
StatusOr<uint64_t> CopyLog(const OpenDb& from, const std::string& folder, uint64_t exported, const OpenDb& to) {
  rocksdb::WriteOptions unlogged;
  unlogged.disableWAL = true;
  rocksdb::WriteBatch batch;
  uint64_t entries = 0;
  uint64_t truncated = exported;
  uint64_t expected = exported + 1;
  const std::unique_ptr<rocksdb::Iterator> it(from.db->NewIterator({}, from.families[kLogFamily]));
  for (it->SeekToFirst(); it->Valid(); it->Next(), ++entries) {
    const uint64_t position = DecodePosition(FromSlice(it->key()));
    if (entries == 0 && position < expected) {
      truncated = position - 1;
    } else if (position != expected) {
      return LogIsDamaged(folder, fmt::format("entry {} is missing", expected));
    }
    expected = position + 1;
    batch.Put(to.families[kLogFamily], it->key(), it->value());
    if (batch.GetDataSize() < kBatchBytes) continue;
    HR_RETURN_IF_ERROR(FromRocksDb(to.db->Write(unlogged, &batch), "copying the log"));
    batch.Clear();
  }
  if (!it->status().ok())
    return LogIsDamaged(folder, fmt::format("after {} sound entries: {}", entries, it->status().ToString()));
  HR_RETURN_IF_ERROR(CheckEnd(from, folder, expected - 1));
  batch.Put(kFormatKey, ToSlice(kFormat));
  batch.Put(kTruncatedKey, EncodePosition(truncated));
  HR_RETURN_IF_ERROR(FromRocksDb(to.db->Write(unlogged, &batch), "copying the log"));
  HR_RETURN_IF_ERROR(FromRocksDb(to.db->Flush({}, to.families), "copying the log"));
  return entries;
}

// The store `from` and the new one change places.
Status Exchange(const std::string& folder, const std::string& made) {
  if (::renameat2(AT_FDCWD, made.c_str(), AT_FDCWD, folder.c_str(), RENAME_EXCHANGE) == 0) return absl::OkStatus();
  return Unavailable("{}: cannot take the place of {}: {}", made, folder, std::strerror(errno));
}

// What opening the store, or reading all of it, says; "" if it is sound.
std::string FindDamage(const std::string& folder, const RocksDbStoreOptions& read_only) {
  const StatusOr<std::unique_ptr<OnlineStore>> store = OpenRocksDbStore(folder, read_only);
  std::string damage(Message(store.ok() ? (*store)->Verify() : store.status()));
  return damage.substr(0, damage.find(fmt::format("; {}", kRepairHint)));
}

StatusOr<StoreRepair> RepairInto(const std::string& folder, uint64_t exported, const std::string& scratch,
                                 const RocksDbStoreOptions& options) {
  StoreRepair repair;
  RocksDbStoreOptions read_only = options;
  read_only.read_only = true;
  repair.damage = FindDamage(folder, read_only);
  const bool check_wal = WalMustBeWhole(folder, options.fsync);
  for (const std::string& path : check_wal ? WalFiles(folder) : std::vector<std::string>()) {
    if (const Status status = CheckRecordFile(path); !status.ok()) return LogIsDamaged(folder, Message(status));
  }
  std::string source = folder;
  if (!CheckStoreFiles(folder, /*check_wal=*/false).ok()) {
    source = scratch + "/source";
    HR_RETURN_IF_ERROR(RebuildManifest(folder, source, options));
  }
  const std::string made = scratch + "/made";
  {
    HR_ASSIGN_OR_RETURN(const OpenDb from, OpenDamaged(source, options));
    if (const auto format = Find(from, kFormatKey); format && *format != kFormat)
      return FailedPrecondition("{}: holds '{}', this program reads '{}'", folder, *format, kFormat);
    HR_ASSIGN_OR_RETURN(const OpenDb to, OpenNew(made, options));
    HR_ASSIGN_OR_RETURN(repair.log_entries, CopyLog(from, folder, exported, to));
  }
  HR_RETURN_IF_ERROR(OpenRocksDbStore(made, read_only).status());
  HR_RETURN_IF_ERROR(Exchange(folder, made));
  return repair;
}

}  // namespace

StatusOr<StoreRepair> RepairRocksDbStore(const std::string& folder, uint64_t exported,
                                         const RocksDbStoreOptions& options) {
  std::error_code ignored;
  if (!fs::exists(folder, ignored)) return NotFound("{}: there is no online store", folder);
  const std::string scratch = folder + ".repair";
  fs::remove_all(scratch, ignored);
  HR_RETURN_IF_ERROR(MakeFolders(scratch));
  StatusOr<StoreRepair> repair = RepairInto(folder, exported, scratch, options);
  fs::remove_all(scratch, ignored);
  return repair;
}

}  // namespace headrace
