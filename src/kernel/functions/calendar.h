// Instants as dates and times of day, in UTC and the proleptic Gregorian calendar.
#pragma once

#include "base/time.h"

namespace headrace::functions {

inline constexpr int64_t kUsPerMinute = 60 * kUsPerSecond;
inline constexpr int64_t kUsPerHour = 60 * kUsPerMinute;

inline int64_t FloorDivide(int64_t a, int64_t b) {
  return a / b - (a % b < 0 ? 1 : 0);
}
inline int64_t DaysOf(TimestampUs t) {
  return FloorDivide(t, kUsPerDay);
}
inline int64_t FloorRemainder(int64_t a, int64_t b) {
  return (a % b + b) % b;
}
inline int64_t UsInDay(TimestampUs t) {
  return FloorRemainder(t, kUsPerDay);
}
inline CivilDate DateOf(TimestampUs t) {
  return CivilFromDays(DaysOf(t));
}

int64_t DaysInMonth(int64_t year, int month);

// `days` days and `us` microseconds after 1970; an error where that is no 64-bit instant.
Status MakeInstant(int64_t days, int64_t us, TimestampUs* out);

}  // namespace headrace::functions
