// Instants and what clocks show, by the name of a time zone.
#include "base/time_zone.h"
#include "absl/time/time.h"
#include "kernel/functions/calendar.h"
#include "kernel/functions/support.h"

namespace headrace::functions {
namespace {

using std::string_view;

constexpr TypeId kT = TypeId::kTimestamp;

absl::CivilSecond CivilOf(TimestampUs wall_clock) {
  return absl::CivilSecond(1970, 1, 1) + FloorDivide(wall_clock, kUsPerSecond);
}

// The instant at which clocks in the zone show `wall_clock`. One that the clocks skip is taken by the offset before the
// change, one that they show twice is the second: ICU's choices.
Status ToInstant(const absl::TimeZone& zone, TimestampUs wall_clock, TimestampUs* out) {
  const absl::TimeZone::TimeInfo info = zone.At(CivilOf(wall_clock));
  const absl::Time second = info.kind == absl::TimeZone::TimeInfo::SKIPPED ? info.pre : info.post;
  const int64_t seconds = absl::ToUnixSeconds(second);
  constexpr int64_t kSecondsPerDay = kUsPerDay / kUsPerSecond;
  return MakeInstant(seconds / kSecondsPerDay,
                     seconds % kSecondsPerDay * kUsPerSecond + FloorRemainder(wall_clock, kUsPerSecond), out);
}

// What clocks in the zone show at `instant`.
Status ToWallClock(const absl::TimeZone& zone, TimestampUs instant, TimestampUs* out) {
  const int64_t offset_us = zone.At(absl::FromUnixMicros(instant)).offset * kUsPerSecond;
  return MakeInstant(DaysOf(instant), UsInDay(instant) + offset_us, out);
}

template <Status (*convert)(const absl::TimeZone&, TimestampUs, TimestampUs*)>
Status Convert(Arguments arguments, size_t rows, Column* result) {
  string_view loaded;  // of the last row: it is mostly the same one
  absl::TimeZone zone;
  for (size_t i = 0; i < rows; ++i) {
    if (AnyNull(arguments, i)) {
      result->AppendNull();
      continue;
    }
    const string_view name = arguments[0]->str(i);
    if (loaded.empty() || name != loaded) {
      HR_ASSIGN_OR_RETURN(zone, LoadTimeZone(name));
      loaded = name;
    }
    TimestampUs out = 0;
    HR_RETURN_IF_ERROR(convert(zone, arguments[1]->ints()[i], &out));
    result->AppendInt(out);
  }
  return absl::OkStatus();
}

Status CheckZone(std::span<const Value* const> arguments) {
  return arguments[0] == nullptr ? absl::OkStatus() : LoadTimeZone(arguments[0]->str()).status();
}

ScalarFunction Conversion(string_view name, ScalarKernel kernel) {
  ScalarFunction function = {name, {TypeId::kVarchar, kT}, kT, kernel};
  function.check = CheckZone;
  return function;
}

}  // namespace

// timezone() of a TIMESTAMP is the first, of a TIMESTAMP WITH TIME ZONE the second; the binder knows which it is.
std::vector<ScalarFunction> TimeZoneFunctions() {
  return {Conversion("timezone", Convert<ToInstant>), Conversion("timezone of instant", Convert<ToWallClock>)};
}

}  // namespace headrace::functions
