// Where the online side keeps what must survive: the log of accepted events, and checkpoints of what is derived of it.
//
// The log is the truth: entries of opaque bytes at positions 1, 2, 3, ... An entry that Append has acknowledged is
// never lost and never changes. A checkpoint is a set of named states together with the position of the last log
// entry that they include, replaced atomically. Thread-safe; one process owns a store.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/status.h"

namespace headrace {

class OnlineStore {
 public:
  virtual ~OnlineStore() = default;

  // Appends one entry; when it returns OK the entry is as durable as the store promises (on disk, unless it was opened
  // for less). An error means that it is not in the log; only one whose sync failed may be found there by a later
  // opening, if nothing was appended in between.
  virtual StatusOr<uint64_t> Append(std::string_view entry) = 0;
  virtual uint64_t LastPosition() const = 0;  // 0: empty

  using LogVisitor = std::function<Status(uint64_t position, std::string_view entry)>;
  // Entries after `position`, in order.
  virtual Status ReadLog(uint64_t after, const LogVisitor& visitor) const = 0;

  struct Checkpoint {
    uint64_t position = 0;                                    // the last log entry that is included
    std::vector<std::pair<std::string, std::string>> states;  // name -> bytes; empty bytes remove the state
    bool replace_all = false;                                 // first drop every state there is
  };
  // All of it or, after a crash, none of it.
  virtual Status WriteCheckpoint(const Checkpoint& checkpoint) = 0;
  virtual uint64_t CheckpointPosition() const = 0;  // 0: there is none

  using StateVisitor = std::function<Status(std::string_view name, std::string_view bytes)>;
  // The states whose name begins with `prefix`, by name.
  virtual Status ReadStates(std::string_view prefix, const StateVisitor& visitor) const = 0;

  // Reads all that is on disk against its checksums: kDataLoss, naming the file.
  virtual Status Verify() const = 0;
  // A store of its own in the new folder `folder`, as this one is at one instant, with all that Append has acknowledged
  // before; may share files that never change. Appends go on meanwhile.
  virtual Status Snapshot(const std::string& folder) const = 0;
};

}  // namespace headrace
