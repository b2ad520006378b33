// What is wrong in a user's file, and where. `headrace check` collects these; every one is shown.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace headrace {

// A place in a file of the project. Lines and columns count from 1, columns in bytes; 0 means "the file as a whole".
struct SourcePosition {
  std::string file;  // relative to the project's folder
  int line = 0;
  int column = 0;

  std::string ToString() const;  // "features/a.sql:3:14"
  bool operator==(const SourcePosition&) const = default;
};

struct Diagnostic {
  SourcePosition where;
  std::string message;  // what is wrong, with the offending text in quotes
  std::string hint;     // what to do, or empty: "did you mean 'arr_delay'?"

  // "features/a.sql:3:14: column 'arr_dely' does not exist in raw.arrivals; did you mean 'arr_delay'?"
  std::string ToString() const;
};

using Diagnostics = std::vector<Diagnostic>;

// All of them, one a line, as one kInvalidArgument; OK when there are none.
Status ToStatus(const Diagnostics& diagnostics);

// The candidate nearest to `name` by edit distance, if near enough to be a slip of the hand; else "".
std::string NearestName(std::string_view name, std::span<const std::string> candidates);
// "did you mean 'x'?" or, with no near name and few candidates, "there are: a, b, c"; "" when there are none.
std::string NearestNameHint(std::string_view name, std::span<const std::string> candidates);

}  // namespace headrace
