#include "features/online/group_state.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <map>
#include <mutex>
#include <new>
#include <numeric>

#include "base/codec.h"
#include "base/prefetch.h"

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

// An insertion is over in less time than it takes to sleep and be woken.
std::shared_lock<std::shared_mutex> LockSoon(std::shared_mutex& mutex) {
  constexpr int kTries = 1000;
  std::shared_lock lock(mutex, std::try_to_lock);
  for (int i = 0; i < kTries && !lock.owns_lock(); ++i) {
    __builtin_ia32_pause();
    (void)lock.try_lock();
  }
  if (!lock.owns_lock()) lock.lock();
  return lock;
}

// The longest time that any window shows an event, those apart that have no limit; a day, where all are such.
DurationUs LongestReach(const EventGroup& group) {
  std::optional<DurationUs> longest;
  for (const EventGroup::Member& member : group.members) {
    longest = std::max(longest, member.view->ttl_us);
    for (const Window& window : member.view->windows) longest = std::max(longest, window.Reach());
  }
  return longest.value_or(kUsPerDay);
}

}  // namespace

GroupState::GroupState(EventGroup group, OnlineStore& store, std::string prefix)
    : group_(std::move(group)), plan_(group_), nothing_(plan_), store_(store), prefix_(std::move(prefix)) {
  const DurationUs reach = LongestReach(group_);
  for (size_t i = 0; i < kShards; ++i) shards_.emplace_back(reach);
}

GroupState::Key* GroupState::Key::Make(const ReadPlan& plan, std::string_view name) {
  void* memory = ::operator new(sizeof(Key) + name.size());
  Key* key = new (memory) Key(plan, name.size());
  std::memcpy(reinterpret_cast<char*>(key + 1), name.data(), name.size());
  return key;
}

void GroupState::Key::Free(Key* key) {
  key->~Key();
  ::operator delete(key);
}

GroupState::Size GroupState::Key::size() const {
  // Its places in the table and in the wheel, and what the allocator needs for three pieces.
  constexpr size_t kInTableAndHeap = 60;
  return {sizeof(Key) + name_size + kInTableAndHeap + events.HeapBytes(), events.size()};
}

void GroupState::Count(const Size& before, const Size& after) {
  bytes_ += after.bytes - before.bytes;
  events_ += static_cast<int64_t>(after.events) - static_cast<int64_t>(before.events);
}

GroupState::Key& GroupState::Shard::KeyOf(const KeyName& name, const ReadPlan& plan) {
  if (const auto it = keys.find(name); it != keys.end()) return **it;
  Key& key = **keys.insert(OwnedKey(Key::Make(plan, name.bytes))).first;
  key.partial = shelved;
  return key;
}

