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
    column = std::move(read);
  }
  return absl::OkStatus();
}

StatusOr<EventRows> DecodeRows(const ViewProgram& program, std::string_view bytes) {
  ByteReader reader(bytes);
  uint8_t version = 0;
  uint32_t count = 0;
  HR_RETURN_IF_ERROR(reader.GetU8(&version));
  if (version != kStateVersion) return DataLoss("a state of version {}, this program reads {}", version, kStateVersion);
  HR_RETURN_IF_ERROR(reader.GetU32(&count));
  EventRows rows(program);
  for (uint32_t i = 0; i < count; ++i) {
    for (std::vector<int64_t>* column : {&rows.event_time, &rows.available_at, &rows.retracted_at, &rows.ingest}) {
      int64_t v = 0;
      HR_RETURN_IF_ERROR(reader.GetI64(&v));
      column->push_back(v);
    }
  }
  HR_RETURN_IF_ERROR(GetColumns(reader, count, &rows.keys));
  HR_RETURN_IF_ERROR(GetColumns(reader, count, &rows.slots));
  if (!reader.AtEnd()) return DataLoss("bytes are left over at the end of a state");
  return rows;
}

}  // namespace

void ViewState::Insert(const EventRows& events) {
  std::string key;
  for (size_t row = 0; row < events.size(); ++row) {
    key.clear();
    if (!EncodeKey(events.keys, row, &key)) continue;  // a null key part: no request matches it
    Shard& shard = ShardOf(key);
    const std::unique_lock lock(shard.mutex);
    shard.keys.try_emplace(key, program_).first->second.Insert(events, row);
    shard.changed.insert(key);
  }
}

void ViewState::Read(const std::string& key, TimestampUs t, FeatureCells* cells) const {
  const Shard& shard = ShardOf(key);
  const std::shared_lock lock(shard.mutex);
  const auto it = shard.keys.find(key);
  if (it == shard.keys.end()) return AppendEmptyCells(program_, cells);
  it->second.Read(program_, t, cells);
}

EventRows ViewState::SourceRows(const std::string& key, TimestampUs t, size_t window) const {
  const Shard& shard = ShardOf(key);
  const std::shared_lock lock(shard.mutex);
  const auto it = shard.keys.find(key);
  if (it == shard.keys.end()) return EventRows(program_);
  return it->second.rows().Take(it->second.SourceRows(program_, t, window));
}

void ViewState::Forget(TimestampUs horizon) {
  for (Shard& shard : shards_) {
    const std::unique_lock lock(shard.mutex);
    for (auto it = shard.keys.begin(); it != shard.keys.end();) {
      const size_t before = it->second.size();
      it->second.Forget(program_, horizon);
      if (it->second.size() != before) shard.changed.insert(it->first);
      if (it->second.size() == 0) {
        shard.keys.erase(it++);
      } else {
        ++it;
      }
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
    KeyEvents seen = shard.keys.at(*key);
    seen.Forget(program_, horizon);
    if (seen.size() > 0) visitor(*key, seen.rows());
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
    for (const auto& [key, events] : shard.keys) total += static_cast<int64_t>(events.size());
  }
  return total;
}

std::vector<std::pair<std::string, std::string>> ViewState::EncodeKeys(bool only_changed) {
  std::vector<std::pair<std::string, std::string>> encoded;
  for (Shard& shard : shards_) {
    const std::unique_lock lock(shard.mutex);
    if (only_changed) {
      for (const std::string& key : shard.changed) {
        const auto it = shard.keys.find(key);
        encoded.emplace_back(key, it == shard.keys.end() ? "" : EncodeRows(it->second.rows()));
      }
    } else {
      for (const auto& [key, events] : shard.keys) encoded.emplace_back(key, EncodeRows(events.rows()));
    }
    shard.changed.clear();
  }
  return encoded;
}

Status ViewState::RestoreKey(const std::string& key, std::string_view bytes) {
  HR_ASSIGN_OR_RETURN(EventRows rows, DecodeRows(program_, bytes));
  Shard& shard = ShardOf(key);
  const std::unique_lock lock(shard.mutex);
  shard.keys.try_emplace(key, program_).first->second.Restore(std::move(rows));
  return absl::OkStatus();
}

}  // namespace headrace
