#include "base/memory.h"

#include <gtest/gtest.h>

namespace headrace {
namespace {

TEST(MemoryTest, AmountsAreReadAsPeopleWriteThem) {
  EXPECT_EQ(*ParseByteCount("4GB"), 4'000'000'000U);
  EXPECT_EQ(*ParseByteCount("1.5 GiB"), size_t{3} << 29);
  EXPECT_EQ(*ParseByteCount("500mb"), 500'000'000U);
  EXPECT_EQ(*ParseByteCount("10B"), 10U);
}

TEST(MemoryTest, AnythingElseIsAnErrorThatSaysWhatToWrite) {
  for (const char* text : {"", "GB", "4", "4 gigs", "-1GB", "0MB", "1e300TB", "nan GB", "inf GB"}) {
    const auto bytes = ParseByteCount(text);
    ASSERT_FALSE(bytes.ok()) << text;
    EXPECT_NE(Message(bytes.status()).find("write 4GB"), std::string_view::npos);
  }
}

TEST(MemoryTest, TheMachineHasSome) {
  EXPECT_GT(MachineMemoryBytes(), size_t{64} << 20);
}

}  // namespace
}  // namespace headrace
