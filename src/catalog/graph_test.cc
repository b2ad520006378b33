#include "catalog/graph.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace headrace {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// A project of tables alone: name -> what it reads. Names with a dot are sources.
Project MakeProject(const std::map<std::string, std::vector<std::string>>& reads) {
  Project project;
  for (const auto& [name, depends_on] : reads) {
    const size_t dot = name.find('.');
    if (dot == std::string::npos) {
      project.tables[name].name = name;
      project.tables[name].depends_on = depends_on;
      continue;
    }
    SourceTable& source = project.sources[name];
    source.source = name.substr(0, dot);
    source.name = name.substr(dot + 1);
    if (!depends_on.empty()) source.stream.emplace().history_table = depends_on[0];
  }
  return project;
}

TEST(TableGraph, PutsEachAfterWhatItReads) {
  const TableGraph graph(
      MakeProject({{"a", {"z", "raw.s"}}, {"z", {"raw.s"}}, {"b", {}}, {"raw.s", {}}, {"report", {"a", "b"}}}));
  EXPECT_THAT(graph.order(), ElementsAre("b", "raw.s", "z", "a", "report"));
  EXPECT_THAT(graph.cycles(), IsEmpty());
}

TEST(TableGraph, PutsAStreamAfterTheTableOfItsHistory) {
  const TableGraph graph(MakeProject(
      {{"backfill", {"raw.flights"}}, {"raw.flights", {}}, {"raw.arrivals", {"backfill"}}, {"a", {"raw.arrivals"}}}));
  EXPECT_THAT(graph.order(), ElementsAre("raw.flights", "backfill", "raw.arrivals", "a"));
}

TEST(TableGraph, FindsUpstreamAndDownstream) {
  const TableGraph graph(MakeProject({{"a", {"raw.s"}}, {"b", {"a"}}, {"c", {"b"}}, {"d", {"a"}}, {"raw.s", {}}}));
  EXPECT_THAT(graph.Upstream("c"), ElementsAre("a", "b", "raw.s"));
  EXPECT_THAT(graph.Downstream("a"), ElementsAre("b", "c", "d"));
  EXPECT_THAT(graph.Upstream("raw.s"), IsEmpty());
  EXPECT_THAT(graph.Upstream("nobody"), IsEmpty());
}

TEST(TableGraph, ShowsEachCycleAndOrdersTheRest) {
  const TableGraph graph(MakeProject({{"a", {"b"}}, {"b", {"c"}}, {"c", {"b"}}, {"d", {"d"}}, {"e", {}}}));
  EXPECT_THAT(graph.order(), ElementsAre("e"));
  EXPECT_THAT(graph.cycles(), ElementsAre(ElementsAre("b", "c"), ElementsAre("d")));
}

TEST(TableGraph, HoldsAChainOfTenThousand) {
  std::map<std::string, std::vector<std::string>> reads;
  for (int i = 0; i < 10000; ++i) reads[fmt::format("t{}", i)] = {fmt::format("t{}", (i + 1) % 10000)};
  EXPECT_EQ(TableGraph(MakeProject(reads)).cycles().size(), 1u);
  reads["t9999"] = {};
  EXPECT_EQ(TableGraph(MakeProject(reads)).order().size(), 10000u);
}

}  // namespace
}  // namespace headrace
