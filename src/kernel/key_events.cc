#include "kernel/key_events.h"

#include <algorithm>
#include <numeric>

namespace headrace {
namespace {

bool IsSameEvent(const EventRows& a, size_t row_a, const EventRows& b, size_t row_b) {
  return a.ingest[row_a] == b.ingest[row_b] && a.event_time[row_a] == b.event_time[row_b] &&
         a.available_at[row_a] == b.available_at[row_b];
}

bool IsStrictlyInOrder(const EventRows& rows) {
  for (size_t row = 1; row < rows.size(); ++row) {
    if (!ComesBefore(rows, row - 1, rows, row)) return false;
  }
  return true;
}

// In the order, each event once.
EventRows InOrder(const EventRows& rows) {
  std::vector<uint32_t> order(rows.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](uint32_t a, uint32_t b) { return ComesBefore(rows, a, rows, b); });
  const auto same = [&](uint32_t a, uint32_t b) { return IsSameEvent(rows, a, rows, b); };
  order.erase(std::unique(order.begin(), order.end(), same), order.end());
  return rows.Take(order);
}

}  // namespace

void KeyEvents::Insert(const EventRows& events, size_t row) {
  size_t position = rows_.size();
  if (position > 0 && ComesBefore(events, row, rows_, position - 1)) {
    size_t low = 0;
    while (low < position) {
      const size_t middle = low + (position - low) / 2;
      if (ComesBefore(events, row, rows_, middle)) {
        position = middle;
      } else {
        low = middle + 1;
      }
    }
  }
  if (position > 0 && IsSameEvent(events, row, rows_, position - 1)) return;
  rows_.InsertFrom(position, events, row);
  VisibilityLogic().AddRows(rows_, position, position + 1, &visibility_);
  if (tiles_ != nullptr) {
    tiles_->RowInserted(rows_, position);
  } else {
    MakeTilesIfLarge();
  }
}

void KeyEvents::MakeTilesIfLarge() {
  if (!plan_->folders().empty() && rows_.size() >= 2 * plan_->sizes().block_rows)
    tiles_ = std::make_unique<EventTiles>(*plan_, rows_);
}

void KeyEvents::Restore(EventRows rows) {
  rows_ = IsStrictlyInOrder(rows) ? std::move(rows) : InOrder(rows);
  visibility_ = {};
  VisibilityLogic().AddRows(rows_, 0, rows_.size(), &visibility_);
  tiles_ = nullptr;
  MakeTilesIfLarge();
}

KeyEvents::Range KeyEvents::WindowRange(const Window& window, TimestampUs t) const {
  const auto first_at_or_after = [&](TimestampUs instant) {
    const auto it = std::lower_bound(rows_.event_time.begin(), rows_.event_time.end(), instant);
    return static_cast<size_t>(it - rows_.event_time.begin());
  };
  const std::optional<TimestampUs> begin = window.BeginAt(t);
  const size_t end = first_at_or_after(window.EndAt(t));
  return {begin ? std::min(first_at_or_after(*begin), end) : 0, end};
}

// What the window holds at `t`.
void KeyEvents::FindPieces(const Window& window, TimestampUs t, Pieces* pieces) const {
  Range range = WindowRange(window, t);
  const bool all_visible = visibility_.AllVisibleAt(t);
  if (window.rows) {
    size_t count = static_cast<size_t>(*window.rows);
    if (all_visible) {
      range.begin = std::max(range.begin, range.end - std::min(range.end, count));
    } else if (tiles_ != nullptr) {
      range.begin = tiles_->BeginOfLast(rows_, range.begin, range.end, count, t);
    } else {
      range.begin = BeginOfLastRows(rows_, range.begin, range.end, t, &count);
    }
  }
  if (tiles_ != nullptr) {
    tiles_->FindPieces(rows_, range.begin, range.end, t, pieces);
  } else if (!all_visible) {
    AppendVisibleRuns(rows_, range.begin, range.end, t, pieces);
  } else if (range.begin < range.end) {
    pieces->push_back({range.begin, range.end});
  }
}

