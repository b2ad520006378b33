#include "models/runtime/linear/linear_model.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <random>

namespace headrace {
namespace {

using ::testing::ElementsAre;

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();

std::vector<double> Terms(const std::vector<LinearFeature>& features, const std::vector<double>& row) {
  size_t count = 0;
  for (const LinearFeature& feature : features) count += feature.num_terms();
  std::vector<double> terms(count, -1);
  FillTerms(features, row, terms);
  return terms;
}

TEST(LinearTerms, OfNumbersAreStandardisedAndMissingIsTheMean) {
  const std::vector<LinearFeature> features = {{.mean = 3, .scale = 2, .has_missing = true}, {.mean = 1, .scale = 4}};
  EXPECT_THAT(Terms(features, {7, 3}), ElementsAre(2, 0, 0.5));
  EXPECT_THAT(Terms(features, {kNan, kNan}), ElementsAre(0, 1, 0));
  EXPECT_THAT(Terms(features, {kInfinity, -kInfinity}), ElementsAre(0, 1, 0));
}

TEST(LinearTerms, OfConstantsAreNone) {
  EXPECT_THAT(Terms({{.mean = 3, .scale = 0}, {.mean = 0, .scale = 1}}, {3, 5}), ElementsAre(5));
}

TEST(LinearTerms, OfCategoriesAreOneHot) {
  const std::vector<LinearFeature> features = {{.num_categories = 3, .has_missing = true}};
  EXPECT_THAT(Terms(features, {1}), ElementsAre(0, 1, 0, 0));
  EXPECT_THAT(Terms(features, {kNan}), ElementsAre(0, 0, 0, 1));
}

TEST(LinearModel, ScoresAsItsTermsSay) {
  const std::vector<LinearFeature> features = {{.mean = 1, .scale = 3, .has_missing = true},
                                               {.num_categories = 3},
                                               {.mean = 5},
                                               {.num_categories = 2, .has_missing = true}};
  const std::vector<double> weights = {0.3, -0.7, 0.11, 0.13, 0.17, 1.9, 2.3, -4.1};
  const LinearModel model(LinearModel::Link::kIdentity, 0.77, features, weights);
  for (const std::vector<double>& row : {std::vector<double>{2, 0, 5, 1}, {kNan, 2, 1, kNan}, {-8, kNan, 0, 0}}) {
    const std::vector<double> terms = Terms(features, row);
    double expected = 0.77;
    for (size_t i = 0; i < terms.size(); ++i) expected += weights[i] * terms[i];
    EXPECT_EQ(model.Predict(row), expected);
  }
}

TEST(LinearModel, SurvivesItsTextBitForBit) {
  const LinearModel model(LinearModel::Link::kLogistic, 0.1, {{.mean = 1.0 / 3, .scale = 2e-300, .has_missing = true}},
                          {-1.0 / 7, 5e-324});
  const auto read = LinearModel::FromText(model.ToText());
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->ToText(), model.ToText());
  EXPECT_EQ(read->weights(), model.weights());
}

TEST(LinearModel, RefusesTextThatDoesNotFit) {
  for (
      const char* text :
      {"", "{}", R"({"link": "x", "intercept": 1, "features": []})",
       R"({"link": "identity", "intercept": null, "features": []})", R"({"link": "identity", "intercept": 1})",
       R"({"link": "identity", "intercept": 1, "features": [{"mean": 0, "scale": 1, "categories": 0, "weights": []}]})",
       R"({"link": "identity", "intercept": 1, "features": [{"mean": 0, "scale": 0, "categories": -1, "weights": []}]})"}) {
    EXPECT_EQ(LinearModel::FromText(text).status().code(), absl::StatusCode::kInvalidArgument) << text;
  }
}

TEST(PortableExp, IsWithinOneUlpOfTheExactValue) {
  std::mt19937_64 random(1);
  std::uniform_real_distribution<double> any(-707, 709);
  double worst = 0;
  for (int i = 0; i < 200'000; ++i) {
    const double x = i % 2 == 0 ? any(random) : any(random) / 100;
    const long double exact = std::exp(static_cast<long double>(x));
    const double ulp = std::nextafter(static_cast<double>(exact), kInfinity) - static_cast<double>(exact);
    worst = std::max(worst, static_cast<double>(std::fabs(PortableExp(x) - exact)) / ulp);
  }
  EXPECT_LT(worst, 0.75);
}

TEST(PortableExp, AtItsEnds) {
  EXPECT_EQ(PortableExp(0.0), 1.0);
  EXPECT_EQ(PortableExp(-0.0), 1.0);
  EXPECT_EQ(PortableExp(kInfinity), kInfinity);
  EXPECT_EQ(PortableExp(-kInfinity), 0.0);
  EXPECT_EQ(PortableExp(710), kInfinity);
  EXPECT_EQ(PortableExp(-746), 0.0);
  EXPECT_GT(PortableExp(-745), 0.0);
  EXPECT_TRUE(std::isnan(PortableExp(kNan)));
}

// Bits that any machine must give: a change of the formula, or a compiler that fuses operations, shows here.
TEST(PortableExp, GivesTheseBits) {
  EXPECT_EQ(std::bit_cast<uint64_t>(PortableExp(1.0)), 0x4005bf0a8b145769u);
  EXPECT_EQ(std::bit_cast<uint64_t>(PortableExp(-20.7)), 0x3e1195920309b9dau);
  EXPECT_EQ(std::bit_cast<uint64_t>(Logistic(0.3)), 0x3fe261d545e46a8bu);
}

}  // namespace
}  // namespace headrace
