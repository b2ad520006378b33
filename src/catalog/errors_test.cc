// Every error of a project, as text: testdata/*.txt. One case is
//
//   case NAME
//   file PATH          the lines below, less two blanks, are the file
//     ...
//   errors
//     PATH:LINE:COLUMN: MESSAGE; HINT       all of them, in order
//
// HEADRACE_UPDATE_ERRORS=1 in the environment writes what comes out into the files, for review by `git diff`.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cctype>
#include <cstdlib>
#include <string>
#include <vector>

#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "catalog/testing/project_folder.h"

namespace headrace {
namespace {

struct ErrorCase {
  std::string group;
  std::string name;
  std::map<std::string, std::string> files;
  std::vector<std::string> errors;
  size_t errors_line = 0;  // index of the line "errors" in the file of cases
};

std::string CasesPath(const std::string& group) {
  return HEADRACE_SOURCE_DIR "/src/catalog/testdata/" + group + ".txt";
}

std::vector<std::string> ReadLines(const std::string& group) {
  const StatusOr<std::string> text = ReadFile(CasesPath(group));
  if (!text.ok()) return {};
  return absl::StrSplit(*text, '\n');
}

// What every project of a group has beside its own files.
std::map<std::string, std::string> CommonFiles(const std::string& group) {
  std::map<std::string, std::string> files;
  if (group == "views" || group == "models") files["tables/events.sql"] = "select 1\n";
  if (group == "models") {
    files["features/recent.sql"] = "{{ config(entity='carrier', event_time='t') }} select x from {{ ref('events') }}\n";
  }
  return files;
}

std::vector<ErrorCase> ReadCases(const std::string& group) {
  std::vector<ErrorCase> cases;
  std::string* file = nullptr;
  const std::vector<std::string> lines = ReadLines(group);
  for (size_t i = 0; i < lines.size(); ++i) {
    const std::string& line = lines[i];
    if (line.starts_with("case ")) {
      cases.push_back(
          {.group = group, .name = line.substr(5), .files = CommonFiles(group), .errors = {}, .errors_line = 0});
    } else if (line.starts_with("file ")) {
      file = &cases.back().files[line.substr(5)];
    } else if (line == "errors") {
      file = nullptr;
      cases.back().errors_line = i;
    } else if (line.starts_with("  ")) {
      file != nullptr ? (void)file->append(line.substr(2) + "\n") : cases.back().errors.push_back(line.substr(2));
    }
  }
  return cases;
}

std::vector<ErrorCase> AllCases() {
  std::vector<ErrorCase> all;
  for (const char* group : {"settings", "sources", "tables", "templates", "views", "models"}) {
    for (ErrorCase& c : ReadCases(group)) all.push_back(std::move(c));
  }
  return all;
}

void UpdateCase(const ErrorCase& c, const std::vector<std::string>& errors) {
  std::vector<std::string> lines = ReadLines(c.group);
  for (const ErrorCase& current : ReadCases(c.group)) {
    if (current.name != c.name) continue;
    const auto begin = lines.begin() + static_cast<ptrdiff_t>(current.errors_line) + 1;
    const auto at = lines.erase(begin, begin + static_cast<ptrdiff_t>(current.errors.size()));
    std::vector<std::string> indented;
    for (const std::string& error : errors) indented.push_back("  " + error);
    lines.insert(at, indented.begin(), indented.end());
  }
  ASSERT_TRUE(WriteFileAtomically(CasesPath(c.group), absl::StrJoin(lines, "\n")).ok());
}

class ErrorsTest : public ::testing::TestWithParam<ErrorCase> {};

TEST_P(ErrorsTest, AreReportedAtTheirPlaceWithAHint) {
  const ErrorCase& c = GetParam();
  const std::vector<std::string> errors = ProjectFolder(c.files).Errors();
  if (std::getenv("HEADRACE_UPDATE_ERRORS") != nullptr) return UpdateCase(c, errors);
  EXPECT_EQ(absl::StrJoin(errors, "\n"), absl::StrJoin(c.errors, "\n"));
  EXPECT_FALSE(errors.empty());
}

INSTANTIATE_TEST_SUITE_P(Project, ErrorsTest, ::testing::ValuesIn(AllCases()), [](const auto& info) {
  std::string name = info.param.group + "_" + info.param.name;
  for (char& c : name) {
    if (!std::isalnum(static_cast<unsigned char>(c))) c = '_';
  }
  return name;
});

}  // namespace
}  // namespace headrace
