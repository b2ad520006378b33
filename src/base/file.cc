#include "base/file.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <filesystem>

namespace headrace {

Status WriteAll(int fd, std::string_view bytes, const std::string& path) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return Unavailable("{}: cannot be written: {}", path, std::strerror(errno));
    bytes.remove_prefix(static_cast<size_t>(written));
  }
  return absl::OkStatus();
}

StatusOr<std::string> ReadFile(const std::string& path) {
  std::error_code error;
  if (std::filesystem::is_directory(path, error)) return NotFound("{}: cannot be read: it is a folder", path);
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return NotFound("{}: cannot be read: {}", path, std::strerror(errno));
  const uintmax_t expected = std::filesystem::file_size(path, error);
  // One byte more, to see the end at once. Files of the system (/proc) say that they are empty.
  std::string text(error ? 0 : expected + 1, '\0');
  size_t size = 0;
  ssize_t got = 0;
  do {
    if (size == text.size()) text.resize(std::max<size_t>(4096, 2 * size));
    got = ::read(fd, text.data() + size, text.size() - size);
    if (got > 0) size += static_cast<size_t>(got);
  } while (got > 0 || (got < 0 && errno == EINTR));
  const int failed = got < 0 ? errno : 0;
  ::close(fd);
  if (failed != 0) return Unavailable("{}: cannot be read: {}", path, std::strerror(failed));
  text.resize(size);
  return text;
}

Status WriteFileAtomically(const std::string& path, std::string_view bytes) {
  static std::atomic<int64_t> number{0};  // two threads may write the same file
  const std::string aside = fmt::format("{}.{}.{}.tmp", path, ::getpid(), number++);
  const int fd = ::open(aside.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (fd < 0) return Unavailable("{}: cannot be created: {}", aside, std::strerror(errno));
  Status status = WriteAll(fd, bytes, aside);
  if (status.ok() && ::fsync(fd) != 0) status = Unavailable("{}: cannot be synced: {}", aside, std::strerror(errno));
  ::close(fd);
  if (status.ok() && ::rename(aside.c_str(), path.c_str()) != 0) {
    status = Unavailable("{}: cannot be replaced: {}", path, std::strerror(errno));
  }
  if (!status.ok()) ::unlink(aside.c_str());
  return status;
}

Status SyncFolder(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return Unavailable("{}: cannot be opened: {}", path, std::strerror(errno));
  const bool synced = ::fsync(fd) == 0;
  const int error = errno;
  ::close(fd);
  return synced ? absl::OkStatus() : Unavailable("{}: cannot be synced: {}", path, std::strerror(error));
}

Status MakeFolders(const std::string& path) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (error) return Unavailable("{}: the folder cannot be made: {}", path, error.message());
  return absl::OkStatus();
}

}  // namespace headrace
