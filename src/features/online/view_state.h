// The in-memory state of one view: the events of each key. Many threads read while one inserts.
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
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "kernel/key_events.h"
#include "online_store/store.h"

namespace headrace {

class ViewState {
 public:
  // The program must outlive it.
  explicit ViewState(const ViewProgram& program) : program_(program), plan_(program) {}

  const ViewProgram& program() const { return program_; }

  void Insert(const EventRows& events);

  // Appends one row of cells; `key` is encoded (EncodeKey). A key without events sees the empty set.
  void Read(const std::string& key, TimestampUs t, FeatureCells* cells) const;
  // The events that the features of window `window` at `t` come from.
  EventRows SourceRows(const std::string& key, TimestampUs t, size_t window) const;

  // Drops what no read at `horizon` or later can see.
  void Forget(TimestampUs horizon);

  // The keys in the order of their bytes, each with its events that a read at `horizon` or later can see; a key without
  // any is left out. Call with insertions held off.
  void Visit(TimestampUs horizon,
             const std::function<void(const std::string& key, const EventRows& events)>& visitor) const;

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
  Status RestoreKey(const std::string& key, std::string_view bytes);

 private:
  static constexpr size_t kShards = 16;
  struct Key {
    KeyEvents events;
    uint32_t stored = 0;   // events that the store has of it, forgotten ones included
    bool changed = false;  // since the last checkpoint; then it stands in Shard::changed too
    explicit Key(const ReadPlan& plan) : events(plan) {}
  };
  struct Shard {
    mutable std::shared_mutex mutex;
    absl::flat_hash_map<std::string, std::unique_ptr<Key>> keys;  // which stay where they are
    std::vector<std::string> changed;
    // A new one has no events.
    Key& KeyOf(const std::string& name, const ReadPlan& plan) {
      std::unique_ptr<Key>& key = keys[name];
      if (key == nullptr) key = std::make_unique<Key>(plan);
      return *key;
    }
    void MarkChanged(const std::string& name, Key* key) {
      if (!std::exchange(key->changed, true)) changed.push_back(name);
    }
  };
  struct NewEvent {
    std::string key;
    size_t row;
    Key* of = nullptr;
  };
  static void ForgetKeys(Shard& shard, TimestampUs horizon);
  static std::vector<std::string> TakeChanged(Shard& shard, bool all);
  static OnlineStore::StateChange ChangeOf(Shard& shard, const std::string& name, std::optional<int64_t> stored_until,
                                           TimestampUs horizon);
  void InsertInto(Shard& shard, const EventRows& events, std::span<NewEvent> added);

  static size_t ShardNumberOf(const std::string& key) { return absl::HashOf(key) % kShards; }
  Shard& ShardOf(const std::string& key) { return shards_[ShardNumberOf(key)]; }
  const Shard& ShardOf(const std::string& key) const { return shards_[ShardNumberOf(key)]; }

  const ViewProgram& program_;
  const ReadPlan plan_;
  std::array<Shard, kShards> shards_;
  size_t swept_shards_ = 0;  // by WriteChanges
};

}  // namespace headrace
