#include "monitoring/journal.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "base/crc32c.h"
#include "base/file.h"

namespace headrace {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class JournalTest : public ::testing::Test {
 protected:
  JournalTest() {
    std::string name = fs::temp_directory_path() / "headrace-journal-XXXXXX";
    folder_ = ::mkdtemp(name.data());
  }
  ~JournalTest() override { fs::remove_all(folder_); }

  std::unique_ptr<Journal> Open(size_t segment_bytes = 1 << 20) {
    StatusOr<std::unique_ptr<Journal>> journal = Journal::Open(folder_, segment_bytes);
    EXPECT_TRUE(journal.ok()) << journal.status();
    return journal.ok() ? std::move(journal).value() : nullptr;
  }
  static void Append(Journal& journal, const std::string& payload) {
    const StatusOr<uint64_t> number = journal.Append(std::span(&payload, 1));
    EXPECT_TRUE(number.ok()) << number.status();
  }
  static std::vector<std::string> Read(const Journal& journal, uint64_t after = 0) {
    std::vector<std::string> result;
    const Status status = journal.Read(after, [&](uint64_t number, std::string_view payload) {
      result.push_back(fmt::format("{}:{}", number, payload));
      return absl::OkStatus();
    });
    EXPECT_TRUE(status.ok()) << status;
    return result;
  }
  std::string First() const { return folder_ + "/00000000000000000001.journal"; }
  std::string Bytes() const { return ReadFile(First()).value(); }
  void Write(std::string_view bytes) const { EXPECT_TRUE(WriteFileAtomically(First(), bytes).ok()); }
  static std::string WithBitFlipped(std::string bytes, size_t at) {
    bytes[at] = static_cast<char>(bytes[at] ^ 0x10);
    return bytes;
  }
  // A journal of "one", "two", "three".
  void WriteThree() {
    const auto journal = Open();
    const std::vector<std::string> records = {"one", "two", "three"};
    EXPECT_EQ(journal->Append(records).value(), 1u);
  }

