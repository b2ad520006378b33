#include "base/time_zone.h"

#include <gtest/gtest.h>

namespace headrace {
namespace {

TimestampUs At(const char* text) {
  return *ParseTimestamp(text);
}

// "begin .. end" of the period that holds the instant.
std::string Bounds(const char* unit, const char* zone, const char* instant) {
  const CalendarPeriod period(*ParseCalendarUnit(unit), zone, *LoadTimeZone(zone));
  const CalendarPeriod::Bounds bounds = period.BoundsAt(At(instant));
  EXPECT_TRUE(bounds.Holds(At(instant)));
  EXPECT_LE(bounds.end - bounds.begin, period.MaxLength());
  return FormatTimestamp(bounds.begin) + " .. " + FormatTimestamp(bounds.end);
}

TEST(CalendarPeriod, IsThatOfTheZonesClocks) {
  EXPECT_EQ(Bounds("hour", "UTC", "2024-03-05T10:20:30Z"), "2024-03-05T10:00:00Z .. 2024-03-05T11:00:00Z");
  EXPECT_EQ(Bounds("hour", "Asia/Kolkata", "2024-03-05T10:20:30Z"), "2024-03-05T09:30:00Z .. 2024-03-05T10:30:00Z");
  EXPECT_EQ(Bounds("day", "Asia/Tokyo", "2024-03-05T16:00:00Z"), "2024-03-05T15:00:00Z .. 2024-03-06T15:00:00Z");
  EXPECT_EQ(Bounds("week", "UTC", "2024-03-03T23:59:59Z"), "2024-02-26T00:00:00Z .. 2024-03-04T00:00:00Z");
  EXPECT_EQ(Bounds("month", "UTC", "2024-02-29T12:00:00Z"), "2024-02-01T00:00:00Z .. 2024-03-01T00:00:00Z");
  EXPECT_EQ(Bounds("quarter", "UTC", "2024-06-30T12:00:00Z"), "2024-04-01T00:00:00Z .. 2024-07-01T00:00:00Z");
  EXPECT_EQ(Bounds("year", "UTC", "1969-12-31T23:59:59.999999Z"), "1969-01-01T00:00:00Z .. 1970-01-01T00:00:00Z");
}

TEST(CalendarPeriod, BeginsAtItsFirstInstant) {
  EXPECT_EQ(Bounds("day", "UTC", "2024-03-05T00:00:00Z"), "2024-03-05T00:00:00Z .. 2024-03-06T00:00:00Z");
  EXPECT_EQ(Bounds("day", "UTC", "1960-01-01T00:00:00Z"), "1960-01-01T00:00:00Z .. 1960-01-02T00:00:00Z");
}

TEST(CalendarPeriod, OfTheDaysWhenClocksChangeHas23And25Hours) {
  EXPECT_EQ(Bounds("day", "America/New_York", "2024-03-10T12:00:00Z"), "2024-03-10T05:00:00Z .. 2024-03-11T04:00:00Z");
  EXPECT_EQ(Bounds("day", "America/New_York", "2024-11-03T12:00:00Z"), "2024-11-03T04:00:00Z .. 2024-11-04T05:00:00Z");
  EXPECT_EQ(Bounds("month", "America/New_York", "2024-11-15T12:00:00Z"),
            "2024-11-01T04:00:00Z .. 2024-12-01T05:00:00Z");
}

TEST(CalendarPeriod, OfAnHourThatIsShownTwiceIsOneOfTwoHours) {
  EXPECT_EQ(Bounds("hour", "America/New_York", "2024-11-03T05:30:00Z"), "2024-11-03T05:00:00Z .. 2024-11-03T07:00:00Z");
  EXPECT_EQ(Bounds("hour", "America/New_York", "2024-11-03T06:30:00Z"), "2024-11-03T05:00:00Z .. 2024-11-03T07:00:00Z");
}

TEST(CalendarPeriod, BeginsAfterAMidnightThatIsSkipped) {
  EXPECT_EQ(Bounds("day", "America/Sao_Paulo", "2018-11-04T12:00:00Z"), "2018-11-04T03:00:00Z .. 2018-11-05T02:00:00Z");
}

TEST(CalendarPeriod, BeginsAtTheFirstOfTwoMidnights) {
  EXPECT_EQ(Bounds("day", "America/Havana", "2024-11-03T05:30:00Z"), "2024-11-03T04:00:00Z .. 2024-11-04T05:00:00Z");
}

TEST(CalendarPeriod, DoesNotComeBackWhenClocksGoBackOverMidnight) {
  // One minute after midnight they went back to 23:01.
  EXPECT_EQ(Bounds("day", "America/St_Johns", "2010-11-07T02:29:00Z"), "2010-11-06T02:30:00Z .. 2010-11-07T02:30:00Z");
  EXPECT_EQ(Bounds("day", "America/St_Johns", "2010-11-07T02:50:00Z"), "2010-11-07T02:30:00Z .. 2010-11-08T03:30:00Z");
}

TEST(CalendarPeriod, IsClampedAtTheEndsOfTime) {
  const CalendarPeriod year(CalendarUnit::kYear, "UTC", absl::UTCTimeZone());
  EXPECT_EQ(year.BoundsAt(kMaxTimestampUs).end, kMaxTimestampUs);
  EXPECT_EQ(year.BoundsAt(kMinTimestampUs).begin, kMinTimestampUs);
}

TEST(LoadTimeZone, RefusesWhatIsNoNameOfTheDatabase) {
  for (const char* name : {"", "Mars/Olympus", "/etc/localtime", "localtime", "../UTC", "america/new_york", "UTC "})
    EXPECT_FALSE(LoadTimeZone(name).ok()) << name;
}

}  // namespace
}  // namespace headrace
