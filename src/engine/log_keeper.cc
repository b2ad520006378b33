#include "engine/log_keeper.h"

#include <sys/resource.h>
#include <unistd.h>

#include <chrono>

namespace headrace {
namespace {

constexpr std::chrono::seconds kLookEvery(1);
constexpr DurationUs kRetryExportAfterUs = 60 * kUsPerSecond;
constexpr int kExportNiceness = 10;

// On a thread of its own, and below all others: an export is some seconds of work that nobody waits for.
StatusOr<ExportReport> ExportInBackground(OnlineStore& store, EventSegments& segments) {
  StatusOr<ExportReport> report;
  std::thread([&] {
    ::setpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()), kExportNiceness);  // Linux: of this thread alone
    report = ExportLog(store, segments);
  }).join();
  return report;
}

}  // namespace

LogKeeper::LogKeeper(Workspace& workspace, OnlineFeatures& online, const OnlineSettings& settings, const Clock& clock,
                     LogCounters* counters, std::function<void(const std::string&)> note)
    : workspace_(workspace),
      online_(online),
      settings_(settings),
      clock_(clock),
      counters_(counters),
      note_(std::move(note)),
      next_checkpoint_(clock.Now() + settings.checkpoint_every_us),
      last_export_(clock.Now()) {
  const StatusOr<EventSegments*> segments = workspace_.Segments();
  if (segments.ok()) counters_->exported_position = static_cast<int64_t>((*segments)->LastPosition());
  thread_.emplace(kLookEvery, [this] {
    LimitMemory();
    CheckpointIfDue();
    ExportIfDue();
  });
}

void LogKeeper::CheckpointIfDue() {
  if (clock_.Now() < next_checkpoint_) return;
  next_checkpoint_ = clock_.Now() + settings_.checkpoint_every_us;
  const OnlineStore& store = online_.store();
  if (store.CheckpointPosition() == store.LastPosition()) return;
  if (const Status status = online_.Checkpoint(); !status.ok())
    Failed(&counters_->checkpoint_failures, "a checkpoint could not be written", status);
}

void LogKeeper::LimitMemory() {
  if (const Status status = online_.LimitMemory(); !status.ok())
    Failed(&counters_->checkpoint_failures, "memory over its limit could not be written to the disk", status);
}

void LogKeeper::ExportIfDue() {
  const StatusOr<EventSegments*> segments = workspace_.Segments();
  const TimestampUs now = clock_.Now();
  if (!segments.ok() || now < next_try_ || (*segments)->LastPosition() == online_.store().LastPosition()) return;
  const bool grown = online_.LogBytes() - exported_bytes_ >= static_cast<int64_t>(settings_.export_settings.size_bytes);
  if (!grown && now - last_export_ < settings_.export_settings.every_us) return;
  const Status status = Export().status();
  if (status.ok()) return;
  next_try_ = clock_.Now() + kRetryExportAfterUs;
  Failed(&counters_->export_failures, "the log could not be exported", status);
}

void LogKeeper::Failed(std::atomic<int64_t>* counter, std::string_view doing, const Status& status) {
  ++*counter;
  note_(fmt::format("{}: {}; it will be tried again", doing, Message(status)));
}

StatusOr<ExportReport> LogKeeper::Export() {
  HR_ASSIGN_OR_RETURN(EventSegments* const segments, workspace_.Segments());
  const int64_t log_bytes = online_.LogBytes();
  HR_ASSIGN_OR_RETURN(ExportReport report, ExportInBackground(online_.store(), *segments));
  if (online_.store().CheckpointPosition() < report.last) HR_RETURN_IF_ERROR(online_.Checkpoint());
  HR_RETURN_IF_ERROR(TruncateBehind(online_.store(), *segments, &report));
  counters_->exported_position = static_cast<int64_t>(report.last);
  last_export_ = clock_.Now();
  exported_bytes_ = log_bytes;
  return report;
}

}  // namespace headrace
