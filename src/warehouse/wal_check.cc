#include "warehouse/wal_check.h"

#include <cstdint>
#include <cstring>
#include <filesystem>
#include <string_view>

#include "base/file.h"

namespace headrace {
namespace {

using std::string_view_literals::operator""sv;

constexpr std::string_view kBegin = "\x64\x00\x62\x65\x00\x02\xff\xff"sv;
// What follows a commit's length: the checksum, and the payload.
constexpr std::string_view kCommit = "\xe7\xfe\x7d\x72\x2f\xed\x3d\x5e\x64\x00\x64\xff\xff"sv;
constexpr size_t kLengthBytes = 8;
constexpr size_t kHeaderBytes = 16;

Status Damaged(const std::string& path, size_t at, std::string_view what) {
  return DataLoss("{}: damaged at byte {}: {}; go on with the latest backup (headrace backup)", path, at, what);
}

Status CheckWriteAheadLog(const std::string& path) {
  const StatusOr<std::string> text = ReadFile(path);
  HR_RETURN_IF_ERROR(text.status());
  const std::string_view bytes = *text;
  if (!bytes.starts_with(kBegin.substr(0, bytes.size())))
    return Damaged(path, 0, "this is no beginning of a write-ahead log");
  size_t at = kBegin.size();
  while (at + kHeaderBytes <= bytes.size()) {
    uint64_t length = 0;
    std::memcpy(&length, bytes.data() + at, sizeof length);
    if (length > bytes.size() - at - kHeaderBytes) break;
    at += kHeaderBytes + length;
  }
  if (at >= bytes.size() || bytes.find(kCommit, at + kLengthBytes) == std::string_view::npos) return absl::OkStatus();
  return Damaged(path, at, "an entry that is longer than the file stands before a commit");
}

}  // namespace

Status CheckWriteAheadLogs(const std::string& path) {
  for (const char* suffix : {".wal", ".wal.checkpoint", ".wal.recovery"}) {
    std::error_code ignored;
    if (std::filesystem::exists(path + suffix, ignored)) HR_RETURN_IF_ERROR(CheckWriteAheadLog(path + suffix));
  }
  return absl::OkStatus();
}

}  // namespace headrace
