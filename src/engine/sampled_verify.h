// Verification that never stops: every so often a sample of the latest live predictions is computed again from raw
// history, beside the running server, and compared bit for bit (engine/verify.h).
//
// A round reads the history of the views that the sampled predictions used, so its cost is that of a scan, whatever the
// rate of predictions.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "base/periodic_thread.h"
#include "catalog/project.h"
#include "engine/workspace.h"
#include "serving/core/verify_counters.h"

namespace headrace {

class SampledVerify {
 public:
  // Begins with predictions made from now on. `note` is told of what went wrong. All must outlive it.
  SampledVerify(Workspace& workspace, const VerifyRate& rate, const Clock& clock, VerifyCounters* counters,
                std::function<void(const std::string&)> note);

 private:
  void VerifySample();
  Status VerifySince(TimestampUs since);

  Workspace& workspace_;
  const VerifyRate rate_;
  const Clock& clock_;
  VerifyCounters* const counters_;
  const std::function<void(const std::string&)> note_;
  TimestampUs since_;                     // predictions made from then on have not been in a round that succeeded
  std::optional<PeriodicThread> thread_;  // last: it uses all of the others
};

}  // namespace headrace
