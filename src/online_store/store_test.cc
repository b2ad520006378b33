// Both stores keep the same promises; RocksDB's also across being closed and opened.
#include "online_store/store.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "online_store/memory/memory_store.h"
#include "online_store/rocksdb/rocksdb_store.h"

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
  EXPECT_TRUE(store.WriteCheckpoint({2, {{"v/x", "1"}, {"v/y", "2"}, {"w/x", "3"}}, false}).ok());
  EXPECT_EQ(*store.Append("c"), 3u);
  EXPECT_TRUE(store.WriteCheckpoint({3, {{"v/x", ""}, {"v/y", "4"}}, false}).ok());
}

void ExpectFilled(const OnlineStore& store) {
  EXPECT_EQ(store.LastPosition(), 3u);
  EXPECT_EQ(store.CheckpointPosition(), 3u);
  EXPECT_EQ(LogOf(store, 1), (std::vector<std::string>{"2:b", "3:c"}));
  EXPECT_EQ(StatesOf(store, "v/"), (std::vector<std::string>{"v/y=4"}));
  EXPECT_EQ(StatesOf(store, ""), (std::vector<std::string>{"v/y=4", "w/x=3"}));
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

TEST(OnlineStoreTest, ReplaceAllDropsWhatWasThere) {
  const Folder folder;
  const std::unique_ptr<OnlineStore> store = OpenOrDie(folder.path());
  FillAndExpect(*store);
  EXPECT_TRUE(store->WriteCheckpoint({3, {{"z", "9"}}, true}).ok());
  EXPECT_EQ(StatesOf(*store, ""), (std::vector<std::string>{"z=9"}));
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

}  // namespace
}  // namespace headrace
