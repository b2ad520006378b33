// The point-in-time join: for each label row, the features as they were at its instant.
//
//   scan events --partition by key--> sort each partition by (key, the order) --sweep each key--> cells by label row
//
// Views of one history are scanned together, views of the same events share them, and views of one entity share the
// label side. Only events of keys that a
// label row has are kept. Scan, partitions and sweep are worked on by all cores; the result depends neither on their
// number, nor on the order of the scan, nor on the memory: past its budget a join puts events and features into a file.
// Every label row is kept, in order, whatever was found for it; a row with a null instant or a null key part sees the
// empty set.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/output.h"
#include "features/offline/event_source.h"
#include "features/offline/feature_rows.h"
#include "features/offline/label_keys.h"
#include "features/offline/spill.h"
#include "kernel/event_group.h"
#include "kernel/feature_plan.h"

namespace headrace {

struct LabelRows {
  Column times{TypeId::kTimestamp};
  RecordBatch entities;  // columns of plan.entities, of those names and types
  RecordBatch request;   // columns of plan.request_fields
  size_t num_rows = 0;
};

struct JoinReport {
  int64_t events_read = 0;          // of each view, all together
  int64_t overflow_cells = 0;       // sums that left 64 bits, given as null (rule 17)
  int64_t cells = 0;                // of event views
  int64_t leaking_cells = 0;        // the leak meter: cells that would differ had availability been ignored
  std::vector<int64_t> null_cells;  // per output of the plan, of the batches given so far
  int64_t spilled_bytes = 0;
};

struct JoinOptions {
  int threads = 2;
  bool leak_meter = true;
  // What the join's events, features and indices of the labels may take, about; 0: as much as they need. One key's
  // events must fit into it, and what a thread needs to sweep them.
  size_t memory_bytes = 0;
  std::string spill_folder;  // where the rest goes; needed with memory_bytes
  size_t batch_rows = 0;     // of JoinedFeatures::Next; 0: all rows in one batch
};

// The outcome of a join: the features of all label rows, batch by batch.
class JoinedFeatures {
 public:
  // Joins. All but options and output must outlive what is returned.
  static StatusOr<std::unique_ptr<JoinedFeatures>> Join(const FeaturePlan& plan, const LabelRows& labels,
                                                        EventSource& source, const JoinOptions& options,
                                                        Output& output);

  size_t num_batches() const { return num_batches_; }
  // The rows of a batch: [FirstRow(batch), FirstRow(batch + 1)).
  size_t FirstRow(size_t batch) const { return std::min(batch * batch_rows_, labels_.num_rows); }

  // One column per plan output; the first call gives batch 0, each later one the batch after, num_batches() in all.
  StatusOr<std::vector<Column>> Next();

  const JoinReport& report() const { return report_; }

 private:
  // What views of one entity share.
  struct LabelSide {
    LabelKeys keys;
    RowPartition rows;
  };
  JoinedFeatures(const FeaturePlan& plan, const LabelRows& labels, const JoinOptions& options);
  const LabelSide& LabelSideOf(const ViewProgram& program);
  void SplitMemory();
  // Views of one history, of which `rows` rows are expected.
  Status JoinViews(std::span<const ViewProgram* const> views, EventSource& source, Output& output);
  // `read_for`: all views of the history, whose columns the groups' events are read from.
  Status JoinGroups(std::span<const EventGroup> groups, std::span<const ViewProgram* const> read_for, int64_t rows,
                    EventSource& source, Output& output);
  std::vector<std::vector<const ViewProgram*>> ViewsByHistory(const EventSource& source) const;

  const FeaturePlan& plan_;
  const LabelRows& labels_;
  const JoinOptions options_;
  const size_t batch_rows_;
  size_t num_batches_ = 1;
  size_t next_batch_ = 0;
  std::map<std::vector<std::string>, std::unique_ptr<LabelSide>> label_sides_;  // by the names of the entity's columns
  std::unique_ptr<MemoryBudget> event_budget_;
  std::unique_ptr<MemoryBudget> feature_budget_;
  SpillFile spill_;
  std::map<const ViewProgram*, std::unique_ptr<FeatureRows>> features_;
  JoinReport report_;
};

// All rows at once: one column per plan output, of labels.num_rows rows.
StatusOr<std::vector<Column>> PointInTimeJoin(const FeaturePlan& plan, const LabelRows& labels, EventSource& source,
                                              const JoinOptions& options, JoinReport* report, Output& output);

}  // namespace headrace
