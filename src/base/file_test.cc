#include "base/file.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <thread>

#include "base/hash.h"

namespace headrace {
namespace {

class FileTest : public ::testing::Test {
 protected:
  FileTest() {
    folder_ = ::testing::TempDir() + "headrace-file-XXXXXX";
    if (::mkdtemp(folder_.data()) == nullptr) ::abort();
  }
  ~FileTest() override { std::filesystem::remove_all(folder_); }
  std::string Path(const std::string& name) const { return folder_ + "/" + name; }

  std::string folder_;
};

TEST_F(FileTest, ReadsWhatWasWritten) {
  const std::string bytes("a\0\r\n\xff", 5);
  ASSERT_TRUE(WriteFileAtomically(Path("x"), bytes).ok());
  EXPECT_EQ(*ReadFile(Path("x")), bytes);
  ASSERT_TRUE(WriteFileAtomically(Path("x"), "").ok());
  EXPECT_EQ(*ReadFile(Path("x")), "");
}

TEST_F(FileTest, NamesTheFileThatCannotBeRead) {
  EXPECT_TRUE(absl::IsNotFound(ReadFile(Path("none")).status()));
  EXPECT_NE(std::string(ReadFile(Path("none")).status().message()).find(Path("none")), std::string::npos);
  EXPECT_EQ(std::string(ReadFile(folder_).status().message()), folder_ + ": cannot be read: it is a folder");
}

TEST_F(FileTest, LeavesNothingAsideWhenWritingFails) {
  EXPECT_FALSE(WriteFileAtomically(Path("no/such/folder/x"), "a").ok());
  ASSERT_TRUE(MakeFolders(Path("taken/x")).ok());
  EXPECT_FALSE(WriteFileAtomically(Path("taken"), "a").ok());
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder_), {}), 1);
}

TEST_F(FileTest, IsWholeWhateverThreadsWriteIt) {
  const std::string a(100000, 'a');
  const std::string b(100000, 'b');
  std::vector<std::thread> threads;
  for (const std::string* text : {&a, &b}) {
    threads.emplace_back([this, text] {
      for (int i = 0; i < 20; ++i) ASSERT_TRUE(WriteFileAtomically(Path("x"), *text).ok());
    });
  }
  for (std::thread& thread : threads) thread.join();
  const std::string text = *ReadFile(Path("x"));
  EXPECT_TRUE(text == a || text == b);
}

TEST_F(FileTest, MakesFoldersThatMayExist) {
  EXPECT_TRUE(MakeFolders(Path("a/b/c")).ok());
  EXPECT_TRUE(MakeFolders(Path("a/b/c")).ok());
  ASSERT_TRUE(WriteFileAtomically(Path("f"), "").ok());
  EXPECT_FALSE(MakeFolders(Path("f/g")).ok());
}

// FIPS 180-2, appendix B.
TEST(Sha256, GivesThePublishedDigests) {
  EXPECT_EQ(Sha256Hex(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(Sha256Hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(Sha256Hex("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}

TEST(Sha256, DoesNotDependOnHowTheBytesCome) {
  const std::string bytes(100000, 'x');
  Sha256 hash;
  for (size_t i = 0; i < bytes.size(); i += 777) hash.Update(std::string_view(bytes).substr(i, 777));
  EXPECT_EQ(hash.Finish(), Sha256Hex(bytes));
}

TEST_F(FileTest, HashesFilesByTheirBytes) {
  const std::string bytes((1 << 20) * 2 + 17, 'y');
  ASSERT_TRUE(WriteFileAtomically(Path("x"), bytes).ok());
  EXPECT_EQ(*Sha256OfFile(Path("x")), Sha256Hex(bytes));
  EXPECT_FALSE(Sha256OfFile(Path("none")).ok());
}

}  // namespace
}  // namespace headrace
