#include "engine/set_extension.h"

#include <algorithm>
#include <filesystem>
#include <numeric>
#include <set>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/numbers.h"
#include "base/file.h"
#include "engine/history_scan.h"
#include "warehouse/parquet.h"
#include "warehouse/release.h"

namespace headrace {
namespace {

// The first instant of each key at which something may be seen that was not there before.
class FirstChanges {
 public:
  void Add(const std::vector<Column>& keys, size_t row, TimestampUs instant) {
    key_.clear();
    if (!EncodeKey(keys, row, &key_)) return;
    TimestampUs& first = first_of_key_.try_emplace(key_, instant).first->second;
    first = std::min(first, instant);
  }
  bool empty() const { return first_of_key_.empty(); }
  // Whether one of them comes at `t` or before.
  bool TouchAt(std::span<const Column* const> parts, size_t row, TimestampUs t) {
    key_.clear();
    if (!EncodeKey(parts, row, &key_)) return false;
    const auto first = first_of_key_.find(key_);
    return first != first_of_key_.end() && first->second <= t;
  }

 private:
  absl::flat_hash_map<std::string, TimestampUs> first_of_key_;
  std::string key_;
};

LabelRows TakeLabels(const LabelRows& labels, std::span<const uint32_t> rows) {
  LabelRows taken;
  taken.times = labels.times.Take(rows);
  taken.num_rows = taken.entities.num_rows = taken.request.num_rows = rows.size();
  taken.entities.schema = labels.entities.schema;
  taken.request.schema = labels.request.schema;
  for (const Column& column : labels.entities.columns) taken.entities.columns.push_back(column.Take(rows));
  for (const Column& column : labels.request.columns) taken.request.columns.push_back(column.Take(rows));
  return taken;
}

// "rows:max_ingest:hash"
StatusOr<int64_t> MaxIngestOf(const std::string& version) {
  const size_t begin = version.find(':') + 1;
  const size_t end = version.find(':', begin);
  int64_t max_ingest = 0;
  if (begin == 0 || end == std::string::npos || !absl::SimpleAtoi(version.substr(begin, end - begin), &max_ingest))
    return FailedPrecondition("its manifest is damaged");
  return max_ingest;
}

// Before which events of a view no label row from `t` on looks, if that is known and the history can be cut there: its
// _event_time is then the view's own.
std::optional<TimestampUs> NeededFrom(const ProjectState& state, const ViewProgram& program, TimestampUs t) {
  const EventView& view = state.definitions.event_views.at(program.name);
  const std::string& column =
      view.live() ? state.definitions.streams.at(view.stream).event_time : view.batch.event_time;
  const bool is_same = program.stages.empty() && program.event_time.kind == Expression::Kind::kColumn &&
                       program.input[program.event_time.column].name == column;
  const std::optional<DurationUs> reach = program.Reach();
  if (!is_same || !reach) return std::nullopt;
  const TimestampUs from = AddSaturated(t, -*reach);
  return from > kMinTimestampUs / 2 ? std::optional(from) : std::nullopt;
}

class Extender {
 public:
  Extender(Workspace& workspace, std::shared_ptr<const ProjectState> state, const WantedSet& wanted,
           const std::string& path, Output& output)
      : workspace_(workspace), state_(std::move(state)), wanted_(wanted), path_(path), output_(output) {}

  StatusOr<ExtendedSet> Run() {
    HR_ASSIGN_OR_RETURN(Database* const warehouse, workspace_.Warehouse());
    HR_ASSIGN_OR_RETURN(connection_, warehouse->Connect());
    HR_RETURN_IF_ERROR(ReadManifest());
    HR_RETURN_IF_ERROR(CheckLog());
    for (const ViewProgram* program : wanted_.plan.event_views) HR_RETURN_IF_ERROR(CheckHistory(*program));
    HR_RETURN_IF_ERROR(ReadRows());
    HR_RETURN_IF_ERROR(CheckLabels());
    for (const ViewProgram* program : wanted_.plan.event_views) HR_RETURN_IF_ERROR(FindChanges(*program));
    FindChangedRows();
    if (changed_.size() == earlier_.num_rows)
      return FailedPrecondition("none of its {} rows is older than what came since", earlier_.num_rows);
    return Compute();
  }

