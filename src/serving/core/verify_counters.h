// What the verification of a sample of predictions has found since the server's start, for metrics.
#pragma once

#include <atomic>
#include <cstdint>

namespace headrace {

struct VerifyCounters {
  std::atomic<int64_t> rows = 0;        // predictions that were computed again
  std::atomic<int64_t> cells = 0;       // their features
  std::atomic<int64_t> mismatches = 0;  // cells whose bits differed: always 0, or the server is wrong
  std::atomic<int64_t> failures = 0;    // rounds that ended with an error
};

}  // namespace headrace
