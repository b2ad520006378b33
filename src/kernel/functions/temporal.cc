// Parts of timestamps, truncation, differences. All in UTC.
#include <array>

#include "base/time.h"
#include "kernel/functions/support.h"

namespace headrace::functions {
namespace {

constexpr TypeId kB = TypeId::kBigint;
constexpr TypeId kT = TypeId::kTimestamp;

int64_t FloorDivide(int64_t a, int64_t b) { return a / b - (a % b < 0 ? 1 : 0); }
int64_t DaysOf(TimestampUs t) { return FloorDivide(t, kUsPerDay); }
int64_t UsInDay(TimestampUs t) { return t - DaysOf(t) * kUsPerDay; }
CivilDate DateOf(TimestampUs t) { return CivilFromDays(DaysOf(t)); }

// Sunday 0 .. Saturday 6; 1970-01-01 was a Thursday.
int64_t DayOfWeek(TimestampUs t) { return ((DaysOf(t) + 4) % 7 + 7) % 7; }
int64_t IsoDayOfWeek(TimestampUs t) { return (DayOfWeek(t) + 6) % 7 + 1; }
int64_t DayOfYear(TimestampUs t) { return DaysOf(t) - DaysFromCivil(DateOf(t).year, 1, 1) + 1; }

// ISO 8601: the week that holds the year's first Thursday is week 1.
int64_t IsoWeek(TimestampUs t) {
  const int64_t thursday = DaysOf(t) - IsoDayOfWeek(t) + 4;
  return (thursday - DaysFromCivil(CivilFromDays(thursday).year, 1, 1)) / 7 + 1;
}

template <int64_t unit_us>
TimestampUs TruncateTo(TimestampUs t) {
  return FloorDivide(t, unit_us) * unit_us;
}
TimestampUs TruncateToWeek(TimestampUs t) { return (DaysOf(t) - IsoDayOfWeek(t) + 1) * kUsPerDay; }
TimestampUs TruncateToMonth(TimestampUs t) { return DaysFromCivil(DateOf(t).year, DateOf(t).month, 1) * kUsPerDay; }
TimestampUs TruncateToQuarter(TimestampUs t) {
  return DaysFromCivil(DateOf(t).year, (DateOf(t).month - 1) / 3 * 3 + 1, 1) * kUsPerDay;
}
TimestampUs TruncateToYear(TimestampUs t) { return DaysFromCivil(DateOf(t).year, 1, 1) * kUsPerDay; }

// date_diff counts the boundaries between the two instants, not whole units: 01:59 to 02:00 is one hour.
template <int64_t unit_us>
int64_t BoundariesBetween(TimestampUs from, TimestampUs to) {
  return FloorDivide(to, unit_us) - FloorDivide(from, unit_us);
}

constexpr int64_t kSecond = kUsPerSecond;
constexpr int64_t kMinute = 60 * kSecond;
constexpr int64_t kHour = 60 * kMinute;

template <auto f>
ScalarFunction Part(std::string_view name) {
  return {name, {kT}, kB, Unary<int64_t, int64_t, f>};
}
template <auto f>
ScalarFunction Truncation(std::string_view name) {
  return {name, {kT}, kT, Unary<int64_t, int64_t, f>};
}
template <auto f>
ScalarFunction Difference(std::string_view name) {
  return {name, {kT, kT}, kB, Binary<int64_t, int64_t, int64_t, f>};
}

}  // namespace

// date_part('hour', t) is bound as hour(t); date_trunc('hour', t) as "date_trunc hour"; date_diff alike.
std::vector<ScalarFunction> TemporalFunctions() {
  return {
      Part<[](TimestampUs t) { return DateOf(t).year; }>("year"),
      Part<[](TimestampUs t) { return DateOf(t).month; }>("month"),
      Part<[](TimestampUs t) { return DateOf(t).day; }>("day"),
      Part<[](TimestampUs t) { return (DateOf(t).month - 1) / 3 + 1; }>("quarter"),
      Part<[](TimestampUs t) { return UsInDay(t) / kHour; }>("hour"),
      Part<[](TimestampUs t) { return UsInDay(t) / kMinute % 60; }>("minute"),
      Part<[](TimestampUs t) { return UsInDay(t) / kSecond % 60; }>("second"),
      Part<DayOfWeek>("dayofweek"),
      Part<IsoDayOfWeek>("isodow"),
      Part<DayOfYear>("dayofyear"),
      Part<IsoWeek>("week"),
      {"epoch", {kT}, TypeId::kDouble, Unary<int64_t, double, [](TimestampUs t) { return static_cast<double>(t) / 1e6; }>},
      Truncation<TruncateTo<kSecond>>("date_trunc second"),
      Truncation<TruncateTo<kMinute>>("date_trunc minute"),
      Truncation<TruncateTo<kHour>>("date_trunc hour"),
      Truncation<TruncateTo<kUsPerDay>>("date_trunc day"),
      Truncation<TruncateToWeek>("date_trunc week"),
      Truncation<TruncateToMonth>("date_trunc month"),
      Truncation<TruncateToQuarter>("date_trunc quarter"),
      Truncation<TruncateToYear>("date_trunc year"),
      Difference<BoundariesBetween<kSecond>>("date_diff second"),
      Difference<BoundariesBetween<kMinute>>("date_diff minute"),
      Difference<BoundariesBetween<kHour>>("date_diff hour"),
      Difference<BoundariesBetween<kUsPerDay>>("date_diff day"),
  };
}

}  // namespace headrace::functions
