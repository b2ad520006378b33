// The event ids of one stream that were seen (rule 8): those of history for ever, pushed ones until they have expired.
//
//   in memory (IdLog)   the newest      -- Shelve, the oldest first -->      in the store (IdShelf)
//
// How many are in memory is for the owner to say: one there is found in a tenth of a microsecond, a new one after one
// or two that the store takes to know that it has it not. Nothing is ever swept: Expire looks at the oldest entries
// only.
//
// Not thread-safe.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "features/online/id_log.h"
#include "features/online/id_shelf.h"

namespace headrace {

// Ids of history: of the same arrival for all, the greatest. Once all are added, any number of threads may ask.
class HistoryIds {
 public:
  // The ids take some `memory_bytes`; the others go to the store, which must outlive this.
  HistoryIds(OnlineStore& store, size_t memory_bytes) : memory_bytes_(memory_bytes), shelf_(store) {}

  void Add(std::string_view id);
  void Finish();  // after the last Add

  bool empty() const { return size() == 0; }
  StatusOr<bool> Contains(std::string_view id) const;
  Status Visit(const IdVisitor& visitor) const;
  size_t size() const { return in_memory_.size() + shelf_.size(); }
  size_t size_in_store() const { return shelf_.size(); }
  size_t bytes() const { return in_memory_.bytes(); }  // of memory

 private:
  const size_t memory_bytes_;
  IdLog in_memory_{/*with_arrivals=*/false};
  std::vector<std::pair<std::string, TimestampUs>> to_shelve_;
  IdShelf shelf_;
};

class KnownIds {
 public:
  explicit KnownIds(OnlineStore& store) : shelf_(store) {}  // which must outlive it

  // The ids of history in the place of those that were known as such.
  void SetHistory(std::shared_ptr<const HistoryIds> history) { history_ = std::move(history); }

  // Whether `id` is new: neither in history nor pushed at or after `oldest`. Then it is known as pushed at `arrival`,
  // which must not be before that of an earlier call. An error is the store's.
  StatusOr<bool> Add(std::string_view id, TimestampUs arrival, TimestampUs oldest);

  // `id` was pushed and accepted at `arrival`, as the log says: known as that also while history has it, too, since
  // another history may come that does not.
  void Remember(std::string_view id, TimestampUs arrival) { pushed_.Append(id, arrival); }

  // What Add found new since `mark` was taken, and before any Expire or Shelve, can be taken back.
  using Mark = IdLog::Place;
  Mark CurrentMark() const { return pushed_.End(); }
  void ForgetSince(const Mark& mark) { pushed_.DropSince(mark); }

  // Frees pushed ids that arrived before `oldest`, the oldest first and at most `most` of them. To Add they are unknown
  // whether they were freed or not.
  void Expire(TimestampUs oldest, size_t most);

  // Moves the oldest pushed ids to the store, at most `most` of them. Where it takes none they stay.
  Status Shelve(size_t most);
  const std::string& shelf_prefix() const { return shelf_.prefix(); }

  // Every id that Add would not find new, in no order; those of history with the greatest arrival.
  Status Visit(TimestampUs oldest, const IdVisitor& visitor) const;

  size_t size() const { return (history_ ? history_->size() : 0) + pushed_.size() + shelf_.size(); }
  size_t bytes() const { return (history_ ? history_->bytes() : 0) + pushed_.bytes(); }  // of memory
  size_t size_in_store() const { return (history_ ? history_->size_in_store() : 0) + shelf_.size(); }
  size_t size_in_memory() const { return pushed_.size(); }  // of pushed ones

 private:
  std::shared_ptr<const HistoryIds> history_;  // nullptr: none
  IdLog pushed_{/*with_arrivals=*/true};
  IdShelf shelf_;
};

}  // namespace headrace
