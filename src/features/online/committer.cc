// The one thread that writes the log: takes what is queued, makes it durable in one entry, applies it, acknowledges it.
#include <algorithm>
#include <chrono>
#include <deque>
#include <future>
#include <iterator>
#include <numeric>

#include "base/kill_point.h"
#include "features/online/online_features.h"

namespace headrace {
namespace {

using SteadyClock = std::chrono::steady_clock;

DurationUs MicrosecondsSince(SteadyClock::time_point begin) {
  return std::chrono::duration_cast<std::chrono::microseconds>(SteadyClock::now() - begin).count();
}

// Of the ids that have expired a commit frees up to twice as many as it adds rows, so that they cannot pile up, and
// this many more; never all at once, however many there are after a pause.
constexpr size_t kExpiredIdsPerCommit = 1000;

// Events that no window over their stream shows at any instant from their availability on.
int64_t CountTooOld(const StreamSource& stream, const RecordBatch& rows, const std::vector<TimestampUs>& available,
                    DurationUs reach_us) {
  const Column& event_time = *rows.Find(stream.event_time);
  int64_t too_old = 0;
  for (size_t row = 0; row < available.size(); ++row) {
    too_old += !event_time.IsNull(row) && AddSaturated(event_time.ints()[row], reach_us) < available[row];
  }
  return too_old;
}

// The error that a view of the group gives by itself.
Status NamingView(const ViewSet::Group& group, const RecordBatch& rows, std::span<const TimestampUs> available,
                  std::span<const int64_t> ingest, const Status& of_all) {
  for (const EventGroup::Member& member : group.state->group().members) {
    const Status status = PushedEvents::Make(*member.view, rows, available, ingest).status();
    if (!status.ok()) return Annotate(status, fmt::format("feature view {}", member.view->name));
  }
  return Annotate(of_all, fmt::format("feature view {}", group.name()));
}

static_assert(std::is_nothrow_move_constructible_v<LoggedRequest>, "its columns would not stay where they are");

}  // namespace

// Requests that are prepared as one: small ones of a stream share the fixed cost of a batch, which is many times that
// of a row. One alone may have rows for the quarantine, or out of it.
struct OnlineFeatures::PushBatch {
  struct Part {
    size_t num_rows;  // of request.rows, behind those of the parts before it
    PushDone done;
  };

  explicit PushBatch(PendingPush push) : small(push.small()), request(std::move(push.request)) {
    parts.push_back({request.rows.num_rows, std::move(push.done)});
  }

  static bool Takes(const PendingPush& push) {
    return push.small() && push.request.bad.empty() && push.request.quarantine_ids.empty();
  }
  // Of ones that it Takes. False: the definition was replaced between them, and with it the stream's columns.
  bool Add(PendingPush* push) {
    if (request.rows.schema != push->request.rows.schema) return false;
    request.rows.AppendBatch(push->request.rows);
    parts.push_back({push->request.rows.num_rows, std::move(push->done)});
    return true;
  }
  // As they were before they were added.
  std::vector<PendingPush> Split() && {
    std::vector<PendingPush> pushes;
    size_t begin = 0;
    for (Part& part : parts) {
      pushes.push_back({{request.stream, request.rows.Slice(begin, part.num_rows), {}, {}}, std::move(part.done)});
      begin += part.num_rows;
    }
    return pushes;
  }
  void Refuse(const Status& status) {
    for (Part& part : parts) part.done(status);
  }

  bool small;  // as its requests are
  PushRequest request;
  std::vector<Part> parts;
};

// A request's events for one group. They lie in the request, whose rows stay where they are.
struct OnlineFeatures::Insertion {
  GroupState* state;
  PushedEvents events;
};

struct OnlineFeatures::CommittedPush {
  std::string stream;
  PushDone done;
  PushResult result;
};

// What one log entry makes durable. Nothing of it is seen by anyone before the entry is on disk.
//
// Its small requests are a part of their own, which arrives a microsecond before the others: they are acknowledged, and
// read, while the others are still being inserted.
struct OnlineFeatures::Commit {
  struct Part {
    TimestampUs arrival = 0;
    size_t first_request = 0;
    size_t first_insertion = 0;
    size_t first_accepted = 0;
  };
  std::vector<Part> parts;
  std::vector<CommittedPush> accepted;  // in their order
  int64_t too_old = 0;
  std::vector<LoggedRequest> requests;
  std::vector<Insertion> insertions;
  std::deque<std::vector<TimestampUs>> times;        // that insertions look at: available_at and ingestion numbers
  std::map<std::string, KnownIds::Mark> ids_before;  // by stream; ids since then are forgotten if the write fails
  absl::flat_hash_set<std::string> released;         // ids of rows that leave the quarantine

