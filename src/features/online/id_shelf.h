// Ids that the store has in place of memory, each a state of its own whose bytes are its arrival.
//
// They are of this process alone, which remembers ids anew from history and log when it starts: their names begin with
// a prefix that no other shelf ever has, and what others have left is removed (kAllShelves).
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "features/online/id_log.h"
#include "online_store/store.h"

namespace headrace {

class IdShelf {
 public:
  static constexpr std::string_view kAllShelves = "ids/";

  explicit IdShelf(OnlineStore& store);  // which must outlive it
  IdShelf(const IdShelf&) = delete;
  IdShelf& operator=(const IdShelf&) = delete;
  ~IdShelf();

  const std::string& prefix() const { return prefix_; }
  // Whether a state of a shelf is of an id that arrived before `oldest`.
  static bool ArrivedBefore(std::string_view bytes, TimestampUs oldest);

  // All or none; the arrivals ascend, and go on from those of earlier calls.
  Status Put(const std::vector<std::pair<std::string, TimestampUs>>& ids);
  // Whether `id` is here, and arrived at or after `oldest`.
  StatusOr<bool> Contains(std::string_view id, TimestampUs oldest) const;
  Status Visit(TimestampUs oldest, const IdVisitor& visitor) const;
  // Counts no more what arrived before; the store removes it when it comes by.
  void Expire(TimestampUs oldest);

  size_t size() const { return size_; }

 private:
  OnlineStore& store_;
  const std::string prefix_;
  struct Row {
    TimestampUs last_arrival;
    size_t ids;
  };
  std::deque<Row> rows_;  // what Put brought, the oldest first
  size_t size_ = 0;
};

}  // namespace headrace
