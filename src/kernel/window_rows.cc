#include "kernel/window_rows.h"

#include <algorithm>
#include <functional>

namespace headrace {
namespace {

// The first position from `from` on whose value is not below `bound`. Instants mostly lie a few events apart: one
// comparison after the other, which the processor foresees, then doubling steps.
size_t FindNotBelow(std::span<const TimestampUs> values, size_t from, TimestampUs bound) {
  constexpr size_t kNear = 24;
  size_t low = from;  // all before it are below
  const size_t near = std::min(values.size(), from + kNear);
  while (low < near && values[low] < bound) ++low;
  if (low < near || low == values.size()) return low;
  size_t step = kNear;
  while (low + step < values.size() && values[low + step] < bound) {
    low += step + 1;
    step *= 2;
  }
  const auto begin = values.begin() + static_cast<ptrdiff_t>(std::min(low, values.size()));
  const auto end = values.begin() + static_cast<ptrdiff_t>(std::min(low + step, values.size()));
  return static_cast<size_t>(std::lower_bound(begin, end, bound) - values.begin());
}

}  // namespace

void Visibility::Reset(const EventsView& events, size_t begin, size_t end, bool ignore_availability) {
  const size_t count = end - begin;
  event_time_ = events.event_time.subspan(begin, count);
  available_at_ = events.available_at.empty() ? event_time_ : events.available_at.subspan(begin, count);
  retracted_at_ = {};
  if (!events.retracted_at.empty()) retracted_at_ = events.retracted_at.subspan(begin, count);
  ignore_availability_ = ignore_availability;
  is_straggler_.clear();
  stragglers_.clear();
  all_on_time_ = true;
  if (events.available_at.empty() && events.retracted_at.empty()) return;
  TimestampUs soonest_after = kMaxTimestampUs;  // the soonest that a main event after this one is known
  for (size_t i = count; i-- > 0;) {
    const TimestampUs known_at = ignore_availability ? event_time_[i] : std::max(event_time_[i], available_at_[i]);
    if (RetractedAt(i) != EventRows::kNeverRetracted || known_at > soonest_after) {
      stragglers_.push_back(static_cast<uint32_t>(i));
    } else {
      soonest_after = known_at;
      all_on_time_ &= known_at == event_time_[i];
    }
  }
  if (stragglers_.empty()) return;
  std::reverse(stragglers_.begin(), stragglers_.end());
  is_straggler_.assign(count, 0);
  for (const uint32_t position : stragglers_) is_straggler_[position] = 1;
}

void Visibility::FindRows(std::span<const Window> windows, std::span<const TimestampUs> times,
                          std::span<WindowRows> rows) const {
  for (size_t i = 0; i < rows.size(); ++i) {
    const Window* window = windows.empty() ? nullptr : &windows[i];
    // Windows of one offset end where each other end.
    const auto ends_alike = [&](size_t other) { return windows[other].offset_us == window->offset_us; };
    size_t other = 0;
    while (other < i && !ends_alike(other)) ++other;
    if (other < i) {
      rows[i].ranges = rows[other].ranges;
    } else {
      FindEnds(window, times, &rows[i]);
    }
  }
  for (size_t i = 0; i < rows.size(); ++i) {
    const Window* window = windows.empty() ? nullptr : &windows[i];
    if (window != nullptr) FindBegins(*window, times, &rows[i]);
    rows[i].changes.clear();
    if (!stragglers_.empty()) FindChanges(window, times, &rows[i]);
    if (window != nullptr && window->rows) KeepLast(static_cast<size_t>(*window->rows), &rows[i]);
  }
}

// Of what each query sees only the last `count` events. With stragglers among them these are no range of main events:
// then all come and go one by one.
void Visibility::KeepLast(size_t count, WindowRows* rows) const {
  if (stragglers_.empty()) {
    for (PositionRange& range : rows->ranges)
      range.begin = std::max(range.begin, range.end - static_cast<uint32_t>(std::min<size_t>(count, range.end)));
    return;
  }
  std::set<uint32_t> stragglers;  // those inside
  std::vector<uint32_t> held;     // by the query before, descending
  std::vector<StragglerChange> changes;
  size_t next = 0;
  for (uint32_t query = 0; query < rows->ranges.size(); ++query) {
    for (; next < rows->changes.size() && rows->changes[next].query == query; ++next) {
      const uint32_t position = rows->changes[next].position;
      rows->changes[next].enters ? (void)stragglers.insert(position) : (void)stragglers.erase(position);
    }
    const std::vector<uint32_t> seen = LastOf(rows->ranges[query], stragglers, count);
    for (const uint32_t position : held) {
      if (!std::binary_search(seen.begin(), seen.end(), position, std::greater<>()))
        changes.push_back({query, position, false});
    }
    for (const uint32_t position : seen) {
      if (!std::binary_search(held.begin(), held.end(), position, std::greater<>()))
        changes.push_back({query, position, true});
    }
    held = seen;
    rows->ranges[query] = {};
  }
  rows->changes = std::move(changes);
}

// Descending.
std::vector<uint32_t> Visibility::LastOf(PositionRange range, const std::set<uint32_t>& stragglers,
                                         size_t count) const {
  std::vector<uint32_t> last;
  auto straggler = stragglers.rbegin();
  uint32_t main = range.end;
  while (last.size() < count) {
    while (main > range.begin && is_straggler_[main - 1] != 0) --main;
    const bool has_main = main > range.begin;
    if (straggler != stragglers.rend() && (!has_main || *straggler > main - 1)) {
      last.push_back(*straggler++);
    } else if (has_main) {
      last.push_back(--main);
    } else {
      break;
    }
  }
  return last;
}

// Ranges from the first event to the right end, or to the first main event that is not known yet.
void Visibility::FindEnds(const Window* window, std::span<const TimestampUs> times, WindowRows* rows) const {
  rows->ranges.resize(times.size());
  size_t last = 0;   // the first event not before the right end
  size_t known = 0;  // the first main event that is not known yet
  for (size_t query = 0; query < times.size(); ++query) {
    const TimestampUs t = times[query];
    last = FindNotBelow(event_time_, last, window == nullptr ? AddSaturated(t, 1) : window->EndAt(t));
    size_t stop = last;
    if (!all_on_time_) {
      while (known < last && ((!is_straggler_.empty() && is_straggler_[known] != 0) || available_at_[known] <= t))
        ++known;
      stop = std::min(last, known);
    }
    rows->ranges[query] = {0, static_cast<uint32_t>(stop)};
  }
}

// `rows` has the ends.
void Visibility::FindBegins(const Window& window, std::span<const TimestampUs> times, WindowRows* rows) const {
  if (!window.length_us && !window.period) return;
  size_t first = 0;               // the first event not before the left end
  CalendarPeriod::Bounds period;  // of the query before: most lie in the same, and clocks are slow to ask
  for (size_t query = 0; query < times.size(); ++query) {
    const TimestampUs t = times[query];
    if (window.period && !period.Holds(t)) period = window.period->BoundsAt(t);
    first = FindNotBelow(event_time_, first, window.period ? period.begin : *window.BeginAt(t));
    PositionRange& range = rows->ranges[query];
    range.begin = std::min(static_cast<uint32_t>(first), range.end);
  }
}

void Visibility::FindChanges(const Window* window, std::span<const TimestampUs> times, WindowRows* rows) const {
  const auto first_after = [&](TimestampUs instant) {
    return static_cast<size_t>(std::upper_bound(times.begin(), times.end(), instant) - times.begin());
  };
  const auto first_from = [&](TimestampUs instant) {
    return static_cast<size_t>(std::lower_bound(times.begin(), times.end(), instant) - times.begin());
  };
  for (const uint32_t position : stragglers_) {
    const TimestampUs happened = event_time_[position];
    size_t enters = window == nullptr ? first_from(happened) : first_after(AddSaturated(happened, window->offset_us));
    if (!ignore_availability_) enters = std::max(enters, first_from(available_at_[position]));
    size_t leaves = times.size();
    if (RetractedAt(position) != EventRows::kNeverRetracted) leaves = first_from(RetractedAt(position));
    if (window != nullptr && window->length_us) {
      leaves =
          std::min(leaves, first_after(AddSaturated(AddSaturated(happened, window->offset_us), *window->length_us)));
    } else if (window != nullptr && window->period) {
      leaves = std::min(leaves, first_from(window->period->BoundsAt(happened).end));
    }
    if (enters >= leaves) continue;
    rows->changes.push_back({static_cast<uint32_t>(enters), position, true});
    if (leaves < times.size()) rows->changes.push_back({static_cast<uint32_t>(leaves), position, false});
  }
  std::stable_sort(rows->changes.begin(), rows->changes.end(),
                   [](const StragglerChange& a, const StragglerChange& b) { return a.query < b.query; });
}

}  // namespace headrace
