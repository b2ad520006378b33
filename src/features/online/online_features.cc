#include "features/online/online_features.h"

#include <algorithm>
#include <future>

#include "base/kill_point.h"

namespace headrace {
namespace {

constexpr size_t kShelvedIdsAtOnce = 1'000;  // while the log is read again, and twice as many as an entry has

}  // namespace

OnlineFeatures::OnlineFeatures(std::unique_ptr<OnlineStore> store, const Clock& clock, const OnlineOptions& options)
    : store_(std::move(store)), clock_(clock), options_(options), pace_(options.max_commit_rows) {}

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
  (void)store_->DropStates(IdShelf::kAllShelves);  // of processes before; where that fails nobody finds them
  const std::shared_ptr<ViewSet> set = MakeViewSet(std::move(definition), options_.keep_us, *store_);
  HR_RETURN_IF_ERROR(LoadHistoryIds(history, options_.id_memory_bytes / 2, *store_, set.get()));
  TakeHistoryIds(*set);
  HR_ASSIGN_OR_RETURN(Included included, RestoreFromCheckpoint(*store_, options_.memory_bytes, set.get()));
  HR_ASSIGN_OR_RETURN(stale_states_, StatesOfOthers(*store_, *set));
  std::set<std::string> restored;
  for (const auto& [group, position] : included) restored.insert(group);
  HR_RETURN_IF_ERROR(FillFromHistory(history, restored, options_.memory_bytes, set.get(), &included));
  HR_RETURN_IF_ERROR(ReplayLog(*store_, {0, store_->LastPosition(), options_.memory_bytes}, *set, &included,
                               [&](uint64_t position, const LoggedRequest& request) {
                                 RememberLogged(request, *set->definition);
                                 quarantine_.Apply(position, request);
                               }));
  Forget(Horizon(*set), included, *set);
  set_ = set;
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
  const TimestampUs latest = std::max(acknowledged_arrival_.load(), set.definition->published_at);
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
  const Column* ids = request.rows.Find(stream->second.event_id);
  if (ids == nullptr) return;
  KnownIds& known = IdsOf(request.source);
  for (size_t row = 0; row < ids->size(); ++row) {
    if (!ids->IsNull(row)) known.Remember(EncodeId(*ids, row), request.arrival);
  }
  ShelveIds(2 * ids->size() + kShelvedIdsAtOnce);
}

void OnlineFeatures::TakeHistoryIds(const ViewSet& set) {
  for (const auto& [stream, ids] : set.history_ids) IdsOf(stream).SetHistory(ids);
}

std::shared_ptr<ViewSet> OnlineFeatures::CurrentSet() const {
  const std::shared_lock lock(set_mutex_);
  return set_;
}

std::shared_ptr<const OnlineDefinition> OnlineFeatures::definition() const {
  return CurrentSet()->definition;
}

TimestampUs OnlineFeatures::Now() const {
  return std::max(clock_.Now(), acknowledged_arrival_.load());
}

StatusOr<FeatureTable> OnlineFeatures::Read(const OnlineDefinition& definition, const FeaturePlan& plan,
                                            const RecordBatch& entities, const RecordBatch& request,
                                            const Column& times) {
  const std::shared_ptr<ViewSet> set = CurrentSet();
  if (set->definition.get() != &definition) return Unavailable("the definitions were replaced meanwhile; ask again");
  const TimestampUs oldest = AddSaturated(Now(), -set->keep_us);
  for (size_t row = 0; row < times.size(); ++row) {
    if (times.IsNull(row) || times.ints()[row] >= oldest) continue;
    return InvalidArgument("at_too_old: {} is before {}, the oldest instant that online state still answers for",
                           FormatTimestamp(times.ints()[row]), FormatTimestamp(oldest));
  }
  int64_t overflows = 0;
  StatusOr<FeatureTable> table = ReaderOf(*set, plan)->Read(plan, entities, request, times, &overflows);
  // A checkpoint may have removed states that were to be loaded.
  if (CurrentSet() != set) return Unavailable("the definitions were replaced meanwhile; ask again");
  if (overflows > 0) overflow_cells_ += overflows;
  return table;
}

