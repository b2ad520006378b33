#include "warehouse/parser.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/json.h"
#include "warehouse/sql_error.h"

namespace headrace {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(SerializeSelect, GivesTheTreeOfOneStatement) {
  const StatusOr<std::string> text = SerializeSelect("select a, count(*) from t where b > 3 group by a");
  ASSERT_TRUE(text.ok()) << text.status();
  const StatusOr<Json> tree = Json::Parse(*text);
  ASSERT_TRUE(tree.ok()) << tree.status();
  const Json* node = tree->Find("node");
  ASSERT_NE(node, nullptr);
  EXPECT_EQ(node->Find("select_list")->array().size(), 2u);
  EXPECT_EQ(node->Find("select_list")->array()[0].Find("query_location")->integer(), 7);
}

TEST(SerializeSelect, AnUnknownLocationIsNull) {
  const StatusOr<std::string> text = SerializeSelect("select 1");
  ASSERT_TRUE(text.ok()) << text.status();
  EXPECT_TRUE(Json::Parse(*text)->Find("node")->Find("from_table")->Find("query_location")->is_null());
}

TEST(SerializeSelect, ASyntaxErrorHasItsOffset) {
  const Status status = SerializeSelect("select a,, b from t").status();
  EXPECT_THAT(std::string(status.message()), HasSubstr("syntax error"));
  EXPECT_EQ(SqlErrorOffset(status), 9u);
}

TEST(SerializeSelect, OnlyOneSelect) {
  EXPECT_THAT(std::string(SerializeSelect("create table a as select 1").status().message()), HasSubstr("SELECT"));
  EXPECT_THAT(std::string(SerializeSelect("select 1; select 2").status().message()), HasSubstr("2 statements"));
  EXPECT_FALSE(SerializeSelect("").ok());
}

TEST(TableNames, AreThoseReadAndNotThoseOfWith) {
  const StatusOr<std::vector<std::string>> names = TableNames(
      "with c as (select * from b.x) select * from c join a using (i) where i in (select i from \"raw\".\"flights\")");
  ASSERT_TRUE(names.ok()) << names.status();
  EXPECT_THAT(*names, ElementsAre("a", "b.x", "raw.flights"));
  EXPECT_FALSE(TableNames("select from from").ok());
}

TEST(TableNames, ANameOfWithIsNotKnownToItselfOrBefore) {
  EXPECT_THAT(*TableNames("with t as (select * from t), u as (select * from t) select * from u, T"), ElementsAre("t"));
  EXPECT_THAT(*TableNames("with t as (select * from u), u as (select * from t) select * from u"), ElementsAre("u"));
  EXPECT_THAT(
      *TableNames("with recursive r as (select 1 as i union all select i + 1 from r where i < 5) select * from r"),
      ElementsAre());
}

}  // namespace
}  // namespace headrace
