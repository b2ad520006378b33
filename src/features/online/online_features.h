// Events in, features out.
//
//   Push --queue--> committer: ids, arrival --> one log entry, one fsync --> states --> acknowledge
//                                                                             ^
//   Read ---------------------------------------------------------------------+  any number of threads
//
// The log of accepted events is the truth (online_store/store.h); the states of the views are derived from history and
// log. A checkpoint writes the new events of the states, and at its end the log position up to which they have all;
// opening reads it and applies the tail of the log, of which an event that a state has already is left as it is: so a
// crash loses no acknowledged event and counts none twice.
// A view whose definition or history differs from the checkpoint's is built anew from history and the whole log.
//
// Thread-safe.
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "base/time.h"
#include "features/online/commit_pace.h"
#include "features/online/event_parser.h"
#include "features/online/feature_reader.h"
#include "features/online/online_definition.h"
#include "features/online/pushed_rows.h"
#include "features/online/quarantine.h"
#include "features/online/state_hash.h"
#include "features/online/view_set.h"
#include "online_store/store.h"

namespace headrace {

struct OnlineOptions {
  DurationUs keep_us = 0;  // reads reach back this far; 0: the longest window plus a day (rule 12)
  DurationUs id_retention_us = 30 * kUsPerDay;
  // Events whose time is further than this after the present are refused; null: none (a replay, whose clock is the
  // history's).
  std::optional<DurationUs> future_skew_us;
  // What the events of the views may take; keys beyond are in the store alone.
  size_t memory_bytes = std::numeric_limits<size_t>::max();
  // What event ids may take; the oldest beyond are in the store.
  size_t id_memory_bytes = std::numeric_limits<size_t>::max();
  // Of small requests, and of larger ones: past it a push is refused with kResourceExhausted.
  size_t max_queued_rows = 200'000;
  // Rows that share one log entry; fewer where they take long (CommitPace), more where one request has more.
  size_t max_commit_rows = 20'000;
};

// One request: all of it becomes durable at once, or nothing.
struct PushRequest {
  std::string stream;
  RecordBatch rows;                 // columns of the stream, in its order
  std::vector<QuarantinedRow> bad;  // rows that go to quarantine beside it
  // When `rows` come out of quarantine: the id of each. Accepted, or dropped as a duplicate, a row is released; one
  // that is not held any more was sent by somebody else, and is dropped uncounted.
  std::vector<std::string> quarantine_ids;
};

struct PushResult {
  int64_t accepted = 0;
  int64_t duplicates = 0;
  int64_t quarantined = 0;
};

struct OnlineStats {
  int64_t events_accepted = 0;
  int64_t events_duplicate = 0;
  int64_t events_too_old = 0;  // accepted, though older than the longest window over their stream
  int64_t events_future = 0;   // refused: too far after the present
  int64_t ids_held = 0;        // event ids that are known, over all streams
  int64_t id_bytes = 0;        // the memory that they take
  int64_t ids_shelved = 0;     // of them, that the store has in place of memory
  int64_t commits = 0;
  int64_t queued_rows = 0;  // that wait to be written
  uint64_t log_position = 0;
  uint64_t checkpoint_position = 0;
  int64_t keys = 0;         // in memory
  int64_t state_bytes = 0;  // what they take, about
  int64_t keys_loaded = 0;  // from the store, since the start
  int64_t keys_evicted = 0;
  int64_t events_held = 0;
  int64_t overflow_cells = 0;
  std::map<std::string, int64_t> quarantined;      // rows that came, by source, since the start
  std::map<std::string, int64_t> quarantine_held;  // rows that are there, by source
};

class OnlineFeatures {
 public:
  // Recovers and is ready when it returns. `clock` must outlive it.
  static StatusOr<std::unique_ptr<OnlineFeatures>> Open(std::unique_ptr<OnlineStore> store, OnlineDefinition definition,
                                                        const HistoryReader& history, const Clock& clock,
                                                        const OnlineOptions& options);
  ~OnlineFeatures();  // finishes what was queued

