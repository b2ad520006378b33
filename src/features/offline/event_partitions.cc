#include "features/offline/event_partitions.h"

#include <algorithm>
#include <limits>
#include <numeric>
#include <tuple>
#include <utility>

#include "base/parallel.h"
#include "features/offline/event_block.h"
#include "kernel/sweep.h"

namespace headrace {
namespace {

bool Ascends(std::span<const int64_t> values) {
  return std::is_sorted(values.begin(), values.end());
}

// One column of all pieces in its new order: row i of the pieces, one after the other, goes to place[i]. `values` is
// memory to use again: fresh pages cost as much as filling them.
template <typename T, typename Pieces, typename ColumnOf>
std::vector<T> PlaceValues(const Pieces& pieces, std::span<const uint32_t> place, std::vector<T> values,
                           const ColumnOf& column_of) {
  values.resize(place.size());
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
Column PlaceSlot(const BlockLayout& layout, size_t slot, const Pieces& pieces, std::span<const uint32_t> place,
                 Column before) {
  const TypeId type = before.type();
  if (layout.IsVarying(slot)) return PlaceVarying(type, slot, pieces, place);
  std::vector<uint8_t> validity;
  const auto has_nulls = [&](const auto& piece) { return !piece.block->validity(slot).empty(); };
  if (std::any_of(pieces.begin(), pieces.end(), has_nulls)) {
    validity = PlaceRarities<uint8_t>(
        pieces, place, [&](const EventBlock& block) -> const auto& { return block.validity(slot); },
        [](const EventBlock&, uint32_t) { return uint8_t{1}; });
  }
  if (layout.only_counted[slot] != 0) {  // zeros stand in
    std::vector<int64_t> values = std::move(before).TakeInts();
    values.resize(place.size());
    return Column::Integers(type, std::move(values), std::move(validity));
  }
  const size_t column = layout.column_of[slot];
  if (type == TypeId::kDouble) {
    const auto column_of = [&](const EventBlock& block) { return block.column<double>(column); };
    return Column::Doubles(PlaceValues(pieces, place, std::move(before).TakeDoubles(), column_of), std::move(validity));
  }
  const auto column_of = [&](const EventBlock& block) { return block.column<int64_t>(column); };
  return Column::Integers(type, PlaceValues(pieces, place, std::move(before).TakeInts(), column_of),
                          std::move(validity));
}

std::vector<TypeId> SlotTypes(const ViewProgram& program) {
  std::vector<TypeId> types;
  for (const Expression& slot : program.slots) types.push_back(slot.type);
  return types;
}

}  // namespace

EventPartitions::EventPartitions(const EventGroup& group, const LabelKeys& keys, size_t groups, MemoryBudget* budget,
                                 SpillFile* spill)
    : keys_(keys),
      needs_order_(KeySweep::NeedsOrder(group.events)),
      leaves_slots_(group.events.is_latest_value()),
      budget_(budget),
      spill_(spill),
      layout_(new BlockLayout(SlotTypes(group.events), group.OnlyCounted(), groups)) {}

EventPartitions::~EventPartitions() {
  for (size_t partition = 0; partition < kPartitions; ++partition) Free(partition);
}

EventPartitions::Lane* EventPartitions::AddLane() {
  const std::lock_guard lock(mutex_);
  lanes_.push_back(std::make_unique<Lane>(*this));
  return lanes_.back().get();
}

std::byte* EventPartitions::NewBlock(size_t partition) {
  constexpr size_t kBlocksAlone = 8;
  BlockMemory& memory = memory_[partition];
  const std::lock_guard lock(memory.mutex);
  if (!memory.free.empty()) {
    std::byte* const block = memory.free.back();
    memory.free.pop_back();
    return block;
  }
  const size_t bytes = layout_->Bytes();
  if (memory.blocks++ < kBlocksAlone || memory.pages.back().size() - memory.used_bytes < bytes) {
    memory.pages.emplace_back(memory.blocks <= kBlocksAlone ? bytes : std::max(bytes, kHugePageBytes));
    memory.used_bytes = 0;
    memory.taken_bytes += memory.pages.back().size();
    budget_->Take(memory.pages.back().size());
  }
  memory.used_bytes += bytes;
  return memory.pages.back().data() + (memory.used_bytes - bytes);
}

void EventPartitions::Free(size_t partition) {
  for (const std::unique_ptr<Lane>& lane : lanes_) lane->parts_[partition] = {};
  memory_[partition].pages.clear();
  budget_->GiveBack(std::exchange(memory_[partition].taken_bytes, 0));
}

EventPartitions::Lane::Lane(EventPartitions& partitions)
    : partitions_(partitions), parts_(kPartitions), any_null_(partitions.layout_->slot_types.size()) {
  constexpr size_t kMostKeys = size_t{1} << 18;  // 48 bytes each; with more, a stretch has few events of each
  const std::vector<TypeId>& types = partitions.layout_->slot_types;
  if (partitions.leaves_slots_ && partitions.keys_.size() <= kMostKeys &&
      std::all_of(types.begin(), types.end(), HasFixedWidth))
    last_of_key_.resize(partitions.keys_.size());
}
EventPartitions::Lane::~Lane() = default;

Status EventPartitions::Lane::Add(const EventBatch& events, std::span<const uint32_t> keys, int64_t first_ingest,
                                  int64_t last_ingest) {
  if (!Ascends(events.ingest)) return Internal("a batch of events is not in ingestion order");
  if (stretches_.empty() || first_ingest != stretches_.back().last_ingest + 1) BeginStretch(first_ingest);
  stretches_.back().last_ingest = last_ingest;
  FindPlaces(keys, events);
  WriteFixed(events.event_time, 0);
  for (size_t slot = 0; slot < events.slots.size(); ++slot) WriteSlot(*events.slots[slot], slot);
  WriteLateness(events);
  WriteRetractions(events);
  return to_spill_.empty() ? absl::OkStatus() : SpillFullBlocks();
}

void EventPartitions::Lane::BeginStretch(int64_t first_ingest) {
  for (Part& part : parts_) {
    if (!part.marks.empty() && part.marks.back().first_row == part.rows) part.marks.pop_back();  // it has no rows
    part.marks.push_back({stretches_.size(), part.rows});
  }
  stretches_.push_back({first_ingest, first_ingest});
}

void EventPartitions::Lane::FindPlaces(std::span<const uint32_t> keys, const EventBatch& events) {
  kept_.resize(keys.size());
  places_.resize(keys.size());
  cells_.resize(keys.size());
  num_kept_ = 0;
  for (uint32_t row = 0; row < keys.size(); ++row) {
    if (keys[row] == LabelKeys::kNoKey) continue;
    const Place place = last_of_key_.empty() ? NextPlace(keys[row]) : PlaceOfLatest(keys[row], events, row);
    place.block->keys()[place.row] = keys[row] / kPartitions;
    kept_[num_kept_] = row;
    places_[num_kept_] = place;
    cells_[num_kept_] = place.block->event_time() + place.row;
    ++num_kept_;
  }
}

EventPartitions::Lane::Place EventPartitions::Lane::NextPlace(uint32_t key) {
  Part& part = parts_[key % kPartitions];
  const auto row = static_cast<uint32_t>(part.rows++ & (partitions_.layout_->rows - 1));
  if (row == 0) BeginBlock(key % kPartitions);
  return {part.blocks.back().get(), row};
}

// An event that no label row asks for before the next one happens is never the latest, if the next one is known when it
// happens and stays. Only within a stretch: there its place among the rows of other lanes is that of the next one.
EventPartitions::Lane::Place EventPartitions::Lane::PlaceOfLatest(uint32_t key, const EventBatch& events, size_t row) {
  LastEvent& last = last_of_key_[key];
  const TimestampUs event_time = events.event_time[row];
  const bool stays = events.retracted_at.empty() || events.retracted_at[row] == EventRows::kNeverRetracted;
  const bool is_plain = stays && events.available_at[row] == event_time;
  if (is_plain && last.stretch == stretches_.size() && event_time > last.event_time && event_time <= last.next_asked &&
      !last.place.block->is_spilled()) {
    last.event_time = event_time;
    return last.place;
  }
  last.place = NextPlace(key);
  last.stretch = is_plain ? stretches_.size() : 0;
  last.event_time = event_time;
  const std::span<const TimestampUs> asked = partitions_.keys_.TimesOf(key);
  const auto next = std::lower_bound(asked.begin(), asked.end(), event_time);
  last.next_asked = next == asked.end() ? kMaxTimestampUs : *next;
  return last.place;
}

void EventPartitions::Lane::BeginBlock(size_t partition) {
  Part& part = parts_[partition];
  // Its rows of this batch are still to be written.
  if (!part.blocks.empty() && partitions_.budget_->IsSpent())
    to_spill_.push_back({partition, part.blocks.back().get()});
  part.blocks.push_back(std::make_unique<EventBlock>(*partitions_.layout_, partitions_.NewBlock(partition)));
}

Status EventPartitions::Lane::SpillFullBlocks() {
  for (const FullBlock& full : to_spill_) {
    HR_ASSIGN_OR_RETURN(std::byte* const memory, full.block->Spill(*partitions_.layout_, partitions_.spill_));
    BlockMemory& of_partition = partitions_.memory_[full.partition];
    const std::lock_guard lock(of_partition.mutex);
    of_partition.free.push_back(memory);
  }
  to_spill_.clear();
  return absl::OkStatus();
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
  const BlockLayout& layout = *partitions_.layout_;
  if (layout.IsVarying(slot)) {
    for (size_t i = 0; i < num_kept_; ++i) places_[i].block->varying(slot).AppendFrom(values, kept_[i]);
    return;
  }
  if (layout.IsFixed(slot)) {
    // Doubles travel as their bits.
    const std::span<const int64_t> bits =
        values.type() == TypeId::kDouble
            ? std::span(reinterpret_cast<const int64_t*>(values.doubles().data()), values.doubles().size())
            : values.ints();
    WriteFixed(bits, layout.column_of[slot]);
  }
  any_null_[slot] |= values.has_nulls();
  if (!any_null_[slot]) return;
  for (size_t i = 0; i < num_kept_; ++i) {
    EventBlock& block = *places_[i].block;
    const bool is_null = values.IsNull(kept_[i]);
    if (is_null || !block.validity(slot).empty()) block.WritableValidity(slot)[places_[i].row] = is_null ? 0 : 1;
  }
}

void EventPartitions::Lane::WriteLateness(const EventBatch& events) {
  any_late_ |= events.available_at.data() != events.event_time.data() &&
               !std::equal(events.available_at.begin(), events.available_at.end(), events.event_time.begin());
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

size_t EventPartitions::RowsOf(size_t partition) const {
  size_t rows = 0;
  for (const std::unique_ptr<Lane>& lane : lanes_) rows += lane->parts_[partition].rows;
  return rows;
}

Status EventPartitions::ReadBack(size_t partition) {
  for (const std::unique_ptr<Lane>& lane : lanes_) {
    for (const std::unique_ptr<EventBlock>& block : lane->parts_[partition].blocks) {
      if (block->is_spilled()) HR_RETURN_IF_ERROR(block->ReadBack(*layout_, *spill_, NewBlock(partition)));
    }
  }
  return absl::OkStatus();
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
                          static_cast<uint32_t>(row - base), static_cast<uint32_t>(block_end - base), 0});
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
  size_t rows = 0;
  for (Piece& piece : pieces) {
    piece.first_row = rows;
    rows += piece.end - piece.begin;
  }
  return pieces;
}

Status EventPartitions::Gather(const std::vector<Piece>& pieces, std::span<const uint32_t> place, int threads,
                               EventRows* events) const {
  const auto any_late = [](const Piece& piece) { return !piece.block->available_at().empty(); };
  const auto any_retracted = [](const Piece& piece) { return !piece.block->retracted_at().empty(); };
  events->available_at.clear();
  events->retracted_at.clear();
  if (needs_order_ || std::any_of(pieces.begin(), pieces.end(), any_late)) {
    events->available_at = PlaceRarities<int64_t>(
        pieces, place, [](const EventBlock& block) -> const auto& { return block.available_at(); },
        [](const EventBlock& block, uint32_t row) { return block.event_time()[row]; });
  }
  if (std::any_of(pieces.begin(), pieces.end(), any_retracted)) {
    events->retracted_at = PlaceRarities<int64_t>(
        pieces, place, [](const EventBlock& block) -> const auto& { return block.retracted_at(); },
        [](const EventBlock&, uint32_t) { return EventRows::kNeverRetracted; });
  }
  for (size_t slot = events->slots.size(); slot < layout_->slot_types.size() && !leaves_slots_; ++slot)
    events->slots.emplace_back(layout_->only_counted[slot] != 0 ? TypeId::kBigint : layout_->slot_types[slot]);
  return ParallelFor(1 + events->slots.size(), threads, [&](size_t column) -> Status {
    if (column == 0) {
      events->event_time = PlaceValues(pieces, place, std::move(events->event_time),
                                       [](const EventBlock& block) { return block.event_time(); });
    } else {
      events->slots[column - 1] = PlaceSlot(*layout_, column - 1, pieces, place, std::move(events->slots[column - 1]));
    }
    return absl::OkStatus();
  });
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
  if (!sorted->origin.empty()) {
    std::vector<uint32_t> origin(rows.size());
    for (size_t i = 0; i < rows.size(); ++i) origin[i] = sorted->origin[rows[i]];
    sorted->origin = std::move(origin);
  }
  for (std::vector<TimestampUs>* times : {&events.event_time, &events.available_at, &events.retracted_at}) {
    if (times->empty()) continue;
    std::vector<TimestampUs> taken(rows.size());
    for (size_t i = 0; i < rows.size(); ++i) taken[i] = (*times)[rows[i]];
    *times = std::move(taken);
  }
}

Status EventPartitions::TakeSorted(size_t partition, size_t num_keys, int threads, SortedEvents* sorted) {
  HR_RETURN_IF_ERROR(ReadBack(partition));
  HR_ASSIGN_OR_RETURN(sorted->pieces, PiecesInOrder(partition));
  const std::vector<Piece>& pieces = sorted->pieces;
  sorted->first_of_key.assign(num_keys + 1, 0);
  for (const Piece& piece : pieces) {
    for (uint32_t row = piece.begin; row < piece.end; ++row) ++sorted->first_of_key[piece.block->keys()[row] + 1];
  }
  std::partial_sum(sorted->first_of_key.begin(), sorted->first_of_key.end(), sorted->first_of_key.begin());

  // By key, in the order in which they came; mostly that is the order.
  std::vector<uint32_t>& place = sorted->place;
  place.resize(sorted->first_of_key.back());
  std::vector<size_t> next(sorted->first_of_key.begin(), sorted->first_of_key.end());
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
  HR_RETURN_IF_ERROR(Gather(pieces, place, threads, &sorted->events));
  sorted->origin.clear();
  if (leaves_slots_) {
    sorted->origin.resize(place.size());
    for (uint32_t row = 0; row < place.size(); ++row) sorted->origin[place[row]] = row;
  } else {
    Free(partition);
  }
  if (std::find(is_unsorted.begin(), is_unsorted.end(), 1) != is_unsorted.end()) SortWithinKeys(is_unsorted, sorted);
  if (needs_order_) {
    sorted->events.ingest.resize(place.size());
    std::iota(sorted->events.ingest.begin(), sorted->events.ingest.end(), 0);
  }
  return absl::OkStatus();
}

std::vector<Column> EventPartitions::SlotsAt(const SortedEvents& sorted, std::span<const size_t> slots,
                                             std::span<const uint32_t> rows) const {
  struct Cell {
    const EventBlock* block;  // nullptr: null
    uint32_t row;
  };
  std::vector<Cell> cells;
  cells.reserve(rows.size());
  for (const uint32_t row : rows) {
    if (row == KeySweep::kNoRow) {
      cells.push_back({nullptr, 0});
      continue;
    }
    const uint32_t origin = sorted.origin[row];
    const auto after = std::upper_bound(sorted.pieces.begin(), sorted.pieces.end(), origin,
                                        [](uint32_t i, const Piece& piece) { return i < piece.first_row; });
    const Piece& piece = *std::prev(after);
    cells.push_back({piece.block, piece.begin + static_cast<uint32_t>(origin - piece.first_row)});
  }
  std::vector<Column> columns;
  for (const size_t slot : slots) {
    const TypeId type = layout_->slot_types[slot];
    Column column(type);
    column.Reserve(rows.size());
    for (const Cell& cell : cells) {
      const bool has_nulls = cell.block != nullptr && !cell.block->validity(slot).empty();
      if (cell.block == nullptr || (has_nulls && cell.block->validity(slot)[cell.row] == 0)) {
        column.AppendNull();
      } else if (!HasFixedWidth(type)) {
        column.AppendFrom(cell.block->varying(slot), cell.row);
      } else if (type == TypeId::kDouble) {
        column.AppendDouble(cell.block->column<double>(layout_->column_of[slot])[cell.row]);
      } else {
        column.AppendInt(cell.block->column<int64_t>(layout_->column_of[slot])[cell.row]);
      }
    }
    columns.push_back(std::move(column));
  }
  return columns;
}

}  // namespace headrace
