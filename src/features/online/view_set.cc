#include "features/online/view_set.h"

#include <algorithm>
#include <thread>

#include "base/parallel.h"
#include "features/online/pushed_rows.h"

namespace headrace {
namespace {

// 1: states had forgotten by the clock, so that no other state of the same log was like them.
// 2: a key's state was one block of events, and never ahead of the checkpoint.
constexpr int64_t kMetaVersion = 3;
constexpr size_t kReplayedRowsAtOnce = 50'000;

int Threads() {
  return std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
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

DurationUs LongestWindowAndADay(const OnlineDefinition& definition) {
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

// The program that a state stands on is the definition's, which therefore lives as long.
std::shared_ptr<ViewState> MakeState(const std::shared_ptr<const OnlineDefinition>& definition,
                                     const std::string& view) {
  return {new ViewState(definition->catalog->events.at(view)), [definition](ViewState* state) { delete state; }};
}

IdTest SupersededBy(const ViewSet& set, const std::string& stream) {
  const auto ids = set.history_ids.find(stream);
  if (ids == set.history_ids.end() || ids->second->empty()) return nullptr;
  return [&history = *ids->second](std::string_view id) { return history.Contains(id, kMinTimestampUs); };
}

// Entries of the log on their way to the views.
class Replay {
 public:
  Replay(const ViewSet& set, const Included& included) : set_(set), included_(included) {}

  // Of a source that the project has no more: nothing.
  void Add(uint64_t position, const LoggedRequest& request) {
    const auto stream = set_.definition->streams.find(request.source);
    if (stream == set_.definition->streams.end()) return;
    requests_.push_back(
        {position, request.source, RowsOfRequest(stream->second, request, SupersededBy(set_, request.source))});
    rows_ += request.rows.num_rows;
  }

  Status ApplyIfMany() { return rows_ < kReplayedRowsAtOnce ? absl::OkStatus() : Apply(); }

  // A view at a time, several views at once.
  Status Apply() {
    const std::vector<OnlineViewSpec>& views = set_.definition->views;
    HR_RETURN_IF_ERROR(ParallelFor(views.size(), Threads(), [&](size_t i) { return ApplyTo(views[i]); }));
    requests_.clear();
    rows_ = 0;
    return absl::OkStatus();
  }

 private:
  struct Request {
    uint64_t position;
    std::string source;
    PushedRows pushed;
  };

  Status ApplyTo(const OnlineViewSpec& spec) const {
    const auto included = included_.find(spec.view);
    if (included == included_.end()) return absl::OkStatus();
    ViewState& state = *set_.states.at(spec.view);
    for (const Request& request : requests_) {
      if (request.source != spec.stream || request.position <= included->second) continue;
      const PushedRows& pushed = request.pushed;
      HR_ASSIGN_OR_RETURN(const EventRows events,
                          EventsOfPushed(state.program(), pushed.rows, pushed.available_at, pushed.ingest));
      state.Insert(events);
    }
    return absl::OkStatus();
  }

  const ViewSet& set_;
  const Included& included_;
  std::vector<Request> requests_;
  size_t rows_ = 0;
};

}  // namespace

void ViewSet::Forget(TimestampUs horizon) {
  for (const auto& [view, state] : states) state->Forget(horizon);
}

std::shared_ptr<ViewSet> MakeViewSet(OnlineDefinition definition, DurationUs keep_us) {
  auto set = std::make_shared<ViewSet>();
  set->keep_us = keep_us > 0 ? keep_us : LongestWindowAndADay(definition);
  set->reach_us = ReachByStream(definition);
  set->definition = std::make_shared<const OnlineDefinition>(std::move(definition));
  for (const OnlineViewSpec& spec : set->definition->views)
    set->states[spec.view] = MakeState(set->definition, spec.view);
  return set;
}

std::set<std::string> KeepFrom(const ViewSet& before, ViewSet* set) {
  std::set<std::string> kept;
  for (const auto& [stream, version] : set->definition->id_versions) {
    const auto old = before.definition->id_versions.find(stream);
    const auto ids = before.history_ids.find(stream);
    if (old != before.definition->id_versions.end() && old->second == version && ids != before.history_ids.end())
      set->history_ids[stream] = ids->second;
  }
  if (before.keep_us < set->keep_us) return kept;
  for (const OnlineViewSpec& spec : set->definition->views) {
    const std::vector<OnlineViewSpec>& others = before.definition->views;
    const auto old =
        std::find_if(others.begin(), others.end(), [&](const auto& view) { return view.view == spec.view; });
    if (old == others.end() || old->stream != spec.stream || old->definition_hash != spec.definition_hash ||
        old->history_version != spec.history_version)
      continue;
    set->states[spec.view] = before.states.at(spec.view);
    kept.insert(spec.view);
  }
  return kept;
}

Status LoadHistoryIds(const HistoryReader& history, ViewSet* set) {
  for (const auto& [name, stream] : set->definition->streams) {
    if (stream.event_id.empty() || set->history_ids.contains(name)) continue;
    const auto known = std::make_shared<IdLog>(/*with_arrivals=*/false);
    HR_RETURN_IF_ERROR(history.ids(stream, [&](const Column& ids) {
      for (size_t row = 0; row < ids.size(); ++row) {
        if (ids.IsNull(row)) continue;
        const std::string id = EncodeId(ids, row);
        if (!known->Contains(id, kMinTimestampUs)) known->Append(id, 0);
      }
      return absl::OkStatus();
    }));
    set->history_ids[name] = known;
  }
  return absl::OkStatus();
}

std::string StatePrefix(const std::string& view) {
  return "view/" + view + "/";
}

Json EncodeMeta(const ViewSet& set, int64_t stored_until) {
  Json::Object views;
  for (const OnlineViewSpec& spec : set.definition->views) {
    views.emplace_back(spec.view,
                       Json::Object{{"definition", spec.definition_hash}, {"history", spec.history_version}});
  }
  return Json::Object{
      {"version", kMetaVersion}, {"keep_us", set.keep_us}, {"stored_until", stored_until}, {"views", std::move(views)}};
}

StatusOr<Included> RestoreFromCheckpoint(const OnlineStore& store, ViewSet* set, std::optional<int64_t>* stored_until) {
  Included included;
  Json meta;
  HR_RETURN_IF_ERROR(store.ReadStates(kMetaState, [&](std::string_view, std::string_view bytes) -> Status {
    HR_ASSIGN_OR_RETURN(meta, Json::Parse(bytes));
    return absl::OkStatus();
  }));
  if (!KeptLongEnough(meta, set->keep_us)) return included;
  HR_ASSIGN_OR_RETURN(*stored_until, meta.GetInteger("stored_until"));
  for (const OnlineViewSpec& spec : set->definition->views) {
    if (MatchesMeta(meta, spec)) included[spec.view] = store.CheckpointPosition();
  }
  const std::vector<OnlineViewSpec>& views = set->definition->views;
  HR_RETURN_IF_ERROR(ParallelFor(views.size(), Threads(), [&](size_t i) -> Status {
    if (!included.contains(views[i].view)) return absl::OkStatus();
    ViewState& state = *set->states.at(views[i].view);
    const std::string prefix = StatePrefix(views[i].view);
    return store.ReadStates(prefix, [&](std::string_view name, std::string_view bytes) {
      return Annotate(state.RestoreKey(std::string(name.substr(prefix.size())), bytes),
                      fmt::format("checkpoint of view {}", views[i].view));
    });
  }));
  return included;
}

Status FillFromHistory(const HistoryReader& history, const std::set<std::string>& has, ViewSet* set,
                       Included* included) {
  std::vector<const OnlineViewSpec*> views;
  for (const OnlineViewSpec& spec : set->definition->views) {
    if (has.contains(spec.view)) continue;
    views.push_back(&spec);
    (*included)[spec.view] = 0;
  }
  return ParallelFor(views.size(), Threads(), [&](size_t i) {
    ViewState& state = *set->states.at(views[i]->view);
    const ViewProgram& program = state.program();
    return history.view(*views[i], program, [&](const RecordBatch& input, const Arrivals& arrivals) -> Status {
      HR_ASSIGN_OR_RETURN(const EventRows events, PrepareEvents(program, input, arrivals));
      state.Insert(events);
      return absl::OkStatus();
    });
  });
}

Status ReplayLog(const OnlineStore& store, const LogRange& range, const ViewSet& set, Included* included,
                 const std::function<void(uint64_t position, const LoggedRequest&)>& on_request) {
  Replay replay(set, *included);
  const Status read = store.ReadLog(range.after, [&](uint64_t position, std::string_view entry) -> Status {
    if (position > range.until) return absl::CancelledError();
    HR_ASSIGN_OR_RETURN(const std::vector<LoggedRequest> requests, DecodeLogEntry(entry));
    for (const LoggedRequest& request : requests) {
      if (on_request) on_request(position, request);
      replay.Add(position, request);
    }
    return replay.ApplyIfMany();
  });
  if (!read.ok() && !absl::IsCancelled(read)) return read;
  HR_RETURN_IF_ERROR(replay.Apply());
  for (auto& [view, position] : *included) position = std::max(position, range.until);
  return absl::OkStatus();
}

}  // namespace headrace
