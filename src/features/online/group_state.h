// The state of a group of views that read the same events: the events of each key. Many threads read while one inserts.
//
// Keys are spread over shards by hash, each under its own reader-writer lock, so that a read waits only for an
// insertion into its own shard.
//
// Keys that nobody asks for need not be in memory: the store's states (WriteChanges) have their events.
//
//   in memory, whole     ---- Evict, once the store has all of it ---->  in the store alone
//   in memory, whole     <-------- a read loads it ---------------------  in the store alone
//   in memory, in part   <-------- an event comes ----------------------  in the store alone
//
// Of a key that is there in part memory has what came since; a read puts both together. An event that is in both is
// one, by its place in the order.
#pragma once

#include <array>
#include <atomic>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <shared_mutex>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "features/online/timing_wheel.h"
#include "kernel/event_group.h"
#include "kernel/key_events.h"
#include "online_store/store.h"

namespace headrace {

// An encoded key (EncodeKey), hashed once for all the groups that it is looked up in.
struct KeyName {
  std::string_view bytes;
  size_t hash = 0;

  explicit KeyName(std::string_view key) : bytes(key), hash(absl::HashOf(key)) {}
};

class GroupState {
 public:
  // `prefix`: of the names of its states in the store, which must outlive it. No other group ever has the same.
  GroupState(EventGroup group, OnlineStore& store, std::string prefix);
  // Before its first states a group writes one by this name, so that whatever becomes of it, they are found.
  static constexpr std::string_view kMarkers = "group/";
  static std::string MarkerOf(std::string_view prefix);

  const EventGroup& group() const { return group_; }
  const ReadPlan& plan() const { return plan_; }
  const std::string& prefix() const { return prefix_; }

  // The group's events (EventGroup::events).
  void Insert(const EventBatch& events);

  // Sets what `read`, of this group's plan, wants, row by row. A key without events, and a row without a key, sees the
  // empty set. Returns how many cells rule 17 made null. Keys that are in the store are loaded: an error is the
  // store's.
  struct Row {
    std::optional<KeyName> key;
    TimestampUs t = 0;
    size_t begin = 0;  // the cell that those of the read count from
  };
  StatusOr<int64_t> Read(std::span<const Row> rows, const GroupRead& read, Cells* out);

  // Drops what no read at `horizon` or later can see: looks at every key, for states that are new.
  void Forget(TimestampUs horizon);

  // The keys in the order of their bytes, each with its events that a read of the group's view number `member` at
  // `horizon` or later can see, with that view's slots; a key without any is left out. Call with insertions, evictions
  // and checkpoints held off.
  using Visitor = std::function<void(std::string_view key, const EventRows& events)>;
  Status Visit(size_t member, TimestampUs horizon, const Visitor& visitor) const;

  int64_t NumKeys() const;  // in memory, as the next two
  int64_t NumEvents() const { return events_; }
  size_t MemoryBytes() const { return bytes_; }  // about; without tiles
  int64_t NumLoads() const { return loads_; }    // keys that came from the store
  int64_t NumEvictions() const { return evictions_; }

  // The rest is for one thread at a time.

  // The store has every event up to this ingestion number; before the first time: nothing at all.
  void SetStoredUntil(int64_t ingest) { stored_until_ = ingest; }
  // Writes to the store what it has not: for a key with new events those alone, to be appended; for one of which most
  // stored events are forgotten all that is left. When a checkpoint has been written after it, SetStoredUntil.
  // Insertions may go on meanwhile: what comes may be written or not, and is written again next time, which loading
  // makes good. On the way what no read at `horizon` or later can see is dropped, soon after it has come to that; no
  // key is looked at that has nothing to drop or to be written.
  Status WriteChanges(TimestampUs horizon);
  // Drops keys of which the store has all, those first that nobody has asked for since the last time, until some
  // `bytes` are free or there are no more. Returns how many are.
  size_t Evict(size_t bytes);
  // Whether no read at `horizon` or later sees any event of a state's bytes, or of a change's.
  bool AllForgotten(std::string_view bytes, TimestampUs horizon) const;
  // Takes over the states under `prefix`, which have every event up to `stored_until`: reads them until memory has
  // `*budget` bytes of them, which it is reduced by; the rest of the keys stay where they are. On so many threads.
  Status Restore(std::string prefix, int64_t stored_until, int threads, std::atomic<int64_t>* budget);

 private:
  static constexpr size_t kShardBits = 6;
  static constexpr size_t kShards = size_t{1} << kShardBits;
  static constexpr size_t kKeysAtOnce = 64;  // under one lock

  struct Size {
    size_t bytes = 0;
    size_t events = 0;

