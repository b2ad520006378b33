#include "online_store/rocksdb/periodic_sync.h"

#include <algorithm>
#include <chrono>

namespace headrace {
namespace {

// A disk that fails is not asked more often than this.
constexpr std::chrono::milliseconds kRetryPause{100};

}  // namespace

PeriodicSync::PeriodicSync(DurationUs period_us, std::function<Status()> sync)
    : period_(period_us), sync_(std::move(sync)), thread_([this] { Run(); }) {}

PeriodicSync::~PeriodicSync() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void PeriodicSync::Wrote() {
  {
    const std::lock_guard lock(mutex_);
    if (unsynced_) return;
    unsynced_ = true;
  }
  changed_.notify_all();
}

Status PeriodicSync::status() const {
  const std::lock_guard lock(mutex_);
  return status_;
}

void PeriodicSync::Run() {
  std::chrono::steady_clock::time_point next = std::chrono::steady_clock::now();
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [&] { return unsynced_ || stopping_; });
    changed_.wait_until(lock, next, [&] { return stopping_; });
    if (!unsynced_) return;
    unsynced_ = false;
    next = std::chrono::steady_clock::now() + period_;
    lock.unlock();
    Status status = sync_();
    lock.lock();
    status_ = std::move(status);
    if (status_.ok()) continue;
    if (stopping_) return;
    unsynced_ = true;
    next = std::max(next, std::chrono::steady_clock::now() + kRetryPause);
  }
}

}  // namespace headrace
