// The in-memory state of a group of views that read the same events: the events of each key. Many threads read while
// one inserts.
//
// Keys are spread over shards by hash, each under its own reader-writer lock, so that a read waits only for an
// insertion into its own shard.
#pragma once

#include <array>
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
  explicit GroupState(EventGroup group) : group_(std::move(group)), plan_(group_), nothing_(plan_) {}

  const EventGroup& group() const { return group_; }
  const ReadPlan& plan() const { return plan_; }

  // The group's events (EventGroup::events).
  void Insert(const EventBatch& events);

  // Sets the cells of views of this group, row by row. A key without events, and a row without a key, sees the empty
  // set. Returns how many cells rule 17 made null.
  struct PlacedRead {
    const ViewRead* view;
    size_t begin;  // its first cell, among those of a row
  };
  struct Row {
    std::optional<KeyName> key;
    TimestampUs t = 0;
    size_t begin = 0;  // its first cell
  };
  int64_t Read(std::span<const Row> rows, std::span<const PlacedRead> reads, Cells* out) const;

  // Drops what no read at `horizon` or later can see.
  void Forget(TimestampUs horizon);

  // The keys in the order of their bytes, each with its events that a read of the group's view number `member` at
  // `horizon` or later can see, with that view's slots; a key without any is left out. Call with insertions held off.
  void Visit(size_t member, TimestampUs horizon,
             const std::function<void(std::string_view key, const EventRows& events)>& visitor) const;

  int64_t NumKeys() const;
  int64_t NumEvents() const;

  // What a checkpoint has to change in the store, which has every event up to ingestion number `stored_until` (none:
  // nothing at all): for a key with new events those alone, to be appended; for one of which most stored events are
  // forgotten all that is left. Insertions may go on meanwhile: what comes may be in it or not, and is given again next
  // time, which RestoreKey makes good. On the way what no read at `horizon` or later can see is dropped of the keys
  // that changed, and of a part of the others.
  using ChangeSink = std::function<Status(std::vector<OnlineStore::StateChange> changes)>;
  Status WriteChanges(std::optional<int64_t> stored_until, TimestampUs horizon, const std::string& prefix,
                      const ChangeSink& sink);
  // The bytes of a key, as changes have put them together.
  Status RestoreKey(std::string_view key, std::string_view bytes);

 private:
  static constexpr size_t kShards = 16;

  // One key, with its name behind it in the same piece of memory.
  struct Key {
    KeyEvents events;
    uint32_t stored = 0;  // events that the store has of it, forgotten ones included
    uint32_t name_size;
    bool changed = false;  // since the last checkpoint; then it stands in Shard::changed too

    static Key* Make(const ReadPlan& plan, std::string_view name);
    static void Free(Key* key);
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
  struct Shard {
    mutable std::shared_mutex mutex;
    absl::flat_hash_set<OwnedKey, NameHash, NameEqual> keys;  // which stay where they are
    std::vector<std::string> changed;
    // A new one has no events.
    Key& KeyOf(const KeyName& name, const ReadPlan& plan);
    void MarkChanged(Key* key) {
      if (!std::exchange(key->changed, true)) changed.emplace_back(key->name());
    }
  };
  struct NewEvent {
    KeyName key;
    size_t row;
    Key* of = nullptr;
  };
  static void ForgetKeys(Shard& shard, TimestampUs horizon);
  static std::vector<std::string> TakeChanged(Shard& shard, bool all);
  static std::optional<OnlineStore::StateChange> ChangeOf(Shard& shard, const std::string& name,
                                                          std::optional<int64_t> stored_until, TimestampUs horizon);
  void InsertInto(Shard& shard, const EventsView& events, std::span<NewEvent> added);

  // By the upper bits: the lower ones place a key in its shard's table.
  static size_t ShardNumberOf(const KeyName& key) { return key.hash >> (64 - 4); }
  Shard& ShardOf(const KeyName& key) { return shards_[ShardNumberOf(key)]; }
  const Shard& ShardOf(const KeyName& key) const { return shards_[ShardNumberOf(key)]; }

  const EventGroup group_;
  const ReadPlan plan_;
  const KeyEvents nothing_;  // what a key without events has
  std::array<Shard, kShards> shards_;
  size_t swept_shards_ = 0;  // by WriteChanges
};

}  // namespace headrace
