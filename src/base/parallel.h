// Runs independent pieces of work on a few threads.
#pragma once

#include <functional>

#include "base/status.h"

namespace headrace {

// Calls work(0) ... work(count - 1), each once, on up to `threads` threads, in no particular order; returns when all
// are done. After an error no further piece begins; the first error is returned.
Status ParallelFor(size_t count, int threads, const std::function<Status(size_t)>& work);

}  // namespace headrace
