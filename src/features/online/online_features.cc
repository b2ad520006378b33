#include "features/online/online_features.h"

#include <algorithm>
#include <future>

#include "base/json.h"
#include "base/kill_point.h"

namespace headrace {
namespace {

constexpr std::string_view kMetaState = "meta";
// 1: states had forgotten by the clock, so that no other state of the same log was like them.
constexpr int64_t kMetaVersion = 2;
std::string StatePrefix(const std::string& view) {
  return "view/" + view + "/";
}

// Which definition and history the states of a checkpoint were made from, and how far back they answer.
Json EncodeMeta(const OnlineDefinition& definition, DurationUs keep_us) {
  Json::Object views;
  for (const OnlineViewSpec& spec : definition.views) {
    views.emplace_back(spec.view,
                       Json::Object{{"definition", spec.definition_hash}, {"history", spec.history_version}});
  }
  return Json::Object{{"version", kMetaVersion}, {"keep_us", keep_us}, {"views", std::move(views)}};
}

// States that were kept for less have forgotten what a longer reach needs (rule 12: never approximately).
bool KeptLongEnough(const Json& meta, DurationUs keep_us) {
  const Json* version = meta.Find("version");
  if (version == nullptr || !version->is_integer() || version->integer() != kMetaVersion) return false;
  const Json* kept = meta.Find("keep_us");
  return kept != nullptr && kept->is_integer() && kept->integer() >= keep_us;
}

bool MatchesMeta(const Json& meta, const OnlineViewSpec& spec) {
  const Json* views = meta.Find("views");
  const Json* view = views == nullptr ? nullptr : views->Find(spec.view);
  if (view == nullptr) return false;
  const Json* definition = view->Find("definition");
  const Json* history = view->Find("history");
  return definition != nullptr && definition->is_string() && definition->str() == spec.definition_hash &&
         history != nullptr && history->is_string() && history->str() == spec.history_version;
}

DurationUs KeepOf(const OnlineDefinition& definition, const OnlineOptions& options) {
  if (options.keep_us > 0) return options.keep_us;
  DurationUs longest = 0;
  for (const OnlineViewSpec& spec : definition.views) {
    longest = std::max(longest, definition.catalog->events.at(spec.view).Reach().value_or(0));
  }
  return AddSaturated(longest, kUsPerDay);
}

std::map<std::string, DurationUs> ReachByStream(const OnlineDefinition& definition) {
  std::map<std::string, DurationUs> reach_us;
  for (const OnlineViewSpec& spec : definition.views) {
    const DurationUs reach = definition.catalog->events.at(spec.view).Reach().value_or(kMaxTimestampUs);
    DurationUs& longest = reach_us.try_emplace(spec.stream, 0).first->second;
    longest = std::max(longest, reach);
  }
  return reach_us;
}

}  // namespace

OnlineFeatures::OnlineFeatures(std::unique_ptr<OnlineStore> store, const Clock& clock, const OnlineOptions& options)
    : store_(std::move(store)), clock_(clock), options_(options) {}

StatusOr<std::unique_ptr<OnlineFeatures>> OnlineFeatures::Open(std::unique_ptr<OnlineStore> store,
                                                               OnlineDefinition definition,
                                                               const HistoryReader& history, const Clock& clock,
                                                               const OnlineOptions& options) {
  std::unique_ptr<OnlineFeatures> online(new OnlineFeatures(std::move(store), clock, options));
  HR_RETURN_IF_ERROR(online->Recover(std::move(definition), history));
  online->committer_ = std::thread([raw = online.get()] { raw->RunCommitter(); });
  return online;
}

OnlineFeatures::~OnlineFeatures() {
  {
    const std::lock_guard lock(queue_mutex_);
    stopping_ = true;
  }
  queue_changed_.notify_all();
  if (committer_.joinable()) committer_.join();
}

Status OnlineFeatures::Recover(OnlineDefinition definition, const HistoryReader& history) {
  HR_RETURN_IF_ERROR(FindLastArrival());
  HR_RETURN_IF_ERROR(LoadHistoryIds(definition, history));
  HR_ASSIGN_OR_RETURN(set_, BuildViewSet(std::move(definition), history, /*recovering=*/true));
  CountIds();
  return absl::OkStatus();
}

DurationUs OnlineFeatures::IdRetention(const StreamSource& stream) const {
  return stream.id_retention_us.value_or(options_.id_retention_us);
}

Status OnlineFeatures::FindLastArrival() {
  if (store_->LastPosition() == 0) return absl::OkStatus();
  return store_->ReadLog(store_->LastPosition() - 1, [&](uint64_t, std::string_view entry) -> Status {
    HR_ASSIGN_OR_RETURN(const std::vector<LoggedRequest> requests, DecodeLogEntry(entry));
    for (const LoggedRequest& request : requests) last_arrival_ = std::max(last_arrival_, request.arrival);
    acknowledged_arrival_ = last_arrival_;
    return absl::OkStatus();
  });
}

// States forget what no read at this instant or later can see. It is counted from the last arrival or publishing, not
// from the clock: the state of a log is then the same whenever and however often it is made (StateHash). Where nothing
// comes nothing is forgotten, but nothing grows either.
TimestampUs OnlineFeatures::Horizon(const ViewSet& set) const {
  const TimestampUs latest = std::max(last_arrival_, set.definition->published_at);
  return AddSaturated(std::min(latest, Now()), -set.keep_us);
}

// What the log says of arrivals, ingestion numbers and ids. The end of the log, not the clock, says which ids still
// matter, as it does while a server runs.
void OnlineFeatures::RememberLogged(const LoggedRequest& request, const OnlineDefinition& definition) {
  last_arrival_ = std::max(last_arrival_, request.arrival);
  acknowledged_arrival_ = last_arrival_;
  next_ingest_ = std::max(next_ingest_, request.first_ingest + static_cast<int64_t>(request.rows.num_rows));
  const auto stream = definition.streams.find(request.source);
  if (stream == definition.streams.end() || stream->second.event_id.empty()) return;
  const DurationUs retention_us = IdRetention(stream->second);
  if (request.arrival < AddSaturated(last_arrival_, -retention_us)) return;
  const TimestampUs oldest = AddSaturated(request.arrival, -retention_us);
  const Column* ids = request.rows.Find(stream->second.event_id);
  for (size_t row = 0; ids != nullptr && row < ids->size(); ++row) {
    if (!ids->IsNull(row)) ids_[request.source].Add(EncodeId(*ids, row), request.arrival, oldest);
  }
}

Status OnlineFeatures::LoadHistoryIds(const OnlineDefinition& definition, const HistoryReader& history) {
  for (const auto& [name, stream] : definition.streams) {
    if (stream.event_id.empty()) continue;
    KnownIds& seen = ids_[name];
    HR_RETURN_IF_ERROR(history.ids(stream, [&](const Column& ids) {
      for (size_t row = 0; row < ids.size(); ++row) {
        if (!ids.IsNull(row)) seen.AddHistory(EncodeId(ids, row));
      }
      return absl::OkStatus();
    }));
  }
  return absl::OkStatus();
}

// Restores the views that the checkpoint still fits; gives for each the log position that it includes.
StatusOr<std::map<std::string, uint64_t>> OnlineFeatures::RestoreFromCheckpoint(ViewSet* set) {
  std::map<std::string, uint64_t> restored;
  Json meta;
  HR_RETURN_IF_ERROR(store_->ReadStates(kMetaState, [&](std::string_view, std::string_view bytes) -> Status {
    HR_ASSIGN_OR_RETURN(meta, Json::Parse(bytes));
    return absl::OkStatus();
  }));
  if (!KeptLongEnough(meta, set->keep_us)) return restored;
  for (const OnlineViewSpec& spec : set->definition->views) {
    if (!MatchesMeta(meta, spec)) continue;
    ViewState& state = *set->states.at(spec.view);
    const std::string prefix = StatePrefix(spec.view);
    HR_RETURN_IF_ERROR(store_->ReadStates(prefix, [&](std::string_view name, std::string_view bytes) {
      return Annotate(state.RestoreKey(std::string(name.substr(prefix.size())), bytes),
                      fmt::format("checkpoint of view {}", spec.view));
    }));
    restored[spec.view] = store_->CheckpointPosition();
  }
  return restored;
}

StatusOr<std::shared_ptr<OnlineFeatures::ViewSet>> OnlineFeatures::BuildViewSet(OnlineDefinition definition,
                                                                                const HistoryReader& history,
                                                                                bool recovering) {
  auto set = std::make_shared<ViewSet>();
  set->keep_us = KeepOf(definition, options_);
  set->reach_us = ReachByStream(definition);
  set->definition = std::make_shared<const OnlineDefinition>(std::move(definition));
  const ViewCatalog& catalog = *set->definition->catalog;
  for (const OnlineViewSpec& spec : set->definition->views) {
    set->states[spec.view] = std::make_unique<ViewState>(catalog.events.at(spec.view));
  }
  std::map<std::string, uint64_t> included;  // the log position that a view's state includes already
  if (recovering) {
    HR_ASSIGN_OR_RETURN(included, RestoreFromCheckpoint(set.get()));
  }
  checkpoint_is_whole_ = included.size() == set->definition->views.size();
  for (const OnlineViewSpec& spec : set->definition->views) {
    if (included.contains(spec.view)) continue;
    ViewState& state = *set->states.at(spec.view);
    const ViewProgram& program = state.program();
    HR_RETURN_IF_ERROR(history.view(spec, program, [&](const RecordBatch& input, const Arrivals& arrivals) -> Status {
      HR_ASSIGN_OR_RETURN(const EventRows events, PrepareEvents(program, input, arrivals));
      state.Insert(events);
      return absl::OkStatus();
    }));
  }
  HR_RETURN_IF_ERROR(store_->ReadLog(0, [&](uint64_t position, std::string_view entry) -> Status {
    HR_ASSIGN_OR_RETURN(const std::vector<LoggedRequest> requests, DecodeLogEntry(entry));
    for (const LoggedRequest& request : requests) {
      if (recovering) RememberLogged(request, *set->definition);
      if (recovering) quarantine_.Apply(position, request);
      HR_RETURN_IF_ERROR(ApplyLogged(request, *set, [&](const std::string& view) {
        const auto it = included.find(view);
        return it == included.end() || position > it->second;
      }));
    }
    return absl::OkStatus();
  }));
  for (const auto& [view, state] : set->states) state->Forget(Horizon(*set));
  return set;
}

Status OnlineFeatures::ApplyLogged(const LoggedRequest& request, const ViewSet& set,
                                   const std::function<bool(const std::string& view)>& wants) const {
  const auto stream = set.definition->streams.find(request.source);
  if (stream == set.definition->streams.end()) return absl::OkStatus();  // a source that the project no longer has
  IdTest superseded;
  if (const auto ids = ids_.find(request.source); ids != ids_.end() && ids->second.has_history())
    superseded = [&known = ids->second](std::string_view id) { return known.InHistory(id); };
  const PushedRows pushed = RowsOfRequest(stream->second, request, superseded);
  for (const OnlineViewSpec& spec : set.definition->views) {
    if (spec.stream != request.source || !wants(spec.view)) continue;
    ViewState& state = *set.states.at(spec.view);
    HR_ASSIGN_OR_RETURN(const RecordBatch input, SelectInput(state.program().input, pushed.rows));
    HR_ASSIGN_OR_RETURN(const EventRows events,
                        PrepareEvents(state.program(), input, {true, pushed.available_at, {}, pushed.ingest}));
    state.Insert(events);
  }
  return absl::OkStatus();
}

std::shared_ptr<OnlineFeatures::ViewSet> OnlineFeatures::CurrentSet() const {
  const std::shared_lock lock(set_mutex_);
  return set_;
}

std::shared_ptr<const OnlineDefinition> OnlineFeatures::definition() const {
  return CurrentSet()->definition;
}

TimestampUs OnlineFeatures::Now() const {
  return std::max(clock_.Now(), acknowledged_arrival_.load());
}

StatusOr<std::vector<Column>> OnlineFeatures::Read(const OnlineDefinition& definition, const FeaturePlan& plan,
                                                   const RecordBatch& entities, const RecordBatch& request,
                                                   const Column& times) {
  const std::shared_ptr<ViewSet> set = CurrentSet();
  if (set->definition.get() != &definition) return Unavailable("the definitions were replaced meanwhile; ask again");
  const size_t rows = times.size();
  const TimestampUs oldest = AddSaturated(Now(), -set->keep_us);
  for (size_t row = 0; row < rows; ++row) {
    if (times.IsNull(row) || times.ints()[row] >= oldest) continue;
    return InvalidArgument("at_too_old: {} is before {}, the oldest instant that online state still answers for",
                           FormatTimestamp(times.ints()[row]), FormatTimestamp(oldest));
  }
  std::vector<std::vector<Column>> event_features;
  std::string key;
  for (const ViewProgram* program : plan.event_views) {
    const ViewState& state = *set->states.at(program->name);
    std::vector<Column> parts;
    for (const Field& part : program->entity) parts.push_back(*entities.Find(part.name));
    FeatureCells cells(*program);
    for (size_t row = 0; row < rows; ++row) {
      key.clear();
      if (times.IsNull(row) || !EncodeKey(parts, row, &key)) {
        AppendEmptyCells(*program, &cells);
      } else {
        state.Read(key, times.ints()[row], &cells);
      }
    }
    overflow_cells_ += cells.overflows;
    HR_ASSIGN_OR_RETURN(std::vector<Column> features, FinishFeatures(*program, std::move(cells)));
    event_features.push_back(std::move(features));
  }
  return AssembleFeatures(plan, std::move(event_features), request, times, rows);
}

Status OnlineFeatures::Replace(OnlineDefinition definition, const HistoryReader& history) {
  const std::lock_guard commit_lock(commit_mutex_);
  HR_RETURN_IF_ERROR(LoadHistoryIds(definition, history));
  HR_ASSIGN_OR_RETURN(std::shared_ptr<ViewSet> set, BuildViewSet(std::move(definition), history, /*recovering=*/false));
  CountIds();
  KillPoint("replace.built");
  const std::unique_lock lock(set_mutex_);
  set_ = std::move(set);
  return absl::OkStatus();
}

Status OnlineFeatures::Checkpoint() {
  const std::lock_guard commit_lock(commit_mutex_);
  const std::shared_ptr<ViewSet> set = CurrentSet();
  OnlineStore::Checkpoint checkpoint;
  checkpoint.position = store_->LastPosition();
  checkpoint.replace_all = !checkpoint_is_whole_;
  for (const auto& [view, state] : set->states) {
    state->Forget(Horizon(*set));
    for (auto& [key, bytes] : state->EncodeKeys(/*only_changed=*/checkpoint_is_whole_)) {
      checkpoint.states.emplace_back(StatePrefix(view) + key, std::move(bytes));
    }
  }
  checkpoint.states.emplace_back(kMetaState, EncodeMeta(*set->definition, set->keep_us).Dump());
  // If the write fails the changes are no longer marked, so the next checkpoint writes everything.
  checkpoint_is_whole_ = false;
  KillPoint("checkpoint.begun");
  HR_RETURN_IF_ERROR(store_->WriteCheckpoint(checkpoint));
  KillPoint("checkpoint.written");
  checkpoint_is_whole_ = true;
  return absl::OkStatus();
}

OnlineStats OnlineFeatures::Stats() const {
  OnlineStats stats;
  stats.events_accepted = accepted_;
  stats.events_duplicate = duplicates_;
  stats.events_too_old = too_old_;
  stats.events_future = future_;
  stats.ids_held = ids_held_;
  stats.id_bytes = id_bytes_;
  stats.commits = commits_;
  stats.log_position = store_->LastPosition();
  stats.checkpoint_position = store_->CheckpointPosition();
  stats.overflow_cells = overflow_cells_;
  stats.quarantine_held = quarantine_.Counts();
  {
    const std::lock_guard lock(quarantined_mutex_);
    stats.quarantined = quarantined_;
  }
  const std::shared_ptr<ViewSet> set = CurrentSet();
  for (const auto& [view, state] : set->states) {
    stats.keys += state->NumKeys();
    stats.events_held += state->NumEvents();
  }
  return stats;
}

}  // namespace headrace
