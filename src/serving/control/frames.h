// The frames of control.h over a socket.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "base/status.h"

namespace headrace {

// Owns a file descriptor; -1 is none.
class FileDescriptor {
 public:
  explicit FileDescriptor(int fd = -1) : fd_(fd) {}
  FileDescriptor(FileDescriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  FileDescriptor& operator=(FileDescriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~FileDescriptor();
  int get() const { return fd_; }

 private:
  int fd_;
};

enum class FrameType : uint8_t { kCommand = 1, kPrint = 2, kNote = 3, kProgress = 4, kExit = 5 };

inline constexpr size_t kMaxFrameBytes = 64 << 20;  // a longer one is refused by the reader
inline constexpr size_t kMaxPrintBytes = 1 << 20;   // of one frame; longer texts are split

struct Frame {
  FrameType type = FrameType::kExit;
  std::string payload;
};

// kUnavailable when the other end is gone; no signal.
Status WriteFrame(int fd, FrameType type, std::string_view payload);
// kUnavailable when the connection ends or is silent for the socket's time limit, kDataLoss for what is no frame.
StatusOr<Frame> ReadFrame(int fd);

}  // namespace headrace
