#include "features/online/known_ids.h"

#include <gtest/gtest.h>
#include <malloc.h>

#include <map>
#include <random>
#include <set>

#include "base/status.h"
#include "online_store/memory/memory_store.h"
#include "online_store/testing/borrowed_store.h"

namespace headrace {
namespace {

constexpr TimestampUs kForEver = kMinTimestampUs;

// Ids over a store of their own.
struct TestIds {
  MemoryStore store;
  KnownIds ids{store};

  bool Add(std::string_view id, TimestampUs arrival, TimestampUs oldest) {
    const StatusOr<bool> is_new = ids.Add(id, arrival, oldest);
    EXPECT_TRUE(is_new.ok()) << is_new.status();
    return is_new.ok() && *is_new;
  }
  void SetHistory(const std::set<std::string>& of, size_t memory_bytes = 1 << 20) {
    auto history = std::make_shared<HistoryIds>(store, memory_bytes);
    for (const std::string& id : of) history->Add(id);
    history->Finish();
    EXPECT_EQ(history->size(), of.size());
    ids.SetHistory(std::move(history));
  }
  std::map<std::string, TimestampUs> All(TimestampUs oldest) const {
    std::map<std::string, TimestampUs> all;
    const Status status = ids.Visit(oldest, [&](std::string_view id, TimestampUs arrival) {
      TimestampUs& known = all.try_emplace(std::string(id), arrival).first->second;
      known = std::max(known, arrival);
    });
    EXPECT_TRUE(status.ok()) << status;
    return all;
  }
  size_t StoredStates() const {
    size_t states = 0;
    const auto count = [&](std::string_view, std::string_view) { return ++states, absl::OkStatus(); };
    EXPECT_TRUE(store.ReadStates(IdShelf::kAllShelves, count).ok());
    return states;
  }
};

TEST(KnownIdsTest, ARepeatedIdIsNotNew) {
  TestIds known;
  KnownIds& ids = known.ids;
  EXPECT_TRUE(known.Add("a", 1, kForEver));
  EXPECT_TRUE(known.Add("b", 1, kForEver));
  EXPECT_FALSE(known.Add("a", 2, kForEver));
  EXPECT_TRUE(known.Add("", 2, kForEver));
  EXPECT_FALSE(known.Add("", 3, kForEver));
  EXPECT_EQ(ids.size(), 3u);
}

TEST(KnownIdsTest, Rule8PushedIdsAreUnknownAfterTheirRetentionIdsOfHistoryNever) {
  TestIds known;
  KnownIds& ids = known.ids;
  known.SetHistory({"h"});
  EXPECT_TRUE(known.Add("p", 100, 0));
  EXPECT_FALSE(known.Add("p", 200, 100));  // arrived at the oldest instant that counts
  EXPECT_TRUE(known.Add("p", 201, 101));   // one later, freed or not
  EXPECT_FALSE(known.Add("p", 301, 201));  // from its second arrival on
  EXPECT_FALSE(known.Add("h", 1'000'000, 999'999));
}

TEST(KnownIdsTest, Rule8WhatWasPushedIsKnownAlsoWhenHistoryHasItNoMore) {
  TestIds known;
  KnownIds& ids = known.ids;
  known.SetHistory({"a"});
  ids.Remember("a", 100);
  known.SetHistory({});
  EXPECT_FALSE(known.Add("a", 200, 100));
  EXPECT_TRUE(known.Add("a", 201, 101));
}

TEST(KnownIdsTest, ExpireFreesTheOldestAndNoMoreThanAsked) {
  TestIds known;
  KnownIds& ids = known.ids;
  for (int i = 0; i < 10; ++i) known.Add(fmt::format("{}", i), i, kForEver);
  ids.Expire(5, 3);
  EXPECT_EQ(ids.size(), 7u);
  ids.Expire(5, 100);
  EXPECT_EQ(ids.size(), 5u);
  EXPECT_FALSE(known.Add("5", 10, kForEver));
  EXPECT_TRUE(known.Add("4", 10, kForEver));
}

TEST(KnownIdsTest, AnIdThatCameAgainOutlivesItsFirstEntry) {
  TestIds known;
  KnownIds& ids = known.ids;
  known.Add("a", 1, kForEver);
  known.Add("a", 10, 5);
  EXPECT_EQ(ids.size(), 1u);
  ids.Expire(5, 100);
  EXPECT_FALSE(known.Add("a", 11, 5));
}

TEST(KnownIdsTest, WhatWasAddedCanBeTakenBack) {
  TestIds known;
  KnownIds& ids = known.ids;
  known.Add("a", 1, kForEver);
  const KnownIds::Mark mark = ids.CurrentMark();
  for (int i = 0; i < 20'000; ++i) known.Add(fmt::format("id {}", i), 2, kForEver);  // several blocks
  ids.ForgetSince(mark);
  EXPECT_EQ(ids.size(), 1u);
  EXPECT_FALSE(known.Add("a", 3, kForEver));
  EXPECT_TRUE(known.Add("id 7", 3, kForEver));
}

TEST(KnownIdsTest, AnIdMayBeLongerThanABlock) {
  TestIds known;
  KnownIds& ids = known.ids;
  const std::string longest(200'000, 'x');
  EXPECT_TRUE(known.Add("a", 1, kForEver));
  EXPECT_TRUE(known.Add(longest, 1, kForEver));
  EXPECT_TRUE(known.Add(longest + "y", 2, kForEver));
  EXPECT_FALSE(known.Add(longest, 3, kForEver));
  ids.Expire(2, 100);
  EXPECT_EQ(ids.size(), 1u);
}

// Random operations against a map.
TEST(KnownIdsTest, AgreesWithAMap) {
  std::mt19937_64 random(8);
  TestIds known;
  KnownIds& ids = known.ids;
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
        known.SetHistory(history, random() % 2 == 0 ? 0 : 1 << 20);
        continue;
      }
      const auto it = after.find(id);
      const bool is_new = !history.contains(id) && (it == after.end() || it->second < oldest);
      ASSERT_EQ(known.Add(id, now, oldest), is_new) << commit;
      if (is_new) after[id] = now;
    }
    if (random() % 10 == 0) {
      ids.ForgetSince(mark);
    } else {
      pushed = std::move(after);
    }
    if (random() % 3 == 0) ids.Expire(oldest, random() % 40);
    if (random() % 3 == 0) EXPECT_TRUE(ids.Shelve(random() % 30).ok());
    if (commit % 50 > 0) continue;
    std::map<std::string, TimestampUs> expected;
    for (const auto& [id, arrival] : pushed) {
      if (arrival >= oldest) expected[id] = arrival;
    }
    for (const std::string& id : history) expected[id] = kMaxTimestampUs;
    ASSERT_EQ(known.All(oldest), expected) << commit;
  }
}

TEST(KnownIdsTest, MemoryStaysBoundedWhileIdsComeAndExpire) {
  TestIds known;
  KnownIds& ids = known.ids;
  constexpr TimestampUs kRetention = 10'000;
  size_t most = 0;
  for (TimestampUs now = 0; now < 20 * kRetention; ++now) {
    known.Add(fmt::format("{:09}", now), now, now - kRetention);
    ids.Expire(now - kRetention, 2);
    most = std::max(most, ids.bytes());
    ASSERT_LE(ids.size(), kRetention + 2);
  }
  EXPECT_LT(most, kRetention * (12 + 9 + 21) + 3 * (64 << 10));
}

TEST(KnownIdsTest, WhatTheStoreHasTakesNoMemoryAndIsKnown) {
  TestIds known;
  KnownIds& ids = known.ids;
  constexpr int kIds = 200'000;
  size_t most = 0;
  for (int i = 0; i < kIds; ++i) {
    known.Add(fmt::format("{:09}", i), i, kForEver);
    if (ids.size_in_memory() > 1000) ASSERT_TRUE(ids.Shelve(100).ok());
    most = std::max(most, ids.bytes());
  }
  EXPECT_LT(most, 3u * (64 << 10));
  EXPECT_EQ(ids.size(), size_t{kIds});
  EXPECT_EQ(ids.size_in_store() + ids.size_in_memory(), size_t{kIds});
  for (int i = 0; i < kIds; i += 997) EXPECT_FALSE(known.Add(fmt::format("{:09}", i), kIds, kForEver)) << i;
  EXPECT_TRUE(known.Add(fmt::format("{:09}", 7), kIds, 100));  // its first arrival was before 100
  ids.Expire(kIds / 2, 0);
  EXPECT_NEAR(static_cast<double>(ids.size_in_store()), kIds / 2.0, 2000);
}

TEST(KnownIdsTest, AStoreThatTakesNoneLeavesThemInMemory) {
  class FullStore : public BorrowedStore {
   public:
    using BorrowedStore::BorrowedStore;
    Status WriteStates(const std::vector<StateChange>&) override { return Unavailable("no space left"); }
  };
  MemoryStore memory;
  FullStore full(memory);
  KnownIds ids(full);
  auto history = std::make_shared<HistoryIds>(full, 0);
  history->Add("h");
  history->Finish();
  ids.SetHistory(history);
  EXPECT_TRUE(*ids.Add("a", 1, kForEver));
  EXPECT_FALSE(ids.Shelve(10).ok());
  EXPECT_FALSE(*ids.Add("a", 2, kForEver));
  EXPECT_FALSE(*ids.Add("h", 2, kForEver));
  EXPECT_EQ(ids.size(), 2u);
}

TEST(KnownIdsTest, NothingIsLeftInTheStoreOfAHistoryThatIsGone) {
  TestIds known;
  known.SetHistory({"a", "b", "c"}, 0);
  EXPECT_EQ(known.StoredStates(), 3u);
  EXPECT_FALSE(known.Add("b", 1, kForEver));
  known.SetHistory({"d"}, 0);
  EXPECT_EQ(known.StoredStates(), 1u);
  EXPECT_TRUE(known.Add("b", 1, kForEver));
}

TEST(KnownIdsTest, ReportsTheMemoryThatItTakes) {
  const size_t before = ::mallinfo2().uordblks + ::mallinfo2().hblkhd;
  TestIds known;
  KnownIds& ids = known.ids;
  for (int i = 0; i < 1'000'000; ++i) known.Add(fmt::format("{:09}", i), i, kForEver);
  const size_t after = ::mallinfo2().uordblks + ::mallinfo2().hblkhd;
  EXPECT_LT(ids.bytes() / ids.size(), 12u + 9 + 21);
  if (after == before) GTEST_SKIP() << "another allocator";
  EXPECT_NEAR(static_cast<double>(ids.bytes()), static_cast<double>(after - before),
              0.02 * static_cast<double>(after - before));
}

}  // namespace
}  // namespace headrace