void GroupState::Shard::Erase(Key* key) {
  wheel.Remove(key);
  keys.erase(keys.find(KeyName(key->name())));
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

// A few under one lock, so that a read waits for no more: what it may see is said by its instant, not by how many of a
// commit's events are there. A key's state is mostly not in the cache: it is asked for some rows ahead.
void GroupState::InsertInto(Shard& shard, const EventsView& events, std::span<NewEvent> all_added) {
  constexpr size_t kAtOnce = 64;
  for (size_t begin = 0; begin < all_added.size(); begin += kAtOnce)
    InsertFew(shard, events, all_added.subspan(begin, std::min(kAtOnce, all_added.size() - begin)));
}

void GroupState::InsertFew(Shard& shard, const EventsView& events, std::span<NewEvent> added) {
  constexpr size_t kAhead = 8;
  const std::unique_lock lock(shard.mutex);
  for (NewEvent& event : added) {
    event.of = &shard.KeyOf(event.key, plan_);
    PrefetchToWrite(event.of, sizeof(Key));
  }
  Size before;
  Size after;
  for (size_t i = 0; i < added.size(); ++i) {
    if (i + kAhead < added.size()) added[i + kAhead].of->events.PrefetchEnd();
    Key& key = *added[i].of;
    if (key.events.size() > 0) before += key.size();
    key.events.Insert(events, added[i].row);
    after += key.size();
    shard.MarkChanged(&key);
  }
  Count(before, after);
}

StatusOr<int64_t> GroupState::Read(std::span<const Row> rows, const GroupRead& read, Cells* out) {
  Absent absent;  // that are not in the store either
  while (true) {
    std::vector<KeyName> missing;
    if (const std::optional<int64_t> overflows = ReadInMemory(rows, read, absent, out, &missing)) return *overflows;
    for (const KeyName& name : missing) {
      HR_ASSIGN_OR_RETURN(const bool found, Load(name));
      if (!found) absent.insert(name.bytes);
    }
  }
}

GroupState::Locks GroupState::LockToRead(std::span<const Row> rows) const {
  uint64_t shards = 0;
  static_assert(kShards <= 64);
  for (const Row& row : rows) shards |= row.key ? uint64_t{1} << ShardNumberOf(*row.key) : 0;
  Locks locks;
  for (; shards != 0; shards &= shards - 1) locks.push_back(LockSoon(shards_[std::countr_zero(shards)].mutex));
  return locks;
}

// By row, nullptr where there is none. Those that have to be loaded first are added to `missing`. What is looked at on
// the way is asked for one step ahead, so that the processor waits for the memory of several keys at once.
GroupState::FoundKeys GroupState::FindKeys(std::span<const Row> rows, const Absent& absent,
                                           std::vector<KeyName>* missing) const {
  const bool ahead = rows.size() > 1;
  for (const Row& row : rows) {
    if (ahead && row.key) ShardOf(*row.key).keys.prefetch(*row.key);
  }
  FoundKeys keys;
  for (const Row& row : rows) {
    const Key*& key = keys.emplace_back(nullptr);
    if (!row.key) continue;
    const Shard& shard = ShardOf(*row.key);
    if (const auto it = shard.keys.find(*row.key); it != shard.keys.end()) key = it->get();
    if (key == nullptr ? shard.shelved && !absent.contains(row.key->bytes) : key->partial) missing->push_back(*row.key);
    if (ahead && key != nullptr) PrefetchToRead(key, sizeof *key);
  }
  return keys;
}

// Nothing, and the keys in `missing`, where some have to be loaded first.
std::optional<int64_t> GroupState::ReadInMemory(std::span<const Row> rows, const GroupRead& read, const Absent& absent,
                                                Cells* out, std::vector<KeyName>* missing) const {
  const Locks locks = LockToRead(rows);
  const FoundKeys keys = FindKeys(rows, absent, missing);
  if (!missing->empty()) return std::nullopt;
  constexpr size_t kAhead = 3;
  const auto prefetch = [&](size_t i) {
    if (i < rows.size() && keys[i] != nullptr) keys[i]->events.PrefetchRead();
  };
  for (size_t i = 0; rows.size() > 1 && i < kAhead; ++i) prefetch(i);
  int64_t overflows = 0;
  for (size_t i = 0; i < rows.size(); ++i) {
    prefetch(i + kAhead);
    const Key* key = keys[i];
    if (key != nullptr && !key->asked_for.load(std::memory_order_relaxed))
      key->asked_for.store(true, std::memory_order_relaxed);
    overflows += (key == nullptr ? nothing_ : key->events).Read(read, rows[i].t, out, rows[i].begin);
  }
  return overflows;
}

// Makes a key whole that is in the store, or may be. False: it is nowhere.
StatusOr<bool> GroupState::Load(const KeyName& name) {
  Shard& shard = ShardOf(name);
  while (true) {
    uint64_t evictions = 0;
    {
      const std::shared_lock lock(shard.mutex);
      evictions = shard.evictions;
    }
    HR_ASSIGN_OR_RETURN(const std::optional<std::string> bytes, store_.ReadState(prefix_ + std::string(name.bytes)));
    EventRows rows;
    if (bytes) {
      HR_ASSIGN_OR_RETURN(rows, DecodeRows(plan_.slots(), *bytes));
    }
    const std::unique_lock lock(shard.mutex);
    if (shard.evictions != evictions) continue;  // what was added to the store since may have gone from memory
    const auto it = shard.keys.find(name);
    if (it != shard.keys.end() && !(*it)->partial) return true;
    if (it == shard.keys.end() && !bytes) return false;
    Key& key = it != shard.keys.end() ? **it : shard.KeyOf(name, plan_);
    const Size before = it != shard.keys.end() ? key.size() : Size();
    key.stored = static_cast<uint32_t>(rows.size());
    if (bytes) {
      rows.Append(key.events.rows().Rows());
      key.events.Restore(rows);
    }
    key.partial = false;
    key.asked_for = true;
    shard.wheel.Schedule(&key, key.events.ForgetsFrom());
    Count(before, key.size());
    ++loads_;
    return true;
  }
}

void GroupState::Forget(TimestampUs horizon) {
  for (Shard& shard : shards_) {
    const std::unique_lock lock(shard.mutex);
    (void)shard.wheel.TakeDue(horizon, shard.wheel.size());  // all are scheduled anew
    std::vector<Key*> keys;
    keys.reserve(shard.keys.size());
    for (const OwnedKey& key : shard.keys) keys.push_back(key.get());
    for (Key* key : keys) ForgetKey(shard, *key, horizon);
  }
}

void GroupState::ForgetWhatIsDue(Shard& shard, TimestampUs horizon) {
  for (size_t taken = kKeysAtOnce; taken == kKeysAtOnce;) {
    const std::unique_lock lock(shard.mutex);
    const std::vector<TimingWheel::Entry*> due = shard.wheel.TakeDue(horizon, kKeysAtOnce);
    for (TimingWheel::Entry* key : due) ForgetKey(shard, static_cast<Key&>(*key), horizon);
    taken = due.size();
  }
}

// True: the key is gone. One that keeps events need not be written down again for those that it forgot.
bool GroupState::ForgetKey(Shard& shard, Key& key, TimestampUs horizon) {
  const Size before = key.size();
  key.events.Forget(horizon);
  if (key.events.size() > 0) {
    // What may hide an event may not be there for all reads yet: then it is looked at again a bucket later.
    shard.wheel.Schedule(&key, std::max(key.events.ForgetsFrom(), AddSaturated(horizon, 1)));
    Count(before, key.size());
    return false;
  }
  if (!key.partial) shard.gone.emplace_back(key.name());
  Count(before, {});
  shard.Erase(&key);
  return true;
}

namespace {

// The rows of a key that the view can see from the horizon on, with its slots.
void VisitKey(const KeyEvents& events, std::string_view name, const ReadPlan::View& view, TimestampUs horizon,
              const GroupState::Visitor& visitor) {
  const size_t unseen = events.RowsUnseenFrom(*view.program, horizon);
  if (unseen == events.size()) return;
  std::vector<uint32_t> rows;
  for (size_t row = unseen; row < events.size(); ++row) rows.push_back(static_cast<uint32_t>(row));
  EventRows seen = events.rows().Take(rows);
  std::vector<Column> slots;
  for (const size_t slot : view.slots) slots.push_back(seen.slots[slot]);
  seen.slots = std::move(slots);
  visitor(name, seen);
}

}  // namespace

Status GroupState::Visit(size_t member, TimestampUs horizon, const Visitor& visitor) const {
  const ReadPlan::View& view = plan_.views()[member];
  std::map<std::string_view, const Key*> keys;
  bool shelved = false;
  for (const Shard& shard : shards_) {
    const std::shared_lock lock(shard.mutex);
    shelved |= shard.shelved;
    for (const OwnedKey& key : shard.keys) keys.emplace(key->name(), key.get());
  }
  const auto visit_memory = [&](const Key& key) {
    const std::shared_lock lock(ShardOf(KeyName(key.name())).mutex);
    VisitKey(key.events, key.name(), view, horizon, visitor);
  };
  auto next = keys.begin();
  const auto visit_stored = [&](std::string_view state, std::string_view bytes) -> Status {
    const std::string_view name = state.substr(prefix_.size());
    for (; next != keys.end() && next->first < name; ++next) visit_memory(*next->second);
    HR_ASSIGN_OR_RETURN(EventRows rows, DecodeRows(plan_.slots(), bytes));
    if (next != keys.end() && next->first == name) {
      const std::shared_lock lock(ShardOf(KeyName(name)).mutex);
      if (!next->second->partial) return absl::OkStatus();
      rows.Append((next++)->second->events.rows().Rows());
    }
    KeyEvents whole(plan_);
    whole.Restore(rows);
    VisitKey(whole, name, view, horizon, visitor);
    return absl::OkStatus();
  };
  if (shelved) HR_RETURN_IF_ERROR(store_.ReadStates(prefix_, visit_stored));
  for (; next != keys.end(); ++next) visit_memory(*next->second);
  return absl::OkStatus();
}

int64_t GroupState::NumKeys() const {
  int64_t total = 0;
  for (const Shard& shard : shards_) {
    const std::shared_lock lock(shard.mutex);
    total += static_cast<int64_t>(shard.keys.size());
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

// Nothing: there is nothing to change.
std::optional<OnlineStore::StateChange> GroupState::ChangeOf(Shard& shard, const std::string& name,
                                                             TimestampUs horizon) {
  constexpr size_t kForgottenAtLeast = 64;
  const auto it = shard.keys.find(KeyName(name));
  if (it == shard.keys.end()) return std::nullopt;
  Key& key = **it;
  key.changed = false;
  if (ForgetKey(shard, key, horizon)) return std::nullopt;
  const size_t rows = key.events.size();
  const PackedEvents& events = key.events.rows();
  std::vector<uint32_t> added;
  for (uint32_t row = 0; row < rows; ++row) {
    if (!stored_until_ || events.IngestOf(row) > *stored_until_) added.push_back(row);
  }
  const bool mostly_forgotten = key.stored + added.size() > 2 * rows + kForgottenAtLeast;
  if (!key.partial && (!stored_until_ || mostly_forgotten)) {
    key.stored = static_cast<uint32_t>(rows);
    return OnlineStore::StateChange{prefix_ + name, EncodeRows(events.Rows()), false};
  }
  if (added.empty()) return std::nullopt;
  key.stored += static_cast<uint32_t>(added.size());
  return OnlineStore::StateChange{prefix_ + name, EncodeRows(events.Take(added)), true};
}

std::string GroupState::MarkerOf(std::string_view prefix) {
  return std::string(kMarkers) + std::string(prefix);
}

Status GroupState::WriteChanges(TimestampUs horizon) {
  if (!marked_) HR_RETURN_IF_ERROR(store_.WriteStates({{MarkerOf(prefix_), "1", false}}));
  marked_ = true;
  for (Shard& shard : shards_) ForgetWhatIsDue(shard, horizon);
  const bool all = std::exchange(all_changed_, true);
  for (Shard& shard : shards_) HR_RETURN_IF_ERROR(WriteShard(shard, all, horizon));
  all_changed_ = false;
  return absl::OkStatus();
}

Status GroupState::WriteShard(Shard& shard, bool all, TimestampUs horizon) {
  std::unique_lock lock(shard.mutex);
  const std::vector<std::string> names = TakeChanged(shard, all);
  lock.unlock();
  for (size_t begin = 0; begin < names.size(); begin += kKeysAtOnce) {
    std::vector<OnlineStore::StateChange> changes;
    lock.lock();
    for (size_t i = begin; i < std::min(names.size(), begin + kKeysAtOnce); ++i) {
      std::optional<OnlineStore::StateChange> change = ChangeOf(shard, names[i], horizon);
      if (change) changes.push_back(*std::move(change));
    }
    lock.unlock();
    HR_RETURN_IF_ERROR(store_.WriteStates(changes));
  }
  lock.lock();
  std::vector<OnlineStore::StateChange> removals;
  for (const std::string& name : shard.gone) {
    if (!shard.keys.contains(KeyName(name))) removals.push_back({prefix_ + name, "", false});
  }
  if (!removals.empty()) HR_RETURN_IF_ERROR(store_.WriteStates(removals));  // under the lock: it may come again
  shard.gone.clear();
  return absl::OkStatus();
}

size_t GroupState::Evict(size_t bytes) {
  if (all_changed_) return 0;
  std::array<size_t, kShards> looks = {};
  for (size_t i = 0; i < kShards; ++i) {
    const std::shared_lock lock(shards_[i].mutex);
    looks[i] = 2 * shards_[i].wheel.size();  // who was asked for is spared once
  }
  size_t left = std::accumulate(looks.begin(), looks.end(), size_t{0});
  size_t freed = 0;
  while (freed < bytes && left > 0) {
    const size_t shard = evicted_from_++ % kShards;
    const size_t now = std::min(looks[shard], kKeysAtOnce);
    if (now > 0) freed += EvictFrom(shards_[shard], bytes - freed, now);
    looks[shard] -= now;
    left -= now;
  }
  return freed;
}

// Looks at the next keys of the shard, as many as `looks`. The second-chance algorithm: whoever was asked for since the
// last look stays.
size_t GroupState::EvictFrom(Shard& shard, size_t bytes, size_t looks) {
  const std::unique_lock lock(shard.mutex);
  Size freed;
  for (; looks > 0 && freed.bytes < bytes && shard.wheel.size() > 0; --looks) {
    auto* const key = static_cast<Key*>(shard.wheel.Next());
    if (key->changed || key->asked_for.exchange(false)) continue;
    freed += key->size();
    shard.Erase(key);
    ++evictions_;
  }
  if (freed.bytes == 0) return 0;
  Count(freed, {});
  shard.shelved = true;
  ++shard.evictions;
  return freed.bytes;
}

bool GroupState::AllForgotten(std::string_view bytes, TimestampUs horizon) const {
  const StatusOr<EventRows> rows = DecodeRows(plan_.slots(), bytes);
  if (!rows.ok()) return false;
  KeyEvents events(plan_);
  events.Restore(*rows);
  events.Forget(horizon);
  return events.size() == 0;
}

Status GroupState::Restore(std::string prefix, int64_t stored_until, int threads, std::atomic<int64_t>* budget) {
  prefix_ = std::move(prefix);
  stored_until_ = stored_until;
  marked_ = true;
  Status read =
      store_.ReadStatesInParallel(prefix_, threads, [&](std::string_view name, std::string_view bytes) -> Status {
        if (*budget <= 0) return absl::CancelledError();
        HR_ASSIGN_OR_RETURN(const size_t size, RestoreKey(name.substr(prefix_.size()), bytes));
        *budget -= static_cast<int64_t>(size);
        return absl::OkStatus();
      });
  if (!absl::IsCancelled(read)) return read;
  for (Shard& shard : shards_) {
    const std::unique_lock lock(shard.mutex);
    shard.shelved = true;
  }
  return absl::OkStatus();
}

// Returns how much memory it takes.
StatusOr<size_t> GroupState::RestoreKey(std::string_view name, std::string_view bytes) {
  HR_ASSIGN_OR_RETURN(const EventRows rows, DecodeRows(plan_.slots(), bytes));
  const KeyName key_name(name);
  Shard& shard = ShardOf(key_name);
  const std::unique_lock lock(shard.mutex);
  Key& key = shard.KeyOf(key_name, plan_);
  key.stored = static_cast<uint32_t>(rows.size());
  key.events.Restore(rows);
  shard.wheel.Schedule(&key, key.events.ForgetsFrom());
  Count({}, key.size());
  return key.size().bytes;
}

}  // namespace headrace
