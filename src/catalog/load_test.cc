#include "catalog/load.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "catalog/graph.h"
#include "catalog/testing/project_folder.h"

namespace headrace {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::vector<std::string> Texts(const Diagnostics& diagnostics) {
  std::vector<std::string> texts;
  for (const Diagnostic& d : diagnostics) texts.push_back(d.ToString());
  return texts;
}

TEST(LoadProject, ReadsTheFlightsExampleWithoutComplaint) {
  const auto result = ReadProject(HEADRACE_SOURCE_DIR "/examples/flights");
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_THAT(Texts(result->diagnostics), IsEmpty());
  const Project& project = result->project;
  EXPECT_EQ(project.name, "flights");
  EXPECT_EQ(project.views.at("carrier_recent").from, "raw.arrivals");
  EXPECT_EQ(project.views.at("route_recent").entity, (std::vector<std::string>{"origin", "dest"}));
  EXPECT_EQ(project.views.at("trip").kind, ViewKind::kRequest);
  EXPECT_EQ(project.sources.at("raw.arrivals").stream->history_table, "arrivals_backfill");
  EXPECT_EQ(project.sources.at("raw.weather").options.at("nullstr"), "'NA'");
  EXPECT_GE(project.tests.size(), 30u);
  EXPECT_EQ(TableGraph(project).order().size(), project.tables.size() + project.sources.size());
}

}  // namespace
}  // namespace headrace
