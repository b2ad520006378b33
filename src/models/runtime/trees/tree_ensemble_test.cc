#include "models/runtime/trees/tree_ensemble.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>
#include <random>

#include "models/train/lightgbm.h"

namespace headrace {
namespace {

using ::testing::HasSubstr;

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr size_t kNumFeatures = 6;  // the last two categorical

// Values that meet every edge of a split: missing, both zeros, what counts as zero, infinities, categories outside the
// training, negative, fractional and beyond an int.
double AnyValue(std::mt19937_64& random, bool categorical) {
  static constexpr double kNumbers[] = {kNan,      0.0,        -0.0,  1e-36,  -1e-36, 1e-35, -1e-35,
                                        kInfinity, -kInfinity, 1e300, -1e300, 5e-324, 1.0,   -1.0};
  static constexpr double kCategories[] = {kNan, -0.0,  -0.5, -1.0,  -7.0,      3.7,        31.0,         32.0,
                                           64.0, 500.0, 1e10, 1e300, kInfinity, -kInfinity, 2147483647.0, 2147483648.0};
  std::uniform_int_distribution<size_t> pick(0, 1000);
  const size_t n = pick(random);
  if (categorical) return n < 200 ? kCategories[n % std::size(kCategories)] : static_cast<double>(n % 70);
  return n < 200 ? kNumbers[n % std::size(kNumbers)] : std::normal_distribution<double>(0, 2)(random);
}

FeatureMatrix RandomMatrix(size_t rows, std::mt19937_64& random, bool training) {
  FeatureMatrix matrix{rows, kNumFeatures, {}};
  for (size_t i = 0; i < rows * kNumFeatures; ++i) {
    const bool categorical = i % kNumFeatures >= kNumFeatures - 2;
    double value = AnyValue(random, categorical);
    if (training && categorical && !(value >= 0 && value < 70)) value = kNan;
    if (training && categorical) value = std::trunc(value);
    matrix.values.push_back(value);
  }
  return matrix;
}

double Clamped(double v) {
  return std::isnan(v) ? 0.3 : std::clamp(v, -3.0, 3.0);
}

std::vector<double> Labels(const FeatureMatrix& matrix, Task task, std::mt19937_64& random) {
  std::vector<double> labels;
  for (size_t row = 0; row < matrix.num_rows; ++row) {
    const auto x = matrix.Row(row);
    const double category = std::isnan(x[4]) ? 5 : std::fmod(x[4], 7);
    const double y = Clamped(x[0]) * 0.7 + Clamped(x[1]) * Clamped(x[2]) * 0.3 + category * 0.4 - 1.0 +
                     std::normal_distribution<double>(0, 0.5)(random);
    if (task == Task::kBinary) labels.push_back(y > 0 ? 1 : 0);
    if (task == Task::kMulticlass) labels.push_back(y < -0.5 ? 0 : y < 0.5 ? 1 : 2);
    if (task == Task::kRegression) labels.push_back(std::fabs(y) + 0.1);
  }
  return labels;
}

CategoryEncoder Encoder() {
  std::vector<FeatureSpec> features;
  for (size_t i = 0; i < kNumFeatures; ++i) {
    features.push_back({fmt::format("f{}", i), i >= kNumFeatures - 2 ? TypeId::kVarchar : TypeId::kDouble, {}});
  }
  return CategoryEncoder(std::move(features));
}

std::string Train(Task task, const std::map<std::string, Json>& params, uint64_t seed) {
  std::mt19937_64 random(seed);
  const FeatureMatrix matrix = RandomMatrix(3000, random, true);
  const std::vector<double> labels = Labels(matrix, task, random);
  const CategoryEncoder encoder = Encoder();
  LightGbmRequest request{.name = "m",
                          .task = task,
                          .num_classes = 3,
                          .params = params,
                          .encoder = &encoder,
                          .train = {&matrix, labels},
                          .validation = {}};
  NullOutput output;
  const StatusOr<LightGbmResult> result = TrainLightGbm(request, output);
  EXPECT_TRUE(result.ok()) << result.status();
  return result.ok() ? result->model_text : "";
}

void ExpectSameBits(std::span<const double> ours, std::span<const double> theirs, const std::string& what) {
  ASSERT_EQ(ours.size(), theirs.size());
  for (size_t i = 0; i < ours.size(); ++i) {
    ASSERT_EQ(std::bit_cast<uint64_t>(ours[i]), std::bit_cast<uint64_t>(theirs[i]))
        << what << ", output " << i << ": " << ours[i] << " instead of " << theirs[i];
  }
}

void ExpectLightGbmsBits(const std::string& text, uint64_t seed, const std::string& what) {
  const StatusOr<TreeEnsemble> ensemble = TreeEnsemble::FromText(text);
  ASSERT_TRUE(ensemble.ok()) << ensemble.status();
  const auto booster = LightGbmBooster::FromText(text);
  ASSERT_TRUE(booster.ok()) << booster.status();
  std::mt19937_64 random(seed);
  const FeatureMatrix matrix = RandomMatrix(5000, random, false);
  for (const bool raw : {true, false}) {
    const auto theirs = (*booster)->Predict(matrix.values, kNumFeatures, raw);
    ASSERT_TRUE(theirs.ok()) << theirs.status();
    const size_t width = ensemble->num_outputs();
    std::vector<double> ours(matrix.num_rows * width);
    for (size_t row = 0; row < matrix.num_rows; ++row) {
      const std::span<double> out = std::span(ours).subspan(row * width, width);
      raw ? ensemble->PredictRaw(matrix.Row(row), out) : ensemble->Predict(matrix.Row(row), out);
    }
    ExpectSameBits(ours, *theirs, what + (raw ? ", raw" : ", transformed"));
  }
}

struct Case {
  const char* name;
  Task task;
  std::map<std::string, Json> params;
};

class TreeEnsembleBits : public ::testing::TestWithParam<Case> {};

TEST_P(TreeEnsembleBits, AreThoseOfLightGbm) {
  for (uint64_t seed = 1; seed <= 3; ++seed) {
    ExpectLightGbmsBits(Train(GetParam().task, GetParam().params, seed), seed + 100, GetParam().name);
  }
}

INSTANTIATE_TEST_SUITE_P(
    Kinds, TreeEnsembleBits,
    ::testing::Values(
        Case{"binary", Task::kBinary, {}}, Case{"binary_sigmoid", Task::kBinary, {{"sigmoid", 0.734}}},
        Case{"binary_one_hot_categories", Task::kBinary, {{"max_cat_to_onehot", 100}, {"min_data_per_group", 1}}},
        Case{"zero_as_missing", Task::kBinary, {{"zero_as_missing", true}}},
        Case{"no_missing", Task::kRegression, {{"use_missing", false}}},
        Case{"cross_entropy", Task::kBinary, {{"objective", "cross_entropy"}}},
        Case{"dart", Task::kBinary, {{"boosting", "dart"}, {"drop_rate", 0.3}}},
        Case{"random_forest",
             Task::kRegression,
             {{"boosting", "rf"}, {"bagging_freq", 1}, {"bagging_fraction", 0.6}, {"num_iterations", 37}}},
        Case{"random_forest_binary",
             Task::kBinary,
             {{"boosting", "rf"}, {"bagging_freq", 1}, {"bagging_fraction", 0.6}, {"num_iterations", 33}}},
        Case{"regression", Task::kRegression, {}}, Case{"regression_sqrt", Task::kRegression, {{"reg_sqrt", true}}},
        Case{"l1", Task::kRegression, {{"objective", "regression_l1"}}},
        Case{"huber", Task::kRegression, {{"objective", "huber"}}},
        Case{"quantile", Task::kRegression, {{"objective", "quantile"}}},
        Case{"poisson", Task::kRegression, {{"objective", "poisson"}}},
        Case{"gamma", Task::kRegression, {{"objective", "gamma"}}},
        Case{"tweedie", Task::kRegression, {{"objective", "tweedie"}}}, Case{"multiclass", Task::kMulticlass, {}},
        Case{"multiclass_ova", Task::kMulticlass, {{"objective", "multiclassova"}, {"sigmoid", 1.3}}},
        Case{"one_tree", Task::kBinary, {{"num_iterations", 1}}}, Case{"stumps", Task::kBinary, {{"num_leaves", 2}}},
        Case{"nothing_to_split", Task::kRegression, {{"min_data_in_leaf", 100000}}},
        Case{"deep", Task::kBinary, {{"num_leaves", 255}, {"min_data_in_leaf", 1}, {"num_iterations", 20}}}),
    [](const auto& info) { return std::string(info.param.name); });

// A tree as a person would write it: one split on f0 with the given threshold and decision type.
std::string Stump(const std::string& threshold, int decision_type, const std::string& more = "num_cat=0\n") {
  return fmt::format(
      "tree\nversion=v4\nnum_class=1\nnum_tree_per_iteration=1\nlabel_index=0\nmax_feature_idx=5\nobjective="
      "regression\n"
      "feature_names=f0 f1 f2 f3 f4 f5\nfeature_infos=none none none none none none\n\n"
      "Tree=0\nnum_leaves=2\n{}split_feature=0\nsplit_gain=1\nthreshold={}\ndecision_type={}\nleft_child=-1\n"
      "right_child=-2\nleaf_value=10 20\nleaf_weight=1 1\nleaf_count=1 1\ninternal_value=0\ninternal_weight=0\n"
      "internal_count=2\nis_linear=0\nshrinkage=1\n\n\nend of trees\n",
      more, threshold, decision_type);
}

TEST(TreeEnsemble, ThresholdsWithinWhatCountsAsZeroGiveLightGbmsBits) {
  for (const char* threshold : {"0", "-0", "1e-36", "-1e-36", "1.0000000180025095e-35", "-1.0000000180025095e-35",
                                "1e-35", "5e-324", "-5e-324", "1e-34", "-1e-34", "inf", "-inf", "1e300", "-1.5"}) {
    for (const int type : {0, 2, 4, 6, 8, 10}) {
      const std::string text = Stump(threshold, type);
      ExpectLightGbmsBits(text, 7, fmt::format("threshold {}, type {}", threshold, type));
    }
  }
}

StatusOr<double> PredictOne(const std::string& text, double f0) {
  HR_ASSIGN_OR_RETURN(const TreeEnsemble ensemble, TreeEnsemble::FromText(text));
  std::vector<double> row(kNumFeatures, 0.0), out(1);
  row[0] = f0;
  ensemble.Predict(row, out);
  return out[0];
}

TEST(TreeEnsemble, MissingGoesWhereTheNodeSays) {
  EXPECT_EQ(*PredictOne(Stump("0.5", 8), kNan), 20);
  EXPECT_EQ(*PredictOne(Stump("0.5", 10), kNan), 10);
  EXPECT_EQ(*PredictOne(Stump("0.5", 0), kNan), 10);  // nothing is missing: NaN counts as 0
  EXPECT_EQ(*PredictOne(Stump("-0.5", 2), kNan), 20);
  EXPECT_EQ(*PredictOne(Stump("0.5", 4), 0.0), 20);  // zero is missing and goes right
  EXPECT_EQ(*PredictOne(Stump("0.5", 4), 0.25), 10);
}

TEST(TreeEnsemble, CategoriesInTheSetGoLeft) {
  const std::string text = Stump("0", 1, "num_cat=1\ncat_boundaries=0 2\ncat_threshold=8 1\n");  // {3, 32}
  EXPECT_EQ(*PredictOne(text, 3), 10);
  EXPECT_EQ(*PredictOne(text, 3.9), 10);
  EXPECT_EQ(*PredictOne(text, 32), 10);
  for (const double other : {0.0, 4.0, 33.0, 64.0, 1e9, -3.0, kNan, kInfinity}) EXPECT_EQ(*PredictOne(text, other), 20);
  ExpectLightGbmsBits(text, 3, "categories");
}

std::string Replaced(std::string text, std::string_view from, std::string_view to) {
  const size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return text.replace(at, from.size(), to);
}

TEST(TreeEnsemble, RefusesWhatIsDamagedAndSaysWhere) {
  const std::string good = Stump("0.5", 8);
  const std::pair<std::string, const char*> cases[] = {
      {"", "does not begin with the line 'tree'"},
      {good.substr(0, good.size() / 2), "cut short"},
      {Replaced(good, "is_linear=0", "is_linear=1"), "tree 0: it is a linear tree"},
      {Replaced(good, "left_child=-1", "left_child=0"), "tree 0: child 0 is reached twice"},
      {Replaced(good, "left_child=-1", "left_child=-9"), "does not exist"},
      {Replaced(good, "right_child=-2", "right_child=-1"), "reached twice"},
      {Replaced(good, "leaf_value=10 20", "leaf_value=10"), "'leaf_value' has 1 values, 2 are needed"},
      {Replaced(good, "threshold=0.5", "threshold=x"), "'threshold' holds 'x', which is no number"},
      {Replaced(good, "threshold=0.5", "threshold=nan"), "a 'threshold' is NaN"},
      {Replaced(good, "split_feature=0", "split_feature=6"), "names feature 6, the model has 6"},
      {Replaced(good, "decision_type=8", "decision_type=12"), "'decision_type' 12 is not known"},
      {Replaced(good, "objective=regression", "objective=magic"), "objective 'magic' is not supported"},
      {Replaced(good, "objective=regression", "objective=binary sigmoid:0"), "is not positive"},
      {Replaced(good, "max_feature_idx=5", "max_feature_idx=7"), "'feature_names' has 6 names, 8 are needed"},
      {Replaced(good, "num_leaves=2", "num_leaves=0"), "out of range"},
      {Stump("1", 1, "num_cat=1\ncat_boundaries=0 2\ncat_threshold=8 1\n"), "names no set of categories"},
      {Stump("0", 1, "num_cat=1\ncat_boundaries=2 0\ncat_threshold=8 1\n"), "does not ascend"},
  };
  for (const auto& [text, message] : cases) {
    const Status status = TreeEnsemble::FromText(text).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << message;
    EXPECT_THAT(std::string(Message(status)), HasSubstr(message));
  }
}

}  // namespace
}  // namespace headrace
