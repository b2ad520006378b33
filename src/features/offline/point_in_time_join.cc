#include "features/offline/point_in_time_join.h"

#include <algorithm>
#include <numeric>

#include "absl/container/flat_hash_map.h"
#include "base/parallel.h"
#include "kernel/key_events.h"
#include "kernel/sweep.h"

namespace headrace {
namespace {

constexpr uint32_t kNoKey = 0xFFFFFFFF;
constexpr size_t kPartitions = 64;

// The distinct keys of the label rows for one view, numbered; and the label rows of each, by time.
struct LabelKeys {
  absl::flat_hash_map<std::string, uint32_t> number_of;
  std::vector<uint32_t> key_of_row;                // kNoKey: null key part or null instant
  std::vector<std::vector<uint32_t>> rows_of_key;  // ascending by instant
};

LabelKeys NumberKeys(const ViewProgram& program, const LabelRows& labels) {
  std::vector<Column> parts;
  for (const Field& part : program.entity) parts.push_back(*labels.entities.Find(part.name));
  LabelKeys keys;
  std::string encoded;
  for (uint32_t row = 0; row < labels.num_rows; ++row) {
    encoded.clear();
    if (labels.times.IsNull(row) || !EncodeKey(parts, row, &encoded)) {
      keys.key_of_row.push_back(kNoKey);
      continue;
    }
    const auto [it, inserted] = keys.number_of.try_emplace(encoded, static_cast<uint32_t>(keys.number_of.size()));
    if (inserted) keys.rows_of_key.emplace_back();
    keys.key_of_row.push_back(it->second);
    keys.rows_of_key[it->second].push_back(row);
  }
  const std::span<const int64_t> times = labels.times.ints();
  for (std::vector<uint32_t>& rows : keys.rows_of_key) {
    std::stable_sort(rows.begin(), rows.end(), [&](uint32_t a, uint32_t b) { return times[a] < times[b]; });
  }
  return keys;
}

// Events of wanted keys, with the number of their key.
struct Partition {
  EventRows events;
  std::vector<uint32_t> key;
};

// Appends to partitions[key % kPartitions] the events whose key some label row has.
void Distribute(const EventRows& events, const LabelKeys& keys, std::vector<Partition>* partitions) {
  std::string encoded;
  for (size_t row = 0; row < events.size(); ++row) {
    encoded.clear();
    if (!EncodeKey(events.keys, row, &encoded)) continue;
    const auto it = keys.number_of.find(encoded);
    if (it == keys.number_of.end()) continue;
    Partition& partition = (*partitions)[it->second % kPartitions];
    partition.events.AppendFrom(events, row);
    partition.key.push_back(it->second);
  }
}

void SortPartition(Partition* partition) {
  std::vector<uint32_t> rows(partition->key.size());
  std::iota(rows.begin(), rows.end(), 0);
  const auto before = [&](uint32_t a, uint32_t b) {
    if (partition->key[a] != partition->key[b]) return partition->key[a] < partition->key[b];
    return ComesBefore(partition->events, a, partition->events, b);
  };
  if (std::is_sorted(rows.begin(), rows.end(), before)) return;
  std::sort(rows.begin(), rows.end(), before);
  partition->events = partition->events.Take(rows);
  std::vector<uint32_t> sorted_keys;
  for (const uint32_t row : rows) sorted_keys.push_back(partition->key[row]);
  partition->key = std::move(sorted_keys);
}

// Cells of some label rows: row i of `features` belongs to label row rows[i].
struct PartitionResult {
  std::vector<uint32_t> rows;
  std::vector<Column> features;
  int64_t leaking_cells = 0;
  int64_t overflows = 0;
};

int64_t CountDifferences(const std::vector<Column>& a, const std::vector<Column>& b, size_t first_row) {
  int64_t differences = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    for (size_t row = 0; row < b[i].size(); ++row) {
      if (!a[i].GetValue(first_row + row).IdenticalTo(b[i].GetValue(row))) ++differences;
    }
  }
  return differences;
}

class ViewJoin {
 public:
  ViewJoin(const ViewProgram& program, const LabelRows& labels, const JoinOptions& options)
      : program_(program), labels_(labels), options_(options), keys_(NumberKeys(program, labels)), partitions_(kPartitions) {
    for (Partition& partition : partitions_) partition.events = EventRows(program);
  }

  StatusOr<std::vector<Column>> Run(const EventScan& scan, JoinReport* report) {
    HR_RETURN_IF_ERROR(scan(program_, [&](const RecordBatch& input, const Arrivals& arrivals) -> Status {
      HR_ASSIGN_OR_RETURN(const EventRows events, PrepareEvents(program_, input, arrivals));
      report->events_read += static_cast<int64_t>(input.num_rows);
      Distribute(events, keys_, &partitions_);
      return absl::OkStatus();
    }));
    std::vector<PartitionResult> results(kPartitions);
    HR_RETURN_IF_ERROR(ParallelFor(kPartitions, options_.threads, [&](size_t i) { return SweepPartition(i, &results[i]); }));
    for (const PartitionResult& result : results) {
      report->leaking_cells += result.leaking_cells;
      report->overflow_cells += result.overflows;
    }
    report->cells += static_cast<int64_t>(labels_.num_rows * program_.features.size());
    return Gather(results);
  }

