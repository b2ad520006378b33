#include "kernel/key_events.h"

#include <algorithm>
#include <numeric>
#include <tuple>

namespace headrace {
namespace {

// In the order, each event once.
std::vector<uint32_t> InOrder(const EventRows& rows) {
  std::vector<uint32_t> order(rows.size());
  std::iota(order.begin(), order.end(), 0);
  // A state that was written down mostly has them so.
  const auto follows = [&](uint32_t row) { return row == 0 || ComesBefore(rows, row - 1, rows, row); };
  if (std::all_of(order.begin(), order.end(), follows)) return order;
  std::stable_sort(order.begin(), order.end(), [&](uint32_t a, uint32_t b) { return ComesBefore(rows, a, rows, b); });
  const auto same = [&](uint32_t a, uint32_t b) { return !ComesBefore(rows, a, rows, b); };
  order.erase(std::unique(order.begin(), order.end(), same), order.end());
  return order;
}

}  // namespace

void KeyEvents::Insert(const EventsView& events, size_t row) {
  const PackedEvents::Place place(events.event_time[row], events.available_at[row], events.ingest[row]);
  size_t position = rows_.size();
  if (position > 0 && place < rows_.PlaceOf(position - 1)) {
    size_t low = 0;
    while (low < position) {
      const size_t middle = low + (position - low) / 2;
      if (place < rows_.PlaceOf(middle)) {
        position = middle;
      } else {
        low = middle + 1;
      }
    }
  }
  if (position > 0 && place == rows_.PlaceOf(position - 1)) return;
  rows_.Insert(position, events, row);
  VisibilityLogic().AddRows(events, row, row + 1, &visibility_);
  if (tiles_ != nullptr) {
    tiles_->RowInserted(rows_.view(), position);
  } else {
    MakeTilesIfLarge();
  }
}

void KeyEvents::MakeTilesIfLarge() {
  if (rows_.size() >= 2 * plan_->sizes().block_rows && !plan_->folds().empty())
    tiles_ = std::make_unique<EventTiles>(*plan_, rows_.view());
}

void KeyEvents::Restore(const EventRows& rows) {
  rows_ = PackedEvents(plan_->slots());
  const EventsView events(rows);
  const std::vector<uint32_t> order = InOrder(rows);
  rows_.Reserve(order.size());
  for (const uint32_t row : order) rows_.Insert(rows_.size(), events, row);
  visibility_ = {};
  VisibilityLogic().AddRows(events, 0, events.size(), &visibility_);
  tiles_ = nullptr;
  MakeTilesIfLarge();
}

// Most reads ask for the present instant, and for windows that hold all that is kept. Others search without branches:
// where that goes is nothing that the processor could foresee.
size_t KeyEvents::FirstAtOrAfter(TimestampUs instant) const {
  const std::span<const TimestampUs> times = rows_.event_time();
  if (times.empty() || instant <= times.front()) return 0;
  if (times.back() < instant) return times.size();
  size_t first = 0;  // all before it are before the instant
  for (size_t left = times.size(); left > 1;) {
    const size_t half = left / 2;
    first += times[first + half - 1] < instant ? half : 0;
    left -= half;
  }
  return first + (times[first] < instant ? 1 : 0);
}

// Where the window begins that ends before row `end`.
size_t KeyEvents::FindBegin(const Window& window, const EventsView& events, size_t end, TimestampUs t) const {
  const std::optional<TimestampUs> oldest = window.BeginAt(t);
  const size_t begin = oldest ? std::min(FirstAtOrAfter(*oldest), end) : 0;
  if (!window.rows) return begin;
  auto count = static_cast<size_t>(*window.rows);
  if (visibility_.AllVisibleAt(t)) return std::max(begin, end - std::min(end, count));
  if (tiles_ != nullptr) return tiles_->BeginOfLast(events, begin, end, count, t);
  return BeginOfLastRows(events, begin, end, t, &count);
}

// What is visible of rows [begin, end) at `t`, in the order.
void KeyEvents::FindPieces(const EventsView& events, size_t begin, size_t end, TimestampUs t, Pieces* pieces) const {
  if (tiles_ != nullptr) {
    tiles_->FindPieces(events, begin, end, t, pieces);
  } else if (!visibility_.AllVisibleAt(t)) {
    AppendVisibleRuns(events, begin, end, t, pieces);
  } else if (begin < end) {
    pieces->push_back({begin, end});
  }
}

std::optional<size_t> KeyEvents::LatestRow(const ViewProgram& program, TimestampUs t) const {
  const EventsView events = rows_.view();
  const auto it = std::upper_bound(events.event_time.begin(), events.event_time.end(), t);
  for (auto row = static_cast<size_t>(it - events.event_time.begin()); row-- > 0;) {
    if (!events.VisibleAt(row, t)) continue;
    if (program.ttl_us && events.event_time[row] < AddSaturated(t, -*program.ttl_us)) return std::nullopt;
    return row;
  }
  return std::nullopt;
}

std::vector<uint32_t> KeyEvents::SourceRows(const ViewProgram& program, TimestampUs t, size_t window) const {
  std::vector<uint32_t> rows;
  if (program.is_latest_value()) {
    if (const std::optional<size_t> latest = LatestRow(program, t)) rows.push_back(static_cast<uint32_t>(*latest));
    return rows;
  }
  const EventsView events = rows_.view();
  const Window& of = program.windows[window];
  const size_t end = FirstAtOrAfter(of.EndAt(t));
  Pieces pieces;
  FindPieces(events, FindBegin(of, events, end, t), end, t, &pieces);
  for (const Piece& piece : pieces) {
    for (size_t row = piece.begin; row < piece.end; ++row) rows.push_back(static_cast<uint32_t>(row));
  }
  return rows;
}

void KeyEvents::ReadLatest(const GroupRead::Latest& latest, TimestampUs t, Cells* out, size_t begin) const {
  const std::optional<size_t> row = LatestRow(*latest.program, t);
  if (!row) return;
  const EventsView events = rows_.view();
  for (const auto [cell, slot] : latest.cells) out->SetFrom(begin + cell, events.slots[slot], *row);
}

// The pieces of the longest window, from the last to the first, and how many of them each window holds.
void KeyEvents::FindWindows(const GroupRead::Chain& chain, const EventsView& events, TimestampUs t, Pieces* pieces,
                            PieceCounts* counts) const {
  size_t seen = FirstAtOrAfter(chain.windows[0]->EndAt(t));  // from here on
  for (const Window* window : chain.windows) {
    const size_t first = FindBegin(*window, events, seen, t);
    const size_t before = pieces->size();
    FindPieces(events, first, seen, t, pieces);
    std::reverse(pieces->begin() + static_cast<ptrdiff_t>(before), pieces->end());
    counts->push_back(pieces->size());
    seen = first;
  }
}

int64_t KeyEvents::Read(const GroupRead& read, TimestampUs t, Cells* out, size_t begin) const {
  for (const GroupRead::Latest& latest : read.latest_) ReadLatest(latest, t, out, begin);
  if (read.chains_.empty()) return 0;
  const EventsView events = rows_.view();
  int64_t overflows = 0;
  Pieces pieces;
  PieceCounts counts;
  for (const GroupRead::Chain& chain : read.chains_) {
    pieces.clear();
    counts.clear();
    FindWindows(chain, events, t, &pieces, &counts);
    for (size_t i = chain.begin; i < chain.end; ++i) {
      const GroupRead::Fold& fold = read.folds_[i];
      FoldInput input = {events, pieces, counts, std::span(read.outputs_).subspan(fold.begin, fold.end - fold.begin),
                         read.places_};
      input.tiles = tiles_.get();
      input.column = tiles_ == nullptr ? nullptr : &tiles_->column(fold.fold);
      input.t = t;
      input.begin = begin;
      overflows += plan_->folds()[fold.fold].folder->Fold(input, out);
    }
  }
  return overflows;
}

// Where the last `count` of the rows before `end` begin that are visible for good from `horizon` on, 0 if there are
// fewer: they hide what is before them from who sees the last `count` rows.
size_t KeyEvents::BeginOfLastHeld(size_t end, int64_t count, TimestampUs horizon) const {
  const EventsView events = rows_.view();
  for (size_t row = end; row-- > 0;) {
    const bool held = events.available_at[row] <= horizon && events.RetractedAt(row) == EventRows::kNeverRetracted;
    if (held && --count == 0) return row;
  }
  return 0;
}

size_t KeyEvents::RowsUnseenFrom(const Window& window, TimestampUs horizon) const {
  const std::optional<DurationUs> reach = window.Reach();
  const size_t too_old = reach ? FirstAtOrAfter(AddSaturated(horizon, -*reach)) : 0;
  if (!window.rows) return too_old;
  return std::max(too_old, BeginOfLastHeld(FirstAtOrAfter(horizon), *window.rows, horizon));
}

size_t KeyEvents::RowsUnseenFrom(const ViewProgram& program, TimestampUs horizon) const {
  if (program.is_latest_value()) {
    const size_t too_old = program.ttl_us ? FirstAtOrAfter(AddSaturated(horizon, -*program.ttl_us)) : 0;
    return std::max(too_old, BeginOfLastHeld(FirstAtOrAfter(AddSaturated(horizon, 1)), 1, horizon));
  }
  size_t unseen = rows_.size();
  for (const Window& window : program.windows) unseen = std::min(unseen, RowsUnseenFrom(window, horizon));
  return unseen;
}

void KeyEvents::Forget(TimestampUs horizon) {
  size_t unseen = rows_.size();
  for (const ReadPlan::View& view : plan_->views()) unseen = std::min(unseen, RowsUnseenFrom(*view.program, horizon));
  if (unseen == 0) return;
  rows_.EraseFront(unseen);
  if (tiles_ == nullptr) return;
  if (rows_.size() < plan_->sizes().block_rows) {
    tiles_ = nullptr;
  } else {
    tiles_->RowsErased(rows_.view(), unseen);
  }
}

// When the first row leaves the reach, or others may hide it.
TimestampUs KeyEvents::ForgetsFrom(std::optional<DurationUs> reach, std::optional<TimestampUs> hidden_from) const {
  const TimestampUs first = rows_.event_time()[0];
  return std::min(reach ? AddSaturated(AddSaturated(first, *reach), 1) : kMaxTimestampUs,
                  hidden_from.value_or(kMaxTimestampUs));
}

TimestampUs KeyEvents::ForgetsFrom() const {
  const std::span<const TimestampUs> times = rows_.event_time();
  if (times.empty()) return kMaxTimestampUs;
  TimestampUs from = kMinTimestampUs;
  for (const ReadPlan::View& view : plan_->views()) {
    const ViewProgram& program = *view.program;
    if (program.is_latest_value())
      from = std::max(from, ForgetsFrom(program.ttl_us, times.size() > 1 ? std::optional(times[1]) : std::nullopt));
    for (const Window& window : program.windows) {
      std::optional<TimestampUs> hidden_from;
      if (window.rows && times.size() > static_cast<size_t>(*window.rows))
        hidden_from = AddSaturated(times[static_cast<size_t>(*window.rows)], 1);
      from = std::max(from, ForgetsFrom(window.Reach(), hidden_from));
    }
  }
  return from;
}

void AppendEmptyCells(const ViewProgram& program, FeatureCells* cells) {
  const ReadPlan plan(program);
  Cells empty(NumCells(program));
  KeyEvents(plan).Read(GroupRead(plan, 0), 0, &empty);
  cells->AppendRow(empty);
}

}  // namespace headrace
