// Both stores keep the same promises; RocksDB's also across being closed and opened.
#include "online_store/store.h"

#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <random>
#include <thread>

#include "online_store/memory/memory_store.h"
#include "online_store/rocksdb/rocksdb_store.h"
#include "online_store/testing/faulty_disk.h"

namespace headrace {
namespace {

class Folder {
 public:
  Folder()
      : path_(::testing::TempDir() + "online_store_" +
              ::testing::UnitTest::GetInstance()->current_test_info()->name()) {
    std::filesystem::remove_all(path_);
    std::filesystem::create_directories(path_);
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

std::unique_ptr<OnlineStore> OpenOrDie(const std::string& folder) {
  StatusOr<std::unique_ptr<OnlineStore>> store = OpenRocksDbStore(folder);
  EXPECT_TRUE(store.ok()) << store.status();
  return *std::move(store);
}

std::vector<std::string> LogOf(const OnlineStore& store, uint64_t after) {
  std::vector<std::string> entries;
  EXPECT_TRUE(store
                  .ReadLog(after,
                           [&](uint64_t position, std::string_view entry) {
                             entries.push_back(fmt::format("{}:{}", position, entry));
                             return absl::OkStatus();
                           })
                  .ok());
  return entries;
}

std::vector<std::string> StatesOf(const OnlineStore& store, std::string_view prefix) {
  std::vector<std::string> states;
  EXPECT_TRUE(store
                  .ReadStates(prefix,
                              [&](std::string_view name, std::string_view bytes) {
                                states.push_back(fmt::format("{}={}", name, bytes));
                                return absl::OkStatus();
                              })
                  .ok());
  return states;
}

void FillAndExpect(OnlineStore& store) {
  EXPECT_EQ(*store.Append("a"), 1u);
  EXPECT_EQ(*store.Append("b"), 2u);
  EXPECT_TRUE(store.WriteCheckpoint({2, {{"v/x", "1"}, {"v/y", "2"}, {"w/x", "3"}}}).ok());
  EXPECT_EQ(*store.Append("c"), 3u);
  EXPECT_TRUE(store.WriteCheckpoint({3, {{"v/x", ""}, {"v/y", "4"}}}).ok());
}

void ExpectFilled(const OnlineStore& store) {
  EXPECT_EQ(store.LastPosition(), 3u);
  EXPECT_EQ(store.CheckpointPosition(), 3u);
  EXPECT_EQ(LogOf(store, 1), (std::vector<std::string>{"2:b", "3:c"}));
  EXPECT_EQ(StatesOf(store, "v/"), (std::vector<std::string>{"v/y=4"}));
  EXPECT_EQ(StatesOf(store, ""), (std::vector<std::string>{"v/y=4", "w/x=3"}));
}

// Whether the states of which `expired` is true go, while checkpoints are written.
bool StatesExpire(OnlineStore& store, const OnlineStore::StateExpired& expired) {
  EXPECT_TRUE(store.WriteStates({{"old/a", "x", false}, {"old/b", "x", true}, {"new/a", "y", false}}).ok());
  EXPECT_TRUE(store.WriteStates({{"old/b", "x", true}, {"new/b", "x", true}}).ok());
  store.SetExpiry(expired);
  for (int i = 0; i < 200 && !StatesOf(store, "old/a").empty(); ++i) {
    EXPECT_TRUE(store.WriteStates({{"old/c", "x", true}, {"new/b", i % 2 == 0 ? "y" : "x", true}}).ok());
    EXPECT_TRUE(store.WriteCheckpoint({0, {{"meta", "m"}}}).ok());
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  EXPECT_EQ(StatesOf(store, "new/a"), (std::vector<std::string>{"new/a=y"}));
  EXPECT_EQ(StatesOf(store, "meta"), (std::vector<std::string>{"meta=m"}));
  const StatusOr<std::optional<std::string>> mixed = store.ReadState("new/b");
  EXPECT_TRUE(mixed.ok() && mixed->has_value() && (*mixed)->find('y') != std::string::npos);
  return StatesOf(store, "old/a").empty() && StatesOf(store, "old/b").empty();
}

TEST(OnlineStoreTest, StatesThatNobodyAsksForGo) {
  const auto all_x = [](std::string_view, std::string_view bytes) {
    return bytes.find_first_not_of('x') == std::string_view::npos;
  };
  MemoryStore in_memory;
  EXPECT_TRUE(StatesExpire(in_memory, all_x));
  const Folder folder;
  {
    const std::unique_ptr<OnlineStore> on_disk = OpenOrDie(folder.path());
    EXPECT_TRUE(StatesExpire(*on_disk, all_x));
  }
  const std::unique_ptr<OnlineStore> again = OpenOrDie(folder.path());
  EXPECT_TRUE(StatesOf(*again, "old/a").empty());
  EXPECT_EQ(StatesOf(*again, "new/a"), (std::vector<std::string>{"new/a=y"}));
}

TEST(OnlineStoreTest, MemoryKeepsLogAndCheckpoint) {
  MemoryStore store;
  FillAndExpect(store);
  ExpectFilled(store);
}

TEST(OnlineStoreTest, RocksDbKeepsLogAndCheckpointAcrossReopening) {
  const Folder folder;
  {
    const std::unique_ptr<OnlineStore> store = OpenOrDie(folder.path());
    FillAndExpect(*store);
    ExpectFilled(*store);
  }
  const std::unique_ptr<OnlineStore> store = OpenOrDie(folder.path());
  ExpectFilled(*store);
  EXPECT_EQ(*store->Append("d"), 4u);
}

void ChangeStatesAndExpect(OnlineStore& store) {
  EXPECT_TRUE(store.WriteStates({{"a", "1", false}, {"b", "2", true}, {"c", "3", false}}).ok());
  EXPECT_TRUE(store.WriteStates({{"a", "x", true}, {"a", "yz", true}, {"b", "", false}, {"c", "4", false}}).ok());
  EXPECT_EQ(store.CheckpointPosition(), 0u);
  EXPECT_EQ(StatesOf(store, ""), (std::vector<std::string>{"a=1xyz", "c=4"}));
  EXPECT_TRUE(store.WriteStates({{"a", "!", true}, {"b", "5", true}}).ok());
  EXPECT_EQ(StatesOf(store, ""), (std::vector<std::string>{"a=1xyz!", "b=5", "c=4"}));
}

TEST(OnlineStoreTest, StatesAreReplacedAppendedToAndRemoved) {
  MemoryStore memory;
  ChangeStatesAndExpect(memory);
  const Folder folder;
  ChangeStatesAndExpect(*OpenOrDie(folder.path()));
  const std::unique_ptr<OnlineStore> store = OpenOrDie(folder.path());
  EXPECT_EQ(StatesOf(*store, ""), (std::vector<std::string>{"a=1xyz!", "b=5", "c=4"}));
  EXPECT_TRUE(store->WriteStates({{"a", "?", true}}).ok());
  EXPECT_EQ(StatesOf(*store, "a"), (std::vector<std::string>{"a=1xyz!?"}));
}

// Names may go on with any byte, and a prefix may be part of another.
void DropStatesAndExpect(OnlineStore& store) {
  const std::string highest = "a/" + std::string(9, '\xFF');
  EXPECT_TRUE(
      store.WriteStates({{"a/", "1"}, {"a/x", "2"}, {highest, "3"}, {"a", "4"}, {"a0", "5"}, {"b/", "6"}}).ok());
  EXPECT_EQ(**store.ReadState(highest), "3");
  EXPECT_EQ(*store.ReadState("a/y"), std::nullopt);
  EXPECT_TRUE(store.DropStates("a/").ok());
  EXPECT_EQ(*store.ReadState(highest), std::nullopt);
  EXPECT_EQ(StatesOf(store, ""), (std::vector<std::string>{"a=4", "a0=5", "b/=6"}));
  EXPECT_TRUE(store.WriteStates({{"a/x", "7", true}}).ok());
  EXPECT_EQ(**store.ReadState("a/x"), "7");
  EXPECT_TRUE(store.DropStates("").ok());
  EXPECT_EQ(StatesOf(store, ""), std::vector<std::string>());
}

TEST(OnlineStoreTest, StatesAreReadByTheirNameAndDroppedByItsBeginning) {
  MemoryStore memory;
  DropStatesAndExpect(memory);
  const Folder folder;
  DropStatesAndExpect(*OpenOrDie(folder.path()));
}

std::vector<std::string> StatesOfThreads(const OnlineStore& store, std::string_view prefix) {
  std::vector<std::string> states;
  std::mutex mutex;
  const Status read = store.ReadStatesInParallel(prefix, 3, [&](std::string_view name, std::string_view bytes) {
    const std::lock_guard lock(mutex);
    states.push_back(fmt::format("{}={}", name, bytes));
    return absl::OkStatus();
  });
  EXPECT_TRUE(read.ok()) << read;
  std::sort(states.begin(), states.end());
  return states;
}

// Each once, whatever the files are that they lie in: files that begin anywhere, among names that only begin alike.
void ReadByThreadsAndExpect(OnlineStore& store) {
  std::mt19937_64 random(5);
  EXPECT_TRUE(store.WriteStates({{"a", "1"}, {"a/", "2"}, {"a0", "3"}, {"b/", "4"}}).ok());
  for (int round = 0; round < 8; ++round) {
    const uint64_t from = random() % 200;
    std::vector<OnlineStore::StateChange> changes;
    for (int i = 0; i < 50; ++i) {
      std::string name = {'a', '/', static_cast<char>(from + random() % 56)};
      for (uint64_t length = random() % 3; length > 0; --length) name += static_cast<char>(random());
      changes.push_back({name, "x", random() % 2 == 0});
    }
    EXPECT_TRUE(store.WriteStates(changes).ok());
    EXPECT_TRUE(store.WriteCheckpoint({0, {}}).ok());  // a file of its own
    for (const std::string_view prefix : {"", "a", "a/", "a/b", "b/", "c"}) {
      std::vector<std::string> expected = StatesOf(store, prefix);
      std::sort(expected.begin(), expected.end());
      EXPECT_EQ(StatesOfThreads(store, prefix), expected);
    }
  }
  const auto refuse = [](std::string_view, std::string_view) { return absl::CancelledError(); };
  EXPECT_TRUE(absl::IsCancelled(store.ReadStatesInParallel("a", 3, refuse)));
  EXPECT_TRUE(store.ReadStatesInParallel("c", 3, refuse).ok());
}

TEST(OnlineStoreTest, StatesAreReadBySeveralThreads) {
  MemoryStore memory;
  ReadByThreadsAndExpect(memory);
  const Folder folder;
  ReadByThreadsAndExpect(*OpenOrDie(folder.path()));
}

void TruncateAndExpect(OnlineStore& store) {
  FillAndExpect(store);
  EXPECT_EQ(*store.Append("d"), 4u);
  EXPECT_EQ(store.Truncate(4).code(), absl::StatusCode::kFailedPrecondition);  // the checkpoint includes 3
  EXPECT_EQ(LogOf(store, 0).size(), 4u);
  EXPECT_TRUE(store.Truncate(2).ok());
  EXPECT_TRUE(store.Truncate(1).ok());  // as it is already
}

void ExpectTruncated(const OnlineStore& store) {
  EXPECT_EQ(store.TruncatedPosition(), 2u);
  EXPECT_EQ(store.LastPosition(), 4u);
  EXPECT_EQ(store.CheckpointPosition(), 3u);
  EXPECT_EQ(LogOf(store, 2), (std::vector<std::string>{"3:c", "4:d"}));
  int visited = 0;
  for (const uint64_t after : {0, 1}) {
    EXPECT_EQ(store.ReadLog(after, [&](uint64_t, std::string_view) { return ++visited, absl::OkStatus(); }).code(),
              absl::StatusCode::kOutOfRange);
  }
  EXPECT_EQ(visited, 0);
  EXPECT_EQ(StatesOf(store, ""), (std::vector<std::string>{"v/y=4", "w/x=3"}));
}

TEST(OnlineStoreTest, MemoryTruncatesBehindTheCheckpointOnly) {
  MemoryStore store;
  TruncateAndExpect(store);
  ExpectTruncated(store);
}

TEST(OnlineStoreTest, RocksDbTruncatesBehindTheCheckpointOnlyAcrossReopening) {
  const Folder folder;
  {
    const std::unique_ptr<OnlineStore> store = OpenOrDie(folder.path());
    TruncateAndExpect(*store);
    ExpectTruncated(*store);
  }
  ExpectTruncated(*OpenOrDie(folder.path()));
  ExpectTruncated(**OpenRocksDbStore(folder.path(), {.read_only = true}));
}

void TruncateAllAndExpect(OnlineStore& store) {
  FillAndExpect(store);
  EXPECT_TRUE(store.Truncate(3).ok());
  EXPECT_EQ(LogOf(store, 3), (std::vector<std::string>{}));
}

TEST(OnlineStoreTest, PositionsGoOnThoughTheLogIsEmpty) {
  const Folder folder;
  MemoryStore memory;
  TruncateAllAndExpect(memory);
  EXPECT_EQ(*memory.Append("d"), 4u);
  { TruncateAllAndExpect(*OpenOrDie(folder.path())); }
  const std::unique_ptr<OnlineStore> store = OpenOrDie(folder.path());
  EXPECT_EQ(store->LastPosition(), 3u);
  EXPECT_EQ(store->ReadLog(0, [](uint64_t, std::string_view) { return absl::OkStatus(); }).code(),
            absl::StatusCode::kOutOfRange);
  EXPECT_EQ(*store->Append("d"), 4u);
  EXPECT_EQ(LogOf(*store, 3), (std::vector<std::string>{"4:d"}));
}

TEST(OnlineStoreTest, AReaderGoesOnWhileTheLogIsTruncated) {
  const Folder folder;
  const std::unique_ptr<OnlineStore> store = OpenOrDie(folder.path());
  FillAndExpect(*store);
  std::string seen;
  EXPECT_TRUE(store
                  ->ReadLog(0,
                            [&](uint64_t, std::string_view entry) {
                              seen += entry;
                              return store->Truncate(3);
                            })
                  .ok());
  EXPECT_EQ(seen, "abc");
}

TEST(OnlineStoreTest, TruncationGivesTheSpaceBack) {
  const Folder folder;
  const std::unique_ptr<OnlineStore> store = OpenOrDie(folder.path());
  const auto bytes = [&] {
    uintmax_t sum = 0;
    for (const auto& entry : std::filesystem::directory_iterator(folder.path()))
      sum += entry.path().extension() == ".sst" ? entry.file_size() : 0;
    return sum;
  };
  for (char c = 'a'; c <= 'z'; ++c) {
    std::string entry(5 << 20, c);
    for (size_t i = 0; i < entry.size(); ++i) entry[i] ^= static_cast<char>(i * i >> 7);  // no compression worth it
    ASSERT_TRUE(store->Append(entry).ok());
  }
  ASSERT_TRUE(store->WriteCheckpoint({26, {}}).ok());
  ASSERT_TRUE(store->Truncate(26).ok());
  EXPECT_LT(bytes(), 10u << 20);
}

TEST(OnlineStoreTest, TheWriteAheadLogsOfTruncatedEntriesGo) {
  const Folder folder;
  const std::unique_ptr<OnlineStore> store = OpenOrDie(folder.path());
  const auto bytes = [&] {
    uintmax_t sum = 0;
    for (const auto& entry : std::filesystem::directory_iterator(folder.path())) {
      std::error_code gone;
      const uintmax_t size = entry.file_size(gone);
      sum += entry.path().extension() == ".log" && !gone ? size : 0;
    }
    return sum;
  };
  for (uint64_t round = 1; round <= 4; ++round) {
    for (int i = 0; i < 4; ++i) ASSERT_TRUE(store->Append(std::string(5 << 20, 'a')).ok());
    ASSERT_TRUE(store->WriteStates({{.name = "s", .bytes = "b"}}).ok());
    ASSERT_TRUE(store->WriteCheckpoint({4 * round, {}}).ok());
    ASSERT_TRUE(store->Truncate(4 * round).ok());
  }
  // RocksDB removes them from a thread of its own.
  for (int i = 0; i < 1000 && bytes() > 30u << 20; ++i) std::this_thread::sleep_for(std::chrono::milliseconds(10));
  EXPECT_LT(bytes(), 30u << 20);
}

TEST(OnlineStoreTest, ASecondOwnerIsRefused) {
  const Folder folder;
  const std::unique_ptr<OnlineStore> store = OpenOrDie(folder.path());
  EXPECT_EQ(OpenRocksDbStore(folder.path()).status().code(), absl::StatusCode::kUnavailable);
}

TEST(OnlineStoreTest, ReadOnlyWithoutAStoreIsNotFound) {
  const Folder folder;
  EXPECT_EQ(OpenRocksDbStore(folder.path(), {.read_only = true}).status().code(), absl::StatusCode::kNotFound);
}

TEST(OnlineStoreTest, ADamagedFileIsRefused) {
  const Folder folder;
  { FillAndExpect(*OpenOrDie(folder.path())); }
  for (const auto& entry : std::filesystem::directory_iterator(folder.path())) {
    if (!entry.path().filename().string().starts_with("MANIFEST")) continue;
    std::fstream file(entry.path(), std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(20);
    file.put('\x7F');
  }
  EXPECT_FALSE(OpenRocksDbStore(folder.path()).ok());
}

// What is acknowledged, and what of it survives, under each fsync policy.
class FsyncTest : public ::testing::Test {
 protected:
  std::unique_ptr<OnlineStore> Open(const std::string& folder, const std::string& fsync) {
    RocksDbStoreOptions options;
    options.fsync = *ParseFsyncPolicy(fsync);
    options.env = env_.get();
    StatusOr<std::unique_ptr<OnlineStore>> store = OpenRocksDbStore(folder, options);
    EXPECT_TRUE(store.ok()) << store.status();
    return *std::move(store);
  }

  // The log after the machine died now and came back with the same policy.
  std::vector<std::string> LogAfterPowerCut(const std::string& fsync, bool garbage = false) {
    const std::string copy = fmt::format("{}_cut{}", folder_.path(), cuts_++);
    std::filesystem::remove_all(copy);
    disk_->CutPower(folder_.path(), copy, garbage);
    std::vector<std::string> log = LogOf(*Open(copy, fsync), 0);
    std::filesystem::remove_all(copy);
    return log;
  }

  bool Eventually(const std::function<bool()>& condition) {
    for (int i = 0; i < 15'000; ++i) {
      if (condition()) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return false;
  }

  const Folder folder_;
  const std::shared_ptr<FaultyDisk> disk_ = std::make_shared<FaultyDisk>();
  const std::unique_ptr<rocksdb::Env> env_ = rocksdb::NewCompositeEnv(disk_);
  int cuts_ = 0;
};

TEST_F(FsyncTest, AlwaysLosesNothingWithTheMachine) {
  const std::unique_ptr<OnlineStore> store = Open(folder_.path(), "always");
  const int before = disk_->wal_syncs;
  ASSERT_TRUE(store->Append("a").ok());
  ASSERT_TRUE(store->Append("b").ok());
  EXPECT_EQ(disk_->wal_syncs, before + 2);
  EXPECT_EQ(LogAfterPowerCut("always"), (std::vector<std::string>{"1:a", "2:b"}));
}

TEST_F(FsyncTest, EveryDoesNotWaitAndLosesAtMostThePeriod) {
  const std::unique_ptr<OnlineStore> store = Open(folder_.path(), "every 1h");
  ASSERT_TRUE(store->Append("a").ok());  // nothing was synced for a period: synced at once, by the thread
  ASSERT_TRUE(Eventually([&] { return LogAfterPowerCut("every 1h").size() == 1; }));
  const int before = disk_->wal_syncs;
  ASSERT_TRUE(store->Append("b").ok());
  EXPECT_EQ(disk_->wal_syncs, before);
  EXPECT_EQ(LogAfterPowerCut("every 1h"), (std::vector<std::string>{"1:a"}));
}

TEST_F(FsyncTest, EverySyncsWithinThePeriod) {
  const std::unique_ptr<OnlineStore> store = Open(folder_.path(), "every 10ms");
  for (uint64_t n = 1; n <= 5; ++n) {
    ASSERT_TRUE(store->Append("x").ok());
    EXPECT_TRUE(Eventually([&] { return LogAfterPowerCut("every 10ms").size() == n; }));
  }
}

TEST_F(FsyncTest, EverySyncsWhatIsLeftAtTheEnd) {
  {
    const std::unique_ptr<OnlineStore> store = Open(folder_.path(), "every 1h");
    for (int i = 0; i < 3; ++i) ASSERT_TRUE(store->Append("x").ok());
  }
  EXPECT_EQ(LogAfterPowerCut("every 1h").size(), 3u);
}

TEST_F(FsyncTest, OsNeverSyncsAndMayLoseAllThatWasNotWritten) {
  const std::unique_ptr<OnlineStore> store = Open(folder_.path(), "os");
  const int before = disk_->wal_syncs;
  ASSERT_TRUE(store->Append("a").ok());
  EXPECT_EQ(disk_->wal_syncs, before);
  EXPECT_TRUE(LogAfterPowerCut("os").empty());
}

TEST_F(FsyncTest, NoPolicyLosesAnythingWithTheProcess) {
  for (const std::string fsync : {"always", "every 1h", "os"}) {
    const std::string folder = folder_.path() + "/p";
    const std::string copy = folder_.path() + "/copy";
    const std::unique_ptr<OnlineStore> store = Open(folder, fsync);
    FillAndExpect(*store);
    std::filesystem::copy(folder, copy);  // what the operating system has, whoever is alive
    std::filesystem::remove(copy + "/LOCK");
    ExpectFilled(*Open(copy, fsync));
    std::filesystem::remove_all(copy);
    std::filesystem::remove_all(folder);
  }
}

TEST_F(FsyncTest, AHoleBehindTheLastSyncEndsTheLog) {
  const std::unique_ptr<OnlineStore> store = Open(folder_.path(), "every 1h");
  ASSERT_TRUE(store->Append("a").ok());
  ASSERT_TRUE(Eventually([&] { return LogAfterPowerCut("every 1h").size() == 1; }));
  ASSERT_TRUE(store->Append(std::string(1000, 'b')).ok());
  ASSERT_TRUE(store->Append("c").ok());
  EXPECT_EQ(LogAfterPowerCut("every 1h", /*garbage=*/true), (std::vector<std::string>{"1:a"}));
}

TEST_F(FsyncTest, ACheckpointIsNeverOnDiskWithoutItsEntries) {
  const std::unique_ptr<OnlineStore> store = Open(folder_.path(), "os");
  ASSERT_TRUE(store->Append("a").ok());
  ASSERT_TRUE(store->WriteCheckpoint({1, {{"v/x", "1"}}}).ok());
  EXPECT_TRUE(LogAfterPowerCut("os").empty());  // and it opens: it has no checkpoint of entry 1
}

TEST_F(FsyncTest, ATruncationIsNeverOnDiskWithoutItsCheckpoint) {
  const std::unique_ptr<OnlineStore> store = Open(folder_.path(), "os");
  FillAndExpect(*store);
  const int before = disk_->wal_syncs;
  ASSERT_TRUE(store->Truncate(2).ok());
  EXPECT_GT(disk_->wal_syncs, before);  // of the checkpoint, before anything is deleted
  const std::string copy = folder_.path() + "_cut";
  std::filesystem::remove_all(copy);
  disk_->CutPower(folder_.path(), copy);
  {
    const std::unique_ptr<OnlineStore> after = Open(copy, "os");
    EXPECT_EQ(after->CheckpointPosition(), 3u);
    EXPECT_EQ(LogOf(*after, after->TruncatedPosition()).back(), "3:c");
  }
  std::filesystem::remove_all(copy);
}

TEST_F(FsyncTest, AFailedSyncRefusesEntriesUntilOneWorks) {
  const std::unique_ptr<OnlineStore> store = Open(folder_.path(), "every 1ms");
  ASSERT_TRUE(store->Append("a").ok());
  disk_->failure = FaultyDisk::Failure::kNoSpace;
  ASSERT_TRUE(Eventually([&] { return !store->Append("b").ok(); }));
  const StatusOr<uint64_t> refused = store->Append("c");
  EXPECT_EQ(refused.status().code(), absl::StatusCode::kUnavailable);
  const uint64_t acknowledged = store->LastPosition();
  EXPECT_EQ(LogOf(*store, 0).size(), acknowledged);  // reads go on

  disk_->failure = FaultyDisk::Failure::kNone;
  StatusOr<uint64_t> taken = refused;
  ASSERT_TRUE(Eventually([&] { return (taken = store->Append("d")).ok(); })) << taken.status();
  EXPECT_EQ(store->LastPosition(), acknowledged + 1);
  EXPECT_TRUE(Eventually([&] { return LogAfterPowerCut("every 1ms").size() == acknowledged + 1; }));
}

TEST_F(FsyncTest, AlwaysTakesEntriesAgainWhenTheDiskHasRoom) {
  const std::unique_ptr<OnlineStore> store = Open(folder_.path(), "always");
  ASSERT_TRUE(store->Append("a").ok());
  disk_->failure = FaultyDisk::Failure::kNoSpace;
  EXPECT_EQ(store->Append("b").status().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(store->Append("b").status().code(), absl::StatusCode::kUnavailable);
  disk_->failure = FaultyDisk::Failure::kNone;
  ASSERT_TRUE(Eventually([&] { return store->Append("c").ok(); }));  // RocksDB looks for room every 5 seconds
  EXPECT_EQ(store->LastPosition(), 2u);
  EXPECT_EQ(LogAfterPowerCut("always"), (std::vector<std::string>{"1:a", "2:c"}));
}

TEST_F(FsyncTest, AfterAnErrorOfTheDiskItselfNothingIsTakenBeforeAnotherStart) {
  for (const std::string fsync : {"always", "every 1ms"}) {
    const std::string folder = folder_.path() + "/broken";
    std::unique_ptr<OnlineStore> store = Open(folder, fsync);
    ASSERT_TRUE(store->Append("a").ok());
    disk_->failure = FaultyDisk::Failure::kBroken;
    ASSERT_TRUE(Eventually([&] { return !store->Append("b").ok(); }));
    disk_->failure = FaultyDisk::Failure::kNone;
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
    EXPECT_EQ(store->Append("c").status().code(), absl::StatusCode::kUnavailable);
    const std::vector<std::string> acknowledged = LogOf(*store, 0);
    store.reset();
    store = Open(folder, fsync);
    std::vector<std::string> recovered = LogOf(*store, 0);
    recovered.resize(acknowledged.size());
    EXPECT_EQ(recovered, acknowledged);
    EXPECT_TRUE(store->Append("c").ok());
    store.reset();
    std::filesystem::remove_all(folder);
  }
}

}  // namespace
}  // namespace headrace
