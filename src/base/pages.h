// Memory straight from the operating system, for large buffers that live for a while: it is given back the moment they
// go, whatever else the process has allocated meanwhile.
#pragma once

#include <cstddef>
#include <utility>

namespace headrace {

inline constexpr size_t kHugePageBytes = size_t{2} << 20;

// Zeroed bytes. From kHugePageBytes on they are aligned to that, and the system is asked for huge pages: touching
// memory for the first time then costs a fifth. Not thread-safe to change.
class Pages {
 public:
  Pages() = default;
  explicit Pages(size_t bytes);  // throws std::bad_alloc, as operator new does
  Pages(Pages&& other) noexcept : data_(std::exchange(other.data_, nullptr)), bytes_(std::exchange(other.bytes_, 0)) {}
  Pages& operator=(Pages&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(bytes_, other.bytes_);
    return *this;
  }
  ~Pages();

  std::byte* data() const { return data_; }
  size_t size() const { return bytes_; }

 private:
  std::byte* data_ = nullptr;
  size_t bytes_ = 0;
};

// Asks for huge pages for what of a buffer has not been touched yet; does nothing for a small one.
void PreferHugePages(void* data, size_t bytes);

}  // namespace headrace
