#include "features/online/group_state.h"

#include <algorithm>
#include <cstring>
#include <mutex>
#include <new>

#include "base/codec.h"

namespace headrace {
namespace {

// 1: had the columns of the key, and the slots of one view.
constexpr uint8_t kStateVersion = 2;

// u8 version | u32 rows | per row: event_time, available_at, retracted_at, ingest as i64 | slot columns
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
  for (const Column& slot : rows.slots) writer.PutColumn(slot);
  return std::move(writer).Finish();
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
  for (Column& column : rows->slots) {
    HR_ASSIGN_OR_RETURN(const Column read, reader->GetColumn());
    if (read.type() != column.type() || read.size() != count)
      return DataLoss("a state's column has another type or length");
    column.AppendColumn(read);
  }
  return absl::OkStatus();
}

// One EncodeRows behind the other.
StatusOr<EventRows> DecodeRows(const PackedEvents::SlotTypes& slots, std::string_view bytes) {
  ByteReader reader(bytes);
  EventRows rows;
  for (const TypeId type : slots) rows.slots.emplace_back(type);
  while (!reader.AtEnd()) HR_RETURN_IF_ERROR(DecodeBlock(&reader, &rows));
  return rows;
}

int64_t ReadRow(const KeyEvents& events, const GroupState::Row& row, std::span<const GroupState::PlacedRead> reads,
                Cells* out) {
  int64_t overflows = 0;
  for (const GroupState::PlacedRead& read : reads)
    overflows += events.Read(*read.view, row.t, out, row.begin + read.begin);
  return overflows;
}

void Prefetch(const void* object, size_t size) {
  constexpr size_t kCacheLine = 64;
  for (size_t byte = 0; byte < size; byte += kCacheLine)
    __builtin_prefetch(static_cast<const char*>(object) + byte, /*rw=*/1);
}

}  // namespace

GroupState::Key* GroupState::Key::Make(const ReadPlan& plan, std::string_view name) {
  void* memory = ::operator new(sizeof(Key) + name.size());
  Key* key = new (memory) Key(plan, name.size());
  std::memcpy(key + 1, name.data(), name.size());
  return key;
}

void GroupState::Key::Free(Key* key) {
  key->~Key();
  ::operator delete(key);
}

GroupState::Key& GroupState::Shard::KeyOf(const KeyName& name, const ReadPlan& plan) {
  if (const auto it = keys.find(name); it != keys.end()) return **it;
  return **keys.insert(OwnedKey(Key::Make(plan, name.bytes))).first;
}

// Shard by shard: a lock for each row costs more than its insertion, since the processor then waits for one row's
// memory before it looks for the next one's.
void GroupState::Insert(const EventBatch& batch) {
  const EventsView events = batch.View();
  std::string names;
  std::vector<size_t> ends;  // of each row's name; the same as the row's before it: a part of the key is null
  ends.reserve(events.size());
  for (size_t row = 0; row < events.size(); ++row) {
    const size_t begin = names.size();
    if (!EncodeKey(batch.keys, row, &names)) names.resize(begin);
    ends.push_back(names.size());
  }
  std::array<std::vector<NewEvent>, kShards> added;
  for (size_t row = 0; row < events.size(); ++row) {
    const size_t begin = row == 0 ? 0 : ends[row - 1];
    if (ends[row] == begin && !batch.keys.empty()) continue;  // no request matches it
    const KeyName name(std::string_view(names).substr(begin, ends[row] - begin));
    added[ShardNumberOf(name)].push_back({name, row});
  }
  for (size_t i = 0; i < kShards; ++i) {
    if (!added[i].empty()) InsertInto(shards_[i], events, added[i]);
  }
}

// A key's state is mostly not in the cache: it is asked for some rows ahead.
void GroupState::InsertInto(Shard& shard, const EventsView& events, std::span<NewEvent> added) {
  constexpr size_t kAhead = 8;
  const std::unique_lock lock(shard.mutex);
  for (NewEvent& event : added) {
    event.of = &shard.KeyOf(event.key, plan_);
    Prefetch(event.of, sizeof(Key));
  }
  for (size_t i = 0; i < added.size(); ++i) {
    if (i + kAhead < added.size()) added[i + kAhead].of->events.PrefetchEnd();
    added[i].of->events.Insert(events, added[i].row);
    shard.MarkChanged(added[i].of);
  }
}

// All keys are looked up before the first is read, and what they have is asked for on the way: the processor waits for
// the memory of several at once.
int64_t GroupState::Read(std::span<const Row> rows, std::span<const PlacedRead> reads, Cells* out) const {
  absl::InlinedVector<std::shared_lock<std::shared_mutex>, kShards> locks;
  uint32_t wanted = 0;
  for (const Row& row : rows) wanted |= row.key ? 1U << ShardNumberOf(*row.key) : 0;
  for (size_t i = 0; i < kShards; ++i) {
    if ((wanted >> i & 1) != 0) locks.emplace_back(shards_[i].mutex);
  }
  absl::InlinedVector<const Key*, 16> keys;
  for (const Row& row : rows) {
    const Key*& key = keys.emplace_back(nullptr);
    if (!row.key) continue;
    const Shard& shard = ShardOf(*row.key);
    if (const auto it = shard.keys.find(*row.key); it != shard.keys.end()) key = it->get();
    if (key != nullptr && rows.size() > 1) Prefetch(key, sizeof *key);
  }
  for (const Key* key : keys) {
    if (key != nullptr && rows.size() > 1) key->events.PrefetchEnd();
  }
  int64_t overflows = 0;
  for (size_t i = 0; i < rows.size(); ++i)
    overflows += ReadRow(keys[i] == nullptr ? nothing_ : keys[i]->events, rows[i], reads, out);
  return overflows;
}

