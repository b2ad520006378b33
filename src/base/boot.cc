#include "base/boot.h"

#include "base/file.h"

namespace headrace {
namespace {

constexpr char kBootId[] = "/proc/sys/kernel/random/boot_id";  // another one each time that the machine starts

}  // namespace

Status RememberBoot(const std::string& folder) {
  const StatusOr<std::string> now = ReadFile(kBootId);
  return now.ok() ? WriteFileAtomically(folder + "/BOOT", *now) : absl::OkStatus();
}

bool IsSameBoot(const std::string& folder) {
  const StatusOr<std::string> then = ReadFile(folder + "/BOOT");
  const StatusOr<std::string> now = ReadFile(kBootId);
  return then.ok() && now.ok() && *then == *now;
}

}  // namespace headrace
