// Runs a sync in the background, at most one period after what it has to make durable was written.
//
// Writers say Wrote() and go on. The period is counted from the begin of the last sync, so what was written waits for
// one period and, where syncs are slower than that, for the sync that runs. An error stays in status() until a later
// sync has worked: nobody is told that all is well in between. Thread-safe.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>

#include "base/status.h"
#include "base/time.h"

namespace headrace {

class PeriodicSync {
 public:
  PeriodicSync(DurationUs period_us, std::function<Status()> sync);
  ~PeriodicSync();  // after a last sync of what was written

  void Wrote();
  Status status() const;  // of the last sync

 private:
  void Run();

  const std::chrono::microseconds period_;
  const std::function<Status()> sync_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  bool unsynced_ = false;
  bool stopping_ = false;
  Status status_;
  std::thread thread_;
};

}  // namespace headrace
