// What a join may keep in memory, and the file where the rest goes.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <span>
#include <string>

#include "base/status.h"

namespace headrace {

// Counts bytes against a limit. Thread-safe.
class MemoryBudget {
 public:
  explicit MemoryBudget(size_t limit_bytes) : limit_bytes_(limit_bytes) {}

  size_t limit_bytes() const { return limit_bytes_; }
  bool IsSpent() const { return used_bytes_ >= limit_bytes_; }
  void Take(size_t bytes) { used_bytes_ += bytes; }
  void GiveBack(size_t bytes) { used_bytes_ -= bytes; }
  // Takes only what fits.
  bool TryTake(size_t bytes) {
    if ((used_bytes_ += bytes) <= limit_bytes_) return true;
    used_bytes_ -= bytes;
    return false;
  }

 private:
  const size_t limit_bytes_;
  std::atomic<size_t> used_bytes_ = 0;
};

// A file without a name: it is gone when the process is, whatever ends it. Made at the first write. Thread-safe.
class SpillFile {
 public:
  struct Extent {
    uint64_t offset = 0;
    uint64_t bytes = 0;
  };

  // `folder`: where the file will be; made if it is not there.
  explicit SpillFile(std::string folder) : folder_(std::move(folder)) {}
  ~SpillFile();
  SpillFile(const SpillFile&) = delete;
  SpillFile& operator=(const SpillFile&) = delete;

  // kResourceExhausted: the disk is full; the message names the folder and says what to do.
  StatusOr<Extent> Write(std::span<const std::byte> bytes);
  // `to`: as many bytes as the extent has.
  Status Read(Extent extent, std::span<std::byte> to) const;

  uint64_t size_bytes() const { return end_; }

 private:
  Status Open();

  const std::string folder_;
  std::mutex mutex_;  // of opening
  int fd_ = -1;
  std::atomic<uint64_t> end_ = 0;
};

}  // namespace headrace
