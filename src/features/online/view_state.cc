#include "features/online/view_state.h"

#include <algorithm>
#include <mutex>

#include "base/codec.h"

namespace headrace {
namespace {

constexpr uint8_t kStateVersion = 1;

// u8 version | u32 rows | per row: event_time, available_at, retracted_at, ingest as i64 | key columns | slot columns
std::string EncodeRows(const EventRows& rows) {
  ByteWriter writer;
  writer.PutU8(kStateVersion);
  writer.PutU32(static_cast<uint32_t>(rows.size()));
  for (size_t i = 0; i < rows.size(); ++i) {
    writer.PutI64(rows.event_time[i]);
    writer.PutI64(rows.available_at[i]);
    writer.PutI64(rows.retracted_at[i]);
    writer.PutI64(rows.ingest[i]);
  }
  for (const Column& key : rows.keys) writer.PutColumn(key);
  for (const Column& slot : rows.slots) writer.PutColumn(slot);
  return std::move(writer).Finish();
}

Status GetColumns(ByteReader& reader, size_t rows, std::vector<Column>* columns) {
  for (Column& column : *columns) {
    HR_ASSIGN_OR_RETURN(Column read, reader.GetColumn());
    if (read.type() != column.type() || read.size() != rows)
      return DataLoss("a state's column has another type or length");
    if (column.size() == 0) {
      column = std::move(read);
    } else {
      column.AppendColumn(read);
    }
  }
  return absl::OkStatus();
}

// Adds the rows of one EncodeRows.
Status DecodeBlock(ByteReader* reader, EventRows* rows) {
  uint8_t version = 0;
  uint32_t count = 0;
  HR_RETURN_IF_ERROR(reader->GetU8(&version));
  if (version != kStateVersion) return DataLoss("a state of version {}, this program reads {}", version, kStateVersion);
  HR_RETURN_IF_ERROR(reader->GetU32(&count));
  for (uint32_t i = 0; i < count; ++i) {
    for (std::vector<int64_t>* column : {&rows->event_time, &rows->available_at, &rows->retracted_at, &rows->ingest}) {
      int64_t v = 0;
      HR_RETURN_IF_ERROR(reader->GetI64(&v));
      column->push_back(v);
    }
  }
  HR_RETURN_IF_ERROR(GetColumns(*reader, count, &rows->keys));
  return GetColumns(*reader, count, &rows->slots);
}

// One EncodeRows behind the other.
StatusOr<EventRows> DecodeRows(const ViewProgram& program, std::string_view bytes) {
  ByteReader reader(bytes);
  EventRows rows(program);
  while (!reader.AtEnd()) HR_RETURN_IF_ERROR(DecodeBlock(&reader, &rows));
  return rows;
}

}  // namespace

// Shard by shard: a lock for each row costs more than its insertion, since the processor then waits for one row's
// memory before it looks for the next one's.
void ViewState::Insert(const EventRows& events) {
  std::array<std::vector<NewEvent>, kShards> added;
  std::string key;
  for (size_t row = 0; row < events.size(); ++row) {
    key.clear();
    if (!EncodeKey(events.keys, row, &key)) continue;  // a null key part: no request matches it
    added[ShardNumberOf(key)].push_back({key, row});
  }
  for (size_t i = 0; i < kShards; ++i) {
    if (!added[i].empty()) InsertInto(shards_[i], events, added[i]);
  }
}

// A key's state is mostly not in the cache: it is asked for some rows ahead.
void ViewState::InsertInto(Shard& shard, const EventRows& events, std::span<NewEvent> added) {
  constexpr size_t kAhead = 8;
  constexpr size_t kCacheLine = 64;
  const std::unique_lock lock(shard.mutex);
  for (NewEvent& event : added) {
    event.of = &shard.KeyOf(event.key, plan_);
    for (size_t byte = 0; byte < sizeof(Key); byte += kCacheLine)
      __builtin_prefetch(reinterpret_cast<const char*>(event.of) + byte);
  }
  for (size_t i = 0; i < added.size(); ++i) {
    if (i + kAhead < added.size()) added[i + kAhead].of->events.PrefetchEnd();
    added[i].of->events.Insert(events, added[i].row);
    shard.MarkChanged(added[i].key, added[i].of);
  }
}

void ViewState::Read(const std::string& key, TimestampUs t, FeatureCells* cells) const {
  const Shard& shard = ShardOf(key);
  const std::shared_lock lock(shard.mutex);
  const auto it = shard.keys.find(key);
  if (it == shard.keys.end()) return AppendEmptyCells(plan_, cells);
  it->second->events.Read(t, cells);
}

EventRows ViewState::SourceRows(const std::string& key, TimestampUs t, size_t window) const {
  const Shard& shard = ShardOf(key);
  const std::shared_lock lock(shard.mutex);
  const auto it = shard.keys.find(key);
  if (it == shard.keys.end()) return EventRows(program_);
  return it->second->events.rows().Take(it->second->events.SourceRows(t, window));
}

void ViewState::Forget(TimestampUs horizon) {
  for (Shard& shard : shards_) {
    const std::unique_lock lock(shard.mutex);
    ForgetKeys(shard, horizon);
  }
}

// A key that keeps events need not be written down again for those that it forgot.
void ViewState::ForgetKeys(Shard& shard, TimestampUs horizon) {
  for (auto it = shard.keys.begin(); it != shard.keys.end();) {
    it->second->events.Forget(horizon);
    if (it->second->events.size() == 0) {
      shard.MarkChanged(it->first, it->second.get());
      shard.keys.erase(it++);
    } else {
      ++it;
    }
  }
}

void ViewState::Visit(TimestampUs horizon,
                      const std::function<void(const std::string& key, const EventRows& events)>& visitor) const {
  std::vector<const std::string*> keys;
  for (const Shard& shard : shards_) {
    const std::shared_lock lock(shard.mutex);
    for (const auto& [key, events] : shard.keys) keys.push_back(&key);
  }
  std::sort(keys.begin(), keys.end(), [](const std::string* a, const std::string* b) { return *a < *b; });
  for (const std::string* key : keys) {
    const Shard& shard = ShardOf(*key);
    const std::shared_lock lock(shard.mutex);
    const KeyEvents& events = shard.keys.at(*key)->events;
    const size_t unseen = events.RowsUnseenFrom(horizon);
    if (unseen == events.size()) continue;
    EventRows seen = events.rows();
    seen.EraseFront(unseen);
    visitor(*key, seen);
  }
}

int64_t ViewState::NumKeys() const {
  int64_t total = 0;
  for (const Shard& shard : shards_) {
    const std::shared_lock lock(shard.mutex);
    total += static_cast<int64_t>(shard.keys.size());
  }
  return total;
}

int64_t ViewState::NumEvents() const {
  int64_t total = 0;
  for (const Shard& shard : shards_) {
    const std::shared_lock lock(shard.mutex);
    for (const auto& [name, key] : shard.keys) total += static_cast<int64_t>(key->events.size());
  }
  return total;
}

std::vector<std::string> ViewState::TakeChanged(Shard& shard, bool all) {
  if (!all) return std::exchange(shard.changed, {});
  shard.changed.clear();
  std::vector<std::string> names;
  names.reserve(shard.keys.size());
  for (const auto& [name, key] : shard.keys) {
    names.push_back(name);
    key->changed = true;
  }
  return names;
}

// No name: there is nothing to change.
OnlineStore::StateChange ViewState::ChangeOf(Shard& shard, const std::string& name, std::optional<int64_t> stored_until,
                                             TimestampUs horizon) {
  constexpr size_t kForgottenAtLeast = 64;
  const auto it = shard.keys.find(name);
  if (it == shard.keys.end()) return {name, "", false};
  Key& key = *it->second;
  key.changed = false;
  key.events.Forget(horizon);
  const EventRows& rows = key.events.rows();
  if (rows.size() == 0) {
    shard.keys.erase(it);
    return {name, "", false};
  }
  std::vector<uint32_t> added;
  for (uint32_t row = 0; stored_until && row < rows.size(); ++row) {
    if (rows.ingest[row] > *stored_until) added.push_back(row);
  }
  if (!stored_until || key.stored + added.size() > 2 * rows.size() + kForgottenAtLeast) {
    key.stored = static_cast<uint32_t>(rows.size());
    return {name, EncodeRows(rows), false};
  }
  if (added.empty()) return {};
  key.stored += static_cast<uint32_t>(added.size());
  return {name, EncodeRows(rows.Take(added)), true};
}

Status ViewState::WriteChanges(std::optional<int64_t> stored_until, TimestampUs horizon, const std::string& prefix,
                               const ChangeSink& sink) {
  constexpr size_t kKeysAtOnce = 64;  // under one lock, and in one change of the store
  Shard& swept = shards_[swept_shards_++ % kShards];
  {
    const std::unique_lock lock(swept.mutex);
    ForgetKeys(swept, horizon);
  }
  for (Shard& shard : shards_) {
    std::unique_lock lock(shard.mutex);
    const std::vector<std::string> names = TakeChanged(shard, !stored_until);
    lock.unlock();
    for (size_t begin = 0; begin < names.size(); begin += kKeysAtOnce) {
      std::vector<OnlineStore::StateChange> changes;
      lock.lock();
      for (size_t i = begin; i < std::min(names.size(), begin + kKeysAtOnce); ++i) {
        OnlineStore::StateChange change = ChangeOf(shard, names[i], stored_until, horizon);
        if (change.name.empty()) continue;
        change.name.insert(0, prefix);
        changes.push_back(std::move(change));
      }
      lock.unlock();
      HR_RETURN_IF_ERROR(sink(std::move(changes)));
    }
  }
  return absl::OkStatus();
}

Status ViewState::RestoreKey(const std::string& key, std::string_view bytes) {
  HR_ASSIGN_OR_RETURN(EventRows rows, DecodeRows(program_, bytes));
  Shard& shard = ShardOf(key);
  const std::unique_lock lock(shard.mutex);
  Key& restored = shard.KeyOf(key, plan_);
  restored.stored = static_cast<uint32_t>(rows.size());
  restored.events.Restore(std::move(rows));
  return absl::OkStatus();
}

}  // namespace headrace
