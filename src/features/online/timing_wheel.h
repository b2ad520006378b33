// Who has to be looked at when: entries in buckets by the instant at which they are due, so that those that are due are
// found without a look at any other. A bucket lasts 1/32 to 1/16 of the stated span; what is due after the wheel's last
// bucket waits there, and is taken out early, to be scheduled again.
//
// Source: G. Varghese, T. Lauck, "Hashed and hierarchical timing wheels" (1987); one wheel, whose buckets are arrays.
// Entries belong to the caller, who keeps them in place while they are in the wheel. Not thread-safe.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/time.h"

namespace headrace {

class TimingWheel {
 public:
  class Entry {
   public:
    Entry() = default;
    Entry(const Entry&) = delete;
    Entry& operator=(const Entry&) = delete;

   private:
    friend class TimingWheel;
    static constexpr uint8_t kInNone = 255;
    uint32_t place_ = 0;  // in its bucket
    uint8_t bucket_ = kInNone;
  };

  // `span`: how far ahead most entries are due.
  explicit TimingWheel(DurationUs span);

  // Puts it in the bucket of an instant, wherever it stood before. kMaxTimestampUs: it is never due.
  void Schedule(Entry* entry, TimestampUs due);
  void Remove(Entry* entry);
  // Takes out up to `most` entries whose bucket is over at `now`; fewer than that: they are all. One that is scheduled
  // again before it is called with the same `now` has to be due after it, or is taken out for ever. An earlier `now`
  // than before finds none.
  std::vector<Entry*> TakeDue(TimestampUs now, size_t most);
  // All entries in turn, once around for as many calls as there are entries, more or less while they change; null:
  // there are none.
  Entry* Next();
  size_t size() const { return size_; }

 private:
  static constexpr size_t kBuckets = 128;
  static constexpr uint8_t kNeverDue = kBuckets;  // a bucket beside the wheel

  int64_t NumberOf(TimestampUs instant) const { return instant >> shift_; }
  static uint8_t BucketOf(int64_t number) { return static_cast<uint8_t>(static_cast<uint64_t>(number) % kBuckets); }

  int shift_;        // a bucket lasts 2^shift_ microseconds
  int64_t current_;  // the number of the first bucket; none is due before
  std::array<std::vector<Entry*>, kBuckets + 1> buckets_;
  size_t size_ = 0;
  size_t turn_bucket_ = 0;  // whose turn it is: the entries before this place of this bucket
  size_t turn_place_ = 0;
};

}  // namespace headrace