 private:
  Status SweepPartition(size_t index, PartitionResult* result) {
    Partition& partition = partitions_[index];
    SortPartition(&partition);
    FeatureCells cells(program_);
    KeySweep sweep(program_);
    std::vector<TimestampUs> times;
    std::vector<LateKey> late;
    size_t begin = 0;
    for (size_t key = index; key < keys_.rows_of_key.size(); key += kPartitions) {
      size_t end = begin;
      bool any_late = false;
      for (; end < partition.key.size() && partition.key[end] == key; ++end) {
        any_late |= partition.events.available_at[end] > partition.events.event_time[end];
      }
      times.clear();
      for (const uint32_t row : keys_.rows_of_key[key]) times.push_back(labels_.times.ints()[row]);
      if (any_late) late.push_back({key, begin, end, result->rows.size()});
      sweep.Run(partition.events, begin, end, times, /*ignore_availability=*/false, &cells);
      result->rows.insert(result->rows.end(), keys_.rows_of_key[key].begin(), keys_.rows_of_key[key].end());
      begin = end;
    }
    result->overflows = cells.overflows;
    HR_ASSIGN_OR_RETURN(result->features, FinishFeatures(program_, std::move(cells)));
    if (options_.leak_meter) HR_RETURN_IF_ERROR(MeasureLeaks(partition, late, result));
    partition = {};
    return absl::OkStatus();
  }

  struct LateKey {
    size_t key, begin, end;
    size_t first_row;  // its first row in the partition's result
  };

  // Only keys with an event that was late can differ.
  Status MeasureLeaks(const Partition& partition, const std::vector<LateKey>& late, PartitionResult* result) {
    KeySweep sweep(program_);
    std::vector<TimestampUs> times;
    for (const LateKey& key : late) {
      times.clear();
      for (const uint32_t row : keys_.rows_of_key[key.key]) times.push_back(labels_.times.ints()[row]);
      FeatureCells cells(program_);
      sweep.Run(partition.events, key.begin, key.end, times, /*ignore_availability=*/true, &cells);
      HR_ASSIGN_OR_RETURN(const std::vector<Column> ignorant, FinishFeatures(program_, std::move(cells)));
      result->leaking_cells += CountDifferences(result->features, ignorant, key.first_row);
    }
    return absl::OkStatus();
  }

  // From the partitions' rows to the label rows' order.
  StatusOr<std::vector<Column>> Gather(const std::vector<PartitionResult>& results) {
    struct Place {
      uint32_t partition = kPartitions;  // kPartitions: the empty set
      uint32_t row = 0;
    };
    std::vector<Place> places(labels_.num_rows);
    for (uint32_t p = 0; p < kPartitions; ++p) {
      for (uint32_t i = 0; i < results[p].rows.size(); ++i) places[results[p].rows[i]] = {p, i};
    }
    FeatureCells empty_cells(program_);
    AppendEmptyCells(program_, &empty_cells);
    HR_ASSIGN_OR_RETURN(const std::vector<Column> empty, FinishFeatures(program_, std::move(empty_cells)));
    std::vector<Column> gathered;
    for (size_t f = 0; f < program_.features.size(); ++f) {
      Column column(program_.features[f].type);
      column.Reserve(labels_.num_rows);
      for (const Place& place : places) {
        if (place.partition == kPartitions) {
          column.AppendFrom(empty[f], 0);
        } else {
          column.AppendFrom(results[place.partition].features[f], place.row);
        }
      }
      gathered.push_back(std::move(column));
    }
    return gathered;
  }

  const ViewProgram& program_;
  const LabelRows& labels_;
  const JoinOptions& options_;
  const LabelKeys keys_;
  std::vector<Partition> partitions_;
};

}  // namespace

StatusOr<std::vector<Column>> PointInTimeJoin(const FeaturePlan& plan, const LabelRows& labels, const EventScan& scan,
                                              const JoinOptions& options, JoinReport* report, Output& output) {
  std::vector<std::vector<Column>> event_features;
  const auto total = static_cast<int64_t>(plan.event_views.size());
  for (const ViewProgram* program : plan.event_views) {
    output.Progress("joining features", static_cast<int64_t>(event_features.size()), total);
    StatusOr<std::vector<Column>> features = ViewJoin(*program, labels, options).Run(scan, report);
    if (!features.ok()) return Annotate(features.status(), fmt::format("feature view {}", program->name));
    event_features.push_back(*std::move(features));
  }
  output.Progress("joining features", total, total);
  HR_ASSIGN_OR_RETURN(std::vector<Column> outputs,
                      AssembleFeatures(plan, event_features, labels.request, labels.times, labels.num_rows));
  report->null_cells.clear();
  for (const Column& column : outputs) {
    const std::span<const uint8_t> validity = column.validity();
    report->null_cells.push_back(std::count(validity.begin(), validity.end(), 0));
  }
  return outputs;
}

}  // namespace headrace
