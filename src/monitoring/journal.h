// A journal: numbered records in files of a folder, which survive the process's death as soon as they are written.
//
// Files ("segments") are called by the number of their first record, 00000000000000000001.journal, and are read in that
// order. Integers are little-endian, checksums are CRC-32C.
//
//   segment   "HRPJ0001" | u64 journal id | u64 number of the first record | u32 checksum of the 24 bytes before
//   record    u32 length | u32 checksum of the payload | u64 number | u32 checksum of the 16 bytes before | payload
//
// Numbers begin at 1 and have no gaps from one segment to the next. The record 1 with the payload "abc":
//   03 00 00 00 | b7 3f 4b 36 | 01 00 00 00 00 00 00 00 | 91 f5 ba 43 | 61 62 63
//
// The journal id is drawn at random when a folder gets its first segment: what was derived of one journal can tell it
// from another.
//
// Where a process died within a write(), the last segment ends within a record: such an end is cut off when the journal
// is opened, and so is one of zeros. A last record that is all there but does not fit its checksum can be left by the
// death of the machine, and is cut off if the machine was started again since the journal was last opened
// (base/boot.h). Anything else that does not fit is damage.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace headrace {

// Thread-safe. One process has a folder at a time, which the folder's lock file makes sure of.
class Journal {
 public:
  // Opens the journal of a folder, or begins one. kUnavailable if another process has it; kDataLoss, naming file and
  // byte, for damage.
  static StatusOr<std::unique_ptr<Journal>> Open(const std::string& folder, size_t segment_bytes);
  ~Journal();
  Journal(const Journal&) = delete;
  Journal& operator=(const Journal&) = delete;

  const std::string& id() const { return id_; }  // 16 hexadecimal digits
  uint64_t last_number() const;                  // of the last record; 0 when there was none

  // The records after number `after`, in order. Only before the first Append.
  using Visitor = std::function<Status(uint64_t number, std::string_view payload)>;
  Status Read(uint64_t after, const Visitor& visitor) const;

  // Forgets all records and goes on with number + 1: what was derived of the journal is ahead of it, as it may be after
  // the machine's death. Only before the first Append.
  Status RestartAfter(uint64_t number);

  // Writes records by one write(); gives the number of the first, the others follow it. All of them, or on an error
  // none.
  StatusOr<uint64_t> Append(std::span<const std::string> payloads);

  // Records up to `number` are no longer needed: removes the segments that hold no others, but for the last one.
  Status DropThrough(uint64_t number);

 private:
  struct Segment {
    uint64_t first = 1;
    std::string path;
  };
  Journal(std::string folder, size_t segment_bytes) : folder_(std::move(folder)), segment_bytes_(segment_bytes) {}
  Status Lock();
  Status ListSegments();
  Status CheckSegments();
  Status OpenLast(size_t size);
  Status BeginSegment();
  std::string HeaderOf(uint64_t first) const;

  const std::string folder_;
  const size_t segment_bytes_;
  std::string id_;
  uint64_t id_number_ = 0;
  int lock_fd_ = -1;

  mutable std::mutex mutex_;  // guards what follows
  std::vector<Segment> segments_;
  int fd_ = -1;  // of the last segment
  size_t size_ = 0;
  uint64_t next_ = 1;
  bool broken_ = false;  // a write failed and could not be taken back
};

}  // namespace headrace
