#include "engine/sampled_verify.h"

#include "engine/verify.h"

namespace headrace {

SampledVerify::SampledVerify(Workspace& workspace, const VerifyRate& rate, const Clock& clock, VerifyCounters* counters,
                             std::function<void(const std::string&)> note)
    : workspace_(workspace),
      rate_(rate),
      clock_(clock),
      counters_(counters),
      note_(std::move(note)),
      since_(clock.Now()) {
  if (rate_.rows > 0) thread_.emplace(std::chrono::microseconds(rate_.every_us), [this] { VerifySample(); });
}

void SampledVerify::VerifySample() {
  const TimestampUs next_since = clock_.Now();
  const Status status = VerifySince(since_);
  if (status.ok()) {
    since_ = next_since;
  } else {
    ++counters_->failures;  // the next round takes these predictions too
    note_(fmt::format("verify: a sample of predictions could not be computed again: {}", Message(status)));
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
