#include "online_store/rocksdb/periodic_sync.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>

namespace headrace {
namespace {

constexpr DurationUs kHour = 3600 * kUsPerSecond;

// Waits until it holds, a minute at most.
template <typename Condition>
bool Eventually(const Condition& condition) {
  for (int i = 0; i < 60'000; ++i) {
    if (condition()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return false;
}

TEST(PeriodicSyncTest, WhatWasWrittenIsSynced) {
  std::atomic<int> syncs = 0;
  PeriodicSync sync(1000, [&] { return ++syncs, absl::OkStatus(); });
  sync.Wrote();
  EXPECT_TRUE(Eventually([&] { return syncs == 1; }));
  sync.Wrote();
  EXPECT_TRUE(Eventually([&] { return syncs == 2; }));
}

TEST(PeriodicSyncTest, NothingWrittenIsNotSynced) {
  std::atomic<int> syncs = 0;
  {
    PeriodicSync sync(1, [&] { return ++syncs, absl::OkStatus(); });
  }
  EXPECT_EQ(syncs, 0);
}

TEST(PeriodicSyncTest, WritesOfOnePeriodShareASync) {
  std::atomic<int> syncs = 0;
  {
    PeriodicSync sync(kHour, [&] { return ++syncs, absl::OkStatus(); });
    sync.Wrote();
    ASSERT_TRUE(Eventually([&] { return syncs == 1; }));  // nothing had been synced for a period
    for (int i = 0; i < 100; ++i) sync.Wrote();
    EXPECT_EQ(syncs, 1);
  }
  EXPECT_EQ(syncs, 2);  // the last one, at the end
}

TEST(PeriodicSyncTest, AnErrorStaysUntilASyncWorks) {
  std::atomic<bool> broken = true;
  PeriodicSync sync(1, [&] { return broken ? Unavailable("no disk") : absl::OkStatus(); });
  sync.Wrote();
  EXPECT_TRUE(Eventually([&] { return !sync.status().ok(); }));
  EXPECT_EQ(sync.status().code(), absl::StatusCode::kUnavailable);
  broken = false;
  EXPECT_TRUE(Eventually([&] { return sync.status().ok(); }));  // tried again without another write
}

TEST(PeriodicSyncTest, EndsThoughTheDiskFails) {
  PeriodicSync sync(1, [] { return Unavailable("no disk"); });
  sync.Wrote();
}

}  // namespace
}  // namespace headrace
