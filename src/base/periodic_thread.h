// A thread that does a piece of work once each period, the first time after one, until it is told to end.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>

namespace headrace {

class PeriodicThread {
 public:
  PeriodicThread(std::chrono::microseconds period, std::function<void()> work);
  ~PeriodicThread();  // waits for work that is under way
  PeriodicThread(const PeriodicThread&) = delete;
  PeriodicThread& operator=(const PeriodicThread&) = delete;

 private:
  void Run();

  const std::chrono::microseconds period_;
  const std::function<void()> work_;
  std::mutex mutex_;
  std::condition_variable stop_changed_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace headrace
