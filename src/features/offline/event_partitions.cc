#include "features/offline/event_partitions.h"

#include <algorithm>
#include <limits>
#include <numeric>

namespace headrace {
namespace {

constexpr size_t kRowsPerScatter = 65'536;

template <typename T>
void AppendTo(std::vector<T>* values, const std::vector<T>& more) {
  values->insert(values->end(), more.begin(), more.end());
}

template <typename T>
std::vector<T> TakeFrom(std::span<const T> values, std::span<const uint32_t> rows) {
  std::vector<T> taken(rows.size());
  for (size_t i = 0; i < rows.size(); ++i) taken[i] = values[rows[i]];
  return taken;
}

// One column of all chunks in its new order: row i of the chunks, one after the other, goes to place[i].
template <typename T, typename Values>
void PlaceFixed(const std::vector<const Column*>& parts, std::span<const uint32_t> place, const Values& values_of,
                std::vector<T>* values, std::vector<uint8_t>* validity) {
  values->resize(place.size());
  const bool has_nulls = std::any_of(parts.begin(), parts.end(), [](const Column* part) { return part->has_nulls(); });
  if (has_nulls) validity->assign(place.size(), 1);
  size_t row = 0;
  for (const Column* part : parts) {
    const std::span<const T> from = values_of(*part);
    for (size_t i = 0; i < from.size(); ++i) (*values)[place[row + i]] = from[i];
    if (part->has_nulls()) {
      for (size_t i = 0; i < from.size(); ++i) (*validity)[place[row + i]] = part->validity()[i];
    }
    row += from.size();
  }
}

Column PlaceColumn(TypeId type, const std::vector<const Column*>& parts, std::span<const uint32_t> place) {
  std::vector<uint8_t> validity;
  if (type == TypeId::kDouble) {
    std::vector<double> values;
    PlaceFixed(
        parts, place, [](const Column& part) { return part.doubles(); }, &values, &validity);
    return Column::Doubles(std::move(values), std::move(validity));
  }
  if (type != TypeId::kVarchar) {
    std::vector<int64_t> values;
    PlaceFixed(
        parts, place, [](const Column& part) { return part.ints(); }, &values, &validity);
    return Column::Integers(type, std::move(values), std::move(validity));
  }
  Column joined(type);
  for (const Column* part : parts) joined.AppendColumn(*part);
  std::vector<uint32_t> from(place.size());
  for (uint32_t i = 0; i < place.size(); ++i) from[place[i]] = i;
  return joined.Take(from);
}

}  // namespace

EventPartitions::EventPartitions(const ViewProgram& program, const LabelKeys& keys)
    : program_(program), keys_(keys), pending_(program), chunks_(kPartitions) {
  pending_.keys.clear();
}

void EventPartitions::Add(const EventRows& events) {
  std::vector<uint32_t> numbers;
  keys_.Find(events.keys, events.size(), &numbers);
  AppendTo(&pending_numbers_, numbers);
  AppendTo(&pending_.event_time, events.event_time);
  AppendTo(&pending_.available_at, events.available_at);
  AppendTo(&pending_.retracted_at, events.retracted_at);
  AppendTo(&pending_.ingest, events.ingest);
  for (size_t i = 0; i < pending_.slots.size(); ++i) pending_.slots[i].AppendColumn(events.slots[i]);
  if (pending_.size() >= kRowsPerScatter) Scatter();
}

void EventPartitions::Finish() {
  Scatter();
  pending_ = EventRows();
}

void EventPartitions::Scatter() {
  std::vector<std::vector<uint32_t>> rows(kPartitions);
  for (uint32_t row = 0; row < pending_numbers_.size(); ++row) {
    if (pending_numbers_[row] != LabelKeys::kNoKey) rows[pending_numbers_[row] % kPartitions].push_back(row);
  }
  for (size_t partition = 0; partition < kPartitions; ++partition) {
    if (!rows[partition].empty()) chunks_[partition].push_back(Pack(pending_, pending_numbers_, rows[partition]));
  }
  pending_ = EventRows(program_);
  pending_.keys.clear();
  pending_numbers_.clear();
}

EventPartitions::Chunk EventPartitions::Pack(const EventRows& events, std::span<const uint32_t> numbers,
                                             std::span<const uint32_t> rows) {
  Chunk chunk;
  chunk.key = TakeFrom(numbers, rows);
  chunk.event_time = TakeFrom(std::span(events.event_time), rows);
  const auto is_on_time = [&](uint32_t row) { return events.available_at[row] == events.event_time[row]; };
  if (!std::all_of(rows.begin(), rows.end(), is_on_time))
    chunk.available_at = TakeFrom(std::span(events.available_at), rows);
  const auto is_never = [&](uint32_t row) { return events.retracted_at[row] == EventRows::kNeverRetracted; };
  if (!std::all_of(rows.begin(), rows.end(), is_never))
    chunk.retracted_at = TakeFrom(std::span(events.retracted_at), rows);
  chunk.ingest = TakeFrom(std::span(events.ingest), rows);
  const auto [least, greatest] = std::minmax_element(chunk.ingest.begin(), chunk.ingest.end());
  if (static_cast<uint64_t>(*greatest) - static_cast<uint64_t>(*least) <= std::numeric_limits<uint32_t>::max()) {
    chunk.ingest_first = *least;
    chunk.ingest_offset.reserve(rows.size());
    for (const int64_t ingest : chunk.ingest)
      chunk.ingest_offset.push_back(static_cast<uint32_t>(ingest - chunk.ingest_first));
    chunk.ingest = {};
  }
  for (const Column& slot : events.slots) chunk.slots.push_back(slot.Take(rows));
  return chunk;
}

EventRows EventPartitions::Unpack(const ViewProgram& program, const std::vector<Chunk>& chunks,
                                  std::span<const uint32_t> place) {
  EventRows events;
  events.event_time.resize(place.size());
  events.available_at.resize(place.size());
  events.retracted_at.resize(place.size());
  events.ingest.resize(place.size());
  size_t row = 0;
  for (const Chunk& chunk : chunks) {
    for (size_t i = 0; i < chunk.key.size(); ++i, ++row) {
      const uint32_t to = place[row];
      events.event_time[to] = chunk.event_time[i];
      events.available_at[to] = chunk.available_at.empty() ? chunk.event_time[i] : chunk.available_at[i];
      events.retracted_at[to] = chunk.retracted_at.empty() ? EventRows::kNeverRetracted : chunk.retracted_at[i];
      events.ingest[to] = chunk.ingest.empty() ? chunk.ingest_first + chunk.ingest_offset[i] : chunk.ingest[i];
    }
  }
  for (size_t slot = 0; slot < program.slots.size(); ++slot) {
    std::vector<const Column*> parts;
    for (const Chunk& chunk : chunks) parts.push_back(&chunk.slots[slot]);
    events.slots.push_back(PlaceColumn(program.slots[slot].type, parts, place));
  }
  return events;
}

SortedEvents EventPartitions::TakeSorted(size_t partition) {
  const std::vector<Chunk> chunks = std::move(chunks_[partition]);
  chunks_[partition] = {};
  SortedEvents sorted;
  sorted.first_of_key.assign(NumKeys(keys_, partition) + 1, 0);
  for (const Chunk& chunk : chunks) {
    for (const uint32_t key : chunk.key) ++sorted.first_of_key[key / kPartitions + 1];
  }
  std::partial_sum(sorted.first_of_key.begin(), sorted.first_of_key.end(), sorted.first_of_key.begin());

  // By key, in the order in which they came; mostly that is the order.
  std::vector<uint32_t> place;
  place.reserve(sorted.first_of_key.back());
  std::vector<size_t> next(sorted.first_of_key.begin(), sorted.first_of_key.end());
  for (const Chunk& chunk : chunks) {
    for (const uint32_t key : chunk.key) place.push_back(static_cast<uint32_t>(next[key / kPartitions]++));
  }
  sorted.events = Unpack(program_, chunks, place);

  std::vector<uint32_t> rows(place.size());
  std::iota(rows.begin(), rows.end(), 0);
  const auto before = [&](uint32_t a, uint32_t b) { return ComesBefore(sorted.events, a, sorted.events, b); };
  bool moved = false;
  for (size_t key = 0; key + 1 < sorted.first_of_key.size(); ++key) {
    const auto begin = rows.begin() + static_cast<ptrdiff_t>(sorted.first_of_key[key]);
    const auto end = rows.begin() + static_cast<ptrdiff_t>(sorted.first_of_key[key + 1]);
    if (std::is_sorted(begin, end, before)) continue;
    std::sort(begin, end, before);
    moved = true;
  }
  if (moved) sorted.events = sorted.events.Take(rows);
  return sorted;
}

}  // namespace headrace
