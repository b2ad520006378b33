#include "base/time_zone.h"

#include <algorithm>
#include <array>

namespace headrace {
namespace {

constexpr std::array<std::string_view, 6> kUnitNames = {"hour", "day", "week", "month", "quarter", "year"};

}  // namespace

// absl reads a file of that name below the database; nothing that leads out of it is a zone. "localtime" would be the
// machine's own zone, which is not the same everywhere.
StatusOr<absl::TimeZone> LoadTimeZone(std::string_view name) {
  constexpr std::string_view kAllowed = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_+-/";
  absl::TimeZone zone;
  const bool is_name = !name.empty() && name.front() != '/' &&
                       name.find_first_not_of(kAllowed) == std::string_view::npos && name != "localtime";
  if (!is_name || !absl::LoadTimeZone(ToAbsl(name), &zone)) {
    return InvalidArgument("'{}' is no time zone; write a name of the tz database, such as 'Europe/Berlin' or 'UTC'",
                           name);
  }
  return zone;
}

std::optional<CalendarUnit> ParseCalendarUnit(std::string_view name) {
  const auto* const it = std::find(kUnitNames.begin(), kUnitNames.end(), name);
  if (it == kUnitNames.end()) return std::nullopt;
  return static_cast<CalendarUnit>(it - kUnitNames.begin());
}

std::string_view CalendarPeriod::unit_name() const {
  return kUnitNames[static_cast<size_t>(unit_)];
}

absl::CivilSecond CalendarPeriod::StartOf(absl::CivilSecond wall_clock) const {
  switch (unit_) {
    case CalendarUnit::kHour:
      return absl::CivilHour(wall_clock);
    case CalendarUnit::kDay:
      return absl::CivilDay(wall_clock);
    case CalendarUnit::kWeek: {
      const absl::CivilDay day(wall_clock);
      return day - static_cast<int>(absl::GetWeekday(day));  // Monday is 0
    }
    case CalendarUnit::kMonth:
      return absl::CivilMonth(wall_clock);
    case CalendarUnit::kQuarter:
      return absl::CivilMonth(wall_clock.year(), (wall_clock.month() - 1) / 3 * 3 + 1);
    case CalendarUnit::kYear:
      return absl::CivilYear(wall_clock);
  }
  return wall_clock;
}

absl::CivilSecond CalendarPeriod::Next(absl::CivilSecond start, int count) const {
  switch (unit_) {
    case CalendarUnit::kHour:
      return absl::CivilHour(start) + count;
    case CalendarUnit::kDay:
      return absl::CivilDay(start) + count;
    case CalendarUnit::kWeek:
      return absl::CivilDay(start) + 7 * count;
    case CalendarUnit::kMonth:
      return absl::CivilMonth(start) + count;
    case CalendarUnit::kQuarter:
      return absl::CivilMonth(start) + 3 * count;
    case CalendarUnit::kYear:
      return absl::CivilYear(start) + count;
  }
  return start;
}

TimestampUs CalendarPeriod::FirstShown(absl::CivilSecond wall_clock) const {
  const absl::TimeZone::TimeInfo info = zone_.At(wall_clock);
  const absl::Time instant = info.kind == absl::TimeZone::TimeInfo::SKIPPED ? info.trans : info.pre;
  const int64_t seconds = absl::ToUnixSeconds(instant);
  if (seconds >= kMaxTimestampUs / kUsPerSecond) return kMaxTimestampUs;
  if (seconds <= kMinTimestampUs / kUsPerSecond) return kMinTimestampUs;
  return seconds * kUsPerSecond;
}

CalendarPeriod::Bounds CalendarPeriod::BoundsAt(TimestampUs t) const {
  absl::CivilSecond start = StartOf(zone_.At(absl::FromUnixMicros(t)).cs);
  TimestampUs begin = FirstShown(start);
  TimestampUs end = FirstShown(Next(start, 1));
  // Clocks that went back over the start of a period show the one before it again.
  while (end <= t && end < kMaxTimestampUs) {
    start = Next(start, 1);
    begin = end;
    end = FirstShown(Next(start, 1));
  }
  return {begin, end};
}

DurationUs CalendarPeriod::MaxLength() const {
  constexpr DurationUs kHour = kUsPerDay / 24;
  constexpr std::array<DurationUs, 6> kLongest = {kHour,          kUsPerDay,      7 * kUsPerDay,
                                                  31 * kUsPerDay, 92 * kUsPerDay, 366 * kUsPerDay};
  // Clocks have been set back by a day at most, where the date line was moved.
  const DurationUs set_back = zone_name_ == "UTC" ? 0 : 25 * kHour;
  return kLongest[static_cast<size_t>(unit_)] + set_back;
}

}  // namespace headrace
