// The point-in-time join: for each label row, the features as they were at its instant.
//
//   scan events --partition by key--> sort each partition by (key, the order) --sweep each key--> cells by label row
//
// Only events of keys that a label row has are kept. Scan, partitions and sweep are worked on by all cores; the result
// does not depend on their number, nor on the order of the scan. A partition is freed once it is swept. Every label row
// is kept, in order, whatever was found for it; a row with a null instant or a null key part sees the empty set.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/output.h"
#include "kernel/events.h"
#include "kernel/feature_plan.h"

namespace headrace {

// Takes a batch whose columns are those of the program's `input`. Its rows ascend in ingestion order.
using EventSink = std::function<Status(const RecordBatch& input, const Arrivals& arrivals)>;

// Gives all rows of a view's input to sinks, by any number of threads: each asks `make_sink` for one of its own, never
// two at once. No batch may have rows between those of another in ingestion order.
using EventScan = std::function<Status(const ViewProgram& program, const std::function<EventSink()>& make_sink)>;

// For EventScan: sinks that hand everything to `sink`, one batch at a time. It must outlive them.
std::function<EventSink()> OneAtATime(const EventSink& sink);

struct LabelRows {
  Column times{TypeId::kTimestamp};
  RecordBatch entities;  // columns of plan.entities, of those names and types
  RecordBatch request;   // columns of plan.request_fields
  size_t num_rows = 0;
};

struct JoinReport {
  int64_t events_read = 0;
  int64_t overflow_cells = 0;       // sums that left 64 bits, given as null (rule 17)
  int64_t cells = 0;                // of event views
  int64_t leaking_cells = 0;        // the leak meter: cells that would differ had availability been ignored
  std::vector<int64_t> null_cells;  // per output of the plan
};

struct JoinOptions {
  int threads = 2;
  bool leak_meter = true;
};

// One column per plan output, of labels.num_rows rows.
StatusOr<std::vector<Column>> PointInTimeJoin(const FeaturePlan& plan, const LabelRows& labels, const EventScan& scan,
                                              const JoinOptions& options, JoinReport* report, Output& output);

}  // namespace headrace
