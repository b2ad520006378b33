#include "features/online/timing_wheel.h"

#include <algorithm>
#include <deque>
#include <map>
#include <random>
#include <set>

#include "gtest/gtest.h"

namespace headrace {
namespace {

constexpr DurationUs kSpan = 3200;
constexpr DurationUs kBucket = 128;          // 1/32 of it, to a power of two
constexpr DurationUs kTurn = 128 * kBucket;  // of the wheel

using Entries = std::set<TimingWheel::Entry*>;

Entries TakeAll(TimingWheel* wheel, TimestampUs now, size_t most) {
  Entries all;
  while (true) {
    const std::vector<TimingWheel::Entry*> taken = wheel->TakeDue(now, most);
    for (TimingWheel::Entry* entry : taken) EXPECT_TRUE(all.insert(entry).second);
    EXPECT_LE(taken.size(), most);
    if (taken.size() < most) return all;
  }
}

TEST(TimingWheelTest, NoneIsTakenBeforeItIsDueNorLongAfter) {
  TimingWheel wheel(kSpan);
  EXPECT_TRUE(wheel.TakeDue(10'000, 1).empty());
  TimingWheel::Entry soon;
  TimingWheel::Entry late;
  TimingWheel::Entry never;
  wheel.Schedule(&soon, 10'500);
  wheel.Schedule(&late, 10'000 + 5 * kTurn);
  wheel.Schedule(&never, kMaxTimestampUs);
  EXPECT_TRUE(wheel.TakeDue(10'500, 10).empty());
  EXPECT_EQ(TakeAll(&wheel, 10'500 + kBucket, 10), Entries{&soon});
  EXPECT_TRUE(wheel.TakeDue(10'000 + kTurn / 2, 10).empty());
  EXPECT_EQ(TakeAll(&wheel, 10'000 + 2 * kTurn, 10), Entries{&late});  // early, since it is behind the last bucket
  EXPECT_TRUE(wheel.TakeDue(kMaxTimestampUs - 1, 10).empty());
  EXPECT_EQ(wheel.size(), 1);
}

TEST(TimingWheelTest, WhatIsDueInThePastIsTakenNext) {
  TimingWheel wheel(kSpan);
  EXPECT_TRUE(wheel.TakeDue(1'000'000, 1).empty());
  TimingWheel::Entry entry;
  wheel.Schedule(&entry, kMinTimestampUs);
  EXPECT_TRUE(wheel.TakeDue(500'000, 10).empty());
  EXPECT_EQ(TakeAll(&wheel, 1'000'000 + kBucket, 10), Entries{&entry});
}

TEST(TimingWheelTest, AllHaveTheirTurn) {
  TimingWheel wheel(kSpan);
  EXPECT_EQ(wheel.Next(), nullptr);
  std::deque<TimingWheel::Entry> entries(100);
  for (size_t i = 0; i < entries.size(); ++i)
    wheel.Schedule(&entries[i], i % 10 == 0 ? kMaxTimestampUs : static_cast<TimestampUs>(i) * 1000);
  Entries seen;
  for (size_t i = 0; i < entries.size(); ++i) EXPECT_TRUE(seen.insert(wheel.Next()).second);
  for (size_t i = 0; i < entries.size(); ++i) EXPECT_FALSE(seen.insert(wheel.Next()).second);
}

// Against a list of who is due when.
TEST(TimingWheelTest, AgreesWithAListWhateverComes) {
  std::mt19937_64 random(17);
  for (int round = 0; round < 50; ++round) {
    TimingWheel wheel(kSpan);
    std::deque<TimingWheel::Entry> entries(200);
    std::map<TimingWheel::Entry*, TimestampUs> due;
    TimestampUs now = static_cast<TimestampUs>(random() % 1'000'000) - 500'000;
    TakeAll(&wheel, now, 10);
    for (int step = 0; step < 500; ++step) {
      TimingWheel::Entry* const entry = &entries[random() % entries.size()];
      switch (random() % 8) {
        case 0:
          wheel.Remove(entry);
          due.erase(entry);
          break;
        case 1: {
          now += static_cast<TimestampUs>(random() % (random() % 20 == 0 ? 4 * kTurn : 2 * kBucket));
          for (TimingWheel::Entry* taken : TakeAll(&wheel, now, 1 + random() % 50)) {
            ASSERT_TRUE(due.contains(taken));
            ASSERT_LE(due.at(taken), now);  // none here is behind the last bucket
            due.erase(taken);
          }
          for (const auto& [left, at] : due) ASSERT_GT(at, now - kBucket);
          break;
        }
        case 2:
          wheel.Schedule(entry, kMaxTimestampUs);
          due[entry] = kMaxTimestampUs;
          break;
        default:
          due[entry] = now + static_cast<TimestampUs>(random() % (kTurn - kBucket)) - kSpan;
          wheel.Schedule(entry, due[entry]);
          due[entry] = std::max(due[entry], now);  // in the past: with the present bucket
          if (random() % 4 == 0 && wheel.size() > 0) ASSERT_TRUE(due.contains(wheel.Next()));
      }
      ASSERT_EQ(wheel.size(), due.size());
    }
  }
}

}  // namespace
}  // namespace headrace