  // Queues rows of a request (columns of the stream, in its order); `done` is called once they are durable and visible,
  // or refused, from another thread. Of requests that wait together small ones may be taken first. kResourceExhausted
  // at once when the queue is full; kInvalidArgument, naming row and column, for an event of the future
  // (OnlineOptions::future_skew_us).
  using PushDone = std::function<void(StatusOr<PushResult>)>;
  Status Push(const std::string& stream, RecordBatch rows, PushDone done);
  Status Push(PushRequest request, PushDone done);
  StatusOr<PushResult> PushAndWait(const std::string& stream, RecordBatch rows);
  StatusOr<PushResult> PushAndWait(PushRequest request);

  bool HoldsQuarantined(const std::string& source, const std::string& id) const {
    return quarantine_.Holds(source, id);
  }
  // At most `limit` quarantined rows of a source with ids after `after`, by id.
  StatusOr<std::vector<QuarantinedRow>> ReadQuarantine(const std::string& source, const std::string& after,
                                                       size_t limit) const {
    return quarantine_.Read(*store_, source, after, limit);
  }

  // The definition in force; plans made from its catalog are valid while the pointer is held.
  std::shared_ptr<const OnlineDefinition> definition() const;

  // The present: never before the arrival of an acknowledged row, so that one reads one's own writes (rule 12).
  TimestampUs Now() const;
  // What an event's time may be at most now (OnlineOptions::future_skew_us).
  TimestampUs LatestEventTime() const {
    return options_.future_skew_us ? AddSaturated(Now(), *options_.future_skew_us) : kMaxTimestampUs;
  }

  // The instant to read at: `at`, or the present. What was read at t must still be right when the log is read again, so
  // no row may arrive at or before t that the read did not see: a commit that is being written either gets its arrival
  // after t, or the present is taken just before its arrival, or the call waits for it.
  TimestampUs ResolveInstant(std::optional<TimestampUs> at);

  const OnlineStore& store() const { return *store_; }
  OnlineStore& store() { return *store_; }         // to be truncated
  int64_t LogBytes() const { return log_bytes_; }  // that were appended to the log since the start

  // Outputs of `plan` (made from the catalog of `definition`) for each row: `entities` has the columns of
  // plan.entities in their order, `request` those of plan.request_fields, `times` each row's instant. How a plan is
  // read is worked out at its first read. kInvalidArgument "at_too_old": before the kept reach.
  StatusOr<FeatureTable> Read(const OnlineDefinition& definition, const FeaturePlan& plan, const RecordBatch& entities,
                              const RecordBatch& request, const Column& times);

  // Puts a new definition in force; reads and pushes go on with the old one until the new states have caught up.
  Status Replace(OnlineDefinition definition, const HistoryReader& history);

  Status Checkpoint();
  // Drops keys from memory, which the store has, where there is more than OnlineOptions::memory_bytes; writes a
  // checkpoint where that is not enough. To be called now and then.
  Status LimitMemory();
  OnlineStats Stats() const;

  // A hash of all that was made of history and log, at the end of the log. Pushes wait while it is computed.
  StatusOr<StateHash> Hash();

 private:
  static constexpr size_t kSmallRows = 64;

  struct PendingPush {
    PushRequest request;
    PushDone done;
    size_t num_rows() const { return request.rows.num_rows + request.bad.size(); }
    bool small() const { return num_rows() <= kSmallRows; }
  };
  struct PushQueue {
    std::deque<PendingPush> pushes;
    size_t rows = 0;  // of all
  };
  struct PushBatch;
  struct Insertion;
  struct CommittedPush;
  struct Commit;

  OnlineFeatures(std::unique_ptr<OnlineStore> store, const Clock& clock, const OnlineOptions& options);

  Status Recover(OnlineDefinition definition, const HistoryReader& history);
  DurationUs IdRetention(const StreamSource& stream) const;
  Status FindLastArrival();
  TimestampUs Horizon(const ViewSet& set) const;
  void RememberLogged(const LoggedRequest& request, const OnlineDefinition& definition);
  void TakeHistoryIds(const ViewSet& set);

