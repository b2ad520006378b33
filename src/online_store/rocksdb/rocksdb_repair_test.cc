#include "online_store/rocksdb/rocksdb_repair.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "base/file.h"
#include "online_store/rocksdb/store_files.h"

namespace headrace {
namespace {

namespace fs = std::filesystem;

class RepairTest : public ::testing::Test {
 protected:
  RepairTest() {
    std::string pattern = ::testing::TempDir() + "headrace_repair_XXXXXX";
    root_ = ::mkdtemp(pattern.data());
    folder_ = root_ + "/online";
  }
  ~RepairTest() override { fs::remove_all(root_); }

  std::unique_ptr<OnlineStore> Open() {
    StatusOr<std::unique_ptr<OnlineStore>> store = OpenRocksDbStore(folder_);
    EXPECT_TRUE(store.ok()) << store.status();
    return *std::move(store);
  }

  // Three entries and a checkpoint of two, the newest in a write-ahead log; with `tables`, all in tables.
  void Fill(bool tables) {
    {
      const std::unique_ptr<OnlineStore> store = Open();
      for (const char* entry : {"first", "second"}) ASSERT_TRUE(store->Append(entry).ok());
      ASSERT_TRUE(store->WriteCheckpoint({2, {{"view/a", "state"}}}).ok());
      ASSERT_TRUE(store->Append("third").ok());
    }
    if (tables) Open();
  }

  static std::string LogOf(const OnlineStore& store) {
    std::string log;
    const Status status = store.ReadLog(0, [&](uint64_t position, std::string_view entry) {
      log += fmt::format("{}:{} ", position, entry);
      return absl::OkStatus();
    });
    return status.ok() ? log : std::string(Message(status));
  }

  static int NumStates(const OnlineStore& store) {
    int states = 0;
    EXPECT_TRUE(
        store.ReadStates("", [&](std::string_view, std::string_view) { return ++states, absl::OkStatus(); }).ok());
    return states;
  }

  std::string FindFile(const std::function<bool(const fs::path&)>& wanted) {
    for (const fs::directory_entry& entry : fs::directory_iterator(folder_)) {
      if (wanted(entry.path())) return entry.path().string();
    }
    ADD_FAILURE() << "no such file";
    return "";
  }
  // RocksDB writes the name of its column family into each table.
  std::string TableOf(const std::string& family) {
    return FindFile([&](const fs::path& path) {
      return path.extension() == ".sst" && ReadFile(path.string())->find("name" + family) != std::string::npos;
    });
  }
  std::string Wal() {
    return FindFile([](const fs::path& path) { return path.extension() == ".log" && fs::file_size(path) > 0; });
  }

  static void Write(const std::string& path, const std::string& bytes) {
    std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
  }
  static void Flip(const std::string& path, size_t at) {
    std::string bytes = *ReadFile(path);
    bytes[at] ^= 4;
    Write(path, bytes);
  }

  std::string root_;
  std::string folder_;
};

TEST_F(RepairTest, EveryFlippedBitOfAWriteAheadLogIsFound) {
  Fill(/*tables=*/false);
  const std::string path = Wal();
  const std::string bytes = *ReadFile(path);
  EXPECT_TRUE(CheckRecordFile(path).ok());
  for (size_t bit = 0; bit < 8 * bytes.size(); ++bit) {
    std::string damaged = bytes;
    damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << bit % 8));
    Write(path, damaged);
    EXPECT_EQ(CheckRecordFile(path).code(), absl::StatusCode::kDataLoss) << "bit " << bit;
  }
}

TEST_F(RepairTest, AWriteThatWasCutShortIsNoDamage) {
  Fill(/*tables=*/false);
  const std::string path = Wal();
  const std::string bytes = *ReadFile(path);
  for (size_t length = 0; length < bytes.size(); ++length) {
    Write(path, bytes.substr(0, length));
    EXPECT_TRUE(CheckRecordFile(path).ok()) << length << " bytes";
  }
  Write(path, bytes + std::string(5000, '\0'));  // a file's length may be on disk before its bytes
  EXPECT_TRUE(CheckRecordFile(path).ok());
}

