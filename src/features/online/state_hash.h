// A hash of the online state: equal for equal logs over equal histories, however the state came about.
//
// States in memory are not: when they last forgot, in which order late events came, whether a checkpoint was read or
// the log was applied, all leave traces that no read sees. So what is hashed is what a read can see from one instant
// on, which the log and the last publishing name: the later of the last arrival and the publishing, less `keep`. Of
// each view: every key in the order of its bytes, its events in the order of rule 4 with their times, ingestion
// numbers and slots, value by value. Of each stream: the event ids that the next event is compared with; and the rows
// that are in quarantine, as they were sent. Every part has a hash of its own, so that a difference can be found.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/time.h"

namespace headrace {

struct StateHash {
  struct Part {
    std::string kind;     // "view", "ids" or "quarantine"
    std::string name;     // of the view or the stream
    int64_t entries = 0;  // keys, ids or rows
    int64_t events = 0;   // of a view
    std::string hash;     // SHA-256; of ids 64 bits
  };

  std::string hash;           // SHA-256 of all that follows
  uint64_t log_position = 0;  // of the last entry that is included
  TimestampUs seen_from = 0;  // events that no read from here on sees are not part of it
  std::vector<Part> parts;    // by kind and name
};

}  // namespace headrace
