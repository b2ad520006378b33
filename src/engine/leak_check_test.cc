// What of a model is refused as a leak, and what is not: testdata/leaks.txt, whose head says how it reads.
//
// HEADRACE_UPDATE_LEAKS=1 in the environment writes what comes out into the file, for review by `git diff`.
#include <gtest/gtest.h>

#include <cstdlib>

#include "absl/strings/match.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "catalog/testing/project_folder.h"
#include "engine/definitions.h"

namespace headrace {
namespace {

const std::string& CasesPath() {
  static const auto* const path = new std::string(std::string(HEADRACE_SOURCE_DIR) + "/src/engine/testdata/leaks.txt");
  return *path;
}

struct Case {
  std::string name;
  std::map<std::string, std::string> files;
  std::vector<std::string> errors;
  size_t errors_line = 0;

  friend void PrintTo(const Case& c, std::ostream* out) { *out << c.name; }
};

// "given" begins a project whose files the cases below it have as well, until the next.
std::vector<Case> ReadCases() {
  std::vector<Case> cases;
  std::map<std::string, std::string> given;
  std::map<std::string, std::string>* files = &given;
  std::string* file = nullptr;
  const std::string text = ReadFile(CasesPath()).value_or("");
  const std::vector<std::string> lines = absl::StrSplit(text, '\n');
  for (size_t i = 0; i < lines.size(); ++i) {
    const std::string& line = lines[i];
    if (line.starts_with("given ")) {
      given.clear();
      files = &given;
    } else if (line.starts_with("case ")) {
      cases.push_back({line.substr(5), given, {}, 0});
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

std::vector<std::string> ErrorsOf(const Case& c) {
  const ProjectFolder folder(c.files);
  StatusOr<LoadResult> loaded = ReadProject(folder.path());
  if (!loaded.ok()) return {std::string(loaded.status().message())};
  CompileProject(loaded->project, &loaded->diagnostics);
  std::vector<std::string> errors;
  for (const Diagnostic& d : loaded->diagnostics) errors.push_back(d.ToString());
  return errors;
}

void UpdateCase(const Case& c, const std::vector<std::string>& errors) {
  std::vector<std::string> lines = absl::StrSplit(ReadFile(CasesPath()).value_or(""), '\n');
  for (const Case& current : ReadCases()) {
    if (current.name != c.name) continue;
    const auto begin = lines.begin() + static_cast<ptrdiff_t>(current.errors_line) + 1;
    const auto at = lines.erase(begin, begin + static_cast<ptrdiff_t>(current.errors.size()));
    std::vector<std::string> indented;
    for (const std::string& error : errors) indented.push_back("  " + error);
    lines.insert(at, indented.begin(), indented.end());
  }
  ASSERT_TRUE(WriteFileAtomically(CasesPath(), absl::StrJoin(lines, "\n")).ok());
}

class LeakTest : public ::testing::TestWithParam<Case> {};

TEST_P(LeakTest, RefusesWhatIsProvenAndNothingElse) {
  const Case& c = GetParam();
  const std::vector<std::string> errors = ErrorsOf(c);
  if (std::getenv("HEADRACE_UPDATE_LEAKS") != nullptr) return UpdateCase(c, errors);
  EXPECT_EQ(absl::StrJoin(errors, "\n"), absl::StrJoin(c.errors, "\n"));
}

INSTANTIATE_TEST_SUITE_P(Text, LeakTest, ::testing::ValuesIn(ReadCases()), [](const auto& info) {
  std::string name = info.param.name;
  for (char& c : name) {
    if (!std::isalnum(static_cast<unsigned char>(c))) c = '_';
  }
  return name;
});

}  // namespace
}  // namespace headrace