 private:
  Status ReadManifest() {
    const StatusOr<std::string> text = ReadFile(path_ + ".manifest.json");
    if (!text.ok()) return FailedPrecondition("there is no manifest beside it");
    StatusOr<Json> manifest = Json::Parse(*text);
    if (!manifest.ok()) return FailedPrecondition("its manifest is damaged");
    manifest_ = *std::move(manifest);
    const std::string difference = SpecDifference(manifest_, wanted_.sources, wanted_.plan);
    return difference.empty() ? absl::OkStatus() : FailedPrecondition("{}", difference);
  }

  StatusOr<int64_t> Then(const Json* object, std::string_view key) const {
    const StatusOr<int64_t> value = object == nullptr ? StatusOr<int64_t>(NotFound("")) : object->GetInteger(key);
    return value.ok() ? value : FailedPrecondition("its manifest is damaged");
  }

  // The log has only grown: its beginning is what it was.
  Status CheckLog() {
    HR_ASSIGN_OR_RETURN(const int64_t position, Then(&manifest_, "log_position"));
    const StatusOr<std::string> hash = manifest_.GetString("log_hash");
    if (!hash.ok() || position < 0) return FailedPrecondition("its manifest is damaged");
    log_position_ = static_cast<uint64_t>(position);
    if (wanted_.sources.log_hash == *hash) return absl::OkStatus();  // as well where no view reads the log
    if (log_position_ > wanted_.sources.log_position) return FailedPrecondition("the log of pushed events was longer");
    HR_ASSIGN_OR_RETURN(const std::string begin, LogHash(workspace_, log_position_));
    return begin == *hash ? absl::OkStatus() : FailedPrecondition("the log of pushed events is another one");
  }

  // The history has only grown and been retracted from: what was there then is its beginning.
  Status CheckHistory(const ViewProgram& program) {
    const EventView& view = state_->definitions.event_views.at(program.name);
    const StatusOr<std::string> then = manifest_.Find("views")->Find(view.name)->GetString("history_version");
    if (!then.ok()) return FailedPrecondition("its manifest is damaged");
    HistoryCut cut;
    HR_ASSIGN_OR_RETURN(cut.max_ingest, MaxIngestOf(*then));
    HR_ASSIGN_OR_RETURN(const int64_t number, Then(&manifest_, "release"));
    HR_ASSIGN_OR_RETURN(const std::optional<Release> release, FindRelease(*connection_, number));
    if (!release) return FailedPrecondition("release {} is not known", number);
    cut.retracted_until = release->published_at;
    cuts_[view.name] = cut;
    HR_ASSIGN_OR_RETURN(const std::string now, wanted_.sources.views.Find(view.name)->GetString("history_version"));
    if (now == *then) return absl::OkStatus();
    grown_.insert(view.name);
    HR_ASSIGN_OR_RETURN(const std::string begin, HistoryVersionTextAt(*connection_, view, cut));
    return begin == *then ? absl::OkStatus() : FailedPrecondition("the history of {} did not only grow", view.name);
  }

  Status ReadRows() {
    const StatusOr<std::string> hash = manifest_.GetString("content_hash");
    StatusOr<std::unique_ptr<ResultStream>> stream = ReadParquet(*connection_, path_);
    if (!stream.ok()) return FailedPrecondition("it cannot be read: {}", Message(stream.status()));
    earlier_ = RecordBatch((*stream)->schema());
    while (true) {
      const StatusOr<std::optional<RecordBatch>> batch = (*stream)->Next();
      if (!batch.ok()) return FailedPrecondition("it cannot be read: {}", Message(batch.status()));
      if (!*batch) break;
      earlier_.AppendBatch(**batch);
    }
    const size_t num_features = wanted_.plan.outputs.size();
    if (!hash.ok() || earlier_.columns.size() < num_features || ContentHashOf(earlier_) != *hash)
      return FailedPrecondition("its content is not what its manifest says");
    first_feature_ = earlier_.columns.size() - num_features;
    return absl::OkStatus();
  }

