// A bad machine, to be preloaded into a program by tests: syncs that take long, a clock that is set, a process that is
// held up at a lock, a disk that is full.
//
// HEADRACE_TEST_FAULTS names a file of integers of 8 bytes (Faults), which the test may change while the program runs;
// HEADRACE_TEST_FULL the beginning of the paths of the files that are on the full disk.
#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <climits>
#include <cstdint>
#include <cstdlib>
#include <string>

namespace {

constexpr useconds_t kStepUs = 1000;

struct Faults {
  volatile int64_t sync_us;   // each sync takes so much longer
  volatile int64_t clock_us;  // CLOCK_REALTIME is ahead of the machine's by so much
  volatile int64_t hold_at;   // the flock of a project that waits until this is another one, from 1; 0: none
  volatile int64_t room;      // so many bytes may still be written on the full disk
  volatile int64_t locks;     // how many of them were begun; the program counts
  volatile int64_t accepts;   // how often the program asked for a connection
};

Faults& Present() {
  static Faults none = {};
  static Faults* const faults = [] {
    const char* path = std::getenv("HEADRACE_TEST_FAULTS");
    const int fd = path == nullptr ? -1 : ::open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0) return &none;
    void* mapped = ::mmap(nullptr, sizeof(Faults), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    ::close(fd);
    return mapped == MAP_FAILED ? &none : static_cast<Faults*>(mapped);
  }();
  return *faults;
}

int Sync(long call, int fd) {
  for (int64_t waited_us = 0; waited_us < Present().sync_us; waited_us += kStepUs) ::usleep(kStepUs);
  return static_cast<int>(::syscall(call, fd));
}

std::string PathOf(int fd) {
  std::array<char, PATH_MAX> path{};
  const std::string link = "/proc/self/fd/" + std::to_string(fd);
  const ssize_t size = ::readlink(link.c_str(), path.data(), path.size());
  return {path.data(), size < 0 ? 0 : static_cast<size_t>(size)};
}

bool IsProjectLock(int fd) {
  return PathOf(fd).ends_with("/.headrace/lock");
}

// What a system call on `fd` that writes so many bytes returns; on the full disk -1 when there is no room for them.
template <typename... Arguments>
ssize_t Write(int fd, size_t bytes, long call, Arguments... arguments) {
  static const char* const full = std::getenv("HEADRACE_TEST_FULL");
  if (full != nullptr && PathOf(fd).starts_with(full) &&
      __atomic_sub_fetch(&Present().room, static_cast<int64_t>(bytes), __ATOMIC_SEQ_CST) < 0) {
    errno = ENOSPC;
    return -1;
  }
  return ::syscall(call, arguments...);
}

size_t BytesOf(const iovec* parts, int count) {
  size_t bytes = 0;
  for (int i = 0; i < count; ++i) bytes += parts[i].iov_len;
  return bytes;
}

}  // namespace

extern "C" {

int fsync(int fd) {
  return Sync(SYS_fsync, fd);
}
int fdatasync(int fd) {
  return Sync(SYS_fdatasync, fd);
}
int flock(int fd, int operation) noexcept {
  if (IsProjectLock(fd)) {
    Faults& faults = Present();
    const int64_t number = __atomic_add_fetch(&faults.locks, 1, __ATOMIC_SEQ_CST);
    while (faults.hold_at == number) ::usleep(kStepUs);
  }
  return static_cast<int>(::syscall(SYS_flock, fd, operation));
}
ssize_t write(int fd, const void* bytes, size_t size) {
  return Write(fd, size, SYS_write, fd, bytes, size);
}
ssize_t writev(int fd, const iovec* parts, int count) {
  return Write(fd, BytesOf(parts, count), SYS_writev, fd, parts, count);
}
ssize_t pwrite(int fd, const void* bytes, size_t size, off_t at) {
  return Write(fd, size, SYS_pwrite64, fd, bytes, size, at);
}
ssize_t pwrite64(int fd, const void* bytes, size_t size, off64_t at) {
  return Write(fd, size, SYS_pwrite64, fd, bytes, size, at);
}
ssize_t sendfile(int to, int from, off_t* at, size_t size) noexcept {
  return Write(to, size, SYS_sendfile, to, from, at, size);
}
ssize_t sendfile64(int to, int from, off64_t* at, size_t size) noexcept {
  return Write(to, size, SYS_sendfile, to, from, at, size);
}
ssize_t copy_file_range(int from, off64_t* from_at, int to, off64_t* to_at, size_t size, unsigned flags) {
  return Write(to, size, SYS_copy_file_range, from, from_at, to, to_at, size, flags);
}
int accept(int fd, sockaddr* address, socklen_t* size) {
  __atomic_add_fetch(&Present().accepts, 1, __ATOMIC_SEQ_CST);
  return static_cast<int>(::syscall(SYS_accept, fd, address, size));
}
int clock_gettime(clockid_t clock, timespec* time) noexcept {
  const int failed = static_cast<int>(::syscall(SYS_clock_gettime, clock, time));
  if (failed != 0 || clock != CLOCK_REALTIME) return failed;
  constexpr int64_t kUsPerSecond = 1'000'000;
  constexpr int64_t kNsPerUs = 1'000;
  const int64_t clock_us = Present().clock_us;
  const int64_t us = time->tv_sec * kUsPerSecond + time->tv_nsec / kNsPerUs + clock_us;
  time->tv_nsec = us % kUsPerSecond * kNsPerUs + time->tv_nsec % kNsPerUs;
  time->tv_sec = us / kUsPerSecond;
  return 0;
}

}  // extern "C"
