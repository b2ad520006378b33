#include "features/offline/point_in_time_join.h"

#include <algorithm>
#include <bit>

#include "base/parallel.h"
#include "features/offline/event_partitions.h"
#include "features/offline/label_keys.h"
#include "kernel/key_events.h"
#include "kernel/sweep.h"

namespace headrace {
namespace {

constexpr size_t kPartitions = EventPartitions::kPartitions;

LabelKeys KeysOf(const ViewProgram& program, const LabelRows& labels) {
  std::vector<Column> parts;
  for (const Field& part : program.entity) parts.push_back(*labels.entities.Find(part.name));
  return LabelKeys(parts, labels.times);
}

// Cells of some label rows: row i of `features` belongs to label row rows[i].
struct PartitionResult {
  std::vector<uint32_t> rows;
  std::vector<Column> features;
  int64_t leaking_cells = 0;
  int64_t overflows = 0;
};

// Whether two cells hold the same bits; null equals null.
bool SameBits(const Column& a, size_t row_a, const Column& b, size_t row_b) {
  if (a.IsNull(row_a) || b.IsNull(row_b)) return a.IsNull(row_a) == b.IsNull(row_b);
  if (a.type() == TypeId::kDouble)
    return std::bit_cast<uint64_t>(a.doubles()[row_a]) == std::bit_cast<uint64_t>(b.doubles()[row_b]);
  if (HoldsBytes(a.type())) return a.str(row_a) == b.str(row_b);
  return a.ints()[row_a] == b.ints()[row_b];
}

// Where a label row's cells are: in the result of a partition, or those of the empty set.
struct Place {
  uint32_t partition = kPartitions;  // kPartitions: the empty set
  uint32_t row = 0;
};

Column GatherColumn(TypeId type, const std::vector<Place>& places, const std::vector<const Column*>& parts) {
  std::vector<uint8_t> validity;
  if (std::any_of(parts.begin(), parts.end(), [](const Column* part) { return part->has_nulls(); })) {
    validity.reserve(places.size());
    for (const Place& place : places) validity.push_back(parts[place.partition]->IsNull(place.row) ? 0 : 1);
  }
  if (HoldsBytes(type)) {
    Column gathered(type);
    gathered.Reserve(places.size());
    for (const Place& place : places) gathered.AppendFrom(*parts[place.partition], place.row);
    return gathered;
  }
  if (type == TypeId::kDouble) {
    std::vector<double> values(places.size());
    for (size_t i = 0; i < places.size(); ++i) values[i] = parts[places[i].partition]->doubles()[places[i].row];
    return Column::Doubles(std::move(values), std::move(validity));
  }
  std::vector<int64_t> values(places.size());
  for (size_t i = 0; i < places.size(); ++i) values[i] = parts[places[i].partition]->ints()[places[i].row];
  return Column::Integers(type, std::move(values), std::move(validity));
}

class ViewJoin {
 public:
  ViewJoin(const ViewProgram& program, const LabelRows& labels, const JoinOptions& options)
      : program_(program),
        labels_(labels),
        options_(options),
        keys_(KeysOf(program, labels)),
        partitions_(program, keys_) {}

  StatusOr<std::vector<Column>> Run(const EventScan& scan, JoinReport* report) {
    HR_RETURN_IF_ERROR(scan(program_, [&](const RecordBatch& input, const Arrivals& arrivals) -> Status {
      HR_ASSIGN_OR_RETURN(const EventRows events, PrepareEvents(program_, input, arrivals));
      report->events_read += static_cast<int64_t>(input.num_rows);
      partitions_.Add(events);
      return absl::OkStatus();
    }));
    partitions_.Finish();
    std::vector<PartitionResult> results(kPartitions);
    HR_RETURN_IF_ERROR(
        ParallelFor(kPartitions, options_.threads, [&](size_t i) { return SweepPartition(i, &results[i]); }));
    for (const PartitionResult& result : results) {
      report->leaking_cells += result.leaking_cells;
      report->overflow_cells += result.overflows;
    }
    report->cells += static_cast<int64_t>(labels_.num_rows * program_.features.size());
    return Gather(results);
  }