void GroupState::Forget(TimestampUs horizon) {
  for (Shard& shard : shards_) {
    const std::unique_lock lock(shard.mutex);
    ForgetKeys(shard, horizon);
  }
}

// A key that keeps events need not be written down again for those that it forgot.
void GroupState::ForgetKeys(Shard& shard, TimestampUs horizon) {
  for (auto it = shard.keys.begin(); it != shard.keys.end();) {
    Key& key = **it;
    key.events.Forget(horizon);
    if (key.events.size() == 0) {
      shard.MarkChanged(&key);
      shard.keys.erase(it++);
    } else {
      ++it;
    }
  }
}

void GroupState::Visit(size_t member, TimestampUs horizon,
                       const std::function<void(std::string_view key, const EventRows& events)>& visitor) const {
  std::vector<std::pair<std::string_view, const KeyEvents*>> keys;
  for (const Shard& shard : shards_) {
    const std::shared_lock lock(shard.mutex);
    for (const OwnedKey& key : shard.keys) keys.emplace_back(key->name(), &key->events);
  }
  std::sort(keys.begin(), keys.end());
  const ReadPlan::View& view = plan_.views()[member];
  for (const auto& [name, events] : keys) {
    const std::shared_lock lock(ShardOf(KeyName(name)).mutex);
    const size_t unseen = events->RowsUnseenFrom(*view.program, horizon);
    if (unseen == events->size()) continue;
    std::vector<uint32_t> rows;
    for (size_t row = unseen; row < events->size(); ++row) rows.push_back(static_cast<uint32_t>(row));
    EventRows seen = events->rows().Take(rows);
    std::vector<Column> slots;
    for (const size_t slot : view.slots) slots.push_back(seen.slots[slot]);
    seen.slots = std::move(slots);
    visitor(name, seen);
  }
}

int64_t GroupState::NumKeys() const {
  int64_t total = 0;
  for (const Shard& shard : shards_) {
    const std::shared_lock lock(shard.mutex);
    total += static_cast<int64_t>(shard.keys.size());
  }
  return total;
}

int64_t GroupState::NumEvents() const {
  int64_t total = 0;
  for (const Shard& shard : shards_) {
    const std::shared_lock lock(shard.mutex);
    for (const OwnedKey& key : shard.keys) total += static_cast<int64_t>(key->events.size());
  }
  return total;
}

std::vector<std::string> GroupState::TakeChanged(Shard& shard, bool all) {
  if (!all) return std::exchange(shard.changed, {});
  shard.changed.clear();
  std::vector<std::string> names;
  names.reserve(shard.keys.size());
  for (const OwnedKey& key : shard.keys) {
    names.emplace_back(key->name());
    key->changed = true;
  }
  return names;
}

std::optional<OnlineStore::StateChange> GroupState::ChangeOf(Shard& shard, const std::string& name,
                                                             std::optional<int64_t> stored_until, TimestampUs horizon) {
  constexpr size_t kForgottenAtLeast = 64;
  const auto it = shard.keys.find(KeyName(name));
  if (it == shard.keys.end()) return OnlineStore::StateChange{name, "", false};
  Key& key = **it;
  key.changed = false;
  key.events.Forget(horizon);
  const size_t rows = key.events.size();
  if (rows == 0) {
    shard.keys.erase(it);
    return OnlineStore::StateChange{name, "", false};
  }
  const PackedEvents& events = key.events.rows();
  std::vector<uint32_t> added;
  for (uint32_t row = 0; stored_until && row < rows; ++row) {
    if (events.IngestOf(row) > *stored_until) added.push_back(row);
  }
  if (!stored_until || key.stored + added.size() > 2 * rows + kForgottenAtLeast) {
    key.stored = static_cast<uint32_t>(rows);
    return OnlineStore::StateChange{name, EncodeRows(events.Rows()), false};
  }
  if (added.empty()) return std::nullopt;
  key.stored += static_cast<uint32_t>(added.size());
  return OnlineStore::StateChange{name, EncodeRows(events.Take(added)), true};
}

Status GroupState::WriteChanges(std::optional<int64_t> stored_until, TimestampUs horizon, const std::string& prefix,
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
        std::optional<OnlineStore::StateChange> change = ChangeOf(shard, names[i], stored_until, horizon);
        if (!change) continue;
        change->name.insert(0, prefix);
        changes.push_back(*std::move(change));
      }
      lock.unlock();
      HR_RETURN_IF_ERROR(sink(std::move(changes)));
    }
  }
  return absl::OkStatus();
}

Status GroupState::RestoreKey(std::string_view key, std::string_view bytes) {
  HR_ASSIGN_OR_RETURN(const EventRows rows, DecodeRows(plan_.slots(), bytes));
  const KeyName name(key);
  Shard& shard = ShardOf(name);
  const std::unique_lock lock(shard.mutex);
  Key& restored = shard.KeyOf(name, plan_);
  restored.stored = static_cast<uint32_t>(rows.size());
  restored.events.Restore(rows);
  return absl::OkStatus();
}

}  // namespace headrace
