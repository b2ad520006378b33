// A bad machine, to be preloaded into a program by tests: syncs that take long, and a clock that is set.
//
// HEADRACE_TEST_FAULTS names a file of two integers of 8 bytes, which the test may change while the program runs: by
// how many microseconds each sync takes longer, and by how many CLOCK_REALTIME is ahead of the machine's.
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>

namespace {

struct Faults {
  volatile int64_t sync_us;
  volatile int64_t clock_us;
};

const Faults& Present() {
  static const Faults none = {};
  static const Faults* const faults = [] {
    const char* path = std::getenv("HEADRACE_TEST_FAULTS");
    const int fd = path == nullptr ? -1 : ::open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return &none;
    void* mapped = ::mmap(nullptr, sizeof(Faults), PROT_READ, MAP_SHARED, fd, 0);
    ::close(fd);
    return mapped == MAP_FAILED ? &none : static_cast<const Faults*>(mapped);
  }();
  return *faults;
}

int Sync(long call, int fd) {
  constexpr int64_t kStepUs = 1000;
  for (int64_t waited_us = 0; waited_us < Present().sync_us; waited_us += kStepUs) ::usleep(kStepUs);
  return static_cast<int>(::syscall(call, fd));
}

}  // namespace

extern "C" {

int fsync(int fd) {
  return Sync(SYS_fsync, fd);
}
int fdatasync(int fd) {
  return Sync(SYS_fdatasync, fd);
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
