#include "features/offline/spill.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "base/file.h"

namespace headrace {

SpillFile::~SpillFile() {
  if (fd_ >= 0) ::close(fd_);
}

Status SpillFile::Open() {
  const std::lock_guard lock(mutex_);
  if (fd_ >= 0) return absl::OkStatus();
  HR_RETURN_IF_ERROR(MakeFolders(folder_));
  int fd = ::open(folder_.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
  if (fd < 0) {  // a file system without such files
    std::string path = folder_ + "/spill.XXXXXX";
    fd = ::mkostemp(path.data(), O_CLOEXEC);
    if (fd >= 0) ::unlink(path.c_str());
  }
  if (fd < 0) return Unavailable("{}: no temporary file can be made: {}", folder_, std::strerror(errno));
  fd_ = fd;
  return absl::OkStatus();
}

StatusOr<SpillFile::Extent> SpillFile::Write(std::span<const std::byte> bytes) {
  HR_RETURN_IF_ERROR(Open());
  const Extent extent{end_.fetch_add(bytes.size()), bytes.size()};
  for (size_t done = 0; done < bytes.size();) {
    const ssize_t written =
        ::pwrite(fd_, bytes.data() + done, bytes.size() - done, static_cast<off_t>(extent.offset + done));
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) {
      const int error = written < 0 ? errno : ENOSPC;
      return ResourceExhausted(
          "{}: {} after {} MB of rows that do not fit into memory; free disk space, or allow more with --memory",
          folder_, error == ENOSPC || error == EDQUOT || error == EFBIG ? "the disk is full" : std::strerror(error),
          extent.offset >> 20);
    }
    done += static_cast<size_t>(written);
  }
  return extent;
}

Status SpillFile::Read(Extent extent, std::span<std::byte> to) const {
  for (size_t done = 0; done < extent.bytes;) {
    const ssize_t read = ::pread(fd_, to.data() + done, extent.bytes - done, static_cast<off_t>(extent.offset + done));
    if (read < 0 && errno == EINTR) continue;
    if (read <= 0) return DataLoss("{}: a temporary file cannot be read: {}", folder_, std::strerror(errno));
    done += static_cast<size_t>(read);
  }
  return absl::OkStatus();
}

}  // namespace headrace
