// Asks the processor for memory that will be looked at soon, so that it waits for several pieces at once.
#pragma once

#include <cstddef>

namespace headrace {

constexpr size_t kCacheLineBytes = 64;

template <int kForWriting>
void PrefetchLines(const void* begin, size_t bytes) {
  for (size_t byte = 0; byte < bytes; byte += kCacheLineBytes) {
    __builtin_prefetch(static_cast<const char*>(begin) + byte, kForWriting);
    asm volatile("");  // GCC drops loops, and calls of functions, that do no more than prefetch
  }
}

inline void PrefetchToRead(const void* begin, size_t bytes) {
  PrefetchLines<0>(begin, bytes);
}

inline void PrefetchToWrite(const void* begin, size_t bytes) {
  PrefetchLines<1>(begin, bytes);
}

}  // namespace headrace
