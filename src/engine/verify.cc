#include "engine/verify.h"

#include <algorithm>
#include <thread>

#include "absl/container/flat_hash_map.h"
#include "base/parallel.h"
#include "base/same_bits.h"
#include "engine/history_scan.h"
#include "engine/ledger_rows.h"
#include "engine/replays.h"
#include "kernel/naive.h"

namespace headrace {
namespace {

constexpr size_t kMaxExamples = 20;
constexpr size_t kNaiveSample = 500;

// Rows of a batch at `indices`, all columns.
RecordBatch TakeRows(const RecordBatch& rows, const std::vector<uint32_t>& indices) {
  RecordBatch taken;
  taken.schema = rows.schema;
  for (const Column& column : rows.columns) taken.columns.push_back(column.Take(indices));
  taken.num_rows = indices.size();
  return taken;
}

// As PointInTimeJoin, with the reference implementation.
StatusOr<std::vector<Column>> NaiveJoin(const FeaturePlan& plan, const LabelRows& labels, EventSource& source) {
  std::vector<std::vector<Column>> event_features;
  for (const ViewProgram* program : plan.event_views) {
    absl::flat_hash_map<std::string, EventRows> by_key;  // only to keep the quadratic part small
    std::string key;
    const EventSink append = [&](const RecordBatch& input, const Arrivals& arrivals) -> Status {
      HR_ASSIGN_OR_RETURN(const EventRows events, PrepareEvents(*program, input, arrivals));
      for (size_t row = 0; row < events.size(); ++row) {
        key.clear();
        if (EncodeKey(events.keys, row, &key)) by_key.try_emplace(key, *program).first->second.AppendFrom(events, row);
      }
      return absl::OkStatus();
    };
    const ViewProgram* const views[] = {program};
    HR_RETURN_IF_ERROR(source.Scan(views, OneAtATime(append)));
    std::vector<Column> parts;
    for (const Field& part : program->entity) parts.push_back(*labels.entities.Find(part.name));
    std::vector<Column> features;
    for (const Field& feature : program->features) features.emplace_back(feature.type);
    for (size_t row = 0; row < labels.num_rows; ++row) {
      std::string wanted;
      const bool has_key = EncodeKey(parts, row, &wanted);
      const auto events = by_key.find(wanted);
      HR_ASSIGN_OR_RETURN(const std::vector<Value> values,
                          NaiveFeatures(*program, events == by_key.end() ? EventRows(*program) : events->second,
                                        has_key ? std::optional(wanted) : std::nullopt, labels.times.ints()[row]));
      for (size_t i = 0; i < values.size(); ++i) features[i].Append(values[i]);
    }
    event_features.push_back(std::move(features));
  }
  return AssembleFeatures(plan, std::move(event_features), labels.request, labels.times, labels.num_rows);
}

// Per view with windows that end: the instant before which no event counts for any of the rows.
std::map<std::string, TimestampUs> NeededFrom(const FeaturePlan& plan, const LabelRows& labels) {
  const std::span<const TimestampUs> times = labels.times.ints();
  const TimestampUs earliest = *std::min_element(times.begin(), times.end());
  std::map<std::string, TimestampUs> needed;
  for (const ViewProgram* view : plan.event_views) {
    if (const std::optional<DurationUs> reach = view->Reach()) needed[view->name] = AddSaturated(earliest, -*reach);
  }
  return needed;
}

class Verifier {
 public:
  Verifier(Workspace& workspace, std::shared_ptr<const ProjectState> state, const VerifyOptions& options,
           Output& output)
      : workspace_(workspace), state_(std::move(state)), options_(options), output_(output) {}

  Status VerifyGroup(const LedgerGroup& group) {
    const StatusOr<FeaturePlan> plan = PlanFeatures(*state_->definitions.catalog, group.features);
    if (!plan.ok()) {  // a feature that the project no longer has
      report_.other_definitions += static_cast<int64_t>(group.rows.num_rows);
      return absl::OkStatus();
    }
    const RecordBatch rows = TakeRows(group.rows, ComparableRows(group.rows, DefinitionsOf(*plan)));
    if (rows.num_rows == 0) return absl::OkStatus();
    HR_ASSIGN_OR_RETURN(const LabelRows labels, ToLabelRows(*plan, rows));
    ScanOptions scan_options;
    if (options_.sample) scan_options.needed_from = NeededFrom(*plan, labels);
    if (!group.part.replay.empty()) {
      HR_ASSIGN_OR_RETURN(const ReplayRecord replay, LoadReplay(workspace_.StateFolder(), group.part.replay));
      scan_options.replay_from = replay.from;
    }
    HistoryScan scan(workspace_, state_, scan_options);
    HR_ASSIGN_OR_RETURN(const std::vector<Column> recomputed, Recompute(*plan, labels, scan));
    return Compare(*plan, rows, recomputed);
  }

  VerifyReport Finish() && { return std::move(report_); }

