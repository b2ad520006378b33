#include "catalog/yaml.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace headrace {
namespace {

using ::testing::ElementsAre;

TEST(ParseYaml, KeepsThePlaceOfEachKeyAndValue) {
  Diagnostics diagnostics;
  const auto document = ParseYaml("f.yml", "a: 1\nlist:\n  - x\n  - {k: 'v'}\nempty:\n", &diagnostics);
  ASSERT_TRUE(document.has_value());
  EXPECT_EQ(document->members[1].where.ToString(), "f.yml:2:1");
  const YamlNode& list = document->members[1].value;
  EXPECT_EQ(list.items[0].where.ToString(), "f.yml:3:5");
  EXPECT_EQ(list.items[1].members[0].value.where.ToString(), "f.yml:4:9");
  EXPECT_TRUE(list.items[1].members[0].value.quoted);
  EXPECT_TRUE(document->members[2].value.is_null());
  EXPECT_EQ(document->members[2].value.where.ToString(), "f.yml:5:1");
}

TEST(ParseYaml, ReadsEmptyTextAsNothing) {
  Diagnostics diagnostics;
  EXPECT_TRUE(ParseYaml("f.yml", "", &diagnostics)->is_null());
  EXPECT_TRUE(ParseYaml("f.yml", "# only a comment\n", &diagnostics)->is_null());
  EXPECT_TRUE(diagnostics.empty());
}

TEST(ParseYaml, BoundsWhatAliasesStandFor) {
  std::string text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 12; ++i) {
    text += fmt::format("a{}: &a{} [", i, i);
    for (int j = 0; j < 10; ++j) text += fmt::format("{}*a{}", j == 0 ? "" : ", ", i - 1);
    text += "]\n";
  }
  Diagnostics diagnostics;
  (void)ParseYaml("f.yml", text, &diagnostics);
  ASSERT_EQ(diagnostics.size(), 1u);
  EXPECT_EQ(diagnostics[0].message, "the document is too large or nested too deeply");
}

TEST(ParseYaml, SurvivesEveryPrefix) {
  const std::string text = "a: &x {b: [1, 'q', \"d\\n\"], c: |\n    text\n  }\nd: *x\n? e\n: f\n---\ng: !!str 1\n";
  for (size_t i = 0; i <= text.size(); ++i) {
    Diagnostics diagnostics;
    (void)ParseYaml("f.yml", text.substr(0, i), &diagnostics);
  }
}

TEST(ToValue, TypesUnquotedScalars) {
  Diagnostics diagnostics;
  const auto list =
      ParseYaml("f.yml", "[1, -2, 1.5, 1e3, true, No, text, '1', 2013-09-01, 0x10, nan, 1_000, 00012]", &diagnostics);
  std::vector<std::string> texts;
  for (const YamlNode& item : list->items)
    texts.push_back(fmt::format("{} {}", TypeName(ToValue(item).type()), ToValue(item).ToString()));
  EXPECT_THAT(texts, ElementsAre("BIGINT 1", "BIGINT -2", "DOUBLE 1.5", "DOUBLE 1000.0", "BOOLEAN true",
                                 "BOOLEAN false", "VARCHAR text", "VARCHAR 1", "VARCHAR 2013-09-01", "VARCHAR 0x10",
                                 "VARCHAR nan", "VARCHAR 1_000", "BIGINT 12"));
}

TEST(ToJson, KeepsTheShapeOfTheDocument) {
  Diagnostics diagnostics;
  EXPECT_EQ(ToJson(*ParseYaml("f.yml", "{a: [1, x, null], b: {c: '1'}, d: }", &diagnostics)).Dump(),
            R"({"a":[1,"x",null],"b":{"c":"1"},"d":null})");
}

TEST(YamlReader, ReportsKeysThatNobodyAskedForWithTheNearest) {
  Diagnostics diagnostics;
  const auto document = ParseYaml("f.yml", "name: x\nlocaton: y\n", &diagnostics);
  YamlReader reader(*document, "table 'x'", &diagnostics);
  EXPECT_EQ(reader.RequiredText("name"), "x");
  EXPECT_EQ(reader.Text("location"), "");
  reader.Finish();
  ASSERT_EQ(diagnostics.size(), 1u);
  EXPECT_EQ(diagnostics[0].ToString(), "f.yml:2:1: key 'locaton' is not known in table 'x'; did you mean 'location'?");
}

}  // namespace
}  // namespace headrace
