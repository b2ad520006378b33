#include "features/offline/point_in_time_join.h"

#include <algorithm>
#include <atomic>
#include <functional>
#include <limits>
#include <optional>

#include "base/parallel.h"
#include "features/offline/group_join.h"

namespace headrace {
namespace {

constexpr size_t kPartitions = LabelKeys::kPartitions;

std::vector<const Column*> KeyParts(const ViewProgram& program, const LabelRows& labels) {
  std::vector<const Column*> parts;
  for (const Field& part : program.entity) parts.push_back(labels.entities.Find(part.name));
  return parts;
}

// Progress of a step that many threads share, told once in a while.
class SharedProgress {
 public:
  SharedProgress(Output& output, std::string what, int64_t total)
      : output_(output), what_(std::move(what)), total_(total) {
    if (total_ > 0) output_.Progress(what_, 0, total_);
  }
  void Add(int64_t units) {
    constexpr int64_t kEvery = 1 << 17;
    const int64_t before = done_.fetch_add(units);
    // The last unit is told by End.
    if (before / kEvery != (before + units) / kEvery && before + units < total_)
      output_.Progress(what_, before + units, total_);
  }
  void End() {
    if (done_ > 0) output_.Progress(what_, done_, done_);
  }
  int64_t done() const { return done_; }

 private:
  Output& output_;
  const std::string what_;
  const int64_t total_;
  std::atomic<int64_t> done_ = 0;
};

// One thread's sink for groups that are scanned together.
class SharedSink {
 public:
  SharedSink(std::span<const std::unique_ptr<GroupJoin>> joins, SharedProgress* progress) : progress_(progress) {
    for (const std::unique_ptr<GroupJoin>& join : joins) groups_.push_back({join.get(), join->AddLane()});
  }

  Status Take(const RecordBatch& input, const Arrivals& arrivals) {
    if (input.num_rows == 0) return absl::OkStatus();
    std::vector<const Column*> columns;
    for (const Column& column : input.columns) columns.push_back(&column);
    keys_found_ = nullptr;
    for (const Group& group : groups_) {
      HR_ASSIGN_OR_RETURN(const EventBatch events,
                          EventBatch::Prepare(group.join->group().events, columns, input.num_rows, arrivals));
      FindKeys(group.join->keys(), events, input);
      HR_RETURN_IF_ERROR(group.lane->Add(events, numbers_, arrivals.ingest.front(), arrivals.ingest.back()));
    }
    progress_->Add(static_cast<int64_t>(input.num_rows));
    return absl::OkStatus();
  }

 private:
  struct Group {
    GroupJoin* join;
    EventPartitions::Lane* lane;
  };

  // Groups of one entity mostly read its columns as they are, of all rows: those are looked up once.
  void FindKeys(const LabelKeys& keys, const EventBatch& events, const RecordBatch& input) {
    if (keys_found_ == &keys && parts_found_ == events.keys) return;
    keys.Find(events.keys, events.size(), &numbers_);
    const Column* const first = input.columns.data();
    const bool are_of_input = std::all_of(events.keys.begin(), events.keys.end(), [&](const Column* part) {
      return !std::less<>()(part, first) && std::less<>()(part, first + input.columns.size());
    });
    keys_found_ = are_of_input ? &keys : nullptr;
    parts_found_ = events.keys;
  }

