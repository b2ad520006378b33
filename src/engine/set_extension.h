// A training set that was written before, extended: cells that cannot have changed are taken over.
//
//   label rows of then:   [ before whatever came since for their keys: taken over | the others: computed again ]
//   label rows since:     [ computed ]
//
// An event is seen at `t` only if its event_time is `t` at the latest, known or not; one that was retracted since was
// there, or was not, at every `t` before that just as it is now. So of the label rows of a key those before
//     min(event_time of its new events, retracted_at of the events of its that were retracted since)
// keep all their cells, and their part of the leak meter, which ignores availability.
//
// The rest of the set is as a full build gives it, bit by bit, the report's figures included.
#pragma once

#include <optional>
#include <string>

#include "engine/set_manifest.h"

namespace headrace {

struct ExtendedSet {
  std::vector<Column> features;  // one column per output of the plan, of all label rows
  JoinReport report;
  size_t reused_rows = 0;
};

// What the new set is to be.
struct WantedSet {
  const FeaturePlan& plan;
  const LabelRows& labels;
  const SetSources& sources;
  const JoinOptions& join;
};

// Extends the set in the file `path` and the manifest beside it. Nothing if neither is there. kFailedPrecondition: it
// cannot be extended, for the reason that the message gives: it was made otherwise, it is damaged, or what it was made
// from did not only grow.
StatusOr<std::optional<ExtendedSet>> ExtendEarlierSet(Workspace& workspace,
                                                      const std::shared_ptr<const ProjectState>& state,
                                                      const WantedSet& wanted, const std::string& path, Output& output);

}  // namespace headrace
