// What it costs to remember event ids (rule 8): all in memory, and with most of them in the store.
//
//   ./dev bench known_ids [IDS (5000000)]
//
// Ids of 16 characters come in no order, as UUIDs do; each is looked up and found new, as those of events are. Then
// some of them come again.
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>

#include "features/online/known_ids.h"
#include "fmt/format.h"
#include "online_store/rocksdb/rocksdb_store.h"

namespace headrace {
namespace {

std::string IdOf(uint64_t number) {
  number = (number + 1) * 0x9E3779B97F4A7C15;  // splitmix64
  number = (number ^ (number >> 30)) * 0xBF58476D1CE4E5B9;
  number = (number ^ (number >> 27)) * 0x94D049BB133111EB;
  return fmt::format("{:016x}", number ^ (number >> 31));
}

double CpuSeconds() {
  return static_cast<double>(std::clock()) / CLOCKS_PER_SEC;
}

double ResidentMb() {
  std::ifstream statm("/proc/self/statm");
  uint64_t pages = 0;
  statm >> pages >> pages;
  return static_cast<double>(pages) * 4096 / 1e6;
}

double MbOnDisk(const std::string& folder) {
  double bytes = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) bytes += static_cast<double>(entry.file_size());
  return bytes / 1e6;
}

void Run(uint64_t count, size_t memory_bytes, const std::string& name) {
  const std::string folder = (std::filesystem::temp_directory_path() / "headrace_known_ids").string();
  std::filesystem::remove_all(folder);
  {
    const std::unique_ptr<OnlineStore> store = *OpenRocksDbStore(folder);
    KnownIds ids(*store);
    const double resident = ResidentMb();
    constexpr uint64_t kPerCommit = 1000;
    double generating = CpuSeconds();
    for (uint64_t i = 0; i < count; ++i) (void)IdOf(i);
    generating = CpuSeconds() - generating;
    const double begin = CpuSeconds();
    for (uint64_t i = 0; i < count; ++i) {
      if (!*ids.Add(IdOf(i), static_cast<TimestampUs>(i), kMinTimestampUs)) std::abort();
      if (i % kPerCommit == 0 && ids.bytes() > memory_bytes && !ids.Shelve(2 * kPerCommit).ok()) std::abort();
    }
    const double adding = CpuSeconds() - begin - generating;
    const double before_lookups = CpuSeconds();
    constexpr uint64_t kLookups = 100'000;
    for (uint64_t i = 0; i < kLookups; ++i) {
      if (*ids.Add(IdOf(i * 7919 % count), static_cast<TimestampUs>(count), kMinTimestampUs)) std::abort();
    }
    const double looking = CpuSeconds() - before_lookups;
    fmt::print(
        "  {:24} {} ids: new {:.2f} us of CPU each, again {:.2f} us, {:.0f} MB of memory ({:.0f} of ids), {:.0f} MB on "
        "disk\n",
        name, count, 1e6 * adding / static_cast<double>(count), 1e6 * looking / kLookups, ResidentMb() - resident,
        static_cast<double>(ids.bytes()) / 1e6, MbOnDisk(folder));
  }
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace headrace

int main(int argc, char** argv) {
  const uint64_t count = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 5'000'000;
  headrace::Run(count, SIZE_MAX, "all in memory");
  headrace::Run(count, 32 << 20, "32 MB of them in memory");
}
