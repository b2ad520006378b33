// Keeps the log of accepted events short while a server runs: checkpoints, and exports behind them.
//
// What fails is counted, told, and tried again: the log holds everything until it does not fail.
#pragma once

#include <atomic>
#include <functional>
#include <optional>
#include <string_view>

#include "base/periodic_thread.h"
#include "engine/workspace.h"
#include "serving/core/log_counters.h"

namespace headrace {

class LogKeeper {
 public:
  // `note` is told of what went wrong. All must outlive it.
  LogKeeper(Workspace& workspace, OnlineFeatures& online, const OnlineSettings& settings, const Clock& clock,
            LogCounters* counters, std::function<void(const std::string&)> note);

  // Exports the log, writes a checkpoint if there is none behind it, and truncates.
  StatusOr<ExportReport> Export();

 private:
  void LimitMemory();
  void CheckpointIfDue();
  void ExportIfDue();
  void Failed(std::atomic<int64_t>* counter, std::string_view doing, const Status& status);

  Workspace& workspace_;
  OnlineFeatures& online_;
  const OnlineSettings settings_;
  const Clock& clock_;
  LogCounters* const counters_;
  const std::function<void(const std::string&)> note_;
  TimestampUs next_checkpoint_;
  TimestampUs next_try_ = 0;                 // of an export, after one that failed
  std::atomic<TimestampUs> last_export_;     // when one ended, or when this began
  std::atomic<int64_t> exported_bytes_ = 0;  // of the log since the start
  std::optional<PeriodicThread> thread_;     // last: it uses all of the others
};

}  // namespace headrace