  std::string folder_;
};

TEST_F(JournalTest, TheChecksumIsCrc32c) {
  EXPECT_EQ(Crc32c("123456789"), 0xe3069283u);
  EXPECT_EQ(Crc32c(""), 0u);
}

TEST_F(JournalTest, TheBytesAreTheHeadersExample) {
  { Append(*Open(), "abc"); }
  const std::string bytes = Bytes();
  EXPECT_EQ(bytes.substr(0, 8), "HRPJ0001");
  const unsigned char record[] = {3, 0, 0, 0, 0xb7, 0x3f, 0x4b, 0x36, 1,   0,   0,  0,
                                  0, 0, 0, 0, 0x91, 0xf5, 0xba, 0x43, 'a', 'b', 'c'};
  EXPECT_EQ(bytes.substr(28), std::string(reinterpret_cast<const char*>(record), sizeof record));
}

TEST_F(JournalTest, RecordsComeBackWithTheirNumbers) {
  std::string id;
  {
    const auto journal = Open();
    id = journal->id();
    Append(*journal, "a");
    Append(*journal, "");
  }
  {
    const auto journal = Open();
    EXPECT_EQ(journal->id(), id);
    EXPECT_EQ(journal->last_number(), 2u);
    Append(*journal, "c");
  }
  const auto journal = Open();
  EXPECT_THAT(Read(*journal), ElementsAre("1:a", "2:", "3:c"));
  EXPECT_THAT(Read(*journal, 2), ElementsAre("3:c"));
}

TEST_F(JournalTest, SegmentsFollowEachOtherAndAreDroppedOnceUnneeded) {
  {
    const auto journal = Open(40);
    for (int i = 1; i <= 5; ++i) Append(*journal, fmt::format("{:020}", i));
  }
  const auto journal = Open(40);
  EXPECT_EQ(Read(*journal).size(), 5u);
  ASSERT_TRUE(journal->DropThrough(3).ok());
  EXPECT_FALSE(fs::exists(First()));
  EXPECT_EQ(Read(*journal, 3).size(), 2u);
  ASSERT_TRUE(journal->DropThrough(5).ok());
  EXPECT_EQ(journal->last_number(), 5u);
}

TEST_F(JournalTest, ATornEndIsCutOffWhereverItIs) {
  WriteThree();
  const std::string whole = Bytes();
  const size_t third = whole.size() - 25;
  for (size_t size = third; size < whole.size(); ++size) {
    Write(whole.substr(0, size));
    {
      const auto journal = Open();
      EXPECT_THAT(Read(*journal), ElementsAre("1:one", "2:two")) << size;
      Append(*journal, "new");
    }
    EXPECT_THAT(Read(*Open()), ElementsAre("1:one", "2:two", "3:new")) << size;
  }
}

TEST_F(JournalTest, ATornHeaderOfTheFirstSegmentBeginsAnew) {
  WriteThree();
  const std::string whole = Bytes();
  for (const size_t size : {0, 5, 27}) {
    Write(whole.substr(0, size));
    const auto journal = Open();
    EXPECT_EQ(journal->last_number(), 0u);
  }
}

TEST_F(JournalTest, ATornHeaderOfALaterSegmentIsReplaced) {
  { WriteThree(); }
  EXPECT_TRUE(WriteFileAtomically(folder_ + "/00000000000000000004.journal", "HRPJ").ok());
  {
    const auto journal = Open();
    EXPECT_EQ(journal->last_number(), 3u);
    Append(*journal, "four");
  }
  EXPECT_THAT(Read(*Open()), ElementsAre("1:one", "2:two", "3:three", "4:four"));
}

TEST_F(JournalTest, AnEndOfZerosIsCutOff) {
  WriteThree();
  Write(Bytes() + std::string(100, '\0'));
  EXPECT_THAT(Read(*Open()), ElementsAre("1:one", "2:two", "3:three"));
  Write(Bytes() + std::string(5, '\0'));
  EXPECT_THAT(Read(*Open()), ElementsAre("1:one", "2:two", "3:three"));
}

TEST_F(JournalTest, DamageIsNamedAndRefusedWhereverItIs) {
  WriteThree();
  const std::string whole = Bytes();
  for (size_t at = 0; at < whole.size(); ++at) {
    Write(WithBitFlipped(whole, at));
    const Status status = Journal::Open(folder_, 1 << 20).status();
    ASSERT_TRUE(absl::IsDataLoss(status)) << at << ": " << status;
    EXPECT_THAT(std::string(Message(status)), HasSubstr(First() + ": damaged at byte "));
  }
  Write(whole);
  EXPECT_THAT(Read(*Open()), ElementsAre("1:one", "2:two", "3:three"));
}

TEST_F(JournalTest, TheMachinesDeathMayHaveLeftTheLastPayloadTorn) {
  WriteThree();
  const std::string whole = Bytes();
  for (size_t at = whole.size() - 5; at < whole.size(); ++at) {
    Write(WithBitFlipped(whole, at));
    EXPECT_TRUE(WriteFileAtomically(folder_ + "/BOOT", "another run").ok());
    EXPECT_THAT(Read(*Open()), ElementsAre("1:one", "2:two"));
  }
  for (size_t at = 0; at < whole.size() - 5; ++at) {
    Write(WithBitFlipped(whole, at));
    EXPECT_TRUE(WriteFileAtomically(folder_ + "/BOOT", "another run").ok());
    EXPECT_TRUE(absl::IsDataLoss(Journal::Open(folder_, 1 << 20).status())) << at;
  }
}

TEST_F(JournalTest, AMissingSegmentIsNamed) {
  {
    const auto journal = Open(40);
    for (int i = 1; i <= 5; ++i) Append(*journal, fmt::format("{:020}", i));
  }
  fs::remove(folder_ + "/00000000000000000003.journal");
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(folder_)) names.push_back(entry.path().filename().string());
  const Status status = Journal::Open(folder_, 40).status();
  EXPECT_TRUE(absl::IsDataLoss(status)) << status << fmt::format(" {}", names.size());
}

TEST_F(JournalTest, GoesOnWhereItIsTold) {
  std::string id;
  {
    WriteThree();
    const auto journal = Open();
    id = journal->id();
    ASSERT_TRUE(journal->RestartAfter(10).ok());
    Append(*journal, "eleven");
  }
  const auto journal = Open();
  EXPECT_EQ(journal->id(), id);
  EXPECT_THAT(Read(*journal), ElementsAre("11:eleven"));
}

TEST_F(JournalTest, OneProcessAtATime) {
  const auto journal = Open();
  const Status status = Journal::Open(folder_, 1 << 20).status();
  EXPECT_TRUE(absl::IsUnavailable(status)) << status;
}

}  // namespace
}  // namespace headrace