  // The label rows of then are the first ones of now, in what features depend on. Other columns may have changed.
  Status CheckLabels() {
    const Json& from = *manifest_.Find("labels");
    std::map<std::string, std::string> entities;
    for (const Json::Member& entity : from.Find("entities")->object()) entities[entity.first] = entity.second.str();
    const StatusOr<LabelRows> then = ToLabelRows(wanted_.plan, earlier_, from.Find("time")->str(), entities);
    if (!then.ok()) return FailedPrecondition("its label columns are others");
    const LabelRows& now = wanted_.labels;
    if (then->num_rows > now.num_rows)
      return FailedPrecondition("it has {} label rows, and there are only {} now", then->num_rows, now.num_rows);
    bool same = now.times.StartsWith(then->times);
    for (size_t i = 0; i < now.entities.columns.size(); ++i)
      same = same && now.entities.columns[i].StartsWith(then->entities.columns[i]);
    for (size_t i = 0; i < now.request.columns.size(); ++i)
      same = same && now.request.columns[i].StartsWith(then->request.columns[i]);
    if (same) return absl::OkStatus();
    return FailedPrecondition("its label rows are not the first {} rows of {}", then->num_rows,
                              from.Find("from")->str());
  }

  Status FindChanges(const ViewProgram& program) {
    const EventView& view = state_->definitions.event_views.at(program.name);
    const bool log_grew = view.live() && log_position_ < wanted_.sources.log_position;
    if (!grown_.contains(view.name) && !log_grew) return absl::OkStatus();
    const HistoryCut& cut = cuts_.at(view.name);
    FirstChanges& changes = changes_[view.name];
    HistoryScan scan(workspace_, state_, OptionsNow());
    return scan.ScanChanges(
        view, program, {cut, log_position_}, [&](const RecordBatch& input, const Arrivals& arrivals) -> Status {
          const auto is_new = [&](int64_t ingest) { return arrivals.pushed || ingest > cut.max_ingest; };
          new_events_ += std::count_if(arrivals.ingest.begin(), arrivals.ingest.end(), is_new);
          HR_ASSIGN_OR_RETURN(const EventRows events, PrepareEvents(program, input, arrivals));
          for (size_t row = 0; row < events.size(); ++row) {
            changes.Add(events.keys, row,
                        is_new(events.ingest[row]) ? events.event_time[row] : events.retracted_at[row]);
          }
          return absl::OkStatus();
        });
  }

  void FindChangedRows() {
    std::vector<uint8_t> is_changed(earlier_.num_rows);
    for (const ViewProgram* program : wanted_.plan.event_views) {
      FirstChanges& changes = changes_[program->name];
      if (changes.empty()) continue;
      std::vector<const Column*> parts;
      for (const Field& part : program->entity) parts.push_back(wanted_.labels.entities.Find(part.name));
      const Column& times = wanted_.labels.times;
      for (size_t row = 0; row < is_changed.size(); ++row) {
        if (!times.IsNull(row) && changes.TouchAt(parts, row, times.ints()[row])) is_changed[row] = 1;
      }
    }
    for (uint32_t row = 0; row < is_changed.size(); ++row) {
      if (is_changed[row] != 0) changed_.push_back(row);
    }
  }

  ScanOptions OptionsNow() const {
    ScanOptions options;
    options.include_log = wanted_.sources.log_position > 0;
    options.log_until = wanted_.sources.log_position;
    return options;
  }

  ScanOptions OptionsThen() const {
    ScanOptions options;
    options.include_log = log_position_ > 0;
    options.log_until = log_position_;
    options.as_of = cuts_;
    return options;
  }

  StatusOr<std::vector<Column>> Join(std::span<const uint32_t> rows, ScanOptions options, JoinReport* report) {
    const LabelRows labels = TakeLabels(wanted_.labels, rows);
    std::optional<TimestampUs> first;
    for (size_t row = 0; row < rows.size(); ++row) {
      if (!labels.times.IsNull(row)) first = std::min(first.value_or(kMaxTimestampUs), labels.times.ints()[row]);
    }
    for (const ViewProgram* program : wanted_.plan.event_views) {
      const std::optional<TimestampUs> from = first ? NeededFrom(*state_, *program, *first) : std::nullopt;
      if (from) options.needed_from[program->name] = *from;
    }
    HistoryScan scan(workspace_, state_, options);
    return PointInTimeJoin(wanted_.plan, labels, scan, wanted_.join, report, output_);
  }