  SharedProgress* const progress_;
  std::vector<Group> groups_;
  std::vector<uint32_t> numbers_;
  const LabelKeys* keys_found_ = nullptr;  // whose numbers_ are of parts_found_
  std::vector<const Column*> parts_found_;
};

// A partition to be swept.
struct Piece {
  GroupJoin* join;
  size_t partition;
  size_t events;
};

// Large pieces first, each by all threads; then the others, each by one.
Status SweepAll(std::span<const std::unique_ptr<GroupJoin>> joins, int threads, const std::function<void()>& tell) {
  std::vector<Piece> pieces;
  size_t all = 0;
  for (const std::unique_ptr<GroupJoin>& join : joins) {
    for (size_t partition = 0; partition < kPartitions; ++partition) {
      pieces.push_back({join.get(), partition, join->EventsOf(partition)});
      all += pieces.back().events;
    }
  }
  std::stable_sort(pieces.begin(), pieces.end(), [](const Piece& a, const Piece& b) { return a.events > b.events; });
  size_t large = 0;
  const auto is_large = [&](const Piece& piece) { return piece.events * static_cast<size_t>(threads) > all; };
  for (; threads > 1 && large < pieces.size() && is_large(pieces[large]); ++large) {
    HR_RETURN_IF_ERROR(pieces[large].join->SweepPartition(pieces[large].partition, threads));
    tell();
  }
  return ParallelFor(pieces.size() - large, threads, [&](size_t i) -> Status {
    HR_RETURN_IF_ERROR(pieces[large + i].join->SweepPartition(pieces[large + i].partition, 1));
    tell();
    return absl::OkStatus();
  });
}

}  // namespace

JoinedFeatures::JoinedFeatures(const FeaturePlan& plan, const LabelRows& labels, const JoinOptions& options)
    : plan_(plan),
      labels_(labels),
      options_(options),
      batch_rows_(std::max<size_t>(options.batch_rows == 0 ? labels.num_rows : options.batch_rows, 1)),
      num_batches_(std::max<size_t>(1, (labels.num_rows + batch_rows_ - 1) / batch_rows_)),
      spill_(options.spill_folder) {
  report_.null_cells.assign(plan.outputs.size(), 0);
}

const JoinedFeatures::LabelSide& JoinedFeatures::LabelSideOf(const ViewProgram& program) {
  std::unique_ptr<LabelSide>& side = label_sides_[NamesOf(program.entity)];
  if (side == nullptr) {
    LabelKeys keys(KeyParts(program, labels_), labels_.times);
    RowPartition rows(keys.number_of_row(), batch_rows_);
    side = std::make_unique<LabelSide>(LabelSide{std::move(keys), std::move(rows)});
  }
  return *side;
}

// Of what the label side leaves events may take an eighth while they are read, and finished features another. The rest
// is for the partitions at hand, which are there twice for a moment (of skewed keys one has many times its share), and
// for who takes the features. Writing to the file and reading back costs less than a tenth of a join.
void JoinedFeatures::SplitMemory() {
  constexpr size_t kBytesOfLabelRow = 24;  // in LabelKeys and RowPartition
  const size_t fixed = label_sides_.size() * labels_.num_rows * kBytesOfLabelRow;
  const size_t rest = options_.memory_bytes > fixed ? options_.memory_bytes - fixed : 0;
  const size_t unlimited = std::numeric_limits<size_t>::max();
  const bool is_limited = options_.memory_bytes > 0;
  event_budget_ = std::make_unique<MemoryBudget>(is_limited ? rest / 8 : unlimited);
  feature_budget_ = std::make_unique<MemoryBudget>(is_limited ? rest / 8 : unlimited);
}

std::vector<std::vector<const ViewProgram*>> JoinedFeatures::ViewsByHistory(const EventSource& source) const {
  std::vector<std::string> histories;
  std::vector<std::vector<const ViewProgram*>> views;
  for (const ViewProgram* program : plan_.event_views) {
    const std::string history = source.HistoryOf(*program);
    const size_t i = static_cast<size_t>(std::find(histories.begin(), histories.end(), history) - histories.begin());
    if (i == histories.size()) {
      histories.push_back(history);
      views.emplace_back();
    }
    views[i].push_back(program);
  }
  return views;
}

Status JoinedFeatures::JoinViews(std::span<const ViewProgram* const> views, EventSource& source, Output& output) {
  std::vector<EventGroup> groups = GroupByEvents(views, InputOf(views));
  HR_ASSIGN_OR_RETURN(const int64_t rows, source.RowsOf(*views[0]));
  // As many groups at a time as the memory holds: to read a history again costs less than a file of its events.
  for (size_t begin = 0; begin < groups.size();) {
    size_t end = begin;
    for (size_t bytes = 0; end < groups.size(); ++end) {
      bytes += groups[end].RowBytes() * static_cast<size_t>(rows);
      if (end > begin && bytes > event_budget_->limit_bytes()) break;
    }
    HR_RETURN_IF_ERROR(JoinGroups(std::span(groups).subspan(begin, end - begin), views, rows, source, output));
    begin = end;
  }
  report_.spilled_bytes = static_cast<int64_t>(spill_.size_bytes());
  return absl::OkStatus();
}

Status JoinedFeatures::JoinGroups(std::span<const EventGroup> groups, std::span<const ViewProgram* const> read_for,
                                  int64_t rows, EventSource& source, Output& output) {
  std::vector<std::unique_ptr<GroupJoin>> joins;
  std::vector<const ViewProgram*> views;  // of the groups
  int64_t label_rows = 0;
  for (const EventGroup& group : groups) {
    const LabelSide& side = LabelSideOf(group.events);
    std::vector<FeatureRows*> features;
    for (const EventGroup::Member& member : group.members) {
      views.push_back(member.view);
      features_[member.view] =
          std::make_unique<FeatureRows>(member.view->features, side.rows, feature_budget_.get(), &spill_);
      features.push_back(features_[member.view].get());
      label_rows += static_cast<int64_t>(labels_.num_rows);
      report_.cells += static_cast<int64_t>(labels_.num_rows * member.view->features.size());
    }
    joins.push_back(std::make_unique<GroupJoin>(group, side.keys, std::move(features), groups.size(),
                                                options_.leak_meter, event_budget_.get(), &spill_));
  }
  SharedProgress reading(output, fmt::format("reading {}", source.HistoryOf(*views[0])), rows);
  HR_RETURN_IF_ERROR(source.Scan(read_for, [&]() -> EventSink {
    return [sink = std::make_shared<SharedSink>(joins, &reading)](const RecordBatch& batch, const Arrivals& arrivals) {
      return sink->Take(batch, arrivals);
    };
  }));
  reading.End();
  report_.events_read += reading.done() * static_cast<int64_t>(views.size());

  std::string what = fmt::format("joining {}", views[0]->name);
  if (views.size() > 1) what += fmt::format(" and {} more", views.size() - 1);
  const auto pieces = static_cast<int64_t>(kPartitions * joins.size());
  std::atomic<int64_t> swept = 0;
  SharedProgress joining(output, std::move(what), label_rows);
  HR_RETURN_IF_ERROR(SweepAll(joins, options_.threads, [&] {
    const int64_t before = swept++;
    joining.Add(label_rows * (before + 1) / pieces - label_rows * before / pieces);
  }));
  joining.End();
  for (const std::unique_ptr<GroupJoin>& join : joins) {
    HR_RETURN_IF_ERROR(join->WriteWithoutKey());
    report_.leaking_cells += join->leaking_cells();
    report_.overflow_cells += join->overflows();
  }
  return absl::OkStatus();
}

StatusOr<std::unique_ptr<JoinedFeatures>> JoinedFeatures::Join(const FeaturePlan& plan, const LabelRows& labels,
                                                               EventSource& source, const JoinOptions& options,
                                                               Output& output) {
  std::unique_ptr<JoinedFeatures> joined(new JoinedFeatures(plan, labels, options));
  for (const ViewProgram* program : plan.event_views) joined->LabelSideOf(*program);
  joined->SplitMemory();
  for (const std::vector<const ViewProgram*>& views : joined->ViewsByHistory(source)) {
    const Status status = joined->JoinViews(views, source, output);
    if (!status.ok()) return Annotate(status, fmt::format("feature view {}", views[0]->name));
  }
  return joined;
}

StatusOr<std::vector<Column>> JoinedFeatures::Next() {
  const size_t begin = FirstRow(next_batch_);
  const size_t end = FirstRow(next_batch_ + 1);
  std::vector<std::vector<Column>> event_features;
  for (const ViewProgram* program : plan_.event_views) {
    HR_ASSIGN_OR_RETURN(std::vector<Column> features, features_.at(program)->Next(options_.threads));
    event_features.push_back(std::move(features));
  }
  std::vector<Column> outputs;
  if (plan_.request_views.empty() || num_batches_ == 1) {
    HR_ASSIGN_OR_RETURN(
        outputs, AssembleFeatures(plan_, std::move(event_features), labels_.request, labels_.times, end - begin));
  } else {
    HR_ASSIGN_OR_RETURN(outputs,
                        AssembleFeatures(plan_, std::move(event_features), labels_.request.Slice(begin, end - begin),
                                         labels_.times.Slice(begin, end - begin), end - begin));
  }
  for (size_t i = 0; i < outputs.size(); ++i) {
    const std::span<const uint8_t> validity = outputs[i].validity();
    report_.null_cells[i] += std::count(validity.begin(), validity.end(), 0);
  }
  ++next_batch_;
  return outputs;
}

StatusOr<std::vector<Column>> PointInTimeJoin(const FeaturePlan& plan, const LabelRows& labels, EventSource& source,
                                              const JoinOptions& options, JoinReport* report, Output& output) {
  JoinOptions at_once = options;
  at_once.batch_rows = 0;
  HR_ASSIGN_OR_RETURN(const std::unique_ptr<JoinedFeatures> joined,
                      JoinedFeatures::Join(plan, labels, source, at_once, output));
  HR_ASSIGN_OR_RETURN(std::vector<Column> outputs, joined->Next());
  *report = joined->report();
  return outputs;
}

}  // namespace headrace
