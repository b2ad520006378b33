#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "catalog/project.h"

namespace headrace {
namespace {

Status BadWindow(std::string_view text) {
  return InvalidArgument("'{}' is no window: write it like '7d', '10 rows', '10 rows within 7d', '7d offset 7d' or 'all'", text);
}

StatusOr<int64_t> ParseRows(const std::string& text) {
  int64_t rows = 0;
  if (text.find_first_not_of("0123456789") != std::string::npos || !absl::SimpleAtoi(text, &rows) || rows < 1) {
    return InvalidArgument("'{}' is no positive number of rows", text);
  }
  return rows;
}

}  // namespace

StatusOr<WindowSpec> ParseWindow(std::string_view text) {
  const std::vector<std::string> words = absl::StrSplit(ToAbsl(text), ' ', absl::SkipEmpty());
  WindowSpec window;
  window.suffix = absl::StrJoin(words, "_");
  const size_t n = words.size();
  if (n == 1 && words[0] == "all") return window;
  if (n == 1 || (n == 3 && words[1] == "offset")) {
    HR_ASSIGN_OR_RETURN(window.length_us, ParseDuration(words[0]));
    if (n == 1) return window;
    HR_ASSIGN_OR_RETURN(window.offset_us, ParseDuration(words[2]));
    if (AddSaturated(*window.length_us, window.offset_us) == kMaxTimestampUs) return BadWindow(text);
    return window;
  }
  if ((n == 2 || (n == 4 && words[2] == "within")) && words[1] == "rows") {
    HR_ASSIGN_OR_RETURN(window.rows, ParseRows(words[0]));
    if (n == 2) return window;
    HR_ASSIGN_OR_RETURN(window.length_us, ParseDuration(words[3]));
    return window;
  }
  return BadWindow(text);
}

}  // namespace headrace