  StatusOr<ExtendedSet> Compute() {
    std::vector<uint32_t> computed = changed_;
    for (auto row = static_cast<uint32_t>(earlier_.num_rows); row < wanted_.labels.num_rows; ++row)
      computed.push_back(row);
    JoinReport fresh;
    std::vector<Column> features;
    if (!computed.empty()) {
      HR_ASSIGN_OR_RETURN(features, Join(computed, OptionsNow(), &fresh));
    }
    ExtendedSet set;
    HR_ASSIGN_OR_RETURN(set.report, ReportOf(fresh));
    set.reused_rows = earlier_.num_rows - changed_.size();
    const std::vector<uint32_t> places = PlacesOf(computed);
    for (size_t i = 0; i < wanted_.plan.outputs.size(); ++i) {
      Column column = std::move(earlier_.columns[first_feature_ + i]);
      if (!computed.empty()) column.AppendColumn(features[i]);
      if (!changed_.empty()) column = column.Take(places);
      const std::span<const uint8_t> validity = column.validity();
      set.report.null_cells.push_back(std::count(validity.begin(), validity.end(), 0));
      set.features.push_back(std::move(column));
    }
    return set;
  }

  // Where each label row's cells stand when those that were computed come after all of the earlier ones.
  std::vector<uint32_t> PlacesOf(const std::vector<uint32_t>& computed) const {
    std::vector<uint32_t> places(wanted_.labels.num_rows);
    std::iota(places.begin(), places.end(), 0);
    for (size_t i = 0; i < computed.size(); ++i) places[computed[i]] = static_cast<uint32_t>(earlier_.num_rows + i);
    return places;
  }

  // The figures of a full build. Of the rows that were computed again the earlier set's figures hold a part, which only
  // a join over the events of then can tell; most often there is nothing to tell.
  StatusOr<JoinReport> ReportOf(const JoinReport& fresh) {
    JoinReport report;
    HR_ASSIGN_OR_RETURN(const int64_t leaking, Then(manifest_.Find("leak_meter"), "leaking_cells"));
    HR_ASSIGN_OR_RETURN(const int64_t overflows, Then(&manifest_, "overflow_cells"));
    HR_ASSIGN_OR_RETURN(const int64_t events_read, Then(&manifest_, "events_read"));
    JoinReport replaced;
    if (!changed_.empty() && (leaking > 0 || overflows > 0))
      HR_RETURN_IF_ERROR(Join(changed_, OptionsThen(), &replaced).status());
    report.leaking_cells = leaking - replaced.leaking_cells + fresh.leaking_cells;
    report.overflow_cells = overflows - replaced.overflow_cells + fresh.overflow_cells;
    report.events_read = events_read + new_events_;
    for (const ViewProgram* program : wanted_.plan.event_views)
      report.cells += static_cast<int64_t>(wanted_.labels.num_rows * program->features.size());
    return report;
  }

  Workspace& workspace_;
  const std::shared_ptr<const ProjectState> state_;
  const WantedSet& wanted_;
  const std::string& path_;
  Output& output_;
  std::unique_ptr<Connection> connection_;

  Json manifest_;
  uint64_t log_position_ = 0;               // of then
  std::map<std::string, HistoryCut> cuts_;  // of then, by view
  std::set<std::string> grown_;             // views whose history is not what it was
  RecordBatch earlier_;
  size_t first_feature_ = 0;  // among its columns
  std::map<std::string, FirstChanges> changes_;
  int64_t new_events_ = 0;
  std::vector<uint32_t> changed_;  // rows of the earlier set that are computed again
};

}  // namespace

StatusOr<std::optional<ExtendedSet>> ExtendEarlierSet(Workspace& workspace,
                                                      const std::shared_ptr<const ProjectState>& state,
                                                      const WantedSet& wanted, const std::string& path,
                                                      Output& output) {
  if (!std::filesystem::exists(path) && !std::filesystem::exists(path + ".manifest.json")) return std::nullopt;
  HR_ASSIGN_OR_RETURN(ExtendedSet set, Extender(workspace, state, wanted, path, output).Run());
  return std::optional(std::move(set));
}

}  // namespace headrace
