// Instants plus intervals, and parts of intervals.
//
// There is no interval column: the binder hands an interval over as three bigints, its months, days and microseconds,
// which are kept apart because a month has no fixed number of days (compile/interval_binder.cc).
#include <limits>

#include "kernel/functions/calendar.h"
#include "kernel/functions/support.h"

namespace headrace::functions {
namespace {

constexpr TypeId kB = TypeId::kBigint;
constexpr int64_t kDaysPerMonth = 30;

// DuckDB's months and days have 32 bits.
Status CheckPart(int64_t part) {
  if (part >= std::numeric_limits<int32_t>::min() && part <= std::numeric_limits<int32_t>::max())
    return absl::OkStatus();
  return InvalidArgument("an interval with {} months or days is out of range", part);
}

// First the months, where a day that the month does not have becomes its last; then the days; then the microseconds.
Status AddInterval(TimestampUs t, int64_t months, int64_t days, int64_t us, TimestampUs* out) {
  HR_RETURN_IF_ERROR(CheckPart(months));
  HR_RETURN_IF_ERROR(CheckPart(days));
  int64_t date = DaysOf(t);
  if (months != 0) {
    const CivilDate civil = CivilFromDays(date);
    const int64_t month0 = civil.year * 12 + civil.month - 1 + months;
    const int64_t year = FloorDivide(month0, 12);
    const int month = static_cast<int>(month0 - year * 12) + 1;
    date = DaysFromCivil(year, month, static_cast<int>(std::min<int64_t>(civil.day, DaysInMonth(year, month))));
  }
  int64_t time = 0;
  if (__builtin_add_overflow(UsInDay(t), us % kUsPerDay, &time)) return Internal("two times of day overflow");
  return MakeInstant(date + days + us / kUsPerDay, time, out);
}

// For comparing: as if a month had 30 days and a day 24 hours.
Status Length(int64_t months, int64_t days, int64_t us, int64_t* out) {
  const __int128 length = (static_cast<__int128>(months) * kDaysPerMonth + days) * kUsPerDay + us;
  *out = static_cast<int64_t>(length);
  return *out == length ? absl::OkStatus() : InvalidArgument("an interval out of range");
}

// DuckDB's: a year has 365.25 days here, a month 30. The parts have 64 bits where DuckDB's have 32, so their sum wants
// more.
double Seconds(int64_t months, int64_t days, int64_t us) {
  constexpr int64_t kSecondsPerDay = 86'400;
  constexpr int64_t kSecondsPerQuarterDay = kSecondsPerDay / 4;
  const __int128 years = months / 12;
  const __int128 whole_days = years * 365 + months % 12 * kDaysPerMonth + days;
  return static_cast<double>(whole_days * kSecondsPerDay + years * kSecondsPerQuarterDay) +
         static_cast<double>(us) / 1e6;
}

template <auto f>
ScalarFunction Part(std::string_view name) {
  return {name, {kB, kB, kB}, kB, Map<int64_t, f, int64_t, int64_t, int64_t>};
}

}  // namespace

std::vector<ScalarFunction> IntervalFunctions() {
  return {
      {"add_interval",
       {TypeId::kTimestamp, kB, kB, kB},
       TypeId::kTimestamp,
       TryMap<int64_t, AddInterval, int64_t, int64_t, int64_t, int64_t>},
      {"interval length", {kB, kB, kB}, kB, TryMap<int64_t, Length, int64_t, int64_t, int64_t>},
      {"interval epoch", {kB, kB, kB}, TypeId::kDouble, Map<double, Seconds, int64_t, int64_t, int64_t>},
      Part<[](int64_t months, int64_t, int64_t) { return months / 12; }>("interval year"),
      Part<[](int64_t months, int64_t, int64_t) { return months % 12 / 3 + 1; }>("interval quarter"),
      Part<[](int64_t months, int64_t, int64_t) { return months % 12; }>("interval month"),
      Part<[](int64_t, int64_t days, int64_t) { return days; }>("interval day"),
      Part<[](int64_t, int64_t, int64_t us) { return us / kUsPerHour; }>("interval hour"),
      Part<[](int64_t, int64_t, int64_t us) { return us % kUsPerHour / kUsPerMinute; }>("interval minute"),
      Part<[](int64_t, int64_t, int64_t us) { return us % kUsPerMinute / kUsPerSecond; }>("interval second"),
      Part<[](int64_t, int64_t, int64_t us) { return us % kUsPerMinute / 1000; }>("interval millisecond"),
      Part<[](int64_t, int64_t, int64_t us) { return us % kUsPerMinute; }>("interval microsecond"),
  };
}

}  // namespace headrace::functions
