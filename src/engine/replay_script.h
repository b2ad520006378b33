// What a replay sends, in order.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/time.h"
#include "engine/workspace.h"

namespace headrace {

struct ReplayStep {
  enum class Kind : uint8_t { kEvents, kQuestion, kLabel };  // at one instant in this order
  TimestampUs at = 0;
  Kind kind = Kind::kEvents;
  std::string stream;   // kEvents
  std::string body;     // kEvents: a JSON object; kQuestion: the row, a JSON object
  bool late = false;    // kEvents: known after it happened
  size_t question = 0;  // kQuestion, kLabel: which one
  double label = 0;     // kLabel
};

// Steps after `from`, until `to` where given, in the order of (instant, kind, history's or the table's order).
StatusOr<std::vector<ReplayStep>> MakeReplayScript(Workspace& workspace, const ModelRecipe& recipe,
                                                   const FeaturePlan& plan, TimestampUs from,
                                                   std::optional<TimestampUs> to);

}  // namespace headrace
