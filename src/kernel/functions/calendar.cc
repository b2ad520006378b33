// Making dates and instants from their parts; the calendar's names; dates plus days.
#include "kernel/functions/calendar.h"

#include <array>
#include <cmath>

#include "kernel/functions/support.h"

namespace headrace::functions {

int64_t DaysInMonth(int64_t year, int month) {
  return (month == 12 ? DaysFromCivil(year + 1, 1, 1) : DaysFromCivil(year, month + 1, 1)) -
         DaysFromCivil(year, month, 1);
}

Status MakeInstant(int64_t days, int64_t us, TimestampUs* out) {
  const __int128 instant = static_cast<__int128>(days) * kUsPerDay + us;
  *out = static_cast<int64_t>(instant);
  // The outermost values stand for infinity to DuckDB.
  if (*out != instant || *out == kMaxTimestampUs || *out == -kMaxTimestampUs)
    return InvalidArgument("a timestamp out of range");
  return absl::OkStatus();
}

namespace {

constexpr TypeId kB = TypeId::kBigint;
constexpr TypeId kD = TypeId::kDouble;
constexpr TypeId kDay = TypeId::kDate;
constexpr TypeId kT = TypeId::kTimestamp;
constexpr TypeId kV = TypeId::kVarchar;

// Dates reach as far as DuckDB's: 5877642-06-25 BC to 5881580-07-10.
constexpr int64_t kMaxDays = 2147483646;

Status CheckDate(int64_t days) {
  if (days >= -kMaxDays && days <= kMaxDays) return absl::OkStatus();
  return InvalidArgument("a date out of range");
}

Status MakeDate(int64_t year, int64_t month, int64_t day, int64_t* out) {
  constexpr int64_t kMaxYear = 5881580;
  if (year < -kMaxYear || year > kMaxYear || month < 1 || month > 12 || day < 1 ||
      day > DaysInMonth(year, static_cast<int>(month))) {
    return InvalidArgument("there is no date {}-{}-{}", year, month, day);
  }
  *out = DaysFromCivil(year, static_cast<int>(month), static_cast<int>(day));
  return CheckDate(*out);
}

// Seconds may have a fraction, which is rounded to microseconds; 24:00:00 and a second 60 are the beginning of the next
// day or minute.
Status MakeTime(int64_t hour, int64_t minute, double second, int64_t* out) {
  const double whole = std::trunc(second);
  const double fraction_us = std::round((second - whole) * kUsPerSecond);
  const bool valid = hour == 24 ? minute == 0 && second == 0
                                : hour >= 0 && hour < 24 && minute >= 0 && minute < 60 && second > -1 && second <= 60 &&
                                      fraction_us >= 0;
  if (!valid) return InvalidArgument("there is no time {}:{}:{}", hour, minute, FormatDouble(second));
  *out = hour * kUsPerHour + minute * kUsPerMinute + static_cast<int64_t>(whole) * kUsPerSecond +
         static_cast<int64_t>(fraction_us);
  return absl::OkStatus();
}

Status MakeTimestamp(int64_t year, int64_t month, int64_t day, int64_t hour, int64_t minute, double second,
                     int64_t* out) {
  int64_t days = 0;
  int64_t us = 0;
  HR_RETURN_IF_ERROR(MakeDate(year, month, day, &days));
  HR_RETURN_IF_ERROR(MakeTime(hour, minute, second, &us));
  return MakeInstant(days, us, out);
}

Status TimestampOfMicroseconds(int64_t us, int64_t* out) {
  return MakeInstant(0, us, out);
}

Status AddDays(int64_t date, int64_t days, int64_t* out) {
  if (__builtin_add_overflow(date, days, out)) return InvalidArgument("a date out of range");
  return CheckDate(*out);
}
Status DaysAdd(int64_t days, int64_t date, int64_t* out) {
  return AddDays(date, days, out);
}
Status SubtractDays(int64_t date, int64_t days, int64_t* out) {
  if (__builtin_sub_overflow(date, days, out)) return InvalidArgument("a date out of range");
  return CheckDate(*out);
}

int64_t LastDay(TimestampUs t) {
  const CivilDate date = DateOf(t);
  return DaysFromCivil(date.year, date.month, 1) + DaysInMonth(date.year, date.month) - 1;
}

std::string_view MonthName(TimestampUs t) {
  static constexpr std::array<std::string_view, 12> kNames = {"January",   "February", "March",    "April",
                                                              "May",       "June",     "July",     "August",
                                                              "September", "October",  "November", "December"};
  return kNames[static_cast<size_t>(DateOf(t).month - 1)];
}
std::string_view DayName(TimestampUs t) {
  static constexpr std::array<std::string_view, 7> kFromThursday = {"Thursday", "Friday",  "Saturday", "Sunday",
                                                                    "Monday",   "Tuesday", "Wednesday"};
  return kFromThursday[static_cast<size_t>((DaysOf(t) % 7 + 7) % 7)];
}

}  // namespace

std::vector<ScalarFunction> CalendarFunctions() {
  return {
      {"make_date", {kB, kB, kB}, kDay, TryMap<int64_t, MakeDate, int64_t, int64_t, int64_t>},
      {"make_timestamp",
       {kB, kB, kB, kB, kB, kD},
       kT,
       TryMap<int64_t, MakeTimestamp, int64_t, int64_t, int64_t, int64_t, int64_t, double>},
      {"make_timestamp", {kB}, kT, TryMap<int64_t, TimestampOfMicroseconds, int64_t>},
      {"+", {kDay, kB}, kDay, TryMap<int64_t, AddDays, int64_t, int64_t>},
      {"+", {kB, kDay}, kDay, TryMap<int64_t, DaysAdd, int64_t, int64_t>},
      {"-", {kDay, kB}, kDay, TryMap<int64_t, SubtractDays, int64_t, int64_t>},
      {"-", {kDay, kDay}, kB, Map<int64_t, [](int64_t a, int64_t b) { return a - b; }, int64_t, int64_t>},
      {"last_day", {kT}, kDay, Map<int64_t, LastDay, int64_t>},
      {"monthname", {kT}, kV, Map<std::string_view, MonthName, int64_t>},
      {"dayname", {kT}, kV, Map<std::string_view, DayName, int64_t>},
  };
}

}  // namespace headrace::functions