  // What is added from now on arrives at `arrival`.
  void BeginPart(TimestampUs arrival);
  // A request to be logged, what it was made of, and which rows of that are not in it.
  void Add(LoggedRequest request, PushBatch batch, std::span<const uint32_t> duplicates);
};

void OnlineFeatures::Commit::BeginPart(TimestampUs arrival) {
  parts.push_back({arrival, requests.size(), insertions.size(), accepted.size()});
}

void OnlineFeatures::Commit::Add(LoggedRequest request, PushBatch batch, std::span<const uint32_t> duplicates) {
  const std::string source = request.source;
  const TimestampUs arrival = request.arrival;
  if (request.rows.num_rows > 0) requests.push_back(std::move(request));
  if (!batch.request.bad.empty()) requests.push_back(LogKept(batch.request.bad, arrival));
  const std::vector<std::string>& ids = batch.request.quarantine_ids;
  if (!ids.empty()) requests.push_back(LogReleased(source, ids, arrival));
  released.insert(ids.begin(), ids.end());
  size_t end = 0;
  for (PushBatch::Part& part : batch.parts) {
    end += part.num_rows;
    const auto twice = std::lower_bound(duplicates.begin(), duplicates.end(), end) - duplicates.begin();
    duplicates = duplicates.subspan(static_cast<size_t>(twice));
    accepted.push_back({source, std::move(part.done), {static_cast<int64_t>(part.num_rows) - twice, twice, 0}});
  }
  accepted.back().result.quarantined = static_cast<int64_t>(batch.request.bad.size());
}

Status OnlineFeatures::Push(const std::string& stream, RecordBatch rows, PushDone done) {
  return Push({stream, std::move(rows), {}, {}}, std::move(done));
}

Status OnlineFeatures::Push(PushRequest request, PushDone done) {
  const std::shared_ptr<const OnlineDefinition> definition = this->definition();
  if (const auto source = definition->streams.find(request.stream); source != definition->streams.end())
    HR_RETURN_IF_ERROR(CheckFuture(source->second, request.rows));
  PendingPush push = {std::move(request), std::move(done)};
  const size_t num_rows = push.num_rows();
  {
    const std::lock_guard lock(queue_mutex_);
    if (stopping_) return Unavailable("the server is stopping");
    PushQueue& queue = push.small() ? small_queue_ : large_queue_;
    // An oversized request is let in when nothing waits, so that it is not refused for ever.
    if (queue.rows > 0 && queue.rows + num_rows > options_.max_queued_rows) {
      return ResourceExhausted("{} rows wait to be written, the limit is {}; send again later", queue.rows,
                               options_.max_queued_rows);
    }
    queue.rows += num_rows;
    queue.pushes.push_back(std::move(push));
  }
  queue_changed_.notify_one();
  return absl::OkStatus();
}

StatusOr<PushResult> OnlineFeatures::PushAndWait(const std::string& stream, RecordBatch rows) {
  return PushAndWait({stream, std::move(rows), {}, {}});
}

StatusOr<PushResult> OnlineFeatures::PushAndWait(PushRequest request) {
  std::promise<StatusOr<PushResult>> promise;
  std::future<StatusOr<PushResult>> future = promise.get_future();
  HR_RETURN_IF_ERROR(
      Push(std::move(request), [&](StatusOr<PushResult> result) { promise.set_value(std::move(result)); }));
  return future.get();
}

// Counts every event that is too far ahead; the error names the first.
Status OnlineFeatures::CheckFuture(const StreamSource& stream, const RecordBatch& rows) {
  if (!options_.future_skew_us) return absl::OkStatus();
  const TimestampUs now = Now();
  const TimestampUs latest = LatestEventTime();
  const Column& event_time = *rows.Find(stream.event_time);
  Status status;
  for (size_t row = 0; row < rows.num_rows; ++row) {
    if (event_time.IsNull(row) || event_time.ints()[row] <= latest) continue;
    ++future_;
    if (!status.ok()) continue;
    status = InvalidArgument("row {}, column '{}': {} is more than {} after the server's clock, which says {}; {}", row,
                             stream.event_time, FormatTimestamp(event_time.ints()[row]),
                             FormatDuration(*options_.future_skew_us), FormatTimestamp(now),
                             "the setting is future_skew under 'online' in headrace.yml");
  }
  return status;
}

void OnlineFeatures::RunCommitter() {
  while (true) {
    std::vector<PendingPush> pending = TakePending();
    if (pending.empty()) return;
    CommitPace::Commit commit;
    for (const PendingPush& push : pending) {
      commit.rows += push.num_rows();
      commit.small |= push.small();
    }
    const std::lock_guard commit_lock(commit_mutex_);
    const SteadyClock::time_point begin = SteadyClock::now();
    commit.sync_us = CommitRequests(std::move(pending));
    commit.work_us = MicrosecondsSince(begin) - commit.sync_us;
    pace_.Add(commit);
  }
}

// Waits for requests; takes as many as may share one entry. Small ones go first, so that they wait for the commit that
// runs and no other; but the oldest large one always comes along. Empty: it is time to stop.
std::vector<OnlineFeatures::PendingPush> OnlineFeatures::TakePending() {
  std::unique_lock lock(queue_mutex_);
  queue_changed_.wait(lock, [&] { return stopping_ || !small_queue_.pushes.empty() || !large_queue_.pushes.empty(); });
  std::vector<PendingPush> taken;
  size_t rows = 0;
  const auto take = [&](PushQueue* queue, size_t max_rows) {
    std::deque<PendingPush>& pushes = queue->pushes;
    for (bool first = true; !pushes.empty() && (first || rows + pushes.front().num_rows() <= max_rows); first = false) {
      const size_t of_push = pushes.front().num_rows();
      rows += of_push;
      queue->rows -= of_push;
      taken.push_back(std::move(pushes.front()));
      pushes.pop_front();
    }
  };
  take(&small_queue_, options_.max_commit_rows);
  take(&large_queue_, pace_.rows());
  return taken;
}

// Returns how long the write of the log took. Under commit_mutex_.
DurationUs OnlineFeatures::CommitRequests(std::vector<PendingPush> pending) {
  const std::shared_ptr<ViewSet> set = CurrentSet();
  const int64_t first_ingest = next_ingest_;
  Commit commit;
  commit.BeginPart(BeginCommit());
  bool small = false;
  for (PushBatch& batch : Join(std::move(pending))) {
    if (small && !batch.small) commit.BeginPart(commit.parts.back().arrival + 1);
    small = batch.small;
    Prepare(std::move(batch), commit.parts.back().arrival, *set, &commit);
  }

  DurationUs sync_us = 0;
  uint64_t entry_position = 0;
  if (!commit.requests.empty()) {
    const std::string entry = EncodeLogEntry(commit.requests);
    const SteadyClock::time_point begin = SteadyClock::now();
    const StatusOr<uint64_t> position = store_->Append(entry);
    sync_us = MicrosecondsSince(begin);
    if (!position.ok()) {
      next_ingest_ = first_ingest;
      for (const auto& [stream, mark] : commit.ids_before) IdsOf(stream).ForgetSince(mark);
      EndCommit();
      for (CommittedPush& request : commit.accepted)
        request.done(Unavailable("not accepted: {}", Message(position.status())));
      return sync_us;
    }
    KillPoint("log.written");
    entry_position = *position;
    ++commits_;
    log_bytes_ += static_cast<int64_t>(entry.size());
  }
  CountIds();
  too_old_ += commit.too_old;
  Publish(commit, entry_position);
  int64_t rows = 0;
  for (const CommittedPush& request : commit.accepted) rows += request.result.accepted;
  const size_t ids = 2 * static_cast<size_t>(rows) + kExpiredIdsPerCommit;
  ExpireIds(*set->definition, last_arrival_, ids);
  ShelveIds(ids);
  CountIds();
  return sync_us;
}

// Part by part: shows what is durable, and acknowledges it.
void OnlineFeatures::Publish(const Commit& commit, uint64_t position) {
  for (size_t i = 0; i < commit.parts.size(); ++i) {
    const Commit::Part& part = commit.parts[i];
    const bool last = i + 1 == commit.parts.size();
    const auto of_part = [last](const auto& all, size_t begin, size_t end) {
      return std::span(all).subspan(begin, (last ? all.size() : end) - begin);
    };
    const Commit::Part& next = last ? part : commit.parts[i + 1];
    for (const Insertion& insertion : of_part(commit.insertions, part.first_insertion, next.first_insertion))
      insertion.state->Insert(insertion.events.batch());
    const auto requests = of_part(commit.requests, part.first_request, next.first_request);
    for (const LoggedRequest& request : requests) quarantine_.Apply(position, request);
    if (!requests.empty()) acknowledged_arrival_ = last_arrival_ = part.arrival;
    last ? EndCommit() : GoOnWithCommit(next.arrival);
    Acknowledge(of_part(commit.accepted, part.first_accepted, next.first_accepted));
  }
}

// Counted first: who has an answer finds it in the metrics.
void OnlineFeatures::Acknowledge(std::span<const CommittedPush> pushes) {
  int64_t duplicates = 0;
  int64_t accepted = 0;
  for (const CommittedPush& push : pushes) {
    accepted += push.result.accepted;
    duplicates += push.result.duplicates;
    if (push.result.quarantined > 0) {
      const std::lock_guard lock(quarantined_mutex_);
      quarantined_[push.stream] += push.result.quarantined;
    }
  }
  accepted_ += accepted;
  duplicates_ += duplicates;
  for (const CommittedPush& push : pushes) push.done(push.result);
}

TimestampUs OnlineFeatures::BeginCommit() {
  const std::lock_guard lock(instant_mutex_);
  // Rule 3: arrival times never decrease along the log; a clock that goes back is clamped.
  in_flight_arrival_ = std::max({clock_.Now(), last_arrival_, AddSaturated(last_read_, 1)});
  return in_flight_arrival_;
}

void OnlineFeatures::EndCommit() {
  GoOnWithCommit(kMaxTimestampUs);
}

void OnlineFeatures::GoOnWithCommit(TimestampUs arrival) {
  {
    const std::lock_guard lock(instant_mutex_);
    in_flight_arrival_ = arrival;
  }
  commit_ended_.notify_all();
}

TimestampUs OnlineFeatures::ResolveInstant(std::optional<TimestampUs> at) {
  std::unique_lock lock(instant_mutex_);
  const TimestampUs present =
      std::max(acknowledged_arrival_.load(), std::min(clock_.Now(), AddSaturated(in_flight_arrival_, -1)));
  const TimestampUs t = at.value_or(present);
  commit_ended_.wait(lock, [&] { return t < in_flight_arrival_; });
  last_read_ = std::max(last_read_, std::min(t, Now()));
  return t;
}

std::vector<OnlineFeatures::PushBatch> OnlineFeatures::Join(std::vector<PendingPush> pending) {
  std::vector<PushBatch> batches;
  std::map<std::string, size_t> open;  // by stream: the batch that its next small request joins
  for (PendingPush& push : pending) {
    const std::string& stream = push.request.stream;
    if (!PushBatch::Takes(push)) {
      open.erase(stream);
    } else if (const auto it = open.find(stream); it != open.end() && batches[it->second].Add(&push)) {
      continue;
    } else {
      open[stream] = batches.size();
    }
    batches.emplace_back(std::move(push));
  }
  return batches;
}

// Adds requests to the commit, or refuses them.
void OnlineFeatures::Prepare(PushBatch batch, TimestampUs arrival, const ViewSet& set, Commit* commit) {
  const std::string name = batch.request.stream;
  const auto stream = set.definition->streams.find(name);
  if (stream == set.definition->streams.end()) return batch.Refuse(NotFound("there is no stream source '{}'", name));
  if (!batch.request.quarantine_ids.empty()) {
    KeepHeld(&batch.request, *commit);
    batch.parts[0].num_rows = batch.request.rows.num_rows;
  }
  KnownIds& ids = IdsOf(name);
  const KnownIds::Mark ids_before = ids.CurrentMark();
  commit->ids_before.try_emplace(name, ids_before);
  std::vector<uint32_t> duplicates;
  LoggedRequest request;
  request.source = name;
  request.arrival = arrival;
  request.first_ingest = next_ingest_;
  StatusOr<std::optional<RecordBatch>> fresh = DropDuplicates(stream->second, batch.request.rows, arrival, &duplicates);
  if (!fresh.ok()) {
    ids.ForgetSince(ids_before);
    return batch.Refuse(fresh.status());
  }
  request.rows = fresh->has_value() ? **std::move(fresh) : std::move(batch.request.rows);
  const std::vector<TimestampUs>& available =
      commit->times.emplace_back(PushedAvailability(stream->second, request.rows, arrival));
  std::vector<int64_t>& ingest = commit->times.emplace_back(request.rows.num_rows);
  std::iota(ingest.begin(), ingest.end(), request.first_ingest);
  StatusOr<std::vector<Insertion>> insertions = PrepareInsertions(request, set, available, ingest);
  if (!insertions.ok()) {
    ids.ForgetSince(ids_before);
    if (duplicates.empty()) batch.request.rows = std::move(request.rows);
    if (batch.parts.size() == 1) return batch.Refuse(insertions.status());
    for (PendingPush& push : std::move(batch).Split()) Prepare(PushBatch(std::move(push)), arrival, set, commit);
    return;
  }
  if (const auto reach = set.reach_us.find(name); reach != set.reach_us.end())
    commit->too_old += CountTooOld(stream->second, request.rows, available, reach->second);
  std::move(insertions->begin(), insertions->end(), std::back_inserter(commit->insertions));
  next_ingest_ += static_cast<int64_t>(request.rows.num_rows);
  commit->Add(std::move(request), std::move(batch), duplicates);
}

// What the views make of the rows. An error, e.g. an overflow in an expression, refuses them: accepted, they would fail
// every later recovery.
StatusOr<std::vector<OnlineFeatures::Insertion>> OnlineFeatures::PrepareInsertions(
    const LoggedRequest& request, const ViewSet& set, std::span<const TimestampUs> available,
    std::span<const int64_t> ingest) {
  std::vector<Insertion> insertions;
  if (request.rows.num_rows == 0) return insertions;
  for (const ViewSet::Group& group : set.groups) {
    if (group.stream() != request.source) continue;
    StatusOr<PushedEvents> events = PushedEvents::Make(group.state->group().events, request.rows, available, ingest);
    if (!events.ok()) return NamingView(group, request.rows, available, ingest, events.status());
    insertions.push_back({group.state.get(), *std::move(events)});
  }
  return insertions;
}

// Drops the rows that are out of quarantine already, or will be with this commit.
void OnlineFeatures::KeepHeld(PushRequest* request, const Commit& commit) const {
  std::vector<uint32_t> kept;
  std::vector<std::string> ids;
  absl::flat_hash_set<std::string> in_request;
  for (uint32_t row = 0; row < request->quarantine_ids.size(); ++row) {
    std::string& id = request->quarantine_ids[row];
    if (!quarantine_.Holds(request->stream, id) || commit.released.contains(id)) continue;
    if (!in_request.insert(id).second) continue;
    kept.push_back(row);
    ids.push_back(std::move(id));
  }
  for (Column& column : request->rows.columns) column = column.Take(kept);
  request->rows.num_rows = kept.size();
  request->quarantine_ids = std::move(ids);
}

// Rule 8: the first of equal ids wins; `duplicates` gets the rows that are dropped; duplicates inside one request count
// as duplicates; a null id is never one. Nothing: all rows are new.
StatusOr<std::optional<RecordBatch>> OnlineFeatures::DropDuplicates(const StreamSource& stream, const RecordBatch& rows,
                                                                    TimestampUs arrival,
                                                                    std::vector<uint32_t>* duplicates) {
  if (stream.event_id.empty()) return std::nullopt;
  const Column& ids = *rows.Find(stream.event_id);
  KnownIds& seen = IdsOf(stream.name);
  const TimestampUs oldest = AddSaturated(arrival, -IdRetention(stream));
  std::vector<uint32_t> kept;
  for (uint32_t row = 0; row < rows.num_rows; ++row) {
    bool is_new = true;
    if (!ids.IsNull(row)) {
      HR_ASSIGN_OR_RETURN(is_new, seen.Add(EncodeId(ids, row), arrival, oldest));
    }
    (is_new ? kept : *duplicates).push_back(row);
  }
  if (duplicates->empty()) return std::nullopt;
  RecordBatch fresh;
  fresh.schema = rows.schema;
  for (const Column& column : rows.columns) fresh.columns.push_back(column.Take(kept));
  fresh.num_rows = kept.size();
  return fresh;
}

void OnlineFeatures::ExpireIds(const OnlineDefinition& definition, TimestampUs arrival, size_t most) {
  for (auto& [name, ids] : ids_) {
    const auto stream = definition.streams.find(name);
    if (stream != definition.streams.end()) ids.Expire(AddSaturated(arrival, -IdRetention(stream->second)), most);
  }
}

// The oldest ids of the stream that has most in memory go to the store, where all take more than they may.
void OnlineFeatures::ShelveIds(size_t most) {
  size_t bytes = 0;
  KnownIds* largest = nullptr;
  for (auto& [stream, ids] : ids_) {
    bytes += ids.bytes();
    if (largest == nullptr || ids.size_in_memory() > largest->size_in_memory()) largest = &ids;
  }
  if (largest == nullptr || bytes <= options_.id_memory_bytes) return;
  (void)largest->Shelve(most);  // a store that takes none will take the next ones
}

void OnlineFeatures::CountIds() {
  size_t held = 0;
  size_t bytes = 0;
  size_t shelved = 0;
  for (const auto& [stream, ids] : ids_) {
    held += ids.size();
    bytes += ids.bytes();
    shelved += ids.size_in_store();
  }
  ids_shelved_ = static_cast<int64_t>(shelved);
  ids_held_ = static_cast<int64_t>(held);
  id_bytes_ = static_cast<int64_t>(bytes);
}

}  // namespace headrace
