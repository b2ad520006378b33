#include "engine/sampled_verify.h"

#include "engine/verify.h"

namespace headrace {

SampledVerify::SampledVerify(Workspace& workspace, const VerifyRate& rate, const Clock& clock, VerifyCounters* counters,
                             std::function<void(const std::string&)> note)
    : workspace_(workspace), rate_(rate), clock_(clock), counters_(counters), note_(std::move(note)) {
  if (rate_.rows > 0) thread_ = std::thread([this] { Run(); });
}

SampledVerify::~SampledVerify() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  stop_changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void SampledVerify::Run() {
  TimestampUs since = clock_.Now();
  std::unique_lock lock(mutex_);
  while (!stop_changed_.wait_for(lock, std::chrono::microseconds(rate_.every_us), [&] { return stopping_; })) {
    lock.unlock();
    const TimestampUs next_since = clock_.Now();
    const Status status = VerifySince(since);
    if (status.ok()) {
      since = next_since;
    } else {
      ++counters_->failures;  // the next round takes these predictions too
      note_(fmt::format("verify: a sample of predictions could not be computed again: {}", Message(status)));
    }
    lock.lock();
  }
}

Status SampledVerify::VerifySince(TimestampUs since) {
  VerifyOptions options;
  options.sample = LedgerSample{since, rate_.rows};
  NullOutput output;
  HR_ASSIGN_OR_RETURN(const VerifyReport report, Verify(workspace_, options, output));
  counters_->rows += report.rows;
  counters_->cells += report.cells;
  counters_->mismatches += report.differences;
  for (const VerifyReport::Difference& difference : report.examples) {
    note_(fmt::format("verify: prediction {} used {} = {}, history says {}", difference.id, difference.feature,
                      difference.ledger, difference.recomputed));
  }
  return absl::OkStatus();
}

}  // namespace headrace