TEST_F(RepairTest, RecordsThatBlocksSplitAreWhole) {
  {
    const std::unique_ptr<OnlineStore> store = Open();
    for (size_t size = 32'700; size < 32'800; ++size) ASSERT_TRUE(store->Append(std::string(size, 'x')).ok());
  }
  EXPECT_TRUE(CheckRecordFile(Wal()).ok());
}

TEST_F(RepairTest, ASoundStoreKeepsItsLogAndLosesItsStates) {
  for (const bool tables : {false, true}) {
    fs::remove_all(folder_);
    Fill(tables);
    const StatusOr<StoreRepair> repair = RepairRocksDbStore(folder_, 0);
    ASSERT_TRUE(repair.ok()) << repair.status();
    EXPECT_EQ(repair->log_entries, 3u);
    EXPECT_EQ(repair->damage, "");
    const std::unique_ptr<OnlineStore> store = Open();
    EXPECT_EQ(LogOf(*store), "1:first 2:second 3:third ");
    EXPECT_EQ(NumStates(*store), 0);
    EXPECT_EQ(store->CheckpointPosition(), 0u);
    EXPECT_EQ(*store->Append("fourth"), 4u);
    EXPECT_FALSE(fs::exists(folder_ + ".repair"));
  }
}

TEST_F(RepairTest, WhatIsDamagedBesideTheLogIsMadeAgain) {
  const auto manifest = [&] {
    return FindFile([](const fs::path& path) { return path.filename().string().starts_with("MANIFEST"); });
  };
  const std::vector<std::function<void()>> damages = {
      [&] { Flip(TableOf("state"), 20); }, [&] { Flip(manifest(), 60); }, [&] { Flip(folder_ + "/CURRENT", 3); },
      [&] { fs::remove(folder_ + "/CURRENT"); }};
  for (const bool tables : {true, false}) {
    for (size_t i = tables ? 0 : 1; i < damages.size(); ++i) {
      fs::remove_all(folder_);
      Fill(tables);
      damages[i]();
      const StatusOr<StoreRepair> repair = RepairRocksDbStore(folder_, 0);
      ASSERT_TRUE(repair.ok()) << repair.status();
      EXPECT_EQ(LogOf(*Open()), "1:first 2:second 3:third ");
    }
  }
}

TEST_F(RepairTest, ADamagedLogIsRefusedAndNothingIsChanged) {
  for (const bool tables : {true, false}) {
    fs::remove_all(folder_);
    Fill(tables);
    const std::string path = tables ? TableOf("log") : Wal();
    Flip(path, 30);
    const Status status = RepairRocksDbStore(folder_, 0).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
    EXPECT_NE(status.message().find(ToAbsl(fs::path(path).filename().string())), absl::string_view::npos) << status;
    EXPECT_FALSE(fs::exists(folder_ + ".repair"));
    Flip(path, 30);
    EXPECT_EQ(LogOf(*Open()), "1:first 2:second 3:third ");
  }
}

TEST_F(RepairTest, WithoutASyncAtEachWriteDamageIsRefusedUnlessTheMachineWasStartedAgain) {
  Fill(/*tables=*/false);
  Flip(Wal(), 30);
  RocksDbStoreOptions options;
  options.read_only = true;
  options.fsync = *ParseFsyncPolicy("os");
  EXPECT_EQ(OpenRocksDbStore(folder_, options).status().code(), absl::StatusCode::kDataLoss);
  Write(folder_ + "/BOOT", "another run");
  EXPECT_NE(OpenRocksDbStore(folder_, options).status().code(), absl::StatusCode::kDataLoss);
}

TEST_F(RepairTest, ASnapshotIsAStoreOfItsOwn) {
  Fill(/*tables=*/false);
  const std::unique_ptr<OnlineStore> store = Open();
  ASSERT_TRUE(store->Append("fourth").ok());
  EXPECT_TRUE(store->Verify().ok());
  ASSERT_TRUE(store->Snapshot(root_ + "/copy").ok());
  ASSERT_TRUE(store->Append("fifth").ok());
  const StatusOr<std::unique_ptr<OnlineStore>> copy = OpenRocksDbStore(root_ + "/copy");
  ASSERT_TRUE(copy.ok()) << copy.status();
  EXPECT_EQ(LogOf(**copy), "1:first 2:second 3:third 4:fourth ");
  EXPECT_EQ(NumStates(**copy), 1);
}

}  // namespace
}  // namespace headrace
