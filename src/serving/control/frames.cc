#include "serving/control/frames.h"

#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/codec.h"

namespace headrace {
namespace {

constexpr size_t kHeaderBytes = 5;

Status SendAll(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0) return Unavailable("the other end is gone: {}", std::strerror(errno));
    bytes.remove_prefix(static_cast<size_t>(sent));
  }
  return absl::OkStatus();
}

StatusOr<std::string> ReceiveExactly(int fd, size_t size) {
  std::string bytes(size, '\0');
  size_t have = 0;
  while (have < size) {
    const ssize_t got = ::recv(fd, bytes.data() + have, size - have, 0);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return Unavailable("nothing could be received: {}", std::strerror(errno));
    if (got == 0) return Unavailable("the connection ended");
    have += static_cast<size_t>(got);
  }
  return bytes;
}

}  // namespace

FileDescriptor::~FileDescriptor() {
  if (fd_ >= 0) ::close(fd_);
}

Status WriteFrame(int fd, FrameType type, std::string_view payload) {
  if (payload.size() > kMaxFrameBytes) return InvalidArgument("a frame of {} bytes is too long", payload.size());
  ByteWriter bytes;
  bytes.PutU8(static_cast<uint8_t>(type));
  bytes.PutText(payload);
  return SendAll(fd, std::move(bytes).Finish());
}

StatusOr<Frame> ReadFrame(int fd) {
  HR_ASSIGN_OR_RETURN(const std::string header, ReceiveExactly(fd, kHeaderBytes));
  const auto type = static_cast<uint8_t>(header[0]);
  uint32_t size = 0;
  std::memcpy(&size, header.data() + 1, sizeof size);
  if (type < static_cast<uint8_t>(FrameType::kCommand) || type > static_cast<uint8_t>(FrameType::kExit)) {
    return DataLoss("{} is no type of a frame", type);
  }
  if (size > kMaxFrameBytes) return DataLoss("a frame of {} bytes is too long", size);
  HR_ASSIGN_OR_RETURN(std::string payload, ReceiveExactly(fd, size));
  return Frame{static_cast<FrameType>(type), std::move(payload)};
}

}  // namespace headrace