  Status CheckFuture(const StreamSource& stream, const RecordBatch& rows);
  void RunCommitter();
  std::vector<PendingPush> TakePending();
  DurationUs CommitRequests(std::vector<PendingPush> pending);
  static std::vector<PushBatch> Join(std::vector<PendingPush> pending);
  void Prepare(PushBatch batch, TimestampUs arrival, const ViewSet& set, Commit* commit);
  static StatusOr<std::vector<Insertion>> PrepareInsertions(const LoggedRequest& request, const ViewSet& set,
                                                            std::span<const TimestampUs> available,
                                                            std::span<const int64_t> ingest);
  void KeepHeld(PushRequest* request, const Commit& commit) const;
  KnownIds& IdsOf(const std::string& stream) { return ids_.try_emplace(stream, *store_).first->second; }
  StatusOr<std::optional<RecordBatch>> DropDuplicates(const StreamSource& stream, const RecordBatch& rows,
                                                      TimestampUs arrival, std::vector<uint32_t>* duplicates);
  void Publish(const Commit& commit, uint64_t position);
  void Acknowledge(std::span<const CommittedPush> pushes);
  void ExpireIds(const OnlineDefinition& definition, TimestampUs arrival, size_t most);
  void ShelveIds(size_t most);
  void CountIds();

  // A commit's arrival: after every instant that was read at, and never before the last one (rule 3).
  TimestampUs BeginCommit();
  void GoOnWithCommit(TimestampUs arrival);  // with what of it arrives then; what did before is there
  void EndCommit();

  std::shared_ptr<ViewSet> CurrentSet() const;
  void EvictFrom(const ViewSet& set);
  // By the prefix of what the store has of a stream's ids: which arrivals count. Under commit_mutex_.
  using IdHorizons = std::vector<std::pair<std::string, TimestampUs>>;
  IdHorizons OldestIds(const OnlineDefinition& definition) const;
  void ExpireStates(const ViewSet& set, TimestampUs horizon, IdHorizons oldest_ids);
  std::shared_ptr<const FeatureReader> ReaderOf(const ViewSet& set, const FeaturePlan& plan);
  StatusOr<StateHash::Part> HashQuarantine(const std::string& source) const;

  const std::unique_ptr<OnlineStore> store_;
  const Clock& clock_;
  const OnlineOptions options_;
  Quarantine quarantine_;

  mutable std::shared_mutex set_mutex_;
  std::shared_ptr<ViewSet> set_;
  std::shared_mutex readers_mutex_;
  absl::flat_hash_map<uint64_t, std::shared_ptr<const FeatureReader>> readers_;  // by plan, of the set in force

  mutable std::mutex queue_mutex_;
  std::condition_variable queue_changed_;
  PushQueue small_queue_;  // requests of a few rows, which do not wait for the others, nor for room beside them
  PushQueue large_queue_;
  bool stopping_ = false;
  CommitPace pace_;  // the committer's alone

  std::mutex replace_mutex_;     // held by Replace, before the next two
  std::mutex checkpoint_mutex_;  // held by Checkpoint, before the next
  // Held by the committer while it commits, and by the others where states and log must agree.
  std::mutex commit_mutex_;
  TimestampUs last_arrival_ = kMinTimestampUs;
  int64_t next_ingest_ = kFirstPushedIngest;
  std::map<std::string, KnownIds> ids_;    // by stream: encoded ids that were seen
  std::vector<std::string> stale_states_;  // prefixes of states that no checkpoint needs any more

  std::mutex instant_mutex_;
  std::condition_variable commit_ended_;
  TimestampUs in_flight_arrival_ = kMaxTimestampUs;  // of the commit that is being written; none: the maximum
  TimestampUs last_read_ = kMinTimestampUs;          // the latest instant that was read at, the future apart

  std::atomic<TimestampUs> acknowledged_arrival_ = kMinTimestampUs;
  std::atomic<int64_t> accepted_ = 0;
  std::atomic<int64_t> duplicates_ = 0;
  std::atomic<int64_t> too_old_ = 0;
  std::atomic<int64_t> future_ = 0;
  std::atomic<int64_t> ids_held_ = 0;
  std::atomic<int64_t> id_bytes_ = 0;
  std::atomic<int64_t> ids_shelved_ = 0;
  std::atomic<int64_t> commits_ = 0;
  std::atomic<int64_t> log_bytes_ = 0;
  std::atomic<int64_t> overflow_cells_ = 0;
  mutable std::mutex quarantined_mutex_;
  std::map<std::string, int64_t> quarantined_;  // by source
  std::thread committer_;
};

}  // namespace headrace
