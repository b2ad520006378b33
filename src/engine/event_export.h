// The export of the log of accepted events (engine/event_segments.h), and the log's truncation behind it.
//
//   log      1 . . . . . . . . . 4711 | . . . . . 4800 | . . . .
//            exported, checkpointed:    exported:        not yet
//            truncated                  kept until a checkpoint includes it
#pragma once

#include <memory>

#include "base/json.h"
#include "engine/event_segments.h"
#include "online_store/store.h"

namespace headrace {

struct ExportLimits {  // of one segment, which is held in memory while it is written or read
  size_t bytes = 64'000'000;
  size_t rows = 1'000'000;
};

struct ExportReport {
  uint64_t first = 0, last = 0;  // log entries that were exported; none if last < first
  int64_t segments = 0;
  int64_t rows = 0;
  uint64_t truncated = 0;      // the log's last entry that is gone
  int64_t exported_bytes = 0;  // of all segments that there are
  Json ToJson() const;
};

// Exports every entry that `store` has after the last exported one. A segment ends at a limit, and where a source's
// columns change. An error leaves whole segments, and the log as it was.
StatusOr<ExportReport> ExportLog(OnlineStore& store, EventSegments& segments, const ExportLimits& limits = {});

// Truncates the log as far as both the export and the checkpoint go; `report` says how far.
Status TruncateBehind(OnlineStore& store, EventSegments& segments, ExportReport* report);

// A log whose beginning was exported, as one log: entries come out of the segments, then out of the store. Truncate
// wants both the export and a checkpoint to include what goes; nothing is ever missing for a reader, so
// TruncatedPosition is 0. kDataLoss: the two do not belong together. `segments` must outlive it.
StatusOr<std::unique_ptr<OnlineStore>> JoinWithSegments(std::unique_ptr<OnlineStore> store, EventSegments& segments);

}  // namespace headrace
