#include "monitoring/journal.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <optional>
#include <random>

#include "base/boot.h"
#include "base/codec.h"
#include "base/crc32c.h"
#include "base/file.h"

namespace headrace {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kMagic = "HRPJ0001";
constexpr std::string_view kSuffix = ".journal";
constexpr size_t kSegmentHeaderBytes = 28;
constexpr size_t kRecordHeaderBytes = 20;

struct RecordHeader {
  uint32_t length = 0;
  uint32_t payload_checksum = 0;
  uint64_t number = 0;
};

template <typename T>
T Load(std::string_view bytes, size_t at) {
  T value;
  std::memcpy(&value, bytes.data() + at, sizeof value);
  return value;
}

void AppendRecord(uint64_t number, std::string_view payload, std::string* out) {
  ByteWriter header;
  header.PutU32(static_cast<uint32_t>(payload.size()));
  header.PutU32(Crc32c(payload));
  header.PutU64(number);
  const std::string bytes = std::move(header).Finish();
  const uint32_t checksum = Crc32c(bytes);
  out->append(bytes);
  out->append(reinterpret_cast<const char*>(&checksum), sizeof checksum);
  out->append(payload);
}

Status Damaged(const std::string& path, size_t at, std::string_view what) {
  return DataLoss("{}: damaged at byte {}: {}; move the file away to go on without the predictions in it", path, at,
                  what);
}

bool OnlyZeros(std::string_view bytes) {
  return bytes.find_first_not_of('\0') == std::string_view::npos;
}

// What may come behind a segment's last whole record; anything else is damage.
enum class SegmentEnd : uint8_t {
  kWhole,     // nothing: there is a later segment
  kCutShort,  // the beginning of a record: the process died within a write()
  kTorn,      // also a record whose payload is not all there: the machine died
};

// Walks one segment's records. `end` becomes the place after the last whole one.
class SegmentReader {
 public:
  SegmentReader(std::string path, std::string bytes, SegmentEnd may_end)
      : path_(std::move(path)), bytes_(std::move(bytes)), may_end_(may_end) {}

  // The journal's id, or nothing for a last segment whose header was torn.
  StatusOr<std::optional<uint64_t>> ReadHeader(uint64_t first) {
    if (is_last() && (bytes_.size() < kSegmentHeaderBytes || OnlyZeros(bytes_))) return std::nullopt;
    if (bytes_.size() < kSegmentHeaderBytes || !std::string_view(bytes_).starts_with(kMagic)) {
      return Damaged(path_, 0, "this is no journal of predictions");
    }
    if (Crc32c(std::string_view(bytes_).substr(0, 24)) != Load<uint32_t>(bytes_, 24) ||
        Load<uint64_t>(bytes_, 16) != first) {
      return Damaged(path_, 0, "the header does not fit its checksum or the file's name");
    }
    end_ = kSegmentHeaderBytes;
    return Load<uint64_t>(bytes_, 8);
  }

  // The next record's payload, which must have the number `number`; nothing at the end.
  StatusOr<std::optional<std::string_view>> Next(uint64_t number) {
    const std::string_view rest = std::string_view(bytes_).substr(end_);
    if (rest.empty() || (is_last() && (rest.size() < kRecordHeaderBytes || OnlyZeros(rest)))) return std::nullopt;
    if (rest.size() < kRecordHeaderBytes || Crc32c(rest.substr(0, 16)) != Load<uint32_t>(rest, 16)) {
      return Damaged(path_, end_, "a record's header does not fit its checksum");
    }
    const RecordHeader header = {Load<uint32_t>(rest, 0), Load<uint32_t>(rest, 4), Load<uint64_t>(rest, 8)};
    if (header.number != number) {
      return Damaged(path_, end_, fmt::format("record {} where {} belongs", header.number, number));
    }
    const std::string_view payload = rest.substr(kRecordHeaderBytes, header.length);
    if (payload.size() < header.length && is_last()) return std::nullopt;
    if (payload.size() < header.length || Crc32c(payload) != header.payload_checksum) {
      if (may_end_ == SegmentEnd::kTorn && kRecordHeaderBytes + header.length == rest.size()) return std::nullopt;
      return Damaged(path_, end_, fmt::format("record {} does not fit its checksum", header.number));
    }
    end_ += kRecordHeaderBytes + header.length;
    return payload;
  }

