// The quarantine: rows that their source refused, kept with the reason until they are sent again.
//
// They are in the log of accepted events (features/online/event_log.h), as requests to two sources of our own:
//
//   source "quarantine.kept"       id | source | index | column | reason | row
//   source "quarantine.released"   id | source
//
// That is why: the good and the bad rows of a request share one log entry, so one fsync makes both durable, and a crash
// keeps both or neither (rule 10). A row that is sent again is released by the very entry that accepts it: whenever the
// process dies, the row is in quarantine or accepted, never both, never neither, with or without an event id. A store
// of its own, or a journal, would need a second fsync and could be ahead of the log or behind it.
//
// `row` is the row as it was sent, byte by byte; it need not be UTF-8, and is bounded by the request's body alone. Who
// truncates the log must carry the rows that are still held over.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "features/online/event_log.h"
#include "features/online/event_parser.h"
#include "online_store/store.h"

namespace headrace {

// No project has a source in this schema.
inline constexpr std::string_view kQuarantineSchema = "quarantine";

struct QuarantinedRow {
  std::string id;      // unique; ids of one request sort by index
  std::string source;  // that refused it: "raw.arrivals"
  TimestampUs received_at = 0;
  BadRow row;
};

// Gives the rows of one request their ids.
std::vector<QuarantinedRow> ToQuarantined(const std::string& source, std::vector<BadRow> rows);

// What the log keeps: rows that come (all of them received at `arrival`), and ids that go.
LoggedRequest LogKept(const std::vector<QuarantinedRow>& rows, TimestampUs arrival);
LoggedRequest LogReleased(const std::string& source, const std::vector<std::string>& ids, TimestampUs arrival);

// The rows that a log holds: its entries are given in order. Not thread-safe.
class QuarantineScan {
 public:
  // An entry without rows of ours costs no decoding.
  Status Add(std::string_view entry);
  // By source, then id.
  std::vector<QuarantinedRow> Finish() &&;

 private:
  std::map<std::pair<std::string, std::string>, QuarantinedRow> held_;  // by source and id
};

// Where in the log the rows are that are held now: about 100 bytes of memory a row, whatever its text. Thread-safe.
class Quarantine {
 public:
  // A request of the log entry at `position`; those of other sources do nothing.
  void Apply(uint64_t position, const LoggedRequest& request);

  bool Holds(const std::string& source, const std::string& id) const;
  std::map<std::string, int64_t> Counts() const;  // held rows by source; a source that had some stays, with 0

  // At most `limit` rows of a source with ids after `after`, by id; their texts come out of the log.
  StatusOr<std::vector<QuarantinedRow>> Read(const OnlineStore& store, const std::string& source,
                                             const std::string& after, size_t limit) const;

 private:
  mutable std::mutex mutex_;
  std::map<std::string, std::map<std::string, uint64_t>> positions_;  // source -> id -> log position
};

}  // namespace headrace
