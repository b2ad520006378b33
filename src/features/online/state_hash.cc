#include "features/online/state_hash.h"

#include "base/codec.h"
#include "base/hash.h"
#include "features/online/online_features.h"

namespace headrace {
namespace {

constexpr size_t kQuarantinedRowsAtOnce = 1000;

// Value by value: a column's own bytes also tell what stands under its nulls, which is nobody's.
std::string CanonicalBytes(std::string_view key, const EventRows& events) {
  ByteWriter writer;
  writer.PutText(key);
  writer.PutU64(events.size());
  for (size_t row = 0; row < events.size(); ++row) {
    writer.PutI64(events.event_time[row]);
    writer.PutI64(events.available_at[row]);
    writer.PutI64(events.retracted_at[row]);
    writer.PutI64(events.ingest[row]);
    for (const Column& slot : events.slots) writer.PutValue(slot.GetValue(row));
  }
  return std::move(writer).Finish();
}

StatusOr<StateHash::Part> HashView(const OnlineViewSpec& spec, const ViewSet& set, TimestampUs horizon) {
  const ViewSet::Place place = set.places.at(spec.view);
  StateHash::Part part{"view", spec.view, 0, 0, ""};
  Sha256 hash;
  hash.Update(spec.definition_hash);
  const auto add = [&](std::string_view key, const EventRows& events) {
    hash.Update(CanonicalBytes(key, events));
    ++part.entries;
    part.events += static_cast<int64_t>(events.size());
  };
  HR_RETURN_IF_ERROR(set.groups[place.group].state->Visit(place.member, horizon, add));
  part.hash = hash.Finish();
  return part;
}

// The sum of the ids' hashes, since they are in no order.
StatusOr<StateHash::Part> HashIds(const std::string& stream, const KnownIds& ids, TimestampUs oldest) {
  StateHash::Part part{"ids", stream, 0, 0, ""};
  uint64_t sum = 0;
  HR_RETURN_IF_ERROR(ids.Visit(oldest, [&](std::string_view id, TimestampUs arrival) {
    ByteWriter writer;
    writer.PutText(id);
    writer.PutI64(arrival);
    sum += Hash64(std::move(writer).Finish());
    ++part.entries;
  }));
  part.hash = fmt::format("{:016x}", sum);
  return part;
}

void AddTo(Sha256* hash, const StateHash::Part& part) {
  hash->Update(fmt::format("{} {} {} {} {}\n", part.kind, part.name, part.entries, part.events, part.hash));
}

}  // namespace

StatusOr<StateHash::Part> OnlineFeatures::HashQuarantine(const std::string& source) const {
  StateHash::Part part{"quarantine", source, 0, 0, ""};
  Sha256 hash;
  std::string after;
  while (true) {
    HR_ASSIGN_OR_RETURN(const std::vector<QuarantinedRow> rows, ReadQuarantine(source, after, kQuarantinedRowsAtOnce));
    if (rows.empty()) break;
    for (const QuarantinedRow& held : rows) {
      ByteWriter writer;
      writer.PutText(held.id);
      writer.PutI64(held.received_at);
      writer.PutU64(held.row.index);
      for (const std::string& text : {held.row.column, held.row.reason, held.row.text}) writer.PutText(text);
      hash.Update(std::move(writer).Finish());
    }
    part.entries += static_cast<int64_t>(rows.size());
    after = rows.back().id;
  }
  part.hash = hash.Finish();
  return part;
}

StatusOr<StateHash> OnlineFeatures::Hash() {
  const std::lock_guard checkpoint_lock(checkpoint_mutex_);
  const std::lock_guard commit_lock(commit_mutex_);
  const std::shared_ptr<ViewSet> set = CurrentSet();
  StateHash result;
  result.log_position = store_->LastPosition();
  result.seen_from = Horizon(*set);
  for (const auto& [name, stream] : set->definition->streams) {
    const auto ids = ids_.find(name);
    if (stream.event_id.empty() || ids == ids_.end()) continue;
    HR_ASSIGN_OR_RETURN(StateHash::Part part,
                        HashIds(name, ids->second, AddSaturated(last_arrival_, -IdRetention(stream))));
    result.parts.push_back(std::move(part));
  }
  for (const auto& [source, rows] : quarantine_.Counts()) {
    if (rows == 0) continue;
    HR_ASSIGN_OR_RETURN(StateHash::Part part, HashQuarantine(source));
    result.parts.push_back(std::move(part));
  }
  for (const OnlineViewSpec& spec : set->definition->views) {
    HR_ASSIGN_OR_RETURN(StateHash::Part part, HashView(spec, *set, result.seen_from));
    result.parts.push_back(std::move(part));
  }
  Sha256 hash;
  hash.Update(fmt::format("{} {} {}\n", result.log_position, result.seen_from, next_ingest_));
  for (const StateHash::Part& part : result.parts) AddTo(&hash, part);
  result.hash = hash.Finish();
  return result;
}

}  // namespace headrace
