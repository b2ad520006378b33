// RocksDB's operating system, with write-ahead logs whose syncs are counted, can be made to fail, and are forgotten
// when the power is cut. For tests only, hence a header alone.
#pragma once

#include <rocksdb/env.h>
#include <rocksdb/file_system.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <mutex>
#include <string>

namespace headrace {

class FaultyDisk : public rocksdb::FileSystemWrapper {
 public:
  FaultyDisk() : FileSystemWrapper(rocksdb::FileSystem::Default()) {}
  const char* Name() const override { return "FaultyDisk"; }

  enum class Failure : uint8_t { kNone, kNoSpace, kBroken };
  std::atomic<Failure> failure = Failure::kNone;  // of the syncs of write-ahead logs, and of new tables
  std::atomic<int> wal_syncs = 0;

  rocksdb::IOStatus NewWritableFile(const std::string& path, const rocksdb::FileOptions& options,
                                    std::unique_ptr<rocksdb::FSWritableFile>* result,
                                    rocksdb::IODebugContext* debug) override {
    if (path.ends_with(".sst") && failure != Failure::kNone) return Fail();
    const rocksdb::IOStatus status = FileSystemWrapper::NewWritableFile(path, options, result, debug);
    if (status.ok() && path.ends_with(".log")) *result = std::make_unique<Log>(std::move(*result), path, this);
    return status;
  }

  // What the machine's death may leave of `from`: of each write-ahead log what was synced, then, where `garbage` is
  // set, as many zeros as there were other bytes but the last, which is still there.
  void CutPower(const std::string& from, const std::string& to, bool garbage = false) {
    const std::lock_guard lock(mutex_);
    std::filesystem::create_directories(to);
    for (const auto& entry : std::filesystem::directory_iterator(from)) {
      const std::string name = entry.path().filename().string();
      if (name == "LOCK" || name == "BOOT") continue;  // as if another run of the machine had written it
      std::filesystem::copy_file(entry.path(), to + "/" + name);
      const auto synced = synced_.find(entry.path().string());
      if (synced == synced_.end()) continue;
      const auto size = std::filesystem::file_size(to + "/" + name);
      std::filesystem::resize_file(to + "/" + name, synced->second);
      if (garbage && size > synced->second) {
        std::filesystem::resize_file(to + "/" + name, size - 1);
        std::ofstream(to + "/" + name, std::ios::app | std::ios::binary) << 'x';
      }
    }
  }

 private:
  rocksdb::IOStatus Fail() const {
    return failure == Failure::kNoSpace ? rocksdb::IOStatus::NoSpace("no space left on device")
                                        : rocksdb::IOStatus::IOError("input/output error");
  }

  class Log : public rocksdb::FSWritableFileOwnerWrapper {
   public:
    Log(std::unique_ptr<rocksdb::FSWritableFile> file, std::string path, FaultyDisk* disk)
        : FSWritableFileOwnerWrapper(std::move(file)), path_(std::move(path)), disk_(disk) {
      const std::lock_guard lock(disk_->mutex_);
      disk_->synced_[path_] = 0;
    }
    rocksdb::IOStatus Append(const rocksdb::Slice& data, const rocksdb::IOOptions& options,
                             rocksdb::IODebugContext* debug) override {
      written_ += data.size();
      return FSWritableFileOwnerWrapper::Append(data, options, debug);
    }
    rocksdb::IOStatus Append(const rocksdb::Slice& data, const rocksdb::IOOptions& options,
                             const rocksdb::DataVerificationInfo& info, rocksdb::IODebugContext* debug) override {
      written_ += data.size();
      return FSWritableFileOwnerWrapper::Append(data, options, info, debug);
    }
    rocksdb::IOStatus Sync(const rocksdb::IOOptions&, rocksdb::IODebugContext*) override { return MarkSynced(); }
    rocksdb::IOStatus Fsync(const rocksdb::IOOptions&, rocksdb::IODebugContext*) override { return MarkSynced(); }

   private:
    rocksdb::IOStatus MarkSynced() {
      if (disk_->failure != Failure::kNone) return disk_->Fail();
      const std::lock_guard lock(disk_->mutex_);
      disk_->synced_[path_] = written_;
      ++disk_->wal_syncs;
      return rocksdb::IOStatus::OK();
    }

    const std::string path_;
    FaultyDisk* const disk_;
    std::atomic<size_t> written_ = 0;
  };

  std::mutex mutex_;
  std::map<std::string, size_t> synced_;  // bytes of each write-ahead log that a sync has covered
};

}  // namespace headrace
