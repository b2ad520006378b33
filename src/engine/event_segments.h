// Exported events: the log of accepted events as Parquet, in stretches of the log that never change.
//
//   .headrace/events/
//     000000000001-000000004711/        log entries 1 to 4711
//       raw.orders.parquet              what they hold of a source, in the log's order: its columns, and then
//                                         _position  BIGINT     the log entry
//                                         _request   BIGINT     its request, from 0
//                                         _arrival   TIMESTAMP  when the server accepted it
//                                         _ingest    BIGINT     the row's ingestion number
//       quarantine.kept.parquet         and of the quarantine (features/online/quarantine.h), alike
//       segment.json                    the manifest
//     000000004712-000000004800/
//
// The manifest is written last, and atomically: a segment is there when its manifest is. What a crash leaves without
// one is removed by the next export. Segments follow each other without gap or overlap from entry 1 on, so that a
// position says what was exported, and every event is exported once.
//
//   {"format": "headrace event segment 1", "first": 1, "last": 4711, "log_hash": "...",
//    "files": [{"source": "raw.orders", "file": "raw.orders.parquet", "rows": 9000, "bytes": 123456, "hash": "...",
//               "columns": [{"name": "order_id", "type": "BIGINT"}, ...], "hex": ["note"]}],
//    "hash": "..."}
//
// `log_hash` is that of the log up to `last` (ExtendLogHash); a file's `hash`, and at the end that of the manifest
// without it, are XXH3-128. A file is checked against size and hash before its first use, so that a damaged one is
// named and refused. `hex`: text columns with bytes that Parquet's readers refuse, written in hexadecimal; quarantined
// rows need not be UTF-8. When a row was available is no column: it follows from its arrival and from what the
// definitions say of delays, and those may change.
//
// Decoded again, the entries are the log's, byte by byte: an export reads its segment back before it writes the
// manifest (engine/event_export.h). So everything that reads the log gets the same from here.
//
// Thread-safe. One process has the folder at a time.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/column.h"
#include "features/online/event_log.h"
#include "online_store/store.h"
#include "warehouse/database.h"

namespace headrace {

struct SegmentFile {
  std::string source;
  std::string name;  // in the segment's folder
  int64_t rows = 0;
  int64_t bytes = 0;
  std::string hash;
  Schema columns;                // of the source
  std::vector<std::string> hex;  // of those
};

struct Segment {
  std::string folder;
  uint64_t first = 0;
  uint64_t last = 0;
  std::string log_hash;
  std::vector<SegmentFile> files;
};

// The columns of a segment's file, of a source's: those, and behind them the kPlaceColumns that say where a row stood.
inline constexpr size_t kPlaceColumns = 4;
Schema SegmentColumns(Schema of_source);

// The hash of a log with one entry more. Entries with the same content give the same hash, however they were encoded.
StatusOr<std::string> ExtendLogHash(const std::string& hash, std::string_view entry);
std::string ExtendLogHash(const std::string& hash, const std::vector<LoggedRequest>& requests);

class EventSegments {
 public:
  // Reads the manifests; no folder is no segments. kDataLoss names the manifest that is damaged, or what is missing.
  static StatusOr<std::unique_ptr<EventSegments>> Open(const std::string& folder);

  uint64_t LastPosition() const;  // 0: nothing was exported
  int64_t Bytes() const;          // of all files
  std::vector<Segment> List() const;

  // The last position at or before `until` up to which the log's hash is known, and the hash; 0 and "" at the least.
  std::pair<uint64_t, std::string> KnownLogHash(uint64_t until) const;

  // Entries after `after`, in order, up to LastPosition().
  Status ReadLog(uint64_t after, const OnlineStore::LogVisitor& visitor);

  // A new segment, of the entries after LastPosition() up to `last`. `rows`: by source, the columns of a segment's
  // file. `log_hash`: of the log up to `last`; kDataLoss, with nothing exported, if what was written does not give it.
  Status Add(uint64_t last, const std::map<std::string, RecordBatch>& rows, const std::string& log_hash);

  // Reads every file against its size and hash: kDataLoss, naming it.
  Status Verify();

  // Removes what a crash has left of a segment without a manifest.
  Status RemoveLeftovers();

  std::mutex& export_mutex() { return export_mutex_; }  // held by who exports

 private:
  explicit EventSegments(std::string folder) : folder_(std::move(folder)) {}
  Status ReadSegment(const Segment& segment, uint64_t after, const OnlineStore::LogVisitor& visitor);
  StatusOr<RecordBatch> ReadRows(const Segment& segment, const SegmentFile& file, uint64_t after);
  Status CheckFileOnce(const Segment& segment, const SegmentFile& file);
  Status CheckReadBack(const Segment& segment, const std::string& log_hash);

  const std::string folder_;
  std::mutex export_mutex_;
  mutable std::mutex mutex_;
  std::vector<Segment> segments_;
  std::set<std::string> checked_;  // files that are what their manifest says
  std::unique_ptr<Database> reader_;
};

}  // namespace headrace
