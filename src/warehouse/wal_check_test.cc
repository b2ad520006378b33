// Whatever bit of DuckDB's write-ahead log is flipped: what was committed is there, or opening says that it is not.
#include "warehouse/wal_check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>

#include "base/file.h"
#include "warehouse/database.h"

namespace headrace {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

StatusOr<std::unique_ptr<Database>> OpenAt(const std::string& path) {
  DatabaseOptions options;
  options.path = path;
  return Database::Open(options);
}

class WalCheckTest : public ::testing::Test {
 protected:
  // What a process leaves that dies after three commits.
  WalCheckTest() {
    std::string name = fs::temp_directory_path() / "headrace-wal-XXXXXX";
    folder_ = ::mkdtemp(name.data());
    const std::unique_ptr<Database> database = *OpenAt(folder_ + "/first");
    const std::unique_ptr<Connection> connection = *database->Connect();
    EXPECT_TRUE(connection->Execute("checkpoint").ok());
    for (const char* sql : {"create table t (x bigint)", "insert into t select range from range(50)",
                            "insert into t select range from range(50)"}) {
      EXPECT_TRUE(connection->Execute(sql).ok());
    }
    file_ = *ReadFile(folder_ + "/first");
    wal_ = *ReadFile(folder_ + "/first.wal");
  }
  ~WalCheckTest() override { fs::remove_all(folder_); }

  std::string path() const { return folder_ + "/dead"; }

  // How many rows there are with such a log.
  StatusOr<int64_t> CountWith(std::string_view wal) const {
    EXPECT_TRUE(WriteFileAtomically(path(), file_).ok());
    EXPECT_TRUE(WriteFileAtomically(path() + ".wal", wal).ok());
    HR_ASSIGN_OR_RETURN(const std::unique_ptr<Database> database, OpenAt(path()));
    HR_ASSIGN_OR_RETURN(const std::unique_ptr<Connection> connection, database->Connect());
    const StatusOr<Value> count = connection->QueryValue("select count(*) from t");
    return count.ok() ? count->int64() : 0;  // without the first commit there is no table
  }

  std::vector<size_t> Entries() const {
    std::vector<size_t> entries;
    for (size_t at = 8; at < wal_.size();) {
      entries.push_back(at);
      uint64_t length = 0;
      std::memcpy(&length, wal_.data() + at, sizeof length);
      at += 16 + length;
    }
    return entries;
  }

  void ExpectRefused(size_t at, int bit) const {
    std::string damaged = wal_;
    damaged[at] = static_cast<char>(damaged[at] ^ (1 << bit));
    const Status status = CountWith(damaged).status();
    EXPECT_TRUE(absl::IsDataLoss(status)) << at << ": " << status;
    EXPECT_THAT(std::string(Message(status)), HasSubstr("dead.wal")) << at;
    EXPECT_THAT(std::string(Message(status)), HasSubstr("headrace backup")) << at;
    EXPECT_EQ(*ReadFile(path() + ".wal"), damaged) << at << ": the log was written to";
  }

  std::string folder_, file_, wal_;
};

TEST_F(WalCheckTest, AFlippedBitIsRefusedWhereverItIs) {
  EXPECT_EQ(*CountWith(wal_), 100);
  for (size_t at = 0; at < 8; ++at) ExpectRefused(at, static_cast<int>(at));
  for (const size_t entry : Entries()) {
    for (const size_t byte : {0, 1, 2, 7}) ExpectRefused(entry + byte, 6);  // a length
    ExpectRefused(entry + 8, 1);
    ExpectRefused(entry + 16, 0);
  }
  ExpectRefused(wal_.size() - 1, 7);
}

TEST_F(WalCheckTest, AnEndThatIsCutShortIsNoDamage) {
  for (size_t size = 0; size <= wal_.size(); size += size < 10 || size + 22 > wal_.size() ? 1 : 61) {
    const StatusOr<int64_t> count = CountWith(wal_.substr(0, size));
    ASSERT_TRUE(count.ok()) << size << ": " << count.status();
    EXPECT_EQ(*count % 50, 0) << size;
    EXPECT_EQ(*count == 100, size == wal_.size()) << size;
  }
}

}  // namespace
}  // namespace headrace