 private:
  std::vector<uint32_t> ComparableRows(const RecordBatch& rows, const std::string& definitions) {
    const Column& logged = *rows.Find("definitions");
    const Column& times = *rows.Find("time");
    const Column& asked = *rows.Find("asked_at");
    std::vector<uint32_t> comparable;
    for (uint32_t row = 0; row < rows.num_rows; ++row) {
      if (logged.str(row) != definitions) {
        ++report_.other_definitions;
      } else if (times.ints()[row] > asked.ints()[row]) {
        ++report_.future_rows;
      } else {
        comparable.push_back(row);
      }
    }
    if (!options_.naive || comparable.size() <= kNaiveSample) return comparable;
    std::vector<uint32_t> sample;
    for (size_t i = 0; i < kNaiveSample; ++i) sample.push_back(comparable[i * comparable.size() / kNaiveSample]);
    return sample;
  }

  StatusOr<std::vector<Column>> Recompute(const FeaturePlan& plan, const LabelRows& labels, EventSource& source) {
    if (options_.naive) return NaiveJoin(plan, labels, source);
    JoinOptions options;
    options.threads = threads_;
    options.leak_meter = false;
    JoinReport join;
    return PointInTimeJoin(plan, labels, source, options, &join, output_);
  }

  Status Compare(const FeaturePlan& plan, const RecordBatch& rows, const std::vector<Column>& recomputed) {
    report_.rows += static_cast<int64_t>(rows.num_rows);
    for (const Field& output : plan.outputs) {
      const Column* logged = rows.Find(output.name);
      if (logged == nullptr) return DataLoss("the ledger has no column '{}'", output.name);
      if (logged->type() != output.type)
        return DataLoss("the ledger has '{}' as {}, not {}", output.name, TypeName(logged->type()),
                        TypeName(output.type));
    }
    std::vector<Differences> found(plan.outputs.size());
    HR_RETURN_IF_ERROR(ParallelFor(found.size(), threads_, [&](size_t i) -> Status {
      found[i] = DifferencesOf(*rows.Find(plan.outputs[i].name), recomputed[i]);
      return absl::OkStatus();
    }));
    for (size_t i = 0; i < found.size(); ++i) Report(plan.outputs[i].name, rows, recomputed[i], found[i]);
    return absl::OkStatus();
  }

  struct Differences {
    int64_t count = 0;
    std::vector<size_t> rows;  // the first few
  };

  static Differences DifferencesOf(const Column& logged, const Column& recomputed) {
    Differences found;
    for (size_t row = 0; row < logged.size(); ++row) {
      if (SameBits(logged, row, recomputed, row)) continue;
      ++found.count;
      if (found.rows.size() < kMaxExamples) found.rows.push_back(row);
    }
    return found;
  }

  void Report(const std::string& name, const RecordBatch& rows, const Column& recomputed, const Differences& found) {
    const auto cells = static_cast<int64_t>(rows.num_rows);
    VerifyReport::Feature& feature = report_.features[name];
    feature.cells += cells;
    feature.differences += found.count;
    report_.cells += cells;
    report_.differences += found.count;
    const Column& ids = *rows.Find("id");
    for (const size_t row : found.rows) {
      if (report_.examples.size() == kMaxExamples) return;
      report_.examples.push_back({std::string(ids.str(row)), name, rows.Find(name)->GetValue(row).ToString(),
                                  recomputed.GetValue(row).ToString()});
    }
  }

  Workspace& workspace_;
  const std::shared_ptr<const ProjectState> state_;
  const VerifyOptions& options_;
  const int threads_ = static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
  Output& output_;
  VerifyReport report_;
};

}  // namespace

Json VerifyReport::ToJson() const {
  Json::Array shown;
  for (const Difference& difference : examples) {
    shown.push_back(Json::Object{{"id", difference.id},
                                 {"feature", difference.feature},
                                 {"ledger", difference.ledger},
                                 {"recomputed", difference.recomputed}});
  }
  Json::Array by_feature;
  for (const auto& [name, feature] : features) {
    by_feature.push_back(
        Json::Object{{"feature", name}, {"cells", feature.cells}, {"differences", feature.differences}});
  }
  return Json::Object{{"rows", rows},
                      {"cells", cells},
                      {"differences", differences},
                      {"rows_of_other_definitions", other_definitions},
                      {"rows_about_the_future", future_rows},
                      {"features", std::move(by_feature)},
                      {"examples", std::move(shown)}};
}

StatusOr<VerifyReport> Verify(Workspace& workspace, const VerifyOptions& options, Output& output) {
  HR_ASSIGN_OR_RETURN(const std::shared_ptr<const ProjectState> state, workspace.State());
  HR_ASSIGN_OR_RETURN(Ledger* const ledger, workspace.Predictions());
  std::vector<std::string> models = {options.model};
  if (options.model.empty()) {
    HR_ASSIGN_OR_RETURN(models, ledger->Models());
  }
  Verifier verifier(workspace, state, options, output);
  for (const std::string& name : models) {
    HR_ASSIGN_OR_RETURN(const std::vector<LedgerPart> parts, ledger->Parts(name));
    for (const LedgerPart& part : parts) {
      if (options.sample && !part.replay.empty()) continue;
      HR_ASSIGN_OR_RETURN(const LedgerGroup group, ReadLedger(workspace, name, part, {.sample = options.sample}));
      HR_RETURN_IF_ERROR(verifier.VerifyGroup(group));
    }
  }
  return std::move(verifier).Finish();
}

}  // namespace headrace
