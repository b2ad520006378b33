#include <algorithm>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "catalog/project.h"

namespace headrace {
namespace {

bool ReadRows(const std::string& text, std::optional<int64_t>* rows) {
  int64_t count = 0;
  if (text.find_first_not_of("0123456789") != std::string::npos || !absl::SimpleAtoi(text, &count) || count < 1)
    return false;
  *rows = count;
  return true;
}

bool ReadLength(const std::string& text, std::optional<DurationUs>* length_us) {
  const StatusOr<DurationUs> duration = ParseDuration(text);
  if (duration.ok()) *length_us = *duration;
  return duration.ok();
}

// "day", "day in Europe/Berlin".
bool ReadPeriod(const std::vector<std::string>& words, WindowSpec* window) {
  const std::optional<CalendarUnit> unit = ParseCalendarUnit(words[0]);
  if (!unit || (words.size() == 3 && words[1] != "in")) return false;
  const std::string zone_name = words.size() == 3 ? words[2] : "UTC";
  const StatusOr<absl::TimeZone> zone = LoadTimeZone(zone_name);
  if (zone.ok()) window->period.emplace(*unit, zone_name, *zone);
  return zone.ok();
}

// A part of a feature's name: "day_in_america_new_york".
std::string SuffixOf(const std::vector<std::string>& words) {
  std::string suffix = absl::AsciiStrToLower(absl::StrJoin(words, "_"));
  std::replace_if(
      suffix.begin(), suffix.end(), [](char c) { return !absl::ascii_isalnum(static_cast<unsigned char>(c)); }, '_');
  return suffix;
}

bool ReadWords(const std::vector<std::string>& words, WindowSpec* window) {
  const size_t n = words.size();
  if ((n == 1 || n == 3) && ParseCalendarUnit(words[0])) return ReadPeriod(words, window);
  if (n == 1) return words[0] == "all" || ReadLength(words[0], &window->length_us);
  if (n == 3 && words[1] == "offset") {
    std::optional<DurationUs> offset_us;
    if (!ReadLength(words[0], &window->length_us) || !ReadLength(words[2], &offset_us)) return false;
    window->offset_us = *offset_us;
    return AddSaturated(*window->length_us, window->offset_us) < kMaxTimestampUs;
  }
  if (n < 2 || words[1] != "rows" || !ReadRows(words[0], &window->rows)) return false;
  return n == 2 || (n == 4 && words[2] == "within" && ReadLength(words[3], &window->length_us));
}

}  // namespace

StatusOr<WindowSpec> ParseWindow(std::string_view text) {
  const std::vector<std::string> words = absl::StrSplit(ToAbsl(text), ' ', absl::SkipEmpty());
  WindowSpec window;
  window.suffix = SuffixOf(words);
  if (ReadWords(words, &window)) return window;
  if (words.size() == 3 && words[1] == "in" && ParseCalendarUnit(words[0]))
    return InvalidArgument("window '{}': {}", text, Message(LoadTimeZone(words[2]).status()));
  return InvalidArgument(
      "'{}' is no window: write it like '7d', '10 rows', '10 rows within 7d', '7d offset 7d', 'all', 'month' or 'day "
      "in "
      "Europe/Berlin'",
      text);
}

}  // namespace headrace
