#include "features/online/known_ids.h"

#include <gtest/gtest.h>
#include <malloc.h>

#include <map>
#include <random>
#include <set>

#include "base/status.h"

namespace headrace {
namespace {

constexpr TimestampUs kForEver = kMinTimestampUs;

std::shared_ptr<const IdLog> History(const std::set<std::string>& ids) {
  auto history = std::make_shared<IdLog>(/*with_arrivals=*/false);
  for (const std::string& id : ids) history->Append(id, 0);
  return history;
}

TEST(KnownIdsTest, ARepeatedIdIsNotNew) {
  KnownIds ids;
  EXPECT_TRUE(ids.Add("a", 1, kForEver));
  EXPECT_TRUE(ids.Add("b", 1, kForEver));
  EXPECT_FALSE(ids.Add("a", 2, kForEver));
  EXPECT_TRUE(ids.Add("", 2, kForEver));
  EXPECT_FALSE(ids.Add("", 3, kForEver));
  EXPECT_EQ(ids.size(), 3u);
}

TEST(KnownIdsTest, Rule8PushedIdsAreUnknownAfterTheirRetentionIdsOfHistoryNever) {
  KnownIds ids;
  ids.SetHistory(History({"h"}));
  EXPECT_TRUE(ids.Add("p", 100, 0));
  EXPECT_FALSE(ids.Add("p", 200, 100));  // arrived at the oldest instant that counts
  EXPECT_TRUE(ids.Add("p", 201, 101));   // one later, freed or not
  EXPECT_FALSE(ids.Add("p", 301, 201));  // from its second arrival on
  EXPECT_FALSE(ids.Add("h", 1'000'000, 999'999));
}

TEST(KnownIdsTest, Rule8WhatWasPushedIsKnownAlsoWhenHistoryHasItNoMore) {
  KnownIds ids;
  ids.SetHistory(History({"a"}));
  ids.Remember("a", 100);
  ids.SetHistory(History({}));
  EXPECT_FALSE(ids.Add("a", 200, 100));
  EXPECT_TRUE(ids.Add("a", 201, 101));
}

TEST(KnownIdsTest, ExpireFreesTheOldestAndNoMoreThanAsked) {
  KnownIds ids;
  for (int i = 0; i < 10; ++i) ids.Add(fmt::format("{}", i), i, kForEver);
  ids.Expire(5, 3);
  EXPECT_EQ(ids.size(), 7u);
  ids.Expire(5, 100);
  EXPECT_EQ(ids.size(), 5u);
  EXPECT_FALSE(ids.Add("5", 10, kForEver));
  EXPECT_TRUE(ids.Add("4", 10, kForEver));
}

TEST(KnownIdsTest, AnIdThatCameAgainOutlivesItsFirstEntry) {
  KnownIds ids;
  ids.Add("a", 1, kForEver);
  ids.Add("a", 10, 5);
  EXPECT_EQ(ids.size(), 1u);
  ids.Expire(5, 100);
  EXPECT_FALSE(ids.Add("a", 11, 5));
}

TEST(KnownIdsTest, WhatWasAddedCanBeTakenBack) {
  KnownIds ids;
  ids.Add("a", 1, kForEver);
  const KnownIds::Mark mark = ids.CurrentMark();
  for (int i = 0; i < 20'000; ++i) ids.Add(fmt::format("id {}", i), 2, kForEver);  // several blocks
  ids.ForgetSince(mark);
  EXPECT_EQ(ids.size(), 1u);
  EXPECT_FALSE(ids.Add("a", 3, kForEver));
  EXPECT_TRUE(ids.Add("id 7", 3, kForEver));
}

TEST(KnownIdsTest, AnIdMayBeLongerThanABlock) {
  KnownIds ids;
  const std::string longest(200'000, 'x');
  EXPECT_TRUE(ids.Add("a", 1, kForEver));
  EXPECT_TRUE(ids.Add(longest, 1, kForEver));
  EXPECT_TRUE(ids.Add(longest + "y", 2, kForEver));
  EXPECT_FALSE(ids.Add(longest, 3, kForEver));
  ids.Expire(2, 100);
  EXPECT_EQ(ids.size(), 1u);
}

// Random operations against a map.
TEST(KnownIdsTest, AgreesWithAMap) {
  std::mt19937_64 random(8);
  KnownIds ids;
  std::set<std::string> history;
  std::map<std::string, TimestampUs> pushed;
  TimestampUs now = 0;
  for (int commit = 0; commit < 2000; ++commit) {
    now += static_cast<int64_t>(random() % 5);
    const TimestampUs oldest = now - 500;
    const KnownIds::Mark mark = ids.CurrentMark();
    std::map<std::string, TimestampUs> after = pushed;
    for (size_t i = random() % 20; i > 0; --i) {
      const uint64_t number = random() % 3000;
      const std::string id = std::string(number % 500, 'z') + std::to_string(number);
      if (random() % 50 == 0) {
        history.insert(id);
        ids.SetHistory(History(history));
        continue;
      }
      const auto it = after.find(id);
      const bool is_new = !history.contains(id) && (it == after.end() || it->second < oldest);
      ASSERT_EQ(ids.Add(id, now, oldest), is_new) << commit;
      if (is_new) after[id] = now;
    }
    if (random() % 10 == 0) {
      ids.ForgetSince(mark);
    } else {
      pushed = std::move(after);
    }
    if (random() % 3 == 0) ids.Expire(oldest, random() % 40);
  }
}

TEST(KnownIdsTest, MemoryStaysBoundedWhileIdsComeAndExpire) {
  KnownIds ids;
  constexpr TimestampUs kRetention = 10'000;
  size_t most = 0;
  for (TimestampUs now = 0; now < 20 * kRetention; ++now) {
    ids.Add(fmt::format("{:09}", now), now, now - kRetention);
    ids.Expire(now - kRetention, 2);
    most = std::max(most, ids.bytes());
    ASSERT_LE(ids.size(), kRetention + 2);
  }
  EXPECT_LT(most, kRetention * (12 + 9 + 21) + 3 * (64 << 10));
}

TEST(KnownIdsTest, ReportsTheMemoryThatItTakes) {
  const size_t before = ::mallinfo2().uordblks + ::mallinfo2().hblkhd;
  KnownIds ids;
  for (int i = 0; i < 1'000'000; ++i) ids.Add(fmt::format("{:09}", i), i, kForEver);
  const size_t after = ::mallinfo2().uordblks + ::mallinfo2().hblkhd;
  EXPECT_LT(ids.bytes() / ids.size(), 12u + 9 + 21);
  if (after == before) GTEST_SKIP() << "another allocator";
  EXPECT_NEAR(static_cast<double>(ids.bytes()), static_cast<double>(after - before),
              0.02 * static_cast<double>(after - before));
}

}  // namespace
}  // namespace headrace
