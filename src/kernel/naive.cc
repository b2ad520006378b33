#include "kernel/naive.h"

#include <algorithm>

namespace headrace {
namespace {

bool HasKey(const EventRows& events, size_t row, const std::string& key) {
  std::string encoded;
  return EncodeKey(events.keys, row, &encoded) && encoded == key;
}

// Rule 6.
bool InWindow(const Window& window, TimestampUs event_time, TimestampUs t) {
  const std::optional<TimestampUs> begin = window.BeginAt(t);
  return event_time < window.EndAt(t) && (!begin || event_time >= *begin);
}

// Rule 5: the last visible row with event_time <= t; then its ttl.
std::vector<uint32_t> LatestRow(const ViewProgram& program, const EventRows& events,
                                const std::vector<uint32_t>& visible, TimestampUs t) {
  std::optional<uint32_t> latest;
  for (const uint32_t row : visible) {
    if (events.event_time[row] <= t && (!latest || ComesBefore(events, *latest, events, row))) latest = row;
  }
  if (!latest) return {};
  if (program.ttl_us && events.event_time[*latest] < AddSaturated(t, -*program.ttl_us)) return {};
  return {*latest};
}

}  // namespace

std::vector<uint32_t> NaiveSourceRows(const ViewProgram& program, const EventRows& events,
                                      const std::optional<std::string>& key, std::optional<TimestampUs> t,
                                      size_t window) {
  std::vector<uint32_t> visible;
  if (!key || !t) return visible;
  for (uint32_t row = 0; row < events.size(); ++row) {
    if (HasKey(events, row, *key) && events.VisibleAt(row, *t)) visible.push_back(row);
  }
  if (program.is_latest_value()) return LatestRow(program, events, visible, *t);
  const Window& of = program.windows[window];
  std::erase_if(visible, [&](uint32_t row) { return !InWindow(of, events.event_time[row], *t); });
  if (of.rows && visible.size() > static_cast<size_t>(*of.rows)) {
    std::sort(visible.begin(), visible.end(),
              [&](uint32_t a, uint32_t b) { return ComesBefore(events, a, events, b); });
    visible.erase(visible.begin(), visible.end() - *of.rows);
  }
  return visible;
}

StatusOr<std::vector<Value>> NaiveFeatures(const ViewProgram& program, const EventRows& events,
                                           const std::optional<std::string>& key, std::optional<TimestampUs> t) {
  FeatureCells cells(program);
  const EventsView view(events);
  if (program.is_latest_value()) {
    const std::vector<uint32_t> latest = NaiveSourceRows(program, events, key, t, 0);
    for (size_t i = 0; i < cells.columns.size(); ++i) {
      if (latest.empty()) {
        cells.columns[i].AppendNull();
      } else {
        cells.columns[i].AppendFrom(events.slots[i], latest[0]);
      }
    }
  }
  for (size_t window = 0; window < program.windows.size(); ++window) {
    const std::vector<uint32_t> rows = NaiveSourceRows(program, events, key, t, window);
    for (size_t i = 0; i < program.aggregates.size(); ++i) {
      const std::unique_ptr<AggregateState> state = MakeAggregateState(program.aggregates[i]);
      for (const uint32_t row : rows) {
        if (Contributes(program.aggregates[i], view, row)) state->Add(view, row);
      }
      state->AppendResult(*t, &cells.columns[window * program.aggregates.size() + i]);
    }
  }
  HR_ASSIGN_OR_RETURN(const std::vector<Column> features, FinishFeatures(program, std::move(cells)));
  std::vector<Value> values;
  values.reserve(features.size());
  for (const Column& feature : features) values.push_back(feature.GetValue(0));
  return values;
}

}  // namespace headrace
