// What of a model is refused as a leak, and what is not: testdata/leaks.txt, whose head says how it reads.
//
// HEADRACE_UPDATE_LEAKS=1 in the environment writes what comes out into the file, for review by `git diff`.
#include <gtest/gtest.h>

#include <cstdlib>

#include "absl/strings/str_join.h"
#include "catalog/testing/project_folder.h"
#include "catalog/testing/text_cases.h"
#include "engine/definitions.h"

namespace headrace {
namespace {

std::vector<std::string> ErrorsOf(const TextCase& c) {
  const ProjectFolder folder(c.files);
  StatusOr<LoadResult> loaded = ReadProject(folder.path());
  if (!loaded.ok()) return {std::string(loaded.status().message())};
  CompileProject(loaded->project, &loaded->diagnostics);
  std::vector<std::string> errors;
  for (const Diagnostic& d : loaded->diagnostics) errors.push_back(d.ToString());
  return errors;
}

class LeakTest : public ::testing::TestWithParam<TextCase> {};

TEST_P(LeakTest, RefusesWhatIsProvenAndNothingElse) {
  const TextCase& c = GetParam();
  const std::vector<std::string> errors = ErrorsOf(c);
  if (std::getenv("HEADRACE_UPDATE_LEAKS") != nullptr) return UpdateTextCase(c, errors);
  EXPECT_EQ(absl::StrJoin(errors, "\n"), absl::StrJoin(c.errors, "\n"));
}

INSTANTIATE_TEST_SUITE_P(Text, LeakTest,
                         ::testing::ValuesIn(ReadTextCases(HEADRACE_SOURCE_DIR "/src/engine/testdata/leaks.txt")),
                         [](const auto& info) { return TestName(info.param.name); });

}  // namespace
}  // namespace headrace
