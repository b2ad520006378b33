// Time zones by name, from the system's tz database (the package tzdata), and the periods of their calendars.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "absl/time/time.h"
#include "base/status.h"
#include "base/time.h"

namespace headrace {

// kInvalidArgument: no zone of the tz database; the message quotes it. Names are case-sensitive.
StatusOr<absl::TimeZone> LoadTimeZone(std::string_view name);

enum class CalendarUnit : uint8_t { kHour, kDay, kWeek, kMonth, kQuarter, kYear };

// The hours, days, weeks (from Monday), months, quarters or years of a time zone.
//
// A period begins when clocks in the zone first show its start, or would have, where they skip it; and lasts until the
// next begins. So an hour that clocks show twice is one period of two hours, a skipped one is empty, and of two
// instants the later never lies in the earlier period, whatever clocks do.
class CalendarPeriod {
 public:
  CalendarPeriod(CalendarUnit unit, std::string zone_name, absl::TimeZone zone)
      : unit_(unit), zone_name_(std::move(zone_name)), zone_(zone) {}

  struct Bounds {
    TimestampUs begin = 0;
    TimestampUs end = 0;  // of the next one the begin
    bool Holds(TimestampUs t) const { return begin <= t && t < end; }
  };
  // Of the period that holds `t`; ends beyond the range of timestamps are clamped.
  Bounds BoundsAt(TimestampUs t) const;

  // No period is longer.
  DurationUs MaxLength() const;

  CalendarUnit unit() const { return unit_; }
  const std::string& zone_name() const { return zone_name_; }  // "UTC", "America/New_York"
  std::string_view unit_name() const;                          // "day"
  bool operator==(const CalendarPeriod& other) const { return unit_ == other.unit_ && zone_name_ == other.zone_name_; }

 private:
  absl::CivilSecond StartOf(absl::CivilSecond wall_clock) const;
  absl::CivilSecond Next(absl::CivilSecond start, int count) const;
  TimestampUs FirstShown(absl::CivilSecond wall_clock) const;

  CalendarUnit unit_;
  std::string zone_name_;
  absl::TimeZone zone_;
};

// "hour", "day", "week", "month", "quarter", "year".
std::optional<CalendarUnit> ParseCalendarUnit(std::string_view name);

}  // namespace headrace
