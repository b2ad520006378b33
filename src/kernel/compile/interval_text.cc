#include "kernel/compile/interval_text.h"

#include <charconv>
#include <limits>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "base/time.h"
#include "kernel/functions/registry.h"

namespace headrace::compile {
namespace {

constexpr int64_t kMillion = 1'000'000;
constexpr int64_t kDaysPerMonth = 30;

bool IsBlank(char c) {
  return c == ' ' || c == '\t' || c == '\n';
}
bool IsDigit(char c) {
  return c >= '0' && c <= '9';
}

// Reads from the front of a text.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : rest_(text) {}
  bool done() const { return rest_.empty(); }
  bool at(char c) const { return rest_.starts_with(c); }
  bool at_digit() const { return !rest_.empty() && IsDigit(rest_.front()); }
  bool Take(char c) {
    if (!at(c)) return false;
    rest_.remove_prefix(1);
    return true;
  }
  void SkipBlanks() {
    while (!rest_.empty() && IsBlank(rest_.front())) rest_.remove_prefix(1);
  }
  std::string_view TakeWhile(bool (*belongs)(char)) {
    size_t size = 0;
    while (size < rest_.size() && belongs(rest_[size])) ++size;
    const std::string_view taken = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return taken;
  }

 private:
  std::string_view rest_;
};

bool ToInteger(std::string_view digits, int64_t* out) {
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), *out);
  return !digits.empty() && error == std::errc() && end == digits.data() + digits.size();
}

// The digits after a point as millionths; further digits are cut off.
int64_t Millionths(std::string_view digits) {
  int64_t result = 0;
  for (size_t i = 0; i < 6; ++i) result = result * 10 + (i < digits.size() ? digits[i] - '0' : 0);
  return result;
}

bool AddProduct(int64_t number, int64_t factor, int64_t* sum) {
  int64_t product = 0;
  return !__builtin_mul_overflow(number, factor, &product) && !__builtin_add_overflow(*sum, product, sum);
}

// number + fraction / 10^6 of a unit. What does not fill a whole month goes to the days, what does not fill a day to
// the microseconds; of years and more the rest of a month is lost, as in DuckDB.
bool AddUnit(std::string_view unit, int64_t number, int64_t fraction, Interval* interval) {
  struct Unit {
    std::string_view name;
    int64_t Interval::*part;
    int64_t size;
  };
  static constexpr Unit kUnits[] = {{"millennium", &Interval::months, 12'000},
                                    {"century", &Interval::months, 1200},
                                    {"decade", &Interval::months, 120},
                                    {"year", &Interval::months, 12},
                                    {"quarter", &Interval::months, 3},
                                    {"month", &Interval::months, 1},
                                    {"week", &Interval::days, 7},
                                    {"day", &Interval::days, 1},
                                    {"hour", &Interval::us, 3600 * kUsPerSecond},
                                    {"minute", &Interval::us, 60 * kUsPerSecond},
                                    {"second", &Interval::us, kUsPerSecond},
                                    {"millisecond", &Interval::us, 1000},
                                    {"microsecond", &Interval::us, 1}};
  for (const Unit& candidate : kUnits) {
    if (candidate.name != unit) continue;
    if (candidate.size == 1 && candidate.part == &Interval::us) number += fraction * 2 / kMillion;  // rounded
    const int64_t scaled = fraction * candidate.size;
    if (!AddProduct(number, candidate.size, &(interval->*candidate.part))) return false;
    interval->*candidate.part += candidate.part == &Interval::us && candidate.size == 1 ? 0 : scaled / kMillion;
    const int64_t rest = scaled % kMillion;
    if (candidate.part == &Interval::months && candidate.size <= 3) interval->days += rest * kDaysPerMonth / kMillion;
    if (candidate.part == &Interval::days) interval->us += rest * (kUsPerDay / kMillion);
    return true;
  }
  return false;
}

// MM[:SS[.ffffff]] after "HH:".
bool TakeTime(int64_t hours, Scanner* scanner, int64_t* us) {
  int64_t minutes = 0;
  int64_t seconds = 0;
  int64_t fraction = 0;
  if (!ToInteger(scanner->TakeWhile(IsDigit), &minutes) || minutes > 59) return false;
  if (scanner->Take(':') && (!ToInteger(scanner->TakeWhile(IsDigit), &seconds) || seconds > 59)) return false;
  if (scanner->Take('.')) fraction = Millionths(scanner->TakeWhile(IsDigit));
  *us = (minutes * 60 + seconds) * kUsPerSecond + fraction;
  return AddProduct(hours, 3600 * kUsPerSecond, us);
}

// One "-1.5 weeks" or "12:30:00".
bool TakeTerm(Scanner* scanner, bool first, Interval* interval) {
  const bool negative = scanner->Take('-');
  const int64_t sign = negative ? -1 : 1;
  int64_t number = 0;
  if (!ToInteger(scanner->TakeWhile(IsDigit), &number)) return false;
  if (scanner->Take(':')) {
    int64_t us = 0;
    return TakeTime(number, scanner, &us) && AddProduct(us, sign, &interval->us);
  }
  const int64_t fraction = scanner->Take('.') ? Millionths(scanner->TakeWhile(IsDigit)) : 0;
  scanner->SkipBlanks();
  std::string unit(scanner->TakeWhile([](char c) { return absl::ascii_isalpha(static_cast<unsigned char>(c)); }));
  absl::AsciiStrToLower(&unit);
  if (unit.empty() && first && scanner->done()) unit = "second";
  return AddUnit(CanonicalUnit(unit), sign * number, sign * fraction, interval);
}

bool Fits(const Interval& interval) {
  constexpr int64_t kMax = std::numeric_limits<int32_t>::max();
  return std::abs(interval.months) <= kMax && std::abs(interval.days) <= kMax;
}

}  // namespace

StatusOr<Interval> ParseInterval(std::string_view text) {
  Interval interval;
  Scanner scanner(text);
  scanner.Take('@');
  bool good = true;
  bool first = true;
  scanner.SkipBlanks();
  for (; good && !scanner.done() && (scanner.at('-') || scanner.at_digit()); first = false) {
    good = TakeTerm(&scanner, first, &interval);
    scanner.SkipBlanks();
  }
  if (good && !first && !scanner.done()) {
    good = absl::EqualsIgnoreCase(ToAbsl(scanner.TakeWhile([](char c) { return !IsBlank(c); })), "ago");
    interval = {-interval.months, -interval.days, -interval.us};
    scanner.SkipBlanks();
  }
  if (!good || first || !scanner.done() || !Fits(interval)) {
    return InvalidArgument("'{}' is no interval; write '1 day', '2 hours 30 minutes' or '1 month 12:30:00'", text);
  }
  return interval;
}

}  // namespace headrace::compile
