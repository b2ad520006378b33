// Every error of a project, as text: testdata/*.txt, in the form of catalog/testing/text_cases.h.
//
// HEADRACE_UPDATE_ERRORS=1 in the environment writes what comes out into the files, for review by `git diff`.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "absl/strings/str_join.h"
#include "catalog/testing/project_folder.h"
#include "catalog/testing/text_cases.h"

namespace headrace {
namespace {

// What every project of a group has beside its own files.
std::map<std::string, std::string> CommonFiles(const std::string& group) {
  std::map<std::string, std::string> files;
  if (group == "views" || group == "models") files["tables/events.sql"] = "select 1\n";
  if (group == "models") {
    files["features/recent.sql"] = "{{ config(entity='carrier', event_time='t') }} select x from {{ ref('events') }}\n";
  }
  return files;
}

std::vector<TextCase> AllCases() {
  std::vector<TextCase> all;
  for (const std::string group : {"settings", "sources", "tables", "templates", "views", "models"}) {
    const std::string path = HEADRACE_SOURCE_DIR "/src/catalog/testdata/" + group + ".txt";
    for (TextCase& c : ReadTextCases(path, CommonFiles(group))) all.push_back(std::move(c));
  }
  return all;
}

class ErrorsTest : public ::testing::TestWithParam<TextCase> {};

TEST_P(ErrorsTest, AreReportedAtTheirPlaceWithAHint) {
  const TextCase& c = GetParam();
  const std::vector<std::string> errors = ProjectFolder(c.files).Errors();
  if (std::getenv("HEADRACE_UPDATE_ERRORS") != nullptr) return UpdateTextCase(c, errors);
  EXPECT_EQ(absl::StrJoin(errors, "\n"), absl::StrJoin(c.errors, "\n"));
  EXPECT_FALSE(errors.empty());
}

INSTANTIATE_TEST_SUITE_P(Project, ErrorsTest, ::testing::ValuesIn(AllCases()), [](const auto& info) {
  return TestName(std::filesystem::path(info.param.path).stem().string() + "_" + info.param.name);
});

}  // namespace
}  // namespace headrace
