#include "models/train/split.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

namespace headrace {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

ModelRecipe Fractions(std::vector<double> fractions) {
  ModelRecipe recipe;
  recipe.name = "late";
  recipe.fractions = std::move(fractions);
  return recipe;
}

TEST(SplitByTime, ByInstantsLeavesTheRestToTheTest) {
  ModelRecipe recipe;
  recipe.train_until = 20;
  recipe.validate_until = 30;
  const std::vector<double> labels = {1, 0, kNan, 1, 0, 1};
  const std::vector<TimestampUs> times = {30, 19, 5, 20, 29, 31};
  const Split split = *SplitByTime(recipe, labels, times);
  EXPECT_THAT(split.train, ElementsAre(1));
  EXPECT_THAT(split.validation, ElementsAre(3, 4));
  EXPECT_THAT(split.test, ElementsAre(0, 5));
  EXPECT_EQ(split.without_label, 1u);
}

TEST(SplitByTime, WithoutValidateUntilHasNoValidationPart) {
  ModelRecipe recipe;
  recipe.train_until = 20;
  const Split split = *SplitByTime(recipe, std::vector<double>{1, 0}, std::vector<TimestampUs>{10, 20});
  EXPECT_THAT(split.validation, IsEmpty());
  EXPECT_THAT(split.test, ElementsAre(1));
}

TEST(SplitByTime, ByFractionsGoesInTheOrderOfTime) {
  const std::vector<double> labels(10, 1.0);
  const std::vector<TimestampUs> times = {9, 8, 7, 6, 5, 4, 3, 2, 1, 0};
  const Split split = *SplitByTime(Fractions({0.5, 0.2, 0.3}), labels, times);
  EXPECT_THAT(split.train, ElementsAre(5, 6, 7, 8, 9));
  EXPECT_THAT(split.validation, ElementsAre(3, 4));
  EXPECT_THAT(split.test, ElementsAre(0, 1, 2));
}

TEST(SplitByTime, KeepsRowsOfOneInstantInTheEarlierPart) {
  const std::vector<double> labels(6, 1.0);
  const std::vector<TimestampUs> times = {1, 2, 2, 2, 3, 4};
  const Split split = *SplitByTime(Fractions({1.0 / 3, 1.0 / 3, 1.0 / 3}), labels, times);
  EXPECT_THAT(split.train, ElementsAre(0, 1, 2, 3));
  EXPECT_THAT(split.validation, IsEmpty());
  EXPECT_THAT(split.test, ElementsAre(4, 5));
}

TEST(SplitByTime, CountsFractionsOfTheLabelledRows) {
  const std::vector<double> labels = {kNan, kNan, kNan, 1, 1, 1, 1};
  const std::vector<TimestampUs> times = {1, 2, 3, 4, 5, 6, 7};
  EXPECT_THAT(SplitByTime(Fractions({0.5, 0, 0.5}), labels, times)->train, ElementsAre(3, 4));
}

TEST(SplitByTime, MayTakeEverything) {
  const std::vector<double> labels(3, 1.0);
  const Split split = *SplitByTime(Fractions({1, 0, 0}), labels, std::vector<TimestampUs>{1, 2, 3});
  EXPECT_EQ(split.train.size(), 3u);
  EXPECT_THAT(split.test, IsEmpty());
}

TEST(SplitByTime, NeedsATrainingPart) {
  ModelRecipe recipe;
  recipe.name = "late";
  recipe.train_until = 0;
  const Status status = SplitByTime(recipe, std::vector<double>{1, kNan}, std::vector<TimestampUs>{1, 2}).status();
  EXPECT_TRUE(absl::IsFailedPrecondition(status));
  EXPECT_THAT(std::string(Message(status)),
              HasSubstr("model late: the training part has no labelled rows (of 2 rows, 1"));
  EXPECT_TRUE(
      absl::IsInvalidArgument(SplitByTime(recipe, std::vector<double>{1}, std::vector<TimestampUs>{}).status()));
}

}  // namespace
}  // namespace headrace
