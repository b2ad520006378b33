// What became of the log since the server's start, for metrics.
#pragma once

#include <atomic>
#include <cstdint>

namespace headrace {

struct LogCounters {
  std::atomic<int64_t> exported_position = 0;    // the last entry that is in Parquet, truncated or not
  std::atomic<int64_t> export_failures = 0;      // tried again after a minute; the log grows meanwhile
  std::atomic<int64_t> checkpoint_failures = 0;  // tried again at the next turn
};

}  // namespace headrace
