#include "base/diagnostic.h"

#include <gtest/gtest.h>

namespace headrace {
namespace {

TEST(Diagnostic, ShowsAsMuchOfThePlaceAsIsKnown) {
  EXPECT_EQ((Diagnostic{{"a.sql", 3, 14}, "'x' is wrong", "use 'y'"}.ToString()), "a.sql:3:14: 'x' is wrong; use 'y'");
  EXPECT_EQ((Diagnostic{{"a.sql", 3, 0}, "'x' is wrong", ""}.ToString()), "a.sql:3: 'x' is wrong");
  EXPECT_EQ((Diagnostic{{"a.sql", 0, 0}, "'x' is wrong", ""}.ToString()), "a.sql: 'x' is wrong");
}

TEST(ToStatus, PutsEachOnALine) {
  EXPECT_TRUE(ToStatus({}).ok());
  const Status status = ToStatus({{{"a", 1, 1}, "x", ""}, {{"b", 2, 2}, "y", "z"}});
  EXPECT_TRUE(absl::IsInvalidArgument(status));
  EXPECT_EQ(std::string(status.message()), "a:1:1: x\nb:2:2: y; z");
}

TEST(NearestName, FindsSlipsOfTheHand) {
  const std::vector<std::string> names = {"arr_delay", "dep_delay", "carrier"};
  EXPECT_EQ(NearestName("arr_dely", names), "arr_delay");    // a letter left out
  EXPECT_EQ(NearestName("arr_deelay", names), "arr_delay");  // one too many
  EXPECT_EQ(NearestName("carrjer", names), "carrier");       // a wrong one
  EXPECT_EQ(NearestName("carreir", names), "carrier");       // two swapped
  EXPECT_EQ(NearestName("weather", names), "");
  EXPECT_EQ(NearestName("", names), "");
}

TEST(NearestName, CountsASwapAsOneSlip) {
  const std::vector<std::string> names = {"table", "auc", "label"};
  EXPECT_EQ(NearestName("acu", names), "auc");
  EXPECT_EQ(NearestName("lable", names), "table");  // as near as 'label', and first
}

TEST(NearestName, DoesNotMistakeOneLetterForAnother) {
  const std::vector<std::string> names = {"a"};
  EXPECT_EQ(NearestName("b", names), "");
}

TEST(NearestNameHint, ListsAFewNamesWhenNoneIsNear) {
  const std::vector<std::string> names = {"auc", "log_loss"};
  EXPECT_EQ(NearestNameHint("logloss", names), "did you mean 'log_loss'?");
  EXPECT_EQ(NearestNameHint("weather", names), "there are: auc, log_loss");
  EXPECT_EQ(NearestNameHint("weather", {}), "");
  EXPECT_EQ(NearestNameHint("weather", std::vector<std::string>(100, "zzz")), "");
}

}  // namespace
}  // namespace headrace
