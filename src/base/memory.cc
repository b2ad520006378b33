#include "base/memory.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <string>
#include <utility>

#include "base/file.h"

namespace headrace {
namespace {

std::string Lower(std::string_view text) {
  std::string lower(text);
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  return lower;
}

}  // namespace

StatusOr<size_t> ParseByteCount(std::string_view text) {
  constexpr std::array<std::pair<std::string_view, double>, 9> kUnits = {{{"b", 1},
                                                                          {"kb", 1e3},
                                                                          {"mb", 1e6},
                                                                          {"gb", 1e9},
                                                                          {"tb", 1e12},
                                                                          {"kib", 1024.0},
                                                                          {"mib", 1024.0 * 1024},
                                                                          {"gib", 1024.0 * 1024 * 1024},
                                                                          {"tib", 1024.0 * 1024 * 1024 * 1024}}};
  constexpr double kMost = 1e18;
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  std::string_view rest = text.substr(static_cast<size_t>(end - text.data()));
  while (!rest.empty() && rest.front() == ' ') rest.remove_prefix(1);
  const std::string unit = Lower(rest);
  const auto* const found =
      std::find_if(kUnits.begin(), kUnits.end(), [&](const auto& candidate) { return candidate.first == unit; });
  if (error != std::errc() || found == kUnits.end() || !(number > 0) || number * found->second > kMost)
    return InvalidArgument("'{}' is no amount of memory; write 4GB, or 512MiB", text);
  return static_cast<size_t>(number * found->second);
}

size_t MachineMemoryBytes() {
  const auto machine = static_cast<size_t>(::sysconf(_SC_PHYS_PAGES)) * static_cast<size_t>(::sysconf(_SC_PAGE_SIZE));
  const StatusOr<std::string> limit = ReadFile("/sys/fs/cgroup/memory.max");  // "max", or bytes
  size_t container = 0;
  if (!limit.ok() || std::from_chars(limit->data(), limit->data() + limit->size(), container).ec != std::errc())
    return machine;
  return std::min(machine, container);
}

}  // namespace headrace