// Plans are of a definition, and so of one set; those of a set that is gone are never asked for again.
std::shared_ptr<const FeatureReader> OnlineFeatures::ReaderOf(const ViewSet& set, const FeaturePlan& plan) {
  constexpr size_t kMostReaders = 1'000;
  {
    const std::shared_lock lock(readers_mutex_);
    if (const auto it = readers_.find(plan.number); it != readers_.end()) return it->second;
  }
  auto reader = std::make_shared<const FeatureReader>(set, plan);
  const std::unique_lock lock(readers_mutex_);
  if (readers_.size() >= kMostReaders) readers_.clear();
  return readers_.try_emplace(plan.number, std::move(reader)).first->second;
}

// New states are made beside the ones that are served, and follow the log until little is left of it; only that waits.
Status OnlineFeatures::Replace(OnlineDefinition definition, const HistoryReader& history) {
  constexpr int kMostStretches = 8;  // events may come as fast as they are applied
  constexpr uint64_t kFewEntries = 16;
  const std::lock_guard replace_lock(replace_mutex_);
  const std::shared_ptr<ViewSet> set = MakeViewSet(std::move(definition), options_.keep_us, *store_);
  const std::set<std::string> kept = KeepFrom(*CurrentSet(), set.get());
  const size_t memory_bytes = options_.memory_bytes / 2;  // beside what is served
  HR_RETURN_IF_ERROR(LoadHistoryIds(history, options_.id_memory_bytes / 2, *store_, set.get()));
  Included included;
  HR_RETURN_IF_ERROR(FillFromHistory(history, kept, memory_bytes, set.get(), &included));
  LogRange range;
  range.memory_bytes = memory_bytes;
  for (int i = 0;
       !included.empty() && i < kMostStretches && (i == 0 || store_->LastPosition() - range.after > kFewEntries); ++i) {
    range.until = store_->LastPosition();
    HR_RETURN_IF_ERROR(ReplayLog(*store_, range, *set, &included, nullptr));
    range.after = range.until;
  }
  Forget(Horizon(*set), included, *set);
  KillPoint("replace.built");
  const std::lock_guard commit_lock(commit_mutex_);
  range.until = store_->LastPosition();
  if (!included.empty()) HR_RETURN_IF_ERROR(ReplayLog(*store_, range, *set, &included, nullptr));
  TakeHistoryIds(*set);
  CountIds();
  for (const ViewSet::Group& group : CurrentSet()->groups) {
    const auto is_kept = [&](const ViewSet::Group& other) { return other.state == group.state; };
    if (std::none_of(set->groups.begin(), set->groups.end(), is_kept)) stale_states_.push_back(group.state->prefix());
  }
  {
    const std::unique_lock lock(set_mutex_);
    set_ = set;
  }
  const std::unique_lock lock(readers_mutex_);
  readers_.clear();
  return absl::OkStatus();
}

// Pushes go on meanwhile. What they bring may be in the states that are written and comes again with the log's tail,
// where it is found to be there; so nothing has to be written at once but the end.
Status OnlineFeatures::Checkpoint() {
  const std::lock_guard checkpoint_lock(checkpoint_mutex_);
  std::unique_lock commit_lock(commit_mutex_);
  const std::shared_ptr<ViewSet> set = CurrentSet();
  const std::vector<std::string> stale = stale_states_;
  const int64_t storing_until = next_ingest_ - 1;
  OnlineStore::Checkpoint checkpoint;
  checkpoint.position = store_->LastPosition();
  const TimestampUs horizon = Horizon(*set);
  IdHorizons oldest_ids = OldestIds(*set->definition);
  commit_lock.unlock();
  KillPoint("checkpoint.begun");
  for (const ViewSet::Group& group : set->groups) {
    HR_RETURN_IF_ERROR(group.state->WriteChanges(horizon));
    KillPoint("checkpoint.view");
  }
  checkpoint.states.emplace_back(kMetaState, EncodeMeta(*set, storing_until).Dump());
  HR_RETURN_IF_ERROR(store_->WriteCheckpoint(checkpoint));
  KillPoint("checkpoint.written");
  for (const ViewSet::Group& group : set->groups) group.state->SetStoredUntil(storing_until);
  for (const std::string& prefix : stale) {  // which the checkpoint before may have needed
    HR_RETURN_IF_ERROR(store_->DropStates(prefix));
    HR_RETURN_IF_ERROR(store_->WriteStates({{GroupState::MarkerOf(prefix), "", false}}));
  }
  commit_lock.lock();
  stale_states_.erase(stale_states_.begin(), stale_states_.begin() + static_cast<ptrdiff_t>(stale.size()));
  commit_lock.unlock();
  ExpireStates(*set, horizon, std::move(oldest_ids));
  EvictFrom(*set);
  return absl::OkStatus();
}

