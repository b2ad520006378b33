// Instants, durations, clocks.
//
// An instant is UTC, 64-bit microseconds since 1970-01-01T00:00:00Z. A duration is 64-bit microseconds.
// No code reads the system's clock but SystemClock: a replay, a test, a backfill pass their own.
#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <string_view>

#include "base/status.h"

namespace headrace {

using TimestampUs = int64_t;
using DurationUs = int64_t;

inline constexpr TimestampUs kMinTimestampUs = std::numeric_limits<int64_t>::min();
inline constexpr TimestampUs kMaxTimestampUs = std::numeric_limits<int64_t>::max();
inline constexpr DurationUs kUsPerSecond = 1'000'000;
inline constexpr DurationUs kUsPerDay = 86'400 * kUsPerSecond;

// t + d, held at the ends of the range instead of overflowing.
TimestampUs AddSaturated(TimestampUs t, DurationUs d);

// RFC 3339 with Z; 0, 3 or 6 fraction digits, as few as the value needs: 2013-12-01T10:00:00.5 -> "...00.500Z".
std::string FormatTimestamp(TimestampUs t);

// RFC 3339 and SQL spellings: "2013-12-01", "2013-12-01 10:00", "2013-12-01T10:00:00.123456+01:00".
// Text without an offset is UTC. More than 6 fraction digits are refused unless the rest are zeros.
StatusOr<TimestampUs> ParseTimestamp(std::string_view text);

// Days since 1970-01-01 of a date in the proleptic Gregorian calendar, and back.
int64_t DaysFromCivil(int64_t year, int month, int day);
struct CivilDate {
  int64_t year;
  int month;  // 1..12
  int day;    // 1..31
};
CivilDate CivilFromDays(int64_t days);

// "500ms 90s 15m 1h 7d 2w" -> microseconds, one number and one unit; must be positive.
StatusOr<DurationUs> ParseDuration(std::string_view text);
std::string FormatDuration(DurationUs d);  // "7d"; the largest unit that divides it

// A source of the present. Thread-safe.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual TimestampUs Now() const = 0;
};

class SystemClock : public Clock {
 public:
  TimestampUs Now() const override;
};

}  // namespace headrace
