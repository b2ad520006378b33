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

TEST(ParseWindow, ReadsCalendarPeriodsOfAZone) {
  EXPECT_EQ(ParseWindow("day")->suffix, "day");
  EXPECT_EQ(ParseWindow("day")->period->zone_name(), "UTC");
  const WindowSpec month = *ParseWindow("month in America/New_York");
  EXPECT_EQ(month.suffix, "month_in_america_new_york");
  EXPECT_EQ(month.period->unit(), CalendarUnit::kMonth);
  EXPECT_EQ(month.period->zone_name(), "America/New_York");
  EXPECT_EQ(month.length_us, std::nullopt);
  EXPECT_EQ(ParseWindow("hour in Etc/GMT+5")->suffix, "hour_in_etc_gmt_5");
  for (const char* unit : {"hour", "week", "quarter", "year"}) EXPECT_TRUE(ParseWindow(unit)->period) << unit;
}

TEST(ParseWindow, NamesAZoneThatThereIsNot) {
  EXPECT_EQ(Message(ParseWindow("day in Mars").status()),
            "window 'day in Mars': 'Mars' is no time zone; write a name of the tz database, such as 'Europe/Berlin' or "
            "'UTC'");
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
                           "days",
                           "day in",
                           "day of UTC",
                           "day offset 1d",
                           "1d in UTC",
                           "10 rows within day",
                           "106751991d offset 106751991d"}) {
    const auto window = ParseWindow(text);
    ASSERT_FALSE(window.ok()) << text;
    EXPECT_NE(std::string(window.status().message()).find(fmt::format("'{}' is no window", text)), std::string::npos);
  }
}

}  // namespace
}  // namespace headrace
