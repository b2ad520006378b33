#include "features/online/view_set.h"

#include <algorithm>
#include <thread>

#include "base/id.h"
#include "base/parallel.h"
#include "features/online/pushed_rows.h"

namespace headrace {
namespace {

// 1: states had forgotten by the clock, so that no other state of the same log was like them.
// 2: a key's state was one block of events, and never ahead of the checkpoint.
// 3: each view had states of its own.
constexpr int64_t kMetaVersion = 4;
constexpr std::string_view kStatesOfViews = "view/";  // of version 3 and before
constexpr size_t kReplayedRowsAtOnce = 50'000;
constexpr size_t kUnlimited = std::numeric_limits<int64_t>::max();

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

// What a group's states are of: views, their definitions and what history they start from.
Json EncodeGroup(const ViewSet::Group& group) {
  Json::Array views;
  for (const OnlineViewSpec& spec : group.views) {
    views.emplace_back(
        Json::Object{{"view", spec.view}, {"definition", spec.definition_hash}, {"history", spec.history_version}});
  }
  return views;
}

bool MatchesMeta(const Json& meta, const ViewSet::Group& group) {
  const Json* groups = meta.Find("groups");
  const Json* stored = groups == nullptr ? nullptr : groups->Find(group.name());
  const Json* views = stored == nullptr ? nullptr : stored->Find("views");
  return views != nullptr && views->Dump() == EncodeGroup(group).Dump();
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

// A group points to the definition's programs, which therefore live as long.
std::shared_ptr<GroupState> MakeState(const std::shared_ptr<const OnlineDefinition>& definition, EventGroup group,
                                      OnlineStore& store) {
  return {new GroupState(std::move(group), store, fmt::format("events/{}/", NewId())),
          [definition](GroupState* state) { delete state; }};
}

// The views of one history, grouped by what they read.
void AddGroups(const std::vector<OnlineViewSpec>& specs, OnlineStore& store, ViewSet* set) {
  std::vector<const ViewProgram*> programs;
  programs.reserve(specs.size());
  for (const OnlineViewSpec& spec : specs) programs.push_back(&set->definition->catalog->events.at(spec.view));
  for (const EventGroup& wide : GroupByEvents(programs, InputOf(programs))) {
    std::vector<const ViewProgram*> members;
    ViewSet::Group group;
    for (const EventGroup::Member& member : wide.members) {
      members.push_back(member.view);
      const auto place = std::find(programs.begin(), programs.end(), member.view) - programs.begin();
      group.views.push_back(specs[static_cast<size_t>(place)]);
      set->places[group.views.back().view] = {set->groups.size(), members.size() - 1};
    }
    // Once more, over the columns that they alone read.
    group.state = MakeState(set->definition, std::move(GroupByEvents(members, InputOf(members))[0]), store);
    set->groups.push_back(std::move(group));
  }
}

void MakeGroups(OnlineStore& store, ViewSet* set) {
  std::vector<std::vector<OnlineViewSpec>> histories;
  for (const OnlineViewSpec& spec : set->definition->views) {
    const auto same = [&](const std::vector<OnlineViewSpec>& others) {
      return others[0].stream == spec.stream && others[0].history == spec.history &&
             others[0].history_version == spec.history_version;
    };
    const auto found = std::find_if(histories.begin(), histories.end(), same);
    (found == histories.end() ? histories.emplace_back() : *found).push_back(spec);
  }
  for (const std::vector<OnlineViewSpec>& specs : histories) AddGroups(specs, store, set);
}

IdTest SupersededBy(const ViewSet& set, const std::string& stream) {
  const auto ids = set.history_ids.find(stream);
  if (ids == set.history_ids.end() || ids->second->empty()) return nullptr;
  return [&history = *ids->second](std::string_view id) { return history.Contains(id); };
}

// What is more goes to the store, and from memory.
Status LimitMemory(GroupState& state, size_t memory_bytes) {
  if (state.MemoryBytes() <= memory_bytes) return absl::OkStatus();
  HR_RETURN_IF_ERROR(state.WriteChanges(/*horizon=*/kMinTimestampUs));
  state.Evict(state.MemoryBytes());
  return absl::OkStatus();
}

// Entries of the log on their way to the states.
class Replay {
 public:
  Replay(const ViewSet& set, const Included& included) : set_(set), included_(included) {}

  // Of a source that the project has no more: nothing.
  Status Add(uint64_t position, const LoggedRequest& request) {
    const auto stream = set_.definition->streams.find(request.source);
    if (stream == set_.definition->streams.end()) return absl::OkStatus();
    HR_ASSIGN_OR_RETURN(PushedRows pushed, RowsOfRequest(stream->second, request, SupersededBy(set_, request.source)));
    requests_.push_back({position, request.source, std::move(pushed)});
    rows_ += request.rows.num_rows;
    return absl::OkStatus();
  }

  Status ApplyIfMany(size_t memory_bytes) {
    if (rows_ < kReplayedRowsAtOnce) return absl::OkStatus();
    HR_RETURN_IF_ERROR(Apply());
    for (const ViewSet::Group& group : set_.groups) {
      if (included_.contains(group.name()))
        HR_RETURN_IF_ERROR(LimitMemory(*group.state, memory_bytes / set_.groups.size()));
    }
    return absl::OkStatus();
  }

  // A group at a time, several groups at once.
  Status Apply() {
    HR_RETURN_IF_ERROR(ParallelFor(set_.groups.size(), Threads(), [&](size_t i) { return ApplyTo(set_.groups[i]); }));
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

  Status ApplyTo(const ViewSet::Group& group) const {
    const auto included = included_.find(group.name());
    if (included == included_.end()) return absl::OkStatus();
    for (const Request& request : requests_) {
      if (request.source != group.stream() || request.position <= included->second) continue;
      const PushedRows& pushed = request.pushed;
      HR_ASSIGN_OR_RETURN(const PushedEvents events, PushedEvents::Make(group.state->group().events, pushed.rows,
                                                                        pushed.available_at, pushed.ingest));
      group.state->Insert(events.batch());
    }
    return absl::OkStatus();
  }

  const ViewSet& set_;
  const Included& included_;
  std::vector<Request> requests_;
  size_t rows_ = 0;
};

}  // namespace

size_t ViewSet::MemoryBytes() const {
  size_t bytes = 0;
  for (const Group& group : groups) bytes += group.state->MemoryBytes();
  return bytes;
}

std::shared_ptr<ViewSet> MakeViewSet(OnlineDefinition definition, DurationUs keep_us, OnlineStore& store) {
  auto set = std::make_shared<ViewSet>();
  set->keep_us = keep_us > 0 ? keep_us : LongestWindowAndADay(definition);
  set->reach_us = ReachByStream(definition);
  set->definition = std::make_shared<const OnlineDefinition>(std::move(definition));
  MakeGroups(store, set.get());
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
  for (ViewSet::Group& group : set->groups) {
    const auto old = std::find_if(before.groups.begin(), before.groups.end(),
                                  [&](const ViewSet::Group& other) { return other.views == group.views; });
    if (old == before.groups.end()) continue;
    group.state = old->state;
    kept.insert(group.name());
  }
  return kept;
}

Status LoadHistoryIds(const HistoryReader& history, size_t memory_bytes, OnlineStore& store, ViewSet* set) {
  for (const auto& [name, stream] : set->definition->streams) {
    if (stream.event_id.empty() || set->history_ids.contains(name)) continue;
    const auto known = std::make_shared<HistoryIds>(store, memory_bytes);
    HR_RETURN_IF_ERROR(history.ids(stream, [&](const Column& ids) {
      for (size_t row = 0; row < ids.size(); ++row) {
        if (!ids.IsNull(row)) known->Add(EncodeId(ids, row));
      }
      return absl::OkStatus();
    }));
    known->Finish();
    set->history_ids[name] = known;
  }
  return absl::OkStatus();
}

Json EncodeMeta(const ViewSet& set, int64_t stored_until) {
  Json::Object groups;
  for (const ViewSet::Group& group : set.groups) {
    groups.emplace_back(group.name(), Json::Object{{"states", group.state->prefix()}, {"views", EncodeGroup(group)}});
  }
  return Json::Object{{"version", kMetaVersion},
                      {"keep_us", set.keep_us},
                      {"stored_until", stored_until},
                      {"groups", std::move(groups)}};
}

StatusOr<Included> RestoreFromCheckpoint(const OnlineStore& store, size_t memory_bytes, ViewSet* set) {
  Included included;
  Json meta;
  HR_RETURN_IF_ERROR(store.ReadStates(kMetaState, [&](std::string_view, std::string_view bytes) -> Status {
    HR_ASSIGN_OR_RETURN(meta, Json::Parse(bytes));
    return absl::OkStatus();
  }));
  if (!KeptLongEnough(meta, set->keep_us)) return included;
  HR_ASSIGN_OR_RETURN(const int64_t stored_until, meta.GetInteger("stored_until"));
  for (const ViewSet::Group& group : set->groups) {
    if (MatchesMeta(meta, group)) included[group.name()] = store.CheckpointPosition();
  }
  std::atomic<int64_t> budget = static_cast<int64_t>(std::min<size_t>(memory_bytes, kUnlimited));
  const int threads_of_each = std::max(1, Threads() / static_cast<int>(std::max<size_t>(included.size(), 1)));
  HR_RETURN_IF_ERROR(ParallelFor(set->groups.size(), Threads(), [&](size_t i) -> Status {
    const ViewSet::Group& group = set->groups[i];
    if (!included.contains(group.name())) return absl::OkStatus();
    HR_ASSIGN_OR_RETURN(std::string prefix, meta.Find("groups")->Find(group.name())->GetString("states"));
    return Annotate(group.state->Restore(std::move(prefix), stored_until, threads_of_each, &budget),
                    fmt::format("checkpoint of view {}", group.name()));
  }));
  return included;
}

StatusOr<std::vector<std::string>> StatesOfOthers(const OnlineStore& store, const ViewSet& set) {
  std::vector<std::string> prefixes = {std::string(kStatesOfViews)};
  HR_RETURN_IF_ERROR(store.ReadStates(GroupState::kMarkers, [&](std::string_view marker, std::string_view) {
    const std::string_view prefix = marker.substr(GroupState::kMarkers.size());
    const auto is_its = [&](const ViewSet::Group& group) { return group.state->prefix() == prefix; };
    if (std::none_of(set.groups.begin(), set.groups.end(), is_its)) prefixes.emplace_back(prefix);
    return absl::OkStatus();
  }));
  return prefixes;
}

Status FillFromHistory(const HistoryReader& history, const std::set<std::string>& has, size_t memory_bytes,
                       ViewSet* set, Included* included) {
  std::vector<const ViewSet::Group*> groups;
  for (const ViewSet::Group& group : set->groups) {
    if (has.contains(group.name())) continue;
    groups.push_back(&group);
    (*included)[group.name()] = 0;
  }
  return ParallelFor(groups.size(), Threads(), [&](size_t i) {
    GroupState& state = *groups[i]->state;
    const ViewProgram& program = state.group().events;
    return history.view(
        groups[i]->views[0], program, [&](const RecordBatch& input, const Arrivals& arrivals) -> Status {
          std::vector<const Column*> columns;
          for (const Column& column : input.columns) columns.push_back(&column);
          HR_ASSIGN_OR_RETURN(const EventBatch events, EventBatch::Prepare(program, columns, input.num_rows, arrivals));
          state.Insert(events);
          return absl::OkStatus();
        });
  });
}

Status ReplayLog(const OnlineStore& store, const LogRange& range, const ViewSet& set, Included* included,
                 const std::function<void(uint64_t position, const LoggedRequest&)>& on_request) {
  Replay replay(set, *included);
  Status read = store.ReadLog(range.after, [&](uint64_t position, std::string_view entry) -> Status {
    if (position > range.until) return absl::CancelledError();
    HR_ASSIGN_OR_RETURN(const std::vector<LoggedRequest> requests, DecodeLogEntry(entry));
    for (const LoggedRequest& request : requests) {
      if (on_request) on_request(position, request);
      HR_RETURN_IF_ERROR(replay.Add(position, request));
    }
    return replay.ApplyIfMany(range.memory_bytes);
  });
  if (!read.ok() && !absl::IsCancelled(read)) return read;
  HR_RETURN_IF_ERROR(replay.Apply());
  for (auto& [view, position] : *included) position = std::max(position, range.until);
  return absl::OkStatus();
}

void Forget(TimestampUs horizon, const Included& included, const ViewSet& set) {
  for (const ViewSet::Group& group : set.groups) {
    if (included.contains(group.name())) group.state->Forget(horizon);
  }
}

}  // namespace headrace
