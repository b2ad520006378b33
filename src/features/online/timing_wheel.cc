#include "features/online/timing_wheel.h"

#include <algorithm>
#include <bit>

namespace headrace {
namespace {

// At least 2: numbers of buckets can then be subtracted.
int ShiftFor(DurationUs span) {
  constexpr DurationUs kBucketsOfSpan = 32;
  const auto bucket = static_cast<uint64_t>(std::max<DurationUs>(span, 0) / kBucketsOfSpan);
  return std::max(2, static_cast<int>(std::bit_width(bucket)));
}

}  // namespace

TimingWheel::TimingWheel(DurationUs span) : shift_(ShiftFor(span)), current_(NumberOf(kMinTimestampUs)) {}

void TimingWheel::Schedule(Entry* entry, TimestampUs due) {
  Remove(entry);
  const int64_t last = current_ + static_cast<int64_t>(kBuckets) - 1;
  entry->bucket_ = due == kMaxTimestampUs ? kNeverDue : BucketOf(std::clamp(NumberOf(due), current_, last));
  std::vector<Entry*>& bucket = buckets_[entry->bucket_];
  entry->place_ = static_cast<uint32_t>(bucket.size());
  bucket.push_back(entry);
  ++size_;
}

void TimingWheel::Remove(Entry* entry) {
  if (entry->bucket_ == Entry::kInNone) return;
  std::vector<Entry*>& bucket = buckets_[entry->bucket_];
  bucket[entry->place_] = bucket.back();
  bucket[entry->place_]->place_ = entry->place_;
  bucket.pop_back();
  if (bucket.empty()) bucket = {};  // with its memory
  entry->bucket_ = Entry::kInNone;
  --size_;
}

std::vector<TimingWheel::Entry*> TimingWheel::TakeDue(TimestampUs now, size_t most) {
  std::vector<Entry*> taken;
  const int64_t target = NumberOf(now);
  // After more than a turn all entries are due, in whichever order.
  current_ = std::max(current_, target - static_cast<int64_t>(kBuckets));
  for (; current_ < target; ++current_) {
    const std::vector<Entry*>& bucket = buckets_[BucketOf(current_)];
    while (!bucket.empty()) {
      if (taken.size() == most) return taken;
      taken.push_back(bucket.back());
      Remove(bucket.back());
    }
  }
  return taken;
}

TimingWheel::Entry* TimingWheel::Next() {
  if (size_ == 0) return nullptr;
  turn_place_ = std::min(turn_place_, buckets_[turn_bucket_].size());
  while (turn_place_ == 0) {
    turn_bucket_ = (turn_bucket_ + 1) % buckets_.size();
    turn_place_ = buckets_[turn_bucket_].size();
  }
  return buckets_[turn_bucket_][--turn_place_];
}

}  // namespace headrace
