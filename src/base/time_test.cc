#include "base/time.h"

#include <gtest/gtest.h>

namespace headrace {
namespace {

constexpr TimestampUs kTen = 1385892000LL * kUsPerSecond;  // 2013-12-01T10:00:00Z

struct TimestampCase {
  std::string text;
  TimestampUs us;
};
class ParseTimestampTest : public ::testing::TestWithParam<TimestampCase> {};

TEST_P(ParseTimestampTest, ReadsTheSpelling) {
  const auto t = ParseTimestamp(GetParam().text);
  ASSERT_TRUE(t.ok()) << t.status();
  EXPECT_EQ(*t, GetParam().us) << GetParam().text;
}

INSTANTIATE_TEST_SUITE_P(Spellings, ParseTimestampTest,
                         ::testing::ValuesIn(std::vector<TimestampCase>{
                             {"1970-01-01", 0},
                             {"2013-12-01T10:00:00Z", kTen},
                             {"2013-12-01t10:00:00z", kTen},
                             {"2013-12-01 10:00", kTen},
                             {"2013-12-01 10:00:00", kTen},
                             {"2013-12-01T11:00:00+01:00", kTen},
                             {"2013-12-01T11:00:00+0100", kTen},
                             {"2013-12-01 10:00:00+00", kTen},
                             {"2013-12-01T04:30:00-05:30", kTen},
                             {"2013-12-01T10:00:00.5Z", kTen + 500000},
                             {"2013-12-01T10:00:00.123456", kTen + 123456},
                             {"2013-12-01T10:00:00.123456000", kTen + 123456},
                             {"1969-12-31T23:59:59.999999Z", -1},
                             {"2000-02-29", 951782400LL * kUsPerSecond},
                             {"0001-01-01", -62135596800LL * kUsPerSecond}}));

class NoTimestampTest : public ::testing::TestWithParam<std::string> {};

TEST_P(NoTimestampTest, IsRefusedAndQuoted) {
  const auto t = ParseTimestamp(GetParam());
  ASSERT_FALSE(t.ok());
  EXPECT_NE(std::string(t.status().message()).find("'" + GetParam() + "'"), std::string::npos);
}

INSTANTIATE_TEST_SUITE_P(Texts, NoTimestampTest,
                         ::testing::Values("", "2013", "2013-13-01", "2013-02-30", "1900-02-29", "2013-12-00",
                                           "2013-12-01T", "2013-12-01T10", "2013-12-01T24:00:00Z", "2013-12-01T10:60",
                                           "2013-12-01T10:00:60Z", "2013-12-01T10:00:00.1234567Z",
                                           "2013-12-01T10:00:00.Z", "2013-12-01T10:00:00+1", "2013-12-01T10:00:00+01:",
                                           "2013-12-01T10:00:00Zx", "2013-12-01Z", " 2013-12-01", "13-12-01"));

TEST(FormatTimestamp, WritesAsFewDigitsAsTheValueNeeds) {
  EXPECT_EQ(FormatTimestamp(kTen), "2013-12-01T10:00:00Z");
  EXPECT_EQ(FormatTimestamp(kTen + 500000), "2013-12-01T10:00:00.500Z");
  EXPECT_EQ(FormatTimestamp(kTen + 1), "2013-12-01T10:00:00.000001Z");
  EXPECT_EQ(FormatTimestamp(-1), "1969-12-31T23:59:59.999999Z");
}

TEST(FormatTimestamp, IsReadBackToTheSameInstant) {
  for (TimestampUs t = -60000000000000000; t < 200000000000000000; t += 1234567890123457) {
    ASSERT_EQ(*ParseTimestamp(FormatTimestamp(t)), t);
  }
}

TEST(CivilFromDays, IsTheInverseOfDaysFromCivil) {
  for (int64_t day = -800000; day < 800000; day += 13) {
    const CivilDate date = CivilFromDays(day);
    ASSERT_EQ(DaysFromCivil(date.year, date.month, date.day), day);
  }
}

TEST(AddSaturated, StaysAtTheEnds) {
  EXPECT_EQ(AddSaturated(1, 2), 3);
  EXPECT_EQ(AddSaturated(kMaxTimestampUs, 1), kMaxTimestampUs);
  EXPECT_EQ(AddSaturated(kMinTimestampUs, -1), kMinTimestampUs);
}

TEST(ParseDuration, ReadsOneNumberAndOneUnit) {
  EXPECT_EQ(*ParseDuration("500ms"), 500000);
  EXPECT_EQ(*ParseDuration("90s"), 90 * kUsPerSecond);
  EXPECT_EQ(*ParseDuration("15m"), 900 * kUsPerSecond);
  EXPECT_EQ(*ParseDuration("1h"), 3600 * kUsPerSecond);
  EXPECT_EQ(*ParseDuration("7d"), 7 * kUsPerDay);
  EXPECT_EQ(*ParseDuration("2w"), 14 * kUsPerDay);
}

TEST(ParseDuration, RefusesAllElse) {
  for (const char* text : {"", "d", "7", "0d", "-1d", "+1d", "1.5h", "1 d", "7D", "7days", "1h30m",
                           "99999999999999999999d", "999999999999999w"}) {
    EXPECT_FALSE(ParseDuration(text).ok()) << text;
  }
}

TEST(FormatDuration, IsReadBackToTheSameDuration) {
  for (const char* text : {"500ms", "90s", "15m", "1h", "7d"}) EXPECT_EQ(FormatDuration(*ParseDuration(text)), text);
  EXPECT_EQ(FormatDuration(*ParseDuration("2w")), "14d");
}

}  // namespace
}  // namespace headrace
