#include "engine/event_segments.h"

#include <algorithm>
#include <filesystem>

#include "absl/strings/escaping.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/kill_point.h"
#include "base/utf8.h"
#include "engine/segment_manifest.h"
#include "engine/server_client.h"
#include "warehouse/parquet.h"

namespace headrace {
namespace {

namespace fs = std::filesystem;

// What every file has after the source's own columns.
constexpr size_t kPosition = 0, kRequest = 1, kArrival = 2, kIngest = 3;

std::string FolderName(uint64_t first, uint64_t last) {
  return fmt::format("{:012}-{:012}", first, last);
}

std::string PathOf(const Segment& segment, const SegmentFile& file) {
  return segment.folder + "/" + file.name;
}

Status Damaged(const std::string& path, std::string_view what) {
  return DataLoss("{}: {}; put it back from a backup", path, what);
}

bool NeedsHex(const Column& column) {
  if (column.type() != TypeId::kVarchar) return false;
  for (size_t row = 0; row < column.size(); ++row) {
    if (!IsPlainUtf8(column.str(row))) return true;
  }
  return false;
}

Column MapText(const Column& column, const std::function<std::string(std::string_view)>& map) {
  Column mapped(column.type());
  for (size_t row = 0; row < column.size(); ++row) {
    if (column.IsNull(row)) {
      mapped.AppendNull();
    } else {
      mapped.AppendString(map(column.str(row)));
    }
  }
  return mapped;
}

std::string ToHex(std::string_view bytes) {
  return absl::BytesToHexString(ToAbsl(bytes));
}
std::string FromHex(std::string_view hex) {
  return absl::HexStringToBytes(ToAbsl(hex));
}

// Of a log up to an entry that is encoded as EncodeLogEntry does it.
std::string HashWith(std::string_view hash_before, std::string_view entry) {
  Sha256 hash;
  hash.Update(hash_before);
  hash.Update(entry);
  return hash.Finish();
}

// Writes the rows of one source; gives what the manifest says of the file.
StatusOr<SegmentFile> WriteFile(const std::string& folder, const std::string& source, const RecordBatch& rows) {
  SegmentFile file;
  file.source = source;
  file.name = EncodePathSegment(source) + ".parquet";
  file.rows = static_cast<int64_t>(rows.num_rows);
  file.columns.assign(rows.schema.begin(), rows.schema.end() - kPlaceColumns);
  for (size_t i = 0; i < file.columns.size(); ++i) {
    if (NeedsHex(rows.columns[i])) file.hex.push_back(file.columns[i].name);
  }
  const std::string path = folder + "/" + file.name;
  if (file.hex.empty()) {
    HR_RETURN_IF_ERROR(WriteParquet(rows, path, 1, DiskPace::kGentle));
  } else {
    RecordBatch written = rows;
    for (const std::string& name : file.hex) {
      Column& column = written.columns[*FindField(written.schema, name)];
      column = MapText(column, ToHex);
    }
    HR_RETURN_IF_ERROR(WriteParquet(written, path, 1, DiskPace::kGentle));
  }
  HR_ASSIGN_OR_RETURN(const std::string bytes, ReadFile(path));
  file.bytes = static_cast<int64_t>(bytes.size());
  file.hash = Xxh128Hex(bytes);
  return file;
}

// The rows of one source in a segment, request by request.
struct Cursor {
  std::string source;
  RecordBatch rows;
  size_t next = 0;

  bool AtEnd() const { return next == rows.num_rows; }
  int64_t At(size_t which) const { return rows.columns[rows.columns.size() - kPlaceColumns + which].ints()[next]; }
  std::pair<int64_t, int64_t> Place() const { return {At(kPosition), At(kRequest)}; }

