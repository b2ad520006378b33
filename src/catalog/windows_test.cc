#include <gtest/gtest.h>

#include "catalog/project.h"

namespace headrace {
namespace {

TEST(ParseWindow, ReadsTheFiveForms) {
  EXPECT_EQ(*ParseWindow("7d"), (WindowSpec{.length_us = 7 * kUsPerDay, .rows = {}, .offset_us = 0, .suffix = "7d"}));
  EXPECT_EQ(*ParseWindow("all"), (WindowSpec{.length_us = {}, .rows = {}, .offset_us = 0, .suffix = "all"}));
  EXPECT_EQ(*ParseWindow("10 rows"), (WindowSpec{.length_us = {}, .rows = 10, .offset_us = 0, .suffix = "10_rows"}));
  EXPECT_EQ(*ParseWindow("10 rows within 7d"),
            (WindowSpec{.length_us = 7 * kUsPerDay, .rows = 10, .offset_us = 0, .suffix = "10_rows_within_7d"}));
  EXPECT_EQ(*ParseWindow("7d offset 1d"),
            (WindowSpec{.length_us = 7 * kUsPerDay, .rows = {}, .offset_us = kUsPerDay, .suffix = "7d_offset_1d"}));
}

TEST(ParseWindow, DoesNotMindBlanks) {
  EXPECT_EQ(ParseWindow("  10   rows ")->suffix, "10_rows");
}

TEST(ParseWindow, RefusesAllElseAndQuotesIt) {
  for (const char* text : {"",
                           " ",
                           "7",
                           "0d",
                           "-7d",
                           "7 d",
                           "rows",
                           "10 row",
                           "0 rows",
                           "-1 rows",
                           "+1 rows",
                           "1.5 rows",
                           "99999999999999999999 rows",
                           "10 rows within",
                           "10 rows within 0d",
                           "10 rows offset 1d",
                           "7d offset",
                           "7d offset 0d",
                           "7d within 1d",
                           "all rows",
                           "all offset 1d",
                           "7d offset 1d offset 1d",
                           "ALL",
                           "106751991d offset 106751991d"}) {
    const auto window = ParseWindow(text);
    ASSERT_FALSE(window.ok()) << text;
    EXPECT_NE(std::string(window.status().message()).find(fmt::format("'{}' is no window", text)), std::string::npos);
  }
}

}  // namespace
}  // namespace headrace
