// Ids in memory, in order of arrival, each findable by its bytes.
//
//   blocks_   [arrival | length | id][arrival | length | id]...   appended at the back, freed at the front, a block
//                 ^                                               at a time
//   refs_     { block and offset }                                a hash set whose elements are compared by the bytes
//                                                                 that they point to
//
// An id costs 12 bytes (4 without an arrival), its own, and 10 to 21 in the hash set (8 and one of control, at a load
// of 7/16 to 7/8). The hash set does not shrink: it stays as large as the most ids that were held at once need.
//
// Not thread-safe.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <string>
#include <string_view>

#include "absl/container/flat_hash_set.h"
#include "base/time.h"

namespace headrace {

// What is told of an id.
using IdVisitor = std::function<void(std::string_view id, TimestampUs arrival)>;

class IdLog {
 public:
  explicit IdLog(bool with_arrivals);
  IdLog(const IdLog&) = delete;
  IdLog& operator=(const IdLog&) = delete;

  // Whether there is an entry of `id` that arrived at or after `oldest`.
  bool Contains(std::string_view id, TimestampUs oldest) const;
  void Append(std::string_view id, TimestampUs arrival);  // an older entry of the same id is found no more

  struct Place {
    uint64_t block = 0;
    size_t offset = 0;
  };
  Place End() const;
  void DropSince(const Place& place);  // what was appended since End() was `place`

  bool empty() const { return blocks_.empty(); }
  TimestampUs FirstArrival() const;  // of the oldest entry; there must be one
  void DropFirst();

  // The first `most` entries, in their order; one whose id came again among them.
  void VisitOldest(size_t most, const IdVisitor& visitor) const;

  // Every id that Contains finds, in no order. The arrival of an id without one is the greatest.
  void Visit(TimestampUs oldest, const IdVisitor& visitor) const;

  size_t size() const { return refs_.size(); }
  size_t bytes() const;  // of blocks and hash set

 private:
  using Ref = uint64_t;  // block number << 32 | offset
  struct Hash {
    using is_transparent = void;
    const IdLog* log;
    size_t operator()(std::string_view id) const { return absl::HashOf(ToAbsl(id)); }
    size_t operator()(Ref ref) const { return (*this)(log->IdAt(ref)); }
  };
  struct Equal {
    using is_transparent = void;
    const IdLog* log;
    bool operator()(Ref a, Ref b) const { return log->IdAt(a) == log->IdAt(b); }
    bool operator()(std::string_view a, Ref b) const { return a == log->IdAt(b); }
    bool operator()(Ref a, std::string_view b) const { return log->IdAt(a) == b; }
  };

  const char* At(Ref ref) const;
  std::string_view IdAt(Ref ref) const;
  TimestampUs ArrivalAt(Ref ref) const;
  size_t EntryBytes(Ref ref) const;
  void EraseRef(Ref ref);  // unless a later entry of the same id has taken its place

  const size_t arrival_bytes_;
  std::deque<std::string> blocks_;
  size_t block_bytes_ = 0;    // capacity of all
  uint64_t first_block_ = 0;  // number of blocks_.front()
  size_t first_offset_ = 0;   // of its first entry
  absl::flat_hash_set<Ref, Hash, Equal> refs_;
};

}  // namespace headrace
