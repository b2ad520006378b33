#include "kernel/key_events.h"

#include <algorithm>

namespace headrace {

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
  rows_.InsertFrom(position, events, row);
}

KeyEvents::Range KeyEvents::WindowRange(const Window& window, TimestampUs t) const {
  const auto first_at_or_after = [&](TimestampUs instant) {
    const auto it = std::lower_bound(rows_.event_time.begin(), rows_.event_time.end(), instant);
    return static_cast<size_t>(it - rows_.event_time.begin());
  };
  const std::optional<TimestampUs> begin = window.BeginAt(t);
  return {begin ? first_at_or_after(*begin) : 0, first_at_or_after(window.EndAt(t))};
}

std::optional<size_t> KeyEvents::LatestRow(const ViewProgram& program, TimestampUs t) const {
  const auto it = std::upper_bound(rows_.event_time.begin(), rows_.event_time.end(), t);
  for (auto row = static_cast<size_t>(it - rows_.event_time.begin()); row-- > 0;) {
    if (!rows_.VisibleAt(row, t)) continue;
    if (program.ttl_us && rows_.event_time[row] < AddSaturated(t, -*program.ttl_us)) return std::nullopt;
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
  const Window& of = program.windows[window];
  const Range range = WindowRange(of, t);
  for (size_t row = range.end; row-- > range.begin;) {
    if (of.rows && rows.size() == static_cast<size_t>(*of.rows)) break;
    if (rows_.VisibleAt(row, t)) rows.push_back(static_cast<uint32_t>(row));
  }
  std::reverse(rows.begin(), rows.end());
  return rows;
}

void KeyEvents::Read(const ViewProgram& program, TimestampUs t, FeatureCells* cells) const {
  if (program.is_latest_value()) {
    const std::optional<size_t> latest = LatestRow(program, t);
    for (size_t i = 0; i < cells->columns.size(); ++i) {
      if (latest) {
        cells->columns[i].AppendFrom(rows_.slots[i], *latest);
      } else {
        cells->columns[i].AppendNull();
      }
    }
    return;
  }
  const size_t per_window = program.aggregates.size();
  for (size_t window = 0; window < program.windows.size(); ++window) {
    const std::vector<uint32_t> rows = SourceRows(program, t, window);
    for (size_t i = 0; i < per_window; ++i) {
      const AggregateCall& call = program.aggregates[i];
      const std::unique_ptr<AggregateState> state = MakeAggregateState(call);
      for (const uint32_t row : rows) {
        if (Contributes(call, rows_, row)) state->Add(rows_, row);
      }
      cells->overflows += state->AppendResult(t, &cells->columns[window * per_window + i]) ? 1 : 0;
    }
  }
}

void KeyEvents::Forget(const ViewProgram& program, TimestampUs horizon) {
  size_t unseen = 0;
  if (const std::optional<DurationUs> reach = program.Reach()) {
    const TimestampUs oldest = AddSaturated(horizon, -*reach);
    unseen = static_cast<size_t>(std::lower_bound(rows_.event_time.begin(), rows_.event_time.end(), oldest) -
                                 rows_.event_time.begin());
  } else if (program.is_latest_value()) {
    // Without a ttl the last event that holds for good at the horizon hides all before it.
    for (size_t row = rows_.size(); row-- > 0;) {
      if (rows_.event_time[row] <= horizon && rows_.available_at[row] <= horizon &&
          rows_.retracted_at[row] == EventRows::kNeverRetracted) {
        unseen = row;
        break;
      }
    }
  }
  if (unseen > 0) rows_.EraseFront(unseen);
}

void AppendEmptyCells(const ViewProgram& program, FeatureCells* cells) {
  KeyEvents(program).Read(program, 0, cells);
}

}  // namespace headrace
