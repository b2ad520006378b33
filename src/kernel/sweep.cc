#include "kernel/sweep.h"

#include <algorithm>
#include <set>

namespace headrace {

KeySweep::KeySweep(const ViewProgram& program)
    : program_(program), rows_(program.is_latest_value() ? 1 : program.windows.size()) {
  for (const AggregateCall& call : program.aggregates) aggregators_.push_back(MakeRangeAggregator(call));
}

bool KeySweep::NeedsOrder(const ViewProgram& program) {
  return std::any_of(program.aggregates.begin(), program.aggregates.end(), SlidesOverEvents);
}

void KeySweep::Run(const EventRows& events, size_t begin, size_t end, std::span<const TimestampUs> times,
                   bool ignore_availability, FeatureCells* cells) {
  visibility_.Reset(events, begin, end, ignore_availability);
  if (program_.is_latest_value()) {
    visibility_.FindRows(nullptr, times, &rows_[0]);
    return AppendLatest(events, begin, times, cells);
  }
  for (size_t window = 0; window < rows_.size(); ++window)
    visibility_.FindRows(&program_.windows[window], times, &rows_[window]);
  for (size_t i = 0; i < aggregators_.size(); ++i) {
    aggregators_[i]->Load(events, begin, end, visibility_.is_straggler());
    for (size_t window = 0; window < rows_.size(); ++window) {
      cells->overflows +=
          aggregators_[i]->Append(rows_[window], times, &cells->columns[window * aggregators_.size() + i]);
    }
  }
}

// The last main event of each range, or the last straggler that is inside if that comes later; then its ttl.
void KeySweep::AppendLatest(const EventRows& events, size_t begin, std::span<const TimestampUs> times,
                            FeatureCells* cells) {
  const std::span<const uint8_t> is_straggler = visibility_.is_straggler();
  const std::vector<StragglerChange>& changes = rows_[0].changes;
  std::set<uint32_t> stragglers;  // those inside
  size_t next_change = 0;
  constexpr int64_t kNone = -1;
  int64_t last_main = kNone;
  uint32_t seen = 0;
  for (size_t query = 0; query < times.size(); ++query) {
    for (; next_change < changes.size() && changes[next_change].query == query; ++next_change) {
      if (changes[next_change].enters) {
        stragglers.insert(changes[next_change].position);
      } else {
        stragglers.erase(changes[next_change].position);
      }
    }
    for (; seen < rows_[0].ranges[query].end; ++seen) {
      if (is_straggler.empty() || is_straggler[seen] == 0) last_main = seen;
    }
    int64_t latest = stragglers.empty() ? last_main : std::max<int64_t>(last_main, *stragglers.rbegin());
    const size_t row = begin + static_cast<size_t>(latest);
    if (latest != kNone && program_.ttl_us && events.event_time[row] < AddSaturated(times[query], -*program_.ttl_us))
      latest = kNone;
    for (size_t i = 0; i < cells->columns.size(); ++i) {
      if (latest == kNone) {
        cells->columns[i].AppendNull();
      } else {
        cells->columns[i].AppendFrom(events.slots[i], row);
      }
    }
  }
}

}  // namespace headrace
