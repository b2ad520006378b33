#include "online_store/rocksdb/store_files.h"

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <optional>

#include "base/boot.h"
#include "base/crc32c.h"
#include "base/file.h"
#include "online_store/rocksdb/rocksdb_files.h"

namespace headrace {
namespace {

namespace fs = std::filesystem;

constexpr size_t kBlockBytes = 32768;
constexpr size_t kHeaderBytes = 7;

bool OnlyZeros(std::string_view bytes) {
  return bytes.find_first_not_of('\0') == std::string_view::npos;
}

struct RecordHeader {
  uint32_t checksum = 0;
  size_t length = 0;
};

RecordHeader HeaderAt(std::string_view bytes, size_t at) {
  RecordHeader header;
  uint16_t length = 0;
  std::memcpy(&header.checksum, bytes.data() + at, sizeof header.checksum);
  std::memcpy(&length, bytes.data() + at + 4, sizeof length);
  header.length = length;
  return header;
}

bool Fits(std::string_view bytes, size_t at, uint32_t checksum, size_t length) {
  const uint32_t crc = Crc32c(bytes.substr(at + 6, 1 + length));  // with the type
  return checksum == ((crc >> 15) | (crc << 17)) + 0xa282ead8U;   // masked
}

// Whether a whole record begins at `at`; its end.
std::optional<size_t> RecordEnd(std::string_view bytes, size_t at, size_t block_end) {
  if (at + kHeaderBytes > bytes.size()) return std::nullopt;
  const RecordHeader header = HeaderAt(bytes, at);
  const size_t end = at + kHeaderBytes + header.length;
  if (end > std::min(block_end, bytes.size()) || !Fits(bytes, at, header.checksum, header.length)) return std::nullopt;
  return end;
}

// The bytes from `at` on are no whole record: whether a write that was cut short leaves that.
bool IsTorn(std::string_view bytes, size_t at, size_t block_end) {
  if (OnlyZeros(bytes.substr(at))) return true;  // a file's length may be on disk before its bytes
  if (block_end < bytes.size()) return false;
  if (bytes.size() - at < kHeaderBytes) return true;
  const RecordHeader header = HeaderAt(bytes, at);
  if (at + kHeaderBytes + header.length <= bytes.size()) return false;
  if (Fits(bytes, at, header.checksum, bytes.size() - at - kHeaderBytes)) return false;  // all of it is there
  for (size_t next = at + 1; next + kHeaderBytes <= bytes.size(); ++next) {
    if (RecordEnd(bytes, next, block_end)) return false;
  }
  return true;
}

bool HasData(const std::string& folder) {
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder, error)) {
    const std::string extension = entry.path().extension().string();
    if (extension == ".sst" || extension == ".log") return true;
  }
  return false;
}

// The path of the MANIFEST that CURRENT names; "" when there is no store.
StatusOr<std::string> FindManifest(const std::string& folder) {
  const std::string path = folder + "/CURRENT";
  if (!fs::exists(path)) {
    if (!HasData(folder)) return std::string();
    return DataLoss("{}: missing, but there are files that it should lead to; {}", path, kRepairHint);
  }
  HR_ASSIGN_OR_RETURN(const std::string name, ReadFile(path));
  const bool is_name = name.starts_with("MANIFEST-") && name.ends_with('\n') && name.find('/') == std::string::npos;
  const std::string manifest = is_name ? folder + "/" + name.substr(0, name.size() - 1) : "";
  if (is_name && fs::exists(manifest)) return manifest;
  return DataLoss("{}: damaged: it names no file that is there; {}", path, kRepairHint);
}

}  // namespace

bool WalMustBeWhole(const std::string& folder, const FsyncPolicy& fsync) {
  return fsync.when == FsyncPolicy::When::kAlways || IsSameBoot(folder);
}

std::vector<std::string> WalFiles(const std::string& folder) {
  std::vector<std::string> paths;
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder, error)) {
    if (entry.path().extension() == ".log") paths.push_back(entry.path().string());
  }
  std::sort(paths.begin(), paths.end());
  return paths;
}

Status CheckRecordFile(const std::string& path) {
  HR_ASSIGN_OR_RETURN(const std::string text, ReadFile(path));
  const std::string_view bytes = text;
  size_t at = 0;
  while (at < bytes.size()) {
    const size_t block_end = at - at % kBlockBytes + kBlockBytes;
    if (block_end - at < kHeaderBytes && OnlyZeros(bytes.substr(at, block_end - at))) {
      at = block_end;
      continue;
    }
    const std::optional<size_t> end = RecordEnd(bytes, at, block_end);
    if (!end && IsTorn(bytes, at, block_end)) return absl::OkStatus();
    if (!end) return DataLoss("{}: damaged at byte {}: a record does not fit its checksum", path, at);
    at = *end;
  }
  return absl::OkStatus();
}

Status CheckStoreFiles(const std::string& folder, bool check_wal) {
  HR_ASSIGN_OR_RETURN(const std::string manifest, FindManifest(folder));
  if (manifest.empty()) return absl::OkStatus();
  std::vector<std::string> paths = check_wal ? WalFiles(folder) : std::vector<std::string>();
  paths.push_back(manifest);
  for (const std::string& path : paths) {
    const Status status = CheckRecordFile(path);
    if (absl::IsDataLoss(status)) return DataLoss("{}; {}", Message(status), kRepairHint);
    HR_RETURN_IF_ERROR(status);
  }
  return absl::OkStatus();
}

}  // namespace headrace
