#include "features/offline/event_partitions.h"

#include <algorithm>
#include <limits>
#include <numeric>
#include <tuple>

#include "features/offline/event_block.h"
#include "kernel/sweep.h"

namespace headrace {
namespace {

bool Ascends(std::span<const int64_t> values) {
  return std::is_sorted(values.begin(), values.end());
}

// One column of all pieces in its new order: row i of the pieces, one after the other, goes to place[i].
template <typename T, typename Pieces, typename ColumnOf>
std::vector<T> PlaceValues(const Pieces& pieces, std::span<const uint32_t> place, const ColumnOf& column_of) {
  std::vector<T> values(place.size());
  const uint32_t* to = place.data();
  for (const auto& piece : pieces) {
    const T* from = column_of(*piece.block);
    for (uint32_t row = piece.begin; row < piece.end; ++row) values[*to++] = from[row];
  }
  return values;
}

// As PlaceValues, of what a block may leave out: `column_of` gives nullptr then, and `otherwise` stands in.
template <typename T, typename Pieces, typename ColumnOf, typename Otherwise>
std::vector<T> PlaceRarities(const Pieces& pieces, std::span<const uint32_t> place, const ColumnOf& column_of,
                             const Otherwise& otherwise) {
  std::vector<T> values(place.size());
  const uint32_t* to = place.data();
  for (const auto& piece : pieces) {
    const std::vector<T>& from = column_of(*piece.block);
    for (uint32_t row = piece.begin; row < piece.end; ++row)
      values[*to++] = from.empty() ? otherwise(*piece.block, row) : from[row];
  }
  return values;
}

template <typename Pieces>
Column PlaceVarying(TypeId type, size_t slot, const Pieces& pieces, std::span<const uint32_t> place) {
  Column joined(type);
  for (const auto& piece : pieces) {
    for (uint32_t row = piece.begin; row < piece.end; ++row) joined.AppendFrom(piece.block->varying(slot), row);
  }
  std::vector<uint32_t> from(place.size());
  for (uint32_t i = 0; i < place.size(); ++i) from[place[i]] = i;
  return joined.Take(from);
}

template <typename Pieces>
Column PlaceSlot(TypeId type, size_t slot, const Pieces& pieces, std::span<const uint32_t> place) {
  if (!HasFixedWidth(type)) return PlaceVarying(type, slot, pieces, place);
  std::vector<uint8_t> validity;
  const auto has_nulls = [&](const auto& piece) { return !piece.block->validity(slot).empty(); };
  if (std::any_of(pieces.begin(), pieces.end(), has_nulls)) {
    validity = PlaceRarities<uint8_t>(
        pieces, place, [&](const EventBlock& block) -> const auto& { return block.validity(slot); },
        [](const EventBlock&, uint32_t) { return uint8_t{1}; });
  }
  if (type == TypeId::kDouble) {
    const auto column_of = [&](const EventBlock& block) { return block.slot<double>(slot); };
    return Column::Doubles(PlaceValues<double>(pieces, place, column_of), std::move(validity));
  }
  const auto column_of = [&](const EventBlock& block) { return block.slot<int64_t>(slot); };
  return Column::Integers(type, PlaceValues<int64_t>(pieces, place, column_of), std::move(validity));
}

std::vector<TypeId> SlotTypes(const ViewProgram& program) {
  std::vector<TypeId> types;
  for (const Expression& slot : program.slots) types.push_back(slot.type);
  return types;
}

}  // namespace

EventPartitions::EventPartitions(const ViewProgram& program, const LabelKeys& keys)
    : keys_(keys), needs_order_(KeySweep::NeedsOrder(program)), layout_(new BlockLayout(SlotTypes(program))) {}

EventPartitions::~EventPartitions() = default;

EventPartitions::Lane* EventPartitions::AddLane() {
  const std::lock_guard lock(mutex_);
  lanes_.push_back(std::make_unique<Lane>(*this));
  return lanes_.back().get();
}

std::byte* EventPartitions::NewBlock(size_t partition) {
  constexpr size_t kBlocksAlone = 8;
  BlockMemory& memory = memory_[partition];
  const std::lock_guard lock(memory.mutex);
  const size_t bytes = layout_->Bytes();
  if (memory.blocks++ < kBlocksAlone || memory.pages.back().size() - memory.used_bytes < bytes) {
    memory.pages.emplace_back(memory.blocks <= kBlocksAlone ? bytes : std::max(bytes, kHugePageBytes));
    memory.used_bytes = 0;
  }
  memory.used_bytes += bytes;
  return memory.pages.back().data() + (memory.used_bytes - bytes);
}

EventPartitions::Lane::Lane(EventPartitions& partitions) : partitions_(partitions), parts_(kPartitions) {}
EventPartitions::Lane::~Lane() = default;

Status EventPartitions::Lane::Add(const EventBatch& events, int64_t first_ingest, int64_t last_ingest) {
  if (!Ascends(events.ingest)) return Internal("a batch of events is not in ingestion order");
  if (stretches_.empty() || first_ingest != stretches_.back().last_ingest + 1) BeginStretch(first_ingest);
  stretches_.back().last_ingest = last_ingest;
  partitions_.keys_.Find(events.keys, events.size(), &numbers_);
  FindPlaces(events);
  WriteFixed(events.event_time, 0);
  for (size_t slot = 0; slot < events.slots.size(); ++slot) WriteSlot(*events.slots[slot], slot);
  WriteLateness(events);
  WriteRetractions(events);
  return absl::OkStatus();
}

void EventPartitions::Lane::BeginStretch(int64_t first_ingest) {
  for (Part& part : parts_) {
    if (!part.marks.empty() && part.marks.back().first_row == part.rows) part.marks.pop_back();  // it has no rows
    part.marks.push_back({stretches_.size(), part.rows});
  }
  stretches_.push_back({first_ingest, first_ingest});
}

void EventPartitions::Lane::FindPlaces(const EventBatch& events) {
  const uint32_t block_rows = partitions_.layout_->rows;
  kept_.resize(events.size());
  places_.resize(events.size());
  cells_.resize(events.size());
  num_kept_ = 0;
  for (uint32_t row = 0; row < events.size(); ++row) {
    const uint32_t number = numbers_[row];
    if (number == LabelKeys::kNoKey) continue;
    Part& part = parts_[number % kPartitions];
    const auto block_row = static_cast<uint32_t>(part.rows++ & (block_rows - 1));
    if (block_row == 0) {
      part.blocks.push_back(
          std::make_unique<EventBlock>(*partitions_.layout_, partitions_.NewBlock(number % kPartitions)));
    }
    EventBlock* block = part.blocks.back().get();
    block->keys()[block_row] = number / kPartitions;
    kept_[num_kept_] = row;
    places_[num_kept_] = {block, block_row};
    cells_[num_kept_] = block->event_time() + block_row;
    ++num_kept_;
  }
}

// A block's columns lie a block's rows apart.
void EventPartitions::Lane::WriteFixed(std::span<const int64_t> values, size_t column) {
  const size_t apart = column * partitions_.layout_->rows;
  if (num_kept_ == values.size()) {
    for (size_t i = 0; i < num_kept_; ++i) cells_[i][apart] = values[i];
  } else {
    for (size_t i = 0; i < num_kept_; ++i) cells_[i][apart] = values[kept_[i]];
  }
}

void EventPartitions::Lane::WriteSlot(const Column& values, size_t slot) {
  if (!HasFixedWidth(values.type())) {
    for (size_t i = 0; i < num_kept_; ++i) places_[i].block->varying(slot).AppendFrom(values, kept_[i]);
    return;
  }
  // Doubles travel as their bits.
  const std::span<const int64_t> bits =
      values.type() == TypeId::kDouble
          ? std::span(reinterpret_cast<const int64_t*>(values.doubles().data()), values.doubles().size())
          : values.ints();
  WriteFixed(bits, 1 + slot);
  if (!values.has_nulls()) return;
  for (size_t i = 0; i < num_kept_; ++i) {
    if (values.IsNull(kept_[i])) places_[i].block->WritableValidity(slot)[places_[i].row] = 0;
  }
}

void EventPartitions::Lane::WriteLateness(const EventBatch& events) {
  any_late_ |= !std::equal(events.available_at.begin(), events.available_at.end(), events.event_time.begin());
  if (!any_late_) return;
  for (size_t i = 0; i < num_kept_; ++i) {
    const TimestampUs available_at = events.available_at[kept_[i]];
    EventBlock& block = *places_[i].block;
    if (block.available_at().empty() && available_at == events.event_time[kept_[i]]) continue;
    block.WritableAvailableAt()[places_[i].row] = available_at;
  }
}

void EventPartitions::Lane::WriteRetractions(const EventBatch& events) {
  if (events.retracted_at.empty()) return;
  for (size_t i = 0; i < num_kept_; ++i) {
    const TimestampUs retracted_at = events.retracted_at[kept_[i]];
    if (retracted_at != EventRows::kNeverRetracted)
      places_[i].block->WritableRetractedAt()[places_[i].row] = retracted_at;
  }
}

// The rows of a partition in ingestion order.
StatusOr<std::vector<EventPartitions::Piece>> EventPartitions::PiecesInOrder(size_t partition) const {
  std::vector<Piece> pieces;
  for (const std::unique_ptr<Lane>& lane : lanes_) {
    const Lane::Part& part = lane->parts_[partition];
    for (size_t i = 0; i < part.marks.size(); ++i) {
      const Lane::Stretch& stretch = lane->stretches_[part.marks[i].stretch];
      const size_t end = i + 1 < part.marks.size() ? part.marks[i + 1].first_row : part.rows;
      for (size_t row = part.marks[i].first_row; row < end;) {
        const size_t block = row / layout_->rows;
        const size_t base = block * layout_->rows;
        const size_t block_end = std::min(end, base + layout_->rows);
        pieces.push_back({stretch.first_ingest, stretch.last_ingest, part.blocks[block].get(),
                          static_cast<uint32_t>(row - base), static_cast<uint32_t>(block_end - base)});
        row = block_end;
      }
    }
  }
  std::stable_sort(pieces.begin(), pieces.end(),
                   [](const Piece& a, const Piece& b) { return a.first_ingest < b.first_ingest; });
  for (size_t i = 1; i < pieces.size(); ++i) {
    if (pieces[i].first_ingest != pieces[i - 1].first_ingest && pieces[i].first_ingest <= pieces[i - 1].last_ingest)
      return Internal("two batches of events overlap in ingestion order");
  }
  return pieces;
}

void EventPartitions::Gather(const std::vector<Piece>& pieces, std::span<const uint32_t> place,
                             EventRows* events) const {
  events->event_time = PlaceValues<int64_t>(pieces, place, [](const EventBlock& block) { return block.event_time(); });
  const auto any_late = [](const Piece& piece) { return !piece.block->available_at().empty(); };
  if (needs_order_ || std::any_of(pieces.begin(), pieces.end(), any_late)) {
    events->available_at = PlaceRarities<int64_t>(
        pieces, place, [](const EventBlock& block) -> const auto& { return block.available_at(); },
        [](const EventBlock& block, uint32_t row) { return block.event_time()[row]; });
  }
  const auto any_retracted = [](const Piece& piece) { return !piece.block->retracted_at().empty(); };
  if (std::any_of(pieces.begin(), pieces.end(), any_retracted)) {
    events->retracted_at = PlaceRarities<int64_t>(
        pieces, place, [](const EventBlock& block) -> const auto& { return block.retracted_at(); },
        [](const EventBlock&, uint32_t) { return EventRows::kNeverRetracted; });
  }
  for (size_t slot = 0; slot < layout_->slot_types.size(); ++slot)
    events->slots.push_back(PlaceSlot(layout_->slot_types[slot], slot, pieces, place));
}

// Rows of a key came in ingestion order; those of some keys are not in the order yet.
void EventPartitions::SortWithinKeys(const std::vector<uint8_t>& is_unsorted, SortedEvents* sorted) const {
  EventRows& events = sorted->events;
  std::vector<uint32_t> rows(events.size());
  std::iota(rows.begin(), rows.end(), 0);
  const auto available_at = [&](uint32_t row) {
    return events.available_at.empty() ? events.event_time[row] : events.available_at[row];
  };
  std::vector<std::tuple<TimestampUs, TimestampUs, uint32_t>> order;
  for (size_t key = 0; key < is_unsorted.size(); ++key) {
    if (is_unsorted[key] == 0) continue;
    order.clear();
    for (size_t row = sorted->first_of_key[key]; row < sorted->first_of_key[key + 1]; ++row)
      order.emplace_back(events.event_time[row], available_at(rows[row]), rows[row]);
    std::sort(order.begin(), order.end());
    for (size_t i = 0; i < order.size(); ++i) rows[sorted->first_of_key[key] + i] = std::get<2>(order[i]);
  }
  for (Column& slot : events.slots) slot = slot.Take(rows);
  for (std::vector<TimestampUs>* times : {&events.event_time, &events.available_at, &events.retracted_at}) {
    if (times->empty()) continue;
    std::vector<TimestampUs> taken(rows.size());
    for (size_t i = 0; i < rows.size(); ++i) taken[i] = (*times)[rows[i]];
    *times = std::move(taken);
  }
}

StatusOr<SortedEvents> EventPartitions::TakeSorted(size_t partition) {
  HR_ASSIGN_OR_RETURN(const std::vector<Piece> pieces, PiecesInOrder(partition));
  SortedEvents sorted;
  const size_t num_keys = NumKeys(keys_, partition);
  sorted.first_of_key.assign(num_keys + 1, 0);
  for (const Piece& piece : pieces) {
    for (uint32_t row = piece.begin; row < piece.end; ++row) ++sorted.first_of_key[piece.block->keys()[row] + 1];
  }
  std::partial_sum(sorted.first_of_key.begin(), sorted.first_of_key.end(), sorted.first_of_key.begin());

  // By key, in the order in which they came; mostly that is the order.
  std::vector<uint32_t> place(sorted.first_of_key.back());
  std::vector<size_t> next(sorted.first_of_key.begin(), sorted.first_of_key.end());
  std::vector<TimestampUs> last_time(num_keys, std::numeric_limits<TimestampUs>::min());
  std::vector<uint8_t> is_unsorted(num_keys, 0);
  const bool any_late = std::any_of(pieces.begin(), pieces.end(),
                                    [](const Piece& piece) { return !piece.block->available_at().empty(); });
  uint32_t* to = place.data();
  for (const Piece& piece : pieces) {
    for (uint32_t row = piece.begin; row < piece.end; ++row) {
      const uint32_t key = piece.block->keys()[row];
      const TimestampUs event_time = piece.block->event_time()[row];
      *to++ = static_cast<uint32_t>(next[key]++);
      // Of equal instants the later known one may have come first.
      is_unsorted[key] |= event_time < last_time[key] || (event_time == last_time[key] && any_late) ? 1 : 0;
      last_time[key] = event_time;
    }
  }
  Gather(pieces, place, &sorted.events);
  for (const std::unique_ptr<Lane>& lane : lanes_) lane->parts_[partition] = {};
  memory_[partition].pages.clear();
  if (std::find(is_unsorted.begin(), is_unsorted.end(), 1) != is_unsorted.end()) SortWithinKeys(is_unsorted, &sorted);
  if (needs_order_) {
    sorted.events.ingest.resize(place.size());
    std::iota(sorted.events.ingest.begin(), sorted.events.ingest.end(), 0);
  }
  return sorted;
}

}  // namespace headrace