OnlineFeatures::IdHorizons OnlineFeatures::OldestIds(const OnlineDefinition& definition) const {
  IdHorizons oldest;
  for (const auto& [name, ids] : ids_) {
    const auto stream = definition.streams.find(name);
    if (stream == definition.streams.end()) continue;
    oldest.emplace_back(ids.shelf_prefix(), AddSaturated(last_arrival_, -IdRetention(stream->second)));
  }
  return oldest;
}

// Memory forgets by itself; what the store has of keys that nobody asks for, and of ids, goes when it is written anew.
void OnlineFeatures::ExpireStates(const ViewSet& set, TimestampUs horizon, IdHorizons oldest_ids) {
  std::vector<std::pair<std::string, std::weak_ptr<const GroupState>>> groups;
  for (const ViewSet::Group& group : set.groups) groups.emplace_back(group.state->prefix(), group.state);
  store_->SetExpiry([groups = std::move(groups), horizon, oldest_ids = std::move(oldest_ids)](std::string_view name,
                                                                                              std::string_view bytes) {
    for (const auto& [prefix, oldest] : oldest_ids) {
      if (name.starts_with(prefix)) return IdShelf::ArrivedBefore(bytes, oldest);
    }
    for (const auto& [prefix, weak] : groups) {
      if (!name.starts_with(prefix)) continue;
      const std::shared_ptr<const GroupState> group = weak.lock();
      return group != nullptr && group->AllForgotten(bytes, horizon);
    }
    return false;
  });
}

// Under checkpoint_mutex_.
void OnlineFeatures::EvictFrom(const ViewSet& set) {
  for (const ViewSet::Group& group : set.groups) {
    const size_t bytes = set.MemoryBytes();
    if (bytes <= options_.memory_bytes) return;
    const size_t wanted = bytes - options_.memory_bytes + options_.memory_bytes / 10;
    // Each group gives in proportion to what it has; the last ones what is still missing.
    const double share = static_cast<double>(group.state->MemoryBytes()) / static_cast<double>(bytes);
    group.state->Evict(static_cast<size_t>(static_cast<double>(wanted) * share) + 1);
  }
}

Status OnlineFeatures::LimitMemory() {
  const std::shared_ptr<ViewSet> set = CurrentSet();
  if (set->MemoryBytes() <= options_.memory_bytes) return absl::OkStatus();
  {
    const std::lock_guard checkpoint_lock(checkpoint_mutex_);
    EvictFrom(*set);
  }
  return set->MemoryBytes() <= options_.memory_bytes ? absl::OkStatus() : Checkpoint();
}

OnlineStats OnlineFeatures::Stats() const {
  OnlineStats stats;
  stats.events_accepted = accepted_;
  stats.events_duplicate = duplicates_;
  stats.events_too_old = too_old_;
  stats.events_future = future_;
  stats.ids_held = ids_held_;
  stats.id_bytes = id_bytes_;
  stats.ids_shelved = ids_shelved_;
  stats.commits = commits_;
  stats.log_position = store_->LastPosition();
  stats.checkpoint_position = store_->CheckpointPosition();
  stats.overflow_cells = overflow_cells_;
  stats.quarantine_held = quarantine_.Counts();
  {
    const std::lock_guard lock(quarantined_mutex_);
    stats.quarantined = quarantined_;
  }
  {
    const std::lock_guard lock(queue_mutex_);
    stats.queued_rows = static_cast<int64_t>(small_queue_.rows + large_queue_.rows);
  }
  const std::shared_ptr<ViewSet> set = CurrentSet();
  for (const ViewSet::Group& group : set->groups) {
    stats.keys += group.state->NumKeys();
    stats.state_bytes += static_cast<int64_t>(group.state->MemoryBytes());
    stats.keys_loaded += group.state->NumLoads();
    stats.keys_evicted += group.state->NumEvictions();
    stats.events_held += group.state->NumEvents();
  }
  return stats;
}

}  // namespace headrace