    void operator+=(const Size& more) {
      bytes += more.bytes;
      events += more.events;
    }
  };
  // One key, with its name behind it in the same piece of memory.
  struct Key : TimingWheel::Entry {
    bool changed = false;                        // since it was written; then it stands in Shard::changed too
    bool partial = false;                        // the store may have events that memory has not
    mutable std::atomic<bool> asked_for = true;  // since Evict last came by
    KeyEvents events;
    uint32_t stored = 0;  // events that the store has of it, forgotten ones included
    uint32_t name_size;

    static Key* Make(const ReadPlan& plan, std::string_view name);
    static void Free(Key* key);
    Size size() const;
    std::string_view name() const { return {reinterpret_cast<const char*>(this + 1), name_size}; }

   private:
    Key(const ReadPlan& plan, size_t size) : events(plan), name_size(static_cast<uint32_t>(size)) {}
    ~Key() = default;
  };
  struct FreeKey {
    void operator()(Key* key) const { Key::Free(key); }
  };
  using OwnedKey = std::unique_ptr<Key, FreeKey>;
  struct NameHash {
    using is_transparent = void;
    size_t operator()(const OwnedKey& key) const { return absl::HashOf(key->name()); }
    size_t operator()(const KeyName& name) const { return name.hash; }
  };
  struct NameEqual {
    using is_transparent = void;
    bool operator()(const OwnedKey& a, const OwnedKey& b) const { return a->name() == b->name(); }
    bool operator()(const OwnedKey& a, const KeyName& b) const { return a->name() == b.bytes; }
    bool operator()(const KeyName& a, const OwnedKey& b) const { return a.bytes == b->name(); }
  };
  using Keys = absl::flat_hash_set<OwnedKey, NameHash, NameEqual>;
  struct Shard {
    mutable std::shared_mutex mutex;
    Keys keys;          // which stay where they are
    TimingWheel wheel;  // when they have something to forget; of those that are changed not all are in it
    std::vector<std::string> changed;
    std::vector<std::string> gone;  // whole keys without events, to be removed from the store
    bool shelved = false;           // the store may have keys that memory has not
    uint64_t evictions = 0;

    explicit Shard(DurationUs reach) : wheel(reach) {}
    // A new one has no events.
    Key& KeyOf(const KeyName& name, const ReadPlan& plan);
    void Erase(Key* key);
    void MarkChanged(Key* key) {
      if (!std::exchange(key->changed, true)) changed.emplace_back(key->name());
    }
  };
  struct NewEvent {
    KeyName key;
    size_t row;
    Key* of = nullptr;
  };
  void Count(const Size& before, const Size& after);
  void ForgetWhatIsDue(Shard& shard, TimestampUs horizon);
  bool ForgetKey(Shard& shard, Key& key, TimestampUs horizon);
  static std::vector<std::string> TakeChanged(Shard& shard, bool all);
  std::optional<OnlineStore::StateChange> ChangeOf(Shard& shard, const std::string& name, TimestampUs horizon);
  Status WriteShard(Shard& shard, bool all, TimestampUs horizon);
  size_t EvictFrom(Shard& shard, size_t bytes, size_t looks);
  StatusOr<bool> Load(const KeyName& name);
  StatusOr<size_t> RestoreKey(std::string_view name, std::string_view bytes);
  using Locks = absl::InlinedVector<std::shared_lock<std::shared_mutex>, kShards>;
  using Absent = absl::flat_hash_set<std::string_view>;
  using FoundKeys = absl::InlinedVector<const Key*, 16>;
  Locks LockToRead(std::span<const Row> rows) const;
  FoundKeys FindKeys(std::span<const Row> rows, const Absent& absent, std::vector<KeyName>* missing) const;
  std::optional<int64_t> ReadInMemory(std::span<const Row> rows, const GroupRead& read, const Absent& absent,
                                      Cells* out, std::vector<KeyName>* missing) const;
  void InsertInto(Shard& shard, const EventsView& events, std::span<NewEvent> all_added);
  void InsertFew(Shard& shard, const EventsView& events, std::span<NewEvent> added);

  // By the upper bits: the lower ones place a key in its shard's table.
  static size_t ShardNumberOf(const KeyName& key) { return key.hash >> (64 - kShardBits); }
  Shard& ShardOf(const KeyName& key) { return shards_[ShardNumberOf(key)]; }
  const Shard& ShardOf(const KeyName& key) const { return shards_[ShardNumberOf(key)]; }

  const EventGroup group_;
  const ReadPlan plan_;
  const KeyEvents nothing_;  // what a key without events has
  OnlineStore& store_;
  std::string prefix_;
  bool marked_ = false;       // MarkerOf is in the store
  std::deque<Shard> shards_;  // kShards
  std::atomic<size_t> bytes_ = 0;
  std::atomic<int64_t> events_ = 0;
  std::atomic<int64_t> loads_ = 0;
  std::atomic<int64_t> evictions_ = 0;
  std::optional<int64_t> stored_until_;
  bool all_changed_ = false;  // a WriteChanges has failed: any key may have what the store has not
  size_t evicted_from_ = 0;   // shards, by Evict
};

}  // namespace headrace