  size_t end() const { return end_; }

 private:
  bool is_last() const { return may_end_ != SegmentEnd::kWhole; }

  const std::string path_;
  const std::string bytes_;
  const SegmentEnd may_end_;
  size_t end_ = 0;
};

}  // namespace

Journal::~Journal() {
  if (fd_ >= 0) ::close(fd_);
  if (lock_fd_ >= 0) ::close(lock_fd_);
}

StatusOr<std::unique_ptr<Journal>> Journal::Open(const std::string& folder, size_t segment_bytes) {
  HR_RETURN_IF_ERROR(MakeFolders(folder));
  std::unique_ptr<Journal> journal(new Journal(folder, segment_bytes));
  HR_RETURN_IF_ERROR(journal->Lock());
  HR_RETURN_IF_ERROR(journal->ListSegments());
  HR_RETURN_IF_ERROR(journal->CheckSegments());
  HR_RETURN_IF_ERROR(RememberBoot(folder));
  return journal;
}

Status Journal::Lock() {
  const std::string path = folder_ + "/lock";
  lock_fd_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (lock_fd_ < 0) return Unavailable("{}: cannot be opened: {}", path, std::strerror(errno));
  if (::flock(lock_fd_, LOCK_EX | LOCK_NB) == 0) return absl::OkStatus();
  return Unavailable("{}: another process has this journal of predictions", folder_);
}

Status Journal::ListSegments() {
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder_, error)) {
    const std::string name = entry.path().filename().string();
    if (!name.ends_with(kSuffix)) continue;
    Segment segment = {0, entry.path().string()};
    const char* end = name.data() + name.size() - kSuffix.size();
    const auto [stopped, number_error] = std::from_chars(name.data(), end, segment.first);
    if (number_error != std::errc() || stopped != end) continue;
    segments_.push_back(std::move(segment));
  }
  if (error) return Unavailable("{}: cannot be read: {}", folder_, error.message());
  std::sort(segments_.begin(), segments_.end(), [](const Segment& a, const Segment& b) { return a.first < b.first; });
  return absl::OkStatus();
}

// Finds the journal's id and its last number, and cuts a torn end off.
Status Journal::CheckSegments() {
  if (!segments_.empty()) next_ = segments_.front().first;
  const SegmentEnd last_end = IsSameBoot(folder_) ? SegmentEnd::kCutShort : SegmentEnd::kTorn;
  size_t end = 0;
  for (size_t i = 0; i < segments_.size(); ++i) {
    const Segment& segment = segments_[i];
    HR_ASSIGN_OR_RETURN(std::string bytes, ReadFile(segment.path));
    SegmentReader reader(segment.path, std::move(bytes), i + 1 < segments_.size() ? SegmentEnd::kWhole : last_end);
    if (segment.first != next_) {
      return Damaged(segment.path, 0, fmt::format("the records from {} on are missing before it", next_));
    }
    HR_ASSIGN_OR_RETURN(const std::optional<uint64_t> id, reader.ReadHeader(segment.first));
    if (!id) break;
    if (i > 0 && *id != id_number_) return Damaged(segment.path, 0, "the file is of another journal");
    id_number_ = *id;
    while (true) {
      HR_ASSIGN_OR_RETURN(const auto payload, reader.Next(next_));
      if (!payload) break;
      ++next_;
    }
    end = reader.end();
    if (i + 1 < segments_.size()) end = 0;
  }
  if (id_number_ == 0) id_number_ = (uint64_t{std::random_device()()} << 32 | std::random_device()()) | 1;
  id_ = fmt::format("{:016x}", id_number_);
  if (end > 0) return OpenLast(end);
  if (!segments_.empty()) {
    ::unlink(segments_.back().path.c_str());  // died while it was begun
    segments_.pop_back();
  }
  return BeginSegment();
}

