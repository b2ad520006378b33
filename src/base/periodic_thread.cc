#include "base/periodic_thread.h"

#include <utility>

namespace headrace {

PeriodicThread::PeriodicThread(std::chrono::microseconds period, std::function<void()> work)
    : period_(period), work_(std::move(work)), thread_([this] { Run(); }) {}

PeriodicThread::~PeriodicThread() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  stop_changed_.notify_all();
  thread_.join();
}

void PeriodicThread::Run() {
  std::unique_lock lock(mutex_);
  while (!stop_changed_.wait_for(lock, period_, [&] { return stopping_; })) {
    lock.unlock();
    work_();
    lock.lock();
  }
}

}  // namespace headrace
