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

void KeySweep::Run(const Key& key, FeatureCells* cells) {
  Locate(key);
  for (size_t i = 0; i < num_parts(); ++i) cells->overflows += RunPart(i, key, cells);
}

void KeySweep::Locate(const Key& key) {
  visibility_.Reset(key.rows, key.begin, key.end, key.ignore_availability);
  if (program_.is_latest_value()) return visibility_.FindRows({}, key.times, rows_);
  visibility_.FindRows(program_.windows, key.times, rows_);
}

int64_t KeySweep::RunPart(size_t i, const Key& key, FeatureCells* cells) {
  if (program_.is_latest_value()) {
    AppendLatest(key, cells);
    return 0;
  }
  int64_t overflows = 0;
  aggregators_[i]->Load(key.rows, key.begin, key.end, visibility_.is_straggler());
  for (size_t window = 0; window < rows_.size(); ++window)
    overflows += aggregators_[i]->Append(rows_[window], key.times, &cells->columns[window * aggregators_.size() + i]);
  return overflows;
}

void KeySweep::FindLatest(const Key& key, std::vector<uint32_t>* rows) {
  Locate(key);
  SelectLatest(key, rows);
}

void KeySweep::AppendLatest(const Key& key, FeatureCells* cells) {
  latest_.clear();
  SelectLatest(key, &latest_);
  for (size_t i = 0; i < cells->columns.size(); ++i) {
    for (const uint32_t row : latest_)
      row == kNoRow ? cells->columns[i].AppendNull() : key.rows.slots[i].AppendTo(row, &cells->columns[i]);
  }
}

// The last main event of each range, or the last straggler that is inside if that comes later; then its ttl.
void KeySweep::SelectLatest(const Key& key, std::vector<uint32_t>* rows) const {
  const std::span<const uint8_t> is_straggler = visibility_.is_straggler();
  const std::vector<StragglerChange>& changes = rows_[0].changes;
  std::set<uint32_t> stragglers;  // those inside
  size_t next_change = 0;
  constexpr int64_t kNone = -1;
  int64_t last_main = kNone;
  uint32_t seen = 0;
  for (size_t query = 0; query < key.times.size(); ++query) {
    for (; next_change < changes.size() && changes[next_change].query == query; ++next_change) {
      if (changes[next_change].enters) {
        stragglers.insert(changes[next_change].position);
      } else {
        stragglers.erase(changes[next_change].position);
      }
    }
    const uint32_t end = rows_[0].ranges[query].end;
    if (is_straggler.empty()) {
      last_main = int64_t{end} - 1;
    } else {
      for (; seen < end; ++seen) {
        if (is_straggler[seen] == 0) last_main = seen;
      }
    }
    int64_t latest = stragglers.empty() ? last_main : std::max<int64_t>(last_main, *stragglers.rbegin());
    const size_t row = key.begin + static_cast<size_t>(latest);
    if (latest != kNone && program_.ttl_us &&
        key.rows.event_time[row] < AddSaturated(key.times[query], -*program_.ttl_us))
      latest = kNone;
    rows->push_back(latest == kNone ? kNoRow : static_cast<uint32_t>(row));
  }
}

}  // namespace headrace