  LoggedRequest Take() {
    LoggedRequest request;
    request.source = source;
    request.arrival = At(kArrival);
    request.first_ingest = At(kIngest);
    const size_t begin = next;
    const std::pair<int64_t, int64_t> place = Place();
    while (!AtEnd() && Place() == place) ++next;
    request.rows.num_rows = next - begin;
    for (size_t i = 0; i + kPlaceColumns < rows.columns.size(); ++i) {
      request.rows.schema.push_back(rows.schema[i]);
      request.rows.columns.push_back(rows.columns[i].Slice(begin, next - begin));
    }
    return request;
  }
};

StatusOr<Segment> LoadSegment(const std::string& folder) {
  const std::string path = fmt::format("{}/{}", folder, kManifestName);
  HR_ASSIGN_OR_RETURN(const std::string text, ReadFile(path));
  StatusOr<Segment> segment = DecodeManifest(text);
  if (absl::IsDataLoss(segment.status())) return Damaged(path, Message(segment.status()));
  if (!segment.ok()) return Annotate(segment.status(), path);
  segment->folder = folder;
  return segment;
}

}  // namespace

Schema SegmentColumns(Schema of_source) {
  of_source.insert(of_source.end(), {{"_position", TypeId::kBigint},
                                     {"_request", TypeId::kBigint},
                                     {"_arrival", TypeId::kTimestamp},
                                     {"_ingest", TypeId::kBigint}});
  return of_source;
}

StatusOr<std::string> ExtendLogHash(const std::string& hash, std::string_view entry) {
  HR_ASSIGN_OR_RETURN(const std::vector<LoggedRequest> requests, DecodeLogEntry(entry));
  return ExtendLogHash(hash, requests);
}

std::string ExtendLogHash(const std::string& hash, const std::vector<LoggedRequest>& requests) {
  return HashWith(hash, EncodeLogEntry(requests));
}

StatusOr<std::unique_ptr<EventSegments>> EventSegments::Open(const std::string& folder) {
  std::unique_ptr<EventSegments> result(new EventSegments(folder));
  std::vector<Segment>& segments = result->segments_;
  std::error_code no_folder;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder, no_folder)) {
    if (!fs::exists(entry.path() / kManifestName)) continue;
    HR_ASSIGN_OR_RETURN(Segment segment, LoadSegment(entry.path().string()));
    segments.push_back(std::move(segment));
  }
  std::sort(segments.begin(), segments.end(), [](const Segment& a, const Segment& b) { return a.first < b.first; });
  uint64_t expected = 1;
  for (const Segment& segment : segments) {
    if (segment.first != expected || segment.last < segment.first)
      return Damaged(folder, fmt::format("log entries {} to {} are missing", expected, segment.first - 1));
    expected = segment.last + 1;
  }
  return result;
}

uint64_t EventSegments::LastPosition() const {
  const std::lock_guard lock(mutex_);
  return segments_.empty() ? 0 : segments_.back().last;
}

int64_t EventSegments::Bytes() const {
  const std::lock_guard lock(mutex_);
  int64_t bytes = 0;
  for (const Segment& segment : segments_) {
    for (const SegmentFile& file : segment.files) bytes += file.bytes;
  }
  return bytes;
}

std::vector<Segment> EventSegments::List() const {
  const std::lock_guard lock(mutex_);
  return segments_;
}

std::pair<uint64_t, std::string> EventSegments::KnownLogHash(uint64_t until) const {
  const std::lock_guard lock(mutex_);
  std::pair<uint64_t, std::string> known;
  for (const Segment& segment : segments_) {
    if (segment.last <= until) known = {segment.last, segment.log_hash};
  }
  return known;
}

Status EventSegments::ReadLog(uint64_t after, const OnlineStore::LogVisitor& visitor) {
  for (const Segment& segment : List()) {
    if (segment.last > after) HR_RETURN_IF_ERROR(ReadSegment(segment, after, visitor));
  }
  return absl::OkStatus();
}

// Reads a file against its size and hash.
Status CheckFile(const Segment& segment, const SegmentFile& file) {
  const std::string path = PathOf(segment, file);
  const StatusOr<std::string> bytes = ReadFile(path);
  if (!bytes.ok()) return Damaged(path, "exported events are missing");
  if (static_cast<int64_t>(bytes->size()) != file.bytes || Xxh128Hex(*bytes) != file.hash)
    return Damaged(path, fmt::format("it is damaged: its {} bytes are not the {} that {} speaks of", bytes->size(),
                                     file.bytes, kManifestName));
  return absl::OkStatus();
}

Status EventSegments::CheckFileOnce(const Segment& segment, const SegmentFile& file) {
  const std::string path = PathOf(segment, file);
  {
    const std::lock_guard lock(mutex_);
    if (checked_.contains(path)) return absl::OkStatus();
  }
  HR_RETURN_IF_ERROR(CheckFile(segment, file));
  const std::lock_guard lock(mutex_);
  checked_.insert(path);
  return absl::OkStatus();
}

StatusOr<RecordBatch> EventSegments::ReadRows(const Segment& segment, const SegmentFile& file, uint64_t after) {
  HR_RETURN_IF_ERROR(CheckFileOnce(segment, file));
  std::unique_ptr<Connection> connection;
  {
    const std::lock_guard lock(mutex_);
    if (reader_ == nullptr) {
      HR_ASSIGN_OR_RETURN(reader_, Database::OpenInMemory());
    }
    HR_ASSIGN_OR_RETURN(connection, reader_->Connect());
  }
  HR_ASSIGN_OR_RETURN(const std::unique_ptr<ResultStream> stream, ReadParquet(*connection, PathOf(segment, file)));
  const Schema expected = SegmentColumns(file.columns);
  if (stream->schema() != expected) return Damaged(PathOf(segment, file), "its columns are others");
  RecordBatch rows(expected);
  for (Column& column : rows.columns) column.Reserve(static_cast<size_t>(file.rows));
  while (true) {
    HR_ASSIGN_OR_RETURN(const std::optional<RecordBatch> batch, stream->Next());
    if (!batch) break;
    const std::span<const int64_t> positions = batch->columns[file.columns.size() + kPosition].ints();
    const auto begin = std::upper_bound(positions.begin(), positions.end(), static_cast<int64_t>(after));
    const auto skipped = static_cast<size_t>(begin - positions.begin());
    if (skipped < positions.size()) rows.AppendBatch(batch->Slice(skipped, positions.size() - skipped));
  }
  for (const std::string& name : file.hex) {
    Column& column = rows.columns[*FindField(rows.schema, name)];
    column = MapText(column, FromHex);
  }
  return rows;
}

