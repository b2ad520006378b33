// Replay: history sent through a real server, in the order of time.
//
// A server of its own starts with what was known at `from` and a clock that stands there. Then come, merged by time:
//
//   events      rows of the streams' histories, at their recorded availability
//   questions   rows of the label table, at their instant; after the events of the same instant
//   labels      of questions that were asked, once they are known
//
// Each request carries its time; the server's clock only goes forward. Live state is untouched; ledger rows carry the
// replay's id.
#pragma once

#include <optional>
#include <string>

#include "base/json.h"
#include "base/output.h"
#include "engine/workspace.h"

namespace headrace {

struct ReplayReport {
  std::string id;
  TimestampUs from = 0, to = 0;
  int64_t events = 0, late_events = 0, predictions = 0, labels = 0;
  int64_t duplicates = 0;
  double seconds = 0;
  int64_t p50_us = 0, p99_us = 0;  // of a predict request, over HTTP, as its client sees it
  std::optional<double> auc;       // of binary predictions whose labels became known; with its 95 % interval
  double auc_low = 0, auc_high = 0;

  Json ToJson() const;
};

// `model` as in Registry::Resolve; its recipe names the label table. `to`: nullopt for the end of history.
StatusOr<ReplayReport> Replay(Workspace& workspace, const std::string& model, TimestampUs from,
                              std::optional<TimestampUs> to, Output& output);

}  // namespace headrace
