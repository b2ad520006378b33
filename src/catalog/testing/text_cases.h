// For tests: cases of projects and the errors that they have, as text.
//
//   given NAME         the files below it are those of every case that follows, until the next; a case may replace one
//   case NAME
//   file PATH          the lines below, less two blanks, are the file
//     ...
//   errors
//     PATH:LINE:COLUMN: MESSAGE; HINT       all of them, in order
//
// Other lines are remarks.
#pragma once

#include <gtest/gtest.h>

#include <cctype>
#include <map>
#include <ostream>
#include <string>
#include <vector>

#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "base/file.h"

namespace headrace {

struct TextCase {
  std::string path;  // of the file of cases
  std::string name;
  std::map<std::string, std::string> files;
  std::vector<std::string> errors;
  size_t errors_line = 0;  // index of the line "errors" in the file of cases

  friend void PrintTo(const TextCase& c, std::ostream* out) { *out << c.name; }
};

// `given`: files of all cases before the first "given". A file that cannot be read has no cases.
inline std::vector<TextCase> ReadTextCases(const std::string& path, std::map<std::string, std::string> given = {}) {
  std::vector<TextCase> cases;
  std::map<std::string, std::string>* files = &given;
  std::string* file = nullptr;
  const std::vector<std::string> lines = absl::StrSplit(ReadFile(path).value_or(""), '\n');
  for (size_t i = 0; i < lines.size(); ++i) {
    const std::string& line = lines[i];
    if (line.starts_with("given ")) {
      given.clear();
      files = &given;
    } else if (line.starts_with("case ")) {
      cases.push_back({path, line.substr(5), given, {}, 0});
      files = &cases.back().files;
    } else if (line.starts_with("file ")) {
      file = &(*files)[line.substr(5)];
      file->clear();
    } else if (line == "errors") {
      file = nullptr;
      cases.back().errors_line = i;
    } else if (line.starts_with("  ")) {
      file != nullptr ? (void)file->append(line.substr(2) + "\n") : cases.back().errors.push_back(line.substr(2));
    }
  }
  return cases;
}

// Writes what came out into the file of the case.
inline void UpdateTextCase(const TextCase& c, const std::vector<std::string>& errors) {
  std::vector<std::string> lines = absl::StrSplit(ReadFile(c.path).value_or(""), '\n');
  for (const TextCase& current : ReadTextCases(c.path)) {
    if (current.name != c.name) continue;
    const auto begin = lines.begin() + static_cast<ptrdiff_t>(current.errors_line) + 1;
    const auto at = lines.erase(begin, begin + static_cast<ptrdiff_t>(current.errors.size()));
    std::vector<std::string> indented;
    for (const std::string& error : errors) indented.push_back("  " + error);
    lines.insert(at, indented.begin(), indented.end());
  }
  ASSERT_TRUE(WriteFileAtomically(c.path, absl::StrJoin(lines, "\n")).ok());
}

// As a test may be called.
inline std::string TestName(std::string text) {
  for (char& c : text) {
    if (!std::isalnum(static_cast<unsigned char>(c))) c = '_';
  }
  return text;
}

}  // namespace headrace