Status Journal::OpenLast(size_t size) {
  const std::string& path = segments_.back().path;
  fd_ = ::open(path.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC);
  if (fd_ < 0 || ::ftruncate(fd_, static_cast<off_t>(size)) != 0) {
    return Unavailable("{}: cannot be opened to write: {}", path, std::strerror(errno));
  }
  size_ = size;
  return absl::OkStatus();
}

Status Journal::BeginSegment() {
  const std::string path = fmt::format("{}/{:020}{}", folder_, next_, kSuffix);
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0644);
  if (fd < 0) return Unavailable("{}: cannot be created: {}", path, std::strerror(errno));
  if (Status status = WriteAll(fd, HeaderOf(next_), path); !status.ok()) {
    ::close(fd);
    ::unlink(path.c_str());
    return status;
  }
  if (fd_ >= 0) ::close(fd_);
  fd_ = fd;
  size_ = kSegmentHeaderBytes;
  segments_.push_back({next_, path});
  return absl::OkStatus();
}

std::string Journal::HeaderOf(uint64_t first) const {
  ByteWriter header;
  for (const char c : kMagic) header.PutU8(static_cast<uint8_t>(c));
  header.PutU64(id_number_);
  header.PutU64(first);
  std::string bytes = std::move(header).Finish();
  const uint32_t checksum = Crc32c(bytes);
  return bytes.append(reinterpret_cast<const char*>(&checksum), sizeof checksum);
}

uint64_t Journal::last_number() const {
  const std::lock_guard lock(mutex_);
  return next_ - 1;
}

Status Journal::Read(uint64_t after, const Visitor& visitor) const {
  const std::lock_guard lock(mutex_);
  for (size_t i = 0; i < segments_.size(); ++i) {
    if (i + 1 < segments_.size() && segments_[i + 1].first <= after + 1) continue;
    HR_ASSIGN_OR_RETURN(std::string bytes, ReadFile(segments_[i].path));
    SegmentReader reader(segments_[i].path, std::move(bytes), SegmentEnd::kWhole);  // torn ends were cut off
    HR_RETURN_IF_ERROR(reader.ReadHeader(segments_[i].first).status());
    for (uint64_t number = segments_[i].first;; ++number) {
      HR_ASSIGN_OR_RETURN(const auto payload, reader.Next(number));
      if (!payload) break;
      if (number > after) HR_RETURN_IF_ERROR(visitor(number, *payload));
    }
  }
  return absl::OkStatus();
}

// An old segment beside the new one would be a gap; a folder without any is a new journal.
Status Journal::RestartAfter(uint64_t number) {
  const std::lock_guard lock(mutex_);
  while (!segments_.empty()) {
    if (::unlink(segments_.front().path.c_str()) != 0) {
      return Unavailable("{}: cannot be removed: {}", segments_.front().path, std::strerror(errno));
    }
    segments_.erase(segments_.begin());
  }
  next_ = number + 1;
  return BeginSegment();
}

StatusOr<uint64_t> Journal::Append(std::span<const std::string> payloads) {
  const std::lock_guard lock(mutex_);
  if (broken_) return Unavailable("{}: an earlier write failed; start the server again", folder_);
  if (size_ > segment_bytes_) HR_RETURN_IF_ERROR(BeginSegment());
  std::string bytes;
  uint64_t number = next_;
  for (const std::string& payload : payloads) AppendRecord(number++, payload, &bytes);
  if (const Status status = WriteAll(fd_, bytes, segments_.back().path); !status.ok()) {
    broken_ = ::ftruncate(fd_, static_cast<off_t>(size_)) != 0;
    return status;
  }
  size_ += bytes.size();
  return std::exchange(next_, number);
}

Status Journal::DropThrough(uint64_t number) {
  const std::lock_guard lock(mutex_);
  while (segments_.size() > 1 && segments_[1].first <= number + 1) {
    if (::unlink(segments_.front().path.c_str()) != 0 && errno != ENOENT) {
      return Unavailable("{}: cannot be removed: {}", segments_.front().path, std::strerror(errno));
    }
    segments_.erase(segments_.begin());
  }
  return absl::OkStatus();
}

}  // namespace headrace
