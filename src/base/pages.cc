#include "base/pages.h"

#include <sys/mman.h>

#include <cstdint>
#include <new>

namespace headrace {
namespace {

size_t RoundUp(size_t value, size_t unit) {
  return (value + unit - 1) / unit * unit;
}

}  // namespace

Pages::Pages(size_t bytes) : bytes_(bytes) {
  if (bytes == 0) return;
  const bool huge = bytes >= kHugePageBytes;
  if (huge) bytes_ = RoundUp(bytes, kHugePageBytes);
  const size_t mapped = huge ? bytes_ + kHugePageBytes : bytes_;
  void* memory = ::mmap(nullptr, mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) throw std::bad_alloc();
  data_ = static_cast<std::byte*>(memory);
  if (!huge) return;
  // The part before and behind the aligned one goes back.
  const auto address = reinterpret_cast<uintptr_t>(memory);
  const size_t before = RoundUp(address, kHugePageBytes) - address;
  if (before > 0) ::munmap(data_, before);
  data_ += before;
  if (before < kHugePageBytes) ::munmap(data_ + bytes_, kHugePageBytes - before);
  ::madvise(data_, bytes_, MADV_HUGEPAGE);
}

Pages::~Pages() {
  if (data_ != nullptr) ::munmap(data_, bytes_);
}

void PreferHugePages(void* data, size_t bytes) {
  const auto begin = reinterpret_cast<uintptr_t>(data);
  const uintptr_t first = RoundUp(begin, kHugePageBytes);
  const uintptr_t last = (begin + bytes) / kHugePageBytes * kHugePageBytes;
  if (first < last) ::madvise(static_cast<std::byte*>(data) + (first - begin), last - first, MADV_HUGEPAGE);
}

}  // namespace headrace
