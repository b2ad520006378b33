#include "features/offline/point_in_time_join.h"

#include <algorithm>
#include <atomic>
#include <bit>
#include <mutex>

#include "base/parallel.h"
#include "features/offline/event_partitions.h"
#include "features/offline/feature_rows.h"
#include "features/offline/label_keys.h"
#include "kernel/key_events.h"
#include "kernel/sweep.h"

namespace headrace {
namespace {

constexpr size_t kPartitions = EventPartitions::kPartitions;

LabelKeys KeysOf(const ViewProgram& program, const LabelRows& labels) {
  std::vector<const Column*> parts;
  for (const Field& part : program.entity) parts.push_back(labels.entities.Find(part.name));
  return LabelKeys(parts, labels.times);
}

// Whether two cells hold the same bits; null equals null.
bool SameBits(const Column& a, size_t row_a, const Column& b, size_t row_b) {
  if (a.IsNull(row_a) || b.IsNull(row_b)) return a.IsNull(row_a) == b.IsNull(row_b);
  if (a.type() == TypeId::kDouble)
    return std::bit_cast<uint64_t>(a.doubles()[row_a]) == std::bit_cast<uint64_t>(b.doubles()[row_b]);
  if (HoldsBytes(a.type())) return a.str(row_a) == b.str(row_b);
  return a.ints()[row_a] == b.ints()[row_b];
}

bool AnyLate(const EventRows& events, size_t begin, size_t end) {
  if (events.available_at.empty()) return false;
  for (size_t row = begin; row < end; ++row) {
    if (events.available_at[row] > events.event_time[row]) return true;
  }
  return false;
}

// The join of one view.
class ViewJoin {
 public:
  ViewJoin(const ViewProgram& program, const LabelRows& labels, const JoinOptions& options)
      : program_(program),
        options_(options),
        num_rows_(labels.num_rows),
        keys_(KeysOf(program, labels)),
        partitions_(program, keys_) {}

  StatusOr<std::vector<Column>> Run(const EventScan& scan, JoinReport* report) {
    HR_RETURN_IF_ERROR(scan(program_, [this] { return MakeSink(); }));
    FeatureRows rows(program_.features, PartitionOfRow(), kPartitions + 1);
    HR_RETURN_IF_ERROR(
        ParallelFor(kPartitions, options_.threads, [&](size_t partition) { return SweepPartition(partition, &rows); }));
    FeatureCells nothing(program_);
    AppendEmptyCells(program_, &nothing);
    HR_ASSIGN_OR_RETURN(std::vector<Column> empty, FinishFeatures(program_, std::move(nothing)));
    rows.WriteSame(kNoPartition, std::move(empty));
    report->events_read += events_read_;
    report->leaking_cells += leaking_cells_;
    report->overflow_cells += overflows_;
    report->cells += static_cast<int64_t>(num_rows_ * program_.features.size());
    return std::move(rows).Finish(options_.threads);
  }

 private:
  static constexpr size_t kNoPartition = kPartitions;  // of rows without key

  std::vector<uint8_t> PartitionOfRow() const {
    std::vector<uint8_t> partition_of_row;
    partition_of_row.reserve(num_rows_);
    for (const uint32_t number : keys_.number_of_row())
      partition_of_row.push_back(
          static_cast<uint8_t>(number == LabelKeys::kNoKey ? kNoPartition : number % kPartitions));
    return partition_of_row;
  }

  EventSink MakeSink() {
    return [this, lane = partitions_.AddLane()](const RecordBatch& input, const Arrivals& arrivals) -> Status {
      if (input.num_rows == 0) return absl::OkStatus();
      events_read_ += static_cast<int64_t>(input.num_rows);
      HR_ASSIGN_OR_RETURN(const EventBatch events, EventBatch::Prepare(program_, input, arrivals));
      return lane->Add(events, arrivals.ingest.front(), arrivals.ingest.back());
    };
  }

  // A key with an event that was late, and where its rows are in its partition's.
  struct LateKey {
    size_t begin, end;
    size_t key;
    size_t first_row;
  };

  Status SweepPartition(size_t partition, FeatureRows* all) {
    HR_ASSIGN_OR_RETURN(const SortedEvents sorted, partitions_.TakeSorted(partition));
    FeatureCells cells(program_);
    KeySweep sweep(program_);
    std::vector<LateKey> late;
    std::vector<uint32_t> rows;
    for (size_t i = 0; i + 1 < sorted.first_of_key.size(); ++i) {
      const size_t begin = sorted.first_of_key[i];
      const size_t end = sorted.first_of_key[i + 1];
      const size_t key = i * kPartitions + partition;
      if (options_.leak_meter && AnyLate(sorted.events, begin, end)) late.push_back({begin, end, key, rows.size()});
      sweep.Run(sorted.events, begin, end, keys_.TimesOf(key), /*ignore_availability=*/false, &cells);
      const std::span<const uint32_t> rows_of_key = keys_.RowsOf(key);
      rows.insert(rows.end(), rows_of_key.begin(), rows_of_key.end());
    }
    overflows_ += cells.overflows;
    HR_ASSIGN_OR_RETURN(std::vector<Column> features, FinishFeatures(program_, std::move(cells)));
    if (!late.empty()) HR_RETURN_IF_ERROR(MeasureLeaks(sorted.events, late, features));
    all->Write(partition, rows, std::move(features));
    return absl::OkStatus();
  }

  // Only keys with an event that was late can differ.
  Status MeasureLeaks(const EventRows& events, const std::vector<LateKey>& late, const std::vector<Column>& features) {
    KeySweep sweep(program_);
    FeatureCells cells(program_);
    std::vector<size_t> rows;  // of the partition, that the cells are to be compared with
    for (const LateKey& key : late) {
      const std::span<const TimestampUs> times = keys_.TimesOf(key.key);
      sweep.Run(events, key.begin, key.end, times, /*ignore_availability=*/true, &cells);
      for (size_t i = 0; i < times.size(); ++i) rows.push_back(key.first_row + i);
    }
    HR_ASSIGN_OR_RETURN(const std::vector<Column> ignorant, FinishFeatures(program_, std::move(cells)));
    int64_t leaking = 0;
    for (size_t feature = 0; feature < ignorant.size(); ++feature) {
      for (size_t i = 0; i < rows.size(); ++i)
        leaking += SameBits(features[feature], rows[i], ignorant[feature], i) ? 0 : 1;
    }
    leaking_cells_ += leaking;
    return absl::OkStatus();
  }

  const ViewProgram& program_;
  const JoinOptions& options_;
  const size_t num_rows_;
  const LabelKeys keys_;
  EventPartitions partitions_;
  std::atomic<int64_t> events_read_ = 0;
  std::atomic<int64_t> leaking_cells_ = 0;
  std::atomic<int64_t> overflows_ = 0;
};

}  // namespace

std::function<EventSink()> OneAtATime(const EventSink& sink) {
  return [&sink, mutex = std::make_shared<std::mutex>()]() -> EventSink {
    return [&sink, mutex](const RecordBatch& input, const Arrivals& arrivals) {
      const std::lock_guard lock(*mutex);
      return sink(input, arrivals);
    };
  };
}

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
                      AssembleFeatures(plan, std::move(event_features), labels.request, labels.times, labels.num_rows));
  report->null_cells.clear();
  for (const Column& column : outputs) {
    const std::span<const uint8_t> validity = column.validity();
    report->null_cells.push_back(std::count(validity.begin(), validity.end(), 0));
  }
  return outputs;
}

}  // namespace headrace
