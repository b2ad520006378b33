// The in-memory state of one view: the events of each key. Many threads read while one inserts.
//
// Keys are spread over shards by hash, each under its own reader-writer lock, so that a read waits only for an
// insertion into its own shard.
#pragma once

#include <array>
#include <functional>
#include <memory>
#include <shared_mutex>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "kernel/key_events.h"

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

  // For checkpoints: the bytes of the keys that changed since the last call (or of all), by encoded key; empty bytes
  // for a key that has no events left. Call with insertions held off.
  std::vector<std::pair<std::string, std::string>> EncodeKeys(bool only_changed);
  Status RestoreKey(const std::string& key, std::string_view bytes);

 private:
  static constexpr size_t kShards = 16;
  struct Key {
    KeyEvents events;
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
  void InsertInto(Shard& shard, const EventRows& events, std::span<NewEvent> added);

  static size_t ShardNumberOf(const std::string& key) { return absl::HashOf(key) % kShards; }
  Shard& ShardOf(const std::string& key) { return shards_[ShardNumberOf(key)]; }
  const Shard& ShardOf(const std::string& key) const { return shards_[ShardNumberOf(key)]; }

  const ViewProgram& program_;
  const ReadPlan plan_;
  std::array<Shard, kShards> shards_;
};

}  // namespace headrace
