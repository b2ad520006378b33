// Parts of timestamps, truncation, differences. All in UTC.
#include <array>

#include "base/time.h"
#include "kernel/functions/calendar.h"
#include "kernel/functions/support.h"

namespace headrace::functions {
namespace {

constexpr TypeId kB = TypeId::kBigint;
constexpr TypeId kT = TypeId::kTimestamp;

// Sunday 0 .. Saturday 6; 1970-01-01 was a Thursday.
int64_t DayOfWeek(TimestampUs t) {
  return ((DaysOf(t) + 4) % 7 + 7) % 7;
}
int64_t IsoDayOfWeek(TimestampUs t) {
  return (DayOfWeek(t) + 6) % 7 + 1;
}
int64_t DayOfYear(TimestampUs t) {
  return DaysOf(t) - DaysFromCivil(DateOf(t).year, 1, 1) + 1;
}

// ISO 8601: a week belongs to the year of its Thursday; the one with the year's first Thursday is week 1.
int64_t ThursdayOf(TimestampUs t) {
  return DaysOf(t) - IsoDayOfWeek(t) + 4;
}
int64_t IsoYear(TimestampUs t) {
  return CivilFromDays(ThursdayOf(t)).year;
}
int64_t IsoWeek(TimestampUs t) {
  return (ThursdayOf(t) - DaysFromCivil(IsoYear(t), 1, 1)) / 7 + 1;
}
int64_t YearWeek(TimestampUs t) {
  return IsoYear(t) * 100 + (IsoYear(t) > 0 ? IsoWeek(t) : -IsoWeek(t));
}

// The century 1 began with the year 1; there is none of number 0. Likewise the millennium.
template <int64_t years>
int64_t Era(TimestampUs t) {
  const int64_t year = DateOf(t).year;
  return year > 0 ? (year - 1) / years + 1 : year / years - 1;
}

template <int64_t unit_us>
TimestampUs TruncateTo(TimestampUs t) {
  return FloorDivide(t, unit_us) * unit_us;
}
TimestampUs TruncateToWeek(TimestampUs t) {
  return (DaysOf(t) - IsoDayOfWeek(t) + 1) * kUsPerDay;
}
TimestampUs TruncateToMonth(TimestampUs t) {
  return DaysFromCivil(DateOf(t).year, DateOf(t).month, 1) * kUsPerDay;
}
TimestampUs TruncateToQuarter(TimestampUs t) {
  return DaysFromCivil(DateOf(t).year, (DateOf(t).month - 1) / 3 * 3 + 1, 1) * kUsPerDay;
}
template <int64_t years>
TimestampUs TruncateToYears(TimestampUs t) {
  return DaysFromCivil(DateOf(t).year / years * years, 1, 1) * kUsPerDay;
}
TimestampUs TruncateToIsoYear(TimestampUs t) {
  return TruncateToWeek(DaysFromCivil(IsoYear(t), 1, 4) * kUsPerDay);  // 4 January is in week 1
}

// date_diff counts the boundaries between the two instants, not whole units: 01:59 to 02:00 is one hour.
template <int64_t unit_us>
int64_t BoundariesBetween(TimestampUs from, TimestampUs to) {
  return FloorDivide(to, unit_us) - FloorDivide(from, unit_us);
}

template <int64_t years>
int64_t YearsBetween(TimestampUs from, TimestampUs to) {
  return DateOf(to).year / years - DateOf(from).year / years;
}
int64_t MonthsSince0(TimestampUs t) {
  return DateOf(t).year * 12 + DateOf(t).month - 1;
}
template <int64_t months>
int64_t MonthsBetween(TimestampUs from, TimestampUs to) {
  return MonthsSince0(to) / months - MonthsSince0(from) / months;
}
// DuckDB's exception: seven days, whatever boundary lies between.
int64_t WeeksBetween(TimestampUs from, TimestampUs to) {
  return (DaysOf(to) - DaysOf(from)) / 7;
}

Status MicrosecondsBetween(TimestampUs from, TimestampUs to, int64_t* out) {
  if (!__builtin_sub_overflow(to, from, out)) return absl::OkStatus();
  return InvalidArgument("the microseconds from {} to {} do not fit a bigint", FormatTimestamp(from),
                         FormatTimestamp(to));
}

template <auto f>
ScalarFunction Part(std::string_view name) {
  return {name, {kT}, kB, Map<int64_t, f, int64_t>};
}
template <auto f>
ScalarFunction Truncation(std::string_view name) {
  return {name, {kT}, kT, Map<int64_t, f, int64_t>};
}
template <auto f>
ScalarFunction Difference(std::string_view name) {
  return {name, {kT, kT}, kB, Map<int64_t, f, int64_t, int64_t>};
}

void AddParts(std::vector<ScalarFunction>* functions) {
  const std::vector<ScalarFunction> parts = {
      Part<[](TimestampUs t) { return DateOf(t).year; }>("year"),
      Part<[](TimestampUs t) { return DateOf(t).month; }>("month"),
      Part<[](TimestampUs t) { return DateOf(t).day; }>("day"),
      Part<[](TimestampUs t) { return (DateOf(t).month - 1) / 3 + 1; }>("quarter"),
      Part<[](TimestampUs t) { return DateOf(t).year / 10; }>("decade"),
      Part<Era<100>>("century"),
      Part<Era<1000>>("millennium"),
      Part<[](TimestampUs t) { return UsInDay(t) / kUsPerHour; }>("hour"),
      Part<[](TimestampUs t) { return UsInDay(t) / kUsPerMinute % 60; }>("minute"),
      Part<[](TimestampUs t) { return UsInDay(t) / kUsPerSecond % 60; }>("second"),
      Part<[](TimestampUs t) { return UsInDay(t) % kUsPerMinute / 1000; }>("millisecond"),
      Part<[](TimestampUs t) { return UsInDay(t) % kUsPerMinute; }>("microsecond"),
      Part<DayOfWeek>("dayofweek"),
      Part<IsoDayOfWeek>("isodow"),
      Part<DayOfYear>("dayofyear"),
      Part<IsoWeek>("week"),
      Part<IsoYear>("isoyear"),
      Part<YearWeek>("yearweek"),
      {"epoch",
       {kT},
       TypeId::kDouble,
       Map<double, [](TimestampUs t) { return static_cast<double>(t) / 1e6; }, int64_t>},
      Part<[](TimestampUs t) { return t / 1000; }>("epoch_ms"),
      Part<[](TimestampUs t) { return t; }>("epoch_us"),
  };
  functions->insert(functions->end(), parts.begin(), parts.end());
}

void AddTruncations(std::vector<ScalarFunction>* functions) {
  const std::vector<ScalarFunction> truncations = {
      Truncation<[](TimestampUs t) { return t; }>("date_trunc microsecond"),
      Truncation<TruncateTo<1000>>("date_trunc millisecond"),
      Truncation<TruncateTo<kUsPerSecond>>("date_trunc second"),
      Truncation<TruncateTo<kUsPerMinute>>("date_trunc minute"),
      Truncation<TruncateTo<kUsPerHour>>("date_trunc hour"),
      Truncation<TruncateTo<kUsPerDay>>("date_trunc day"),
      Truncation<TruncateToWeek>("date_trunc week"),
      Truncation<TruncateToMonth>("date_trunc month"),
      Truncation<TruncateToQuarter>("date_trunc quarter"),
      Truncation<TruncateToYears<1>>("date_trunc year"),
      Truncation<TruncateToIsoYear>("date_trunc isoyear"),
      Truncation<TruncateToYears<10>>("date_trunc decade"),
      Truncation<TruncateToYears<100>>("date_trunc century"),
      Truncation<TruncateToYears<1000>>("date_trunc millennium"),
  };
  functions->insert(functions->end(), truncations.begin(), truncations.end());
}

}  // namespace

// date_part('hour', t) is bound as hour(t); date_trunc('hour', t) as "date_trunc hour"; date_diff alike.
std::vector<ScalarFunction> TemporalFunctions() {
  std::vector<ScalarFunction> functions = {
      {"date_diff microsecond", {kT, kT}, kB, TryMap<int64_t, MicrosecondsBetween, int64_t, int64_t>},
      Difference<BoundariesBetween<1000>>("date_diff millisecond"),
      Difference<BoundariesBetween<kUsPerSecond>>("date_diff second"),
      Difference<BoundariesBetween<kUsPerMinute>>("date_diff minute"),
      Difference<BoundariesBetween<kUsPerHour>>("date_diff hour"),
      Difference<BoundariesBetween<kUsPerDay>>("date_diff day"),
      Difference<WeeksBetween>("date_diff week"),
      Difference<MonthsBetween<1>>("date_diff month"),
      Difference<MonthsBetween<3>>("date_diff quarter"),
      Difference<YearsBetween<1>>("date_diff year"),
      Difference<[](TimestampUs from, TimestampUs to) { return IsoYear(to) - IsoYear(from); }>("date_diff isoyear"),
      Difference<YearsBetween<10>>("date_diff decade"),
      Difference<YearsBetween<100>>("date_diff century"),
      Difference<YearsBetween<1000>>("date_diff millennium"),
  };
  AddParts(&functions);
  AddTruncations(&functions);
  return functions;
}

}  // namespace headrace::functions