std::optional<size_t> KeyEvents::LatestRow(TimestampUs t) const {
  const auto it = std::upper_bound(rows_.event_time.begin(), rows_.event_time.end(), t);
  for (auto row = static_cast<size_t>(it - rows_.event_time.begin()); row-- > 0;) {
    if (!rows_.VisibleAt(row, t)) continue;
    if (program().ttl_us && rows_.event_time[row] < AddSaturated(t, -*program().ttl_us)) return std::nullopt;
    return row;
  }
  return std::nullopt;
}

std::vector<uint32_t> KeyEvents::SourceRows(TimestampUs t, size_t window) const {
  std::vector<uint32_t> rows;
  if (program().is_latest_value()) {
    if (const std::optional<size_t> latest = LatestRow(t)) rows.push_back(static_cast<uint32_t>(*latest));
    return rows;
  }
  Pieces pieces;
  FindPieces(program().windows[window], t, &pieces);
  for (const Piece& piece : pieces) {
    for (size_t row = piece.begin; row < piece.end; ++row) rows.push_back(static_cast<uint32_t>(row));
  }
  return rows;
}

void KeyEvents::ReadLatest(TimestampUs t, FeatureCells* cells) const {
  const std::optional<size_t> latest = LatestRow(t);
  for (size_t i = 0; i < cells->columns.size(); ++i) {
    if (latest) {
      cells->columns[i].AppendFrom(rows_.slots[i], *latest);
    } else {
      cells->columns[i].AppendNull();
    }
  }
}

void KeyEvents::Read(TimestampUs t, FeatureCells* cells) const {
  if (program().is_latest_value()) return ReadLatest(t, cells);
  const std::span<const std::unique_ptr<Folder>> folders = plan_->folders();
  const size_t per_window = program().aggregates.size();
  const std::span<Column> columns(cells->columns);
  for (size_t window = 0; window < program().windows.size(); ++window) {
    Pieces pieces;
    FindPieces(program().windows[window], t, &pieces);
    const std::span<Column> out = columns.subspan(window * per_window, per_window);
    for (size_t i = 0; i < folders.size(); ++i) {
      const TileColumn* column = tiles_ == nullptr ? nullptr : tiles_->column(i);
      cells->overflows += folders[i]->Append({rows_, pieces, tiles_.get(), column, t}, out);
    }
  }
}

size_t KeyEvents::RowsUnseenFrom(TimestampUs horizon) const {
  if (const std::optional<DurationUs> reach = program().Reach()) {
    const TimestampUs oldest = AddSaturated(horizon, -*reach);
    return static_cast<size_t>(std::lower_bound(rows_.event_time.begin(), rows_.event_time.end(), oldest) -
                               rows_.event_time.begin());
  }
  if (program().is_latest_value()) {
    // Without a ttl the last event that holds for good at the horizon hides all before it.
    for (size_t row = rows_.size(); row-- > 0;) {
      if (rows_.event_time[row] <= horizon && rows_.available_at[row] <= horizon &&
          rows_.retracted_at[row] == EventRows::kNeverRetracted) {
        return row;
      }
    }
  }
  return 0;
}

void KeyEvents::Forget(TimestampUs horizon) {
  const size_t unseen = RowsUnseenFrom(horizon);
  if (unseen == 0) return;
  rows_.EraseFront(unseen);
  if (tiles_ == nullptr) return;
  if (rows_.size() < plan_->sizes().block_rows) {
    tiles_ = nullptr;
  } else {
    tiles_->RowsErased(rows_, unseen);
  }
}

void AppendEmptyCells(const ReadPlan& plan, FeatureCells* cells) {
  KeyEvents(plan).Read(0, cells);
}

void AppendEmptyCells(const ViewProgram& program, FeatureCells* cells) {
  AppendEmptyCells(ReadPlan(program), cells);
}

}  // namespace headrace