 private:
  Status SweepPartition(size_t partition, PartitionResult* result) {
    const SortedEvents sorted = partitions_.TakeSorted(partition);
    FeatureCells cells(program_);
    KeySweep sweep(program_);
    std::vector<LateKey> late;
    for (size_t i = 0; i + 1 < sorted.first_of_key.size(); ++i) {
      const size_t begin = sorted.first_of_key[i];
      const size_t end = sorted.first_of_key[i + 1];
      const std::span<const uint32_t> rows = keys_.RowsOf(i * kPartitions + partition);
      if (options_.leak_meter && AnyLate(sorted.events, begin, end))
        late.push_back({begin, end, rows, result->rows.size()});
      sweep.Run(sorted.events, begin, end, TimesOf(rows), /*ignore_availability=*/false, &cells);
      result->rows.insert(result->rows.end(), rows.begin(), rows.end());
    }
    result->overflows = cells.overflows;
    HR_ASSIGN_OR_RETURN(result->features, FinishFeatures(program_, std::move(cells)));
    return late.empty() ? absl::OkStatus() : MeasureLeaks(sorted.events, late, result);
  }

  static bool AnyLate(const EventRows& events, size_t begin, size_t end) {
    for (size_t row = begin; row < end; ++row) {
      if (events.available_at[row] > events.event_time[row]) return true;
    }
    return false;
  }

  std::vector<TimestampUs> TimesOf(std::span<const uint32_t> rows) const {
    std::vector<TimestampUs> times;
    times.reserve(rows.size());
    for (const uint32_t row : rows) times.push_back(labels_.times.ints()[row]);
    return times;
  }

  struct LateKey {
    size_t begin, end;
    std::span<const uint32_t> rows;
    size_t first_row;  // its first row in the partition's result
  };

  // Only keys with an event that was late can differ.
  Status MeasureLeaks(const EventRows& events, const std::vector<LateKey>& late, PartitionResult* result) {
    KeySweep sweep(program_);
    FeatureCells cells(program_);
    std::vector<size_t> rows;  // of the result, that the cells are to be compared with
    for (const LateKey& key : late) {
      sweep.Run(events, key.begin, key.end, TimesOf(key.rows), /*ignore_availability=*/true, &cells);
      for (size_t i = 0; i < key.rows.size(); ++i) rows.push_back(key.first_row + i);
    }
    HR_ASSIGN_OR_RETURN(const std::vector<Column> ignorant, FinishFeatures(program_, std::move(cells)));
    for (size_t feature = 0; feature < ignorant.size(); ++feature) {
      for (size_t i = 0; i < rows.size(); ++i) {
        result->leaking_cells += SameBits(result->features[feature], rows[i], ignorant[feature], i) ? 0 : 1;
      }
    }
    return absl::OkStatus();
  }

  // From the partitions' rows to the label rows' order.
  StatusOr<std::vector<Column>> Gather(const std::vector<PartitionResult>& results) {
    std::vector<Place> places(labels_.num_rows);
    for (uint32_t p = 0; p < kPartitions; ++p) {
      for (uint32_t i = 0; i < results[p].rows.size(); ++i) places[results[p].rows[i]] = {p, i};
    }
    FeatureCells empty_cells(program_);
    AppendEmptyCells(program_, &empty_cells);
    HR_ASSIGN_OR_RETURN(const std::vector<Column> empty, FinishFeatures(program_, std::move(empty_cells)));
    std::vector<Column> gathered;
    for (size_t f = 0; f < program_.features.size(); ++f) {
      std::vector<const Column*> parts;
      for (const PartitionResult& result : results) parts.push_back(&result.features[f]);
      parts.push_back(&empty[f]);
      gathered.push_back(GatherColumn(program_.features[f].type, places, parts));
    }
    return gathered;
  }

  const ViewProgram& program_;
  const LabelRows& labels_;
  const JoinOptions& options_;
  const LabelKeys keys_;
  EventPartitions partitions_;
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
