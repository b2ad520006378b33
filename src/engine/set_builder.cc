#include "engine/set_builder.h"

#include <algorithm>
#include <thread>
#include <utility>

#include "base/memory.h"
#include "engine/history_scan.h"

namespace headrace {
namespace {

size_t BytesOf(const RecordBatch& rows) {
  return rows.num_rows * rows.columns.size() * sizeof(int64_t);
}

// Of a set's memory, what its label rows leave: they are there as they were read, and as the join wants them.
JoinOptions OptionsOfJoin(const Workspace& workspace, size_t memory_bytes, const RecordBatch& rows,
                          const LabelRows& labels, size_t batch_rows) {
  constexpr size_t kScan = size_t{512} << 20;  // DuckDB's, Parquet's, and the program's own
  const size_t held =
      kScan + BytesOf(rows) + BytesOf(labels.entities) + BytesOf(labels.request) + rows.num_rows * sizeof(int64_t);
  JoinOptions options;
  options.threads = static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
  options.memory_bytes = memory_bytes > held ? memory_bytes - held : 1;
  options.spill_folder = workspace.TempFolder();
  options.batch_rows = batch_rows;
  return options;
}

}  // namespace

StatusOr<std::unique_ptr<SetBuilder>> SetBuilder::Begin(Workspace& workspace, const TrainingSetSpec& spec,
                                                        const TrainingSetOptions& options, size_t batch_rows,
                                                        Output& output) {
  std::unique_ptr<SetBuilder> builder(new SetBuilder(spec, batch_rows));
  HR_ASSIGN_OR_RETURN(builder->state_, workspace.State());
  HR_ASSIGN_OR_RETURN(builder->plan_, PlanFeatures(*builder->state_->definitions.catalog, spec.features));
  HR_RETURN_IF_ERROR(builder->ReadLabels(workspace, *builder->state_));
  HR_RETURN_IF_ERROR(builder->MakeFeatures(workspace, options, output));
  builder->hash_.emplace(builder->schema_);
  return builder;
}

Status SetBuilder::ReadLabels(Workspace& workspace, const ProjectState& state) {
  HR_ASSIGN_OR_RETURN(rows_, ReadRows(workspace, spec_.labels));
  HR_ASSIGN_OR_RETURN(labels_, ToLabelRows(plan_, rows_, spec_.time, spec_.entities));
  num_rows_ = rows_.num_rows;
  schema_ = rows_.schema;
  for (const Field& feature : plan_.outputs) {
    if (FindField(rows_.schema, feature.name))
      return InvalidArgument("the label rows already have a column '{}'; rename it", feature.name);
    schema_.push_back(feature);
  }
  uint64_t log_until = 0;
  if (spec_.log_until) {
    log_until = *spec_.log_until;
  } else {
    HR_ASSIGN_OR_RETURN(log_until, workspace.EventLogPosition());
  }
  HR_ASSIGN_OR_RETURN(sources_, SourcesOf(workspace, state, spec_, plan_, log_until));
  return absl::OkStatus();
}

// From the set that is there, as far as that can be; else a note says why not.
Status SetBuilder::ExtendEarlier(Workspace& workspace, const WantedSet& wanted, const TrainingSetOptions& options,
                                 Output& output) {
  const size_t bytes = num_rows_ * schema_.size() * sizeof(int64_t);
  StatusOr<std::optional<ExtendedSet>> extended = std::nullopt;
  if (bytes > options.MemoryBytes() / 2) {  // it is extended in memory
    extended =
        FailedPrecondition("it takes {} MB, more than half of the memory; allow more with --memory", bytes >> 20);
  } else {
    extended = ExtendEarlierSet(workspace, state_, wanted, options.earlier, output);
  }
  if (absl::IsFailedPrecondition(extended.status())) {
    output.Note(fmt::format("built in full, {} is not extended: {}", options.earlier, Message(extended.status())));
    return absl::OkStatus();
  }
  HR_RETURN_IF_ERROR(extended.status());
  extended_ = *std::move(extended);
  return absl::OkStatus();
}

Status SetBuilder::MakeFeatures(Workspace& workspace, const TrainingSetOptions& options, Output& output) {
  const JoinOptions join = OptionsOfJoin(workspace, options.MemoryBytes(), rows_, labels_, batch_rows_);
  if (!options.earlier.empty())
    HR_RETURN_IF_ERROR(ExtendEarlier(workspace, {plan_, labels_, sources_, join}, options, output));
  if (extended_) return absl::OkStatus();
  ScanOptions scan_options;
  scan_options.include_log = sources_.log_position > 0;
  scan_options.log_until = sources_.log_position;
  HistoryScan scan(workspace, state_, scan_options);
  HR_ASSIGN_OR_RETURN(joined_, JoinedFeatures::Join(plan_, labels_, scan, join, output));
  return absl::OkStatus();
}

StatusOr<std::vector<Column>> SetBuilder::NextFeatures(size_t begin, size_t rows) {
  if (joined_) return joined_->Next();
  if (rows == num_rows_) return std::move(extended_->features);
  std::vector<Column> features;
  for (const Column& column : extended_->features) features.push_back(column.Slice(begin, rows));
  return features;
}

StatusOr<std::optional<RecordBatch>> SetBuilder::Next() {
  if (at_end_) return std::nullopt;
  const size_t begin = next_row_;
  const size_t rows = batch_rows_ == 0 ? num_rows_ : std::min(batch_rows_, num_rows_ - begin);
  RecordBatch batch = rows == num_rows_ ? std::move(rows_) : rows_.Slice(begin, rows);
  HR_ASSIGN_OR_RETURN(std::vector<Column> features, NextFeatures(begin, rows));
  batch.schema = schema_;
  batch.columns.insert(batch.columns.end(), std::make_move_iterator(features.begin()),
                       std::make_move_iterator(features.end()));
  next_row_ += rows;
  at_end_ = next_row_ == num_rows_;
  hash_->Add(batch);
  return batch;
}

TrainingSet SetBuilder::Finish() && {
  TrainingSet set;
  set.num_rows = num_rows_;
  set.features = NamesOf(plan_.outputs);
  if (joined_) {
    set.report = joined_->report();
  } else {
    set.report = std::move(extended_->report);
    set.reused_rows = extended_->reused_rows;
  }
  set.content_hash = hash_->Finish();
  set.manifest = MakeManifest(sources_, plan_, set);
  return set;
}

}  // namespace headrace
