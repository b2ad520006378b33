// Where the online side keeps what must survive: the log of accepted events, and checkpoints of what is derived of it.
//
// The log is the truth: entries of opaque bytes at positions 1, 2, 3, ... An entry that Append has acknowledged
// never changes, and is never lost until it is truncated (by who has it elsewhere). A checkpoint is a set of named
// states together with the position of a log entry up to which they include everything. States are written bit by bit
// before the checkpoint that needs them, so after a crash they may be ahead of it: whoever applies the log's tail to
// them must find what is there already. Thread-safe; one process owns a store.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
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
  virtual uint64_t LastPosition() const = 0;  // of the last entry that was appended; 0: none ever was

  using LogVisitor = std::function<Status(uint64_t position, std::string_view entry)>;
  // Entries after `after`, in order; the visitor may read and write states. kOutOfRange, before anything is visited:
  // some of them were truncated.
  virtual Status ReadLog(uint64_t after, const LogVisitor& visitor) const = 0;

  // Every entry that was appended is on the disk when it returns OK, whatever the store promises otherwise.
  virtual Status Sync() = 0;

  // Frees the entries up to a position, which a checkpoint must include (else kFailedPrecondition). What was written
  // before is on the disk first. Positions go on from where they are, also when no entry is left. A reader that is in
  // the log already goes on seeing what it saw.
  virtual Status Truncate(uint64_t up_to) = 0;
  virtual uint64_t TruncatedPosition() const = 0;  // the last entry that is gone; 0: all are there

  struct StateChange {
    std::string name;
    std::string bytes;
    bool append = false;  // to what the state has; else in its place, and no bytes remove it
  };
  // All of them or, after a crash, none; durable no later than the next checkpoint, and never before the log's entries
  // that were appended before.
  virtual Status WriteStates(const std::vector<StateChange>& changes) = 0;

  struct Checkpoint {
    uint64_t position = 0;                                    // the last log entry that is included
    std::vector<std::pair<std::string, std::string>> states;  // name -> bytes; empty bytes remove the state
  };
  // All of it or, after a crash, none of it.
  virtual Status WriteCheckpoint(const Checkpoint& checkpoint) = 0;
  virtual uint64_t CheckpointPosition() const = 0;  // 0: there is none

  using StateVisitor = std::function<Status(std::string_view name, std::string_view bytes)>;
  // The states whose name begins with `prefix`, by name.
  virtual Status ReadStates(std::string_view prefix, const StateVisitor& visitor) const = 0;
  // The same in any order, by up to so many threads that call the visitor at once, where the store can share them out.
  virtual Status ReadStatesInParallel(std::string_view prefix, int /*threads*/, const StateVisitor& visitor) const {
    return ReadStates(prefix, visitor);
  }

  // The state of exactly this name, if there is one.
  virtual StatusOr<std::optional<std::string>> ReadState(std::string_view name) const = 0;
  // Removes the states whose name begins with `prefix`, as WriteStates does.
  virtual Status DropStates(std::string_view prefix) = 0;

  // Whether a state may go, as nothing asks for it any more. `bytes`: all of it, or a run of the changes that it was
  // appended from, which then goes alone.
  using StateExpired = std::function<bool(std::string_view name, std::string_view bytes)>;
  // From now on states of which this is true are removed as the store comes by, at least once a day. It is called by
  // other threads.
  virtual void SetExpiry(StateExpired expired) = 0;

  // Reads all that is on disk against its checksums: kDataLoss, naming the file.
  virtual Status Verify() const = 0;
  // A store of its own in the new folder `folder`, as this one is at one instant, with all that Append has acknowledged
  // before; may share files that never change. Appends go on meanwhile.
  virtual Status Snapshot(const std::string& folder) const = 0;
};

}  // namespace headrace
