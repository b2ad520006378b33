#include "base/time.h"

#include <array>
#include <charconv>
#include <chrono>

namespace headrace {
namespace {

struct Unit {
  std::string_view name;
  DurationUs us;
};
constexpr std::array<Unit, 6> kUnits = {{{"w", 7 * kUsPerDay},
                                         {"d", kUsPerDay},
                                         {"h", 3600 * kUsPerSecond},
                                         {"m", 60 * kUsPerSecond},
                                         {"s", kUsPerSecond},
                                         {"ms", 1000}}};

// Reads text from the left; each Take* says whether it matched and moves on only then.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : rest_(text) {}

  bool TakeDigits(size_t count, int64_t* value) {
    if (rest_.size() < count) return false;
    int64_t result = 0;
    for (size_t i = 0; i < count; ++i) {
      if (rest_[i] < '0' || rest_[i] > '9') return false;
      result = result * 10 + (rest_[i] - '0');
    }
    rest_.remove_prefix(count);
    *value = result;
    return true;
  }
  bool TakeAnyOf(std::string_view characters) {
    if (rest_.empty() || characters.find(rest_[0]) == std::string_view::npos) return false;
    rest_.remove_prefix(1);
    return true;
  }
  char Peek() const { return rest_.empty() ? '\0' : rest_[0]; }
  bool AtEnd() const { return rest_.empty(); }

 private:
  std::string_view rest_;
};

int DaysInMonth(int64_t year, int month) {
  constexpr std::array<int, 12> kDays = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  const bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
  return month == 2 && leap ? 29 : kDays[month - 1];
}

bool ScanFraction(Scanner& in, int64_t* us) {
  *us = 0;
  if (!in.TakeAnyOf(".")) return true;
  int digits = 0;
  for (int64_t digit; in.TakeDigits(1, &digit); ++digits) {
    if (digits < 6) *us = *us * 10 + digit;
    if (digits >= 6 && digit != 0) return false;
  }
  if (digits == 0) return false;
  for (; digits < 6; ++digits) *us *= 10;
  return true;
}

bool ScanClock(Scanner& in, int64_t* us) {
  int64_t hour = 0, minute = 0, second = 0, fraction = 0;
  if (!in.TakeDigits(2, &hour) || !in.TakeAnyOf(":") || !in.TakeDigits(2, &minute)) return false;
  if (in.TakeAnyOf(":") && (!in.TakeDigits(2, &second) || !ScanFraction(in, &fraction))) return false;
  if (hour > 23 || minute > 59 || second > 59) return false;
  *us = ((hour * 60 + minute) * 60 + second) * kUsPerSecond + fraction;
  return true;
}

bool ScanOffset(Scanner& in, int64_t* offset_us) {
  *offset_us = 0;
  if (in.AtEnd() || in.TakeAnyOf("Zz")) return true;
  const bool negative = in.Peek() == '-';
  if (!in.TakeAnyOf("+-")) return false;
  int64_t hours = 0, minutes = 0;
  if (!in.TakeDigits(2, &hours)) return false;
  const bool colon = in.TakeAnyOf(":");
  if ((colon || !in.AtEnd()) && !in.TakeDigits(2, &minutes)) return false;
  if (hours > 23 || minutes > 59) return false;
  *offset_us = (hours * 60 + minutes) * 60 * kUsPerSecond * (negative ? -1 : 1);
  return true;
}

}  // namespace

TimestampUs AddSaturated(TimestampUs t, DurationUs d) {
  TimestampUs sum = 0;
  if (!__builtin_add_overflow(t, d, &sum)) return sum;
  return d > 0 ? kMaxTimestampUs : kMinTimestampUs;
}

// Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", days_from_civil.
int64_t DaysFromCivil(int64_t year, int month, int day) {
  year -= month <= 2;
  const int64_t era = (year >= 0 ? year : year - 399) / 400;
  const int64_t year_of_era = year - era * 400;
  const int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
  const int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
  return era * 146097 + day_of_era - 719468;
}

// The same source, civil_from_days.
CivilDate CivilFromDays(int64_t days) {
  days += 719468;
  const int64_t era = (days >= 0 ? days : days - 146096) / 146097;
  const int64_t day_of_era = days - era * 146097;
  const int64_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
  const int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const int64_t month_index = (5 * day_of_year + 2) / 153;
  const int month = static_cast<int>(month_index < 10 ? month_index + 3 : month_index - 9);
  return {year_of_era + era * 400 + (month <= 2), month,
          static_cast<int>(day_of_year - (153 * month_index + 2) / 5 + 1)};
}

std::string FormatTimestamp(TimestampUs t) {
  int64_t days = t / kUsPerDay;
  int64_t in_day = t % kUsPerDay;
  if (in_day < 0) {
    in_day += kUsPerDay;
    --days;
  }
  const CivilDate date = CivilFromDays(days);
  const int64_t seconds = in_day / kUsPerSecond;
  const int64_t fraction = in_day % kUsPerSecond;
  std::string text = fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}", date.year, date.month, date.day, seconds / 3600,
                                 seconds / 60 % 60, seconds % 60);
  if (fraction % 1000 != 0) {
    text += fmt::format(".{:06}", fraction);
  } else if (fraction != 0) {
    text += fmt::format(".{:03}", fraction / 1000);
  }
  return text + "Z";
}

StatusOr<TimestampUs> ParseTimestamp(std::string_view text) {
  const auto bad = [&] {
    return InvalidArgument(
        "'{}' is not a timestamp: write it like 2013-12-01T10:00:00Z, with at most 6 fraction digits", text);
  };
  Scanner in(text);
  int64_t year = 0, month = 0, day = 0, clock_us = 0, offset_us = 0;
  if (!in.TakeDigits(4, &year) || !in.TakeAnyOf("-") || !in.TakeDigits(2, &month) || !in.TakeAnyOf("-") ||
      !in.TakeDigits(2, &day)) {
    return bad();
  }
  if (month < 1 || month > 12 || day < 1 || day > DaysInMonth(year, static_cast<int>(month))) return bad();
  if (in.TakeAnyOf("Tt ") && (!ScanClock(in, &clock_us) || !ScanOffset(in, &offset_us))) return bad();
  if (!in.AtEnd()) return bad();
  return DaysFromCivil(year, static_cast<int>(month), static_cast<int>(day)) * kUsPerDay + clock_us - offset_us;
}

StatusOr<DurationUs> ParseDuration(std::string_view text) {
  int64_t count = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
  const std::string_view unit_name = text.substr(end - text.data());
  if (error == std::errc() && count > 0) {
    for (const Unit& unit : kUnits) {
      DurationUs result = 0;
      if (unit_name == unit.name && !__builtin_mul_overflow(count, unit.us, &result)) return result;
    }
  }
  return InvalidArgument(
      "'{}' is not a duration: write a positive whole number and a unit, like 500ms 90s 15m 1h 7d 2w", text);
}

std::string FormatDuration(DurationUs d) {
  for (const Unit& unit : kUnits) {
    if (unit.name != "w" && d % unit.us == 0 && d != 0) return fmt::format("{}{}", d / unit.us, unit.name);
  }
  return fmt::format("{}us", d);
}

TimestampUs SystemClock::Now() const {
  return std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::system_clock::now().time_since_epoch())
      .count();
}

}  // namespace headrace