Status EventSegments::ReadSegment(const Segment& segment, uint64_t after, const OnlineStore::LogVisitor& visitor) {
  std::vector<Cursor> cursors;
  for (const SegmentFile& file : segment.files) {
    HR_ASSIGN_OR_RETURN(RecordBatch rows, ReadRows(segment, file, after));
    if (rows.num_rows > 0) cursors.push_back({file.source, std::move(rows)});
  }
  uint64_t expected = std::max(segment.first, after + 1);
  while (!cursors.empty()) {
    const auto first = std::min_element(cursors.begin(), cursors.end(),
                                        [](const Cursor& a, const Cursor& b) { return a.Place() < b.Place(); });
    const auto position = static_cast<uint64_t>(first->At(kPosition));
    if (position != expected) break;
    std::vector<LoggedRequest> requests;
    while (true) {
      const auto next = std::find_if(cursors.begin(), cursors.end(), [&](const Cursor& cursor) {
        return cursor.Place() == std::pair(static_cast<int64_t>(position), static_cast<int64_t>(requests.size()));
      });
      if (next == cursors.end()) break;
      requests.push_back(next->Take());
      if (next->AtEnd()) cursors.erase(next);
    }
    if (requests.empty()) break;
    HR_RETURN_IF_ERROR(visitor(position, EncodeLogEntry(requests)));
    ++expected;
  }
  if (expected == segment.last + 1 && cursors.empty()) return absl::OkStatus();
  return Damaged(segment.folder, fmt::format("log entry {} is missing", expected));
}

// Whether the files hold the very entries of the log.
Status EventSegments::CheckReadBack(const Segment& segment, const std::string& log_hash) {
  std::string hash = KnownLogHash(segment.first - 1).second;
  HR_RETURN_IF_ERROR(ReadSegment(segment, segment.first - 1, [&](uint64_t, std::string_view entry) -> Status {
    hash = HashWith(hash, entry);
    return absl::OkStatus();
  }));
  if (hash == log_hash) return absl::OkStatus();
  return DataLoss("{}: what was written does not read back as the log entries {} to {}; they stay in the log",
                  segment.folder, segment.first, segment.last);
}

Status EventSegments::Add(uint64_t last, const std::map<std::string, RecordBatch>& rows, const std::string& log_hash) {
  Segment segment;
  segment.first = LastPosition() + 1;
  segment.last = last;
  segment.log_hash = log_hash;
  segment.folder = folder_ + "/" + FolderName(segment.first, last);
  HR_RETURN_IF_ERROR(MakeFolders(segment.folder));
  for (const auto& [source, of_source] : rows) {
    HR_ASSIGN_OR_RETURN(SegmentFile file, WriteFile(segment.folder, source, of_source));
    {
      const std::lock_guard lock(mutex_);
      checked_.insert(PathOf(segment, file));  // its hash is of what was read
    }
    segment.files.push_back(std::move(file));
  }
  HR_RETURN_IF_ERROR(CheckReadBack(segment, log_hash));
  HR_RETURN_IF_ERROR(SyncFolder(segment.folder));
  KillPoint("export.files");
  HR_RETURN_IF_ERROR(WriteFileAtomically(fmt::format("{}/{}", segment.folder, kManifestName), EncodeManifest(segment)));
  HR_RETURN_IF_ERROR(SyncFolder(segment.folder));
  HR_RETURN_IF_ERROR(SyncFolder(folder_));
  HR_RETURN_IF_ERROR(SyncFolder(fs::path(folder_).parent_path().string()));
  KillPoint("export.manifest");
  const std::lock_guard lock(mutex_);
  segments_.push_back(std::move(segment));
  return absl::OkStatus();
}

Status EventSegments::Verify() {
  for (const Segment& segment : List()) {
    for (const SegmentFile& file : segment.files) HR_RETURN_IF_ERROR(CheckFile(segment, file));
  }
  return absl::OkStatus();
}

Status EventSegments::RemoveLeftovers() {
  std::error_code error;
  std::vector<fs::path> leftovers;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder_, error)) {
    if (entry.is_directory() && !fs::exists(entry.path() / kManifestName)) leftovers.push_back(entry.path());
  }
  for (const fs::path& path : leftovers) {
    fs::remove_all(path, error);
    if (error) return Unavailable("{}: cannot be removed: {}", path.string(), error.message());
  }
  return absl::OkStatus();
}

}  // namespace headrace
