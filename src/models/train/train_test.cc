#include "models/train/train.h"

#include <gmock/gmock.h>

#include <cmath>
#include <numeric>
#include <random>

#include "models/model.h"
#include "models/models_testing.h"

namespace headrace {
namespace {

using ::testing::HasSubstr;

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

// Rows in the order of time, a number a week apart from the label's truth, a carrier, and labels of each task.
struct Sample {
  RecordBatch rows;
  std::vector<double> binary, classes, numbers;
  std::vector<TimestampUs> times;

  explicit Sample(size_t count) {
    std::mt19937_64 random(11);
    std::normal_distribution<double> normal;
    Column delay(TypeId::kDouble), carrier(TypeId::kVarchar);
    for (size_t i = 0; i < count; ++i) {
      const double x = normal(random);
      const size_t c = random() % 4;
      i % 13 == 0 ? delay.AppendNull() : delay.AppendDouble(x);
      carrier.AppendString(std::string(1, static_cast<char>('a' + c)));
      const double y = x + 0.5 * static_cast<double>(c) + normal(random);
      binary.push_back(i % 50 == 7 ? kNan : y > 0.5 ? 1 : 0);
      classes.push_back(y < 0 ? 0 : y < 1 ? 1 : 2);
      numbers.push_back(3 * y);
      times.push_back(static_cast<TimestampUs>(i));
    }
    rows = Batch({{"view.delay_1h", std::move(delay)}, {"carrier", std::move(carrier)}});
  }
  TrainingData Data(std::span<const double> labels) const {
    return {&rows, {"carrier", "view.delay_1h"}, labels, times, {}};
  }
};

ModelRecipe Recipe(Algorithm algorithm, Task task = Task::kBinary) {
  ModelRecipe recipe;
  recipe.name = "late";
  recipe.algorithm = algorithm;
  recipe.task = task;
  recipe.fractions = {0.6, 0.2, 0.2};
  return recipe;
}

TEST(TrainModel, GivesAnArtifactItsMetricsAndItsTestPart) {
  const Sample sample(3000);
  ModelRecipe recipe = Recipe(Algorithm::kLightGbm);
  recipe.params = {{"num_leaves", 7}, {"early_stopping_round", 20}};
  recipe.metrics = {"log_loss", "auc"};
  recipe.slices = {"carrier"};
  NullOutput output;
  const auto trained = TrainModel(recipe, sample.Data(sample.binary), output);
  ASSERT_TRUE(trained.ok()) << trained.status();
  EXPECT_EQ(trained->rows_without_label, 60u);
  EXPECT_EQ(trained->train_rows, 1764u);
  EXPECT_EQ(trained->train_rows + trained->validation_rows + trained->test_rows.size(), 2940u);
  EXPECT_EQ(trained->primary_metric, Metric::kLogLoss);
  EXPECT_GT(trained->iterations, 5);
  const Json& test = *trained->metrics.Find("test");
  EXPECT_EQ(test.Find("rows")->integer(), static_cast<int64_t>(trained->test_rows.size()));
  EXPECT_GT(test.Find("auc")->Find("low")->number(), 0.7);
  EXPECT_EQ(test.Find("slices")->Find("carrier")->object().size(), 4u);
  EXPECT_EQ(trained->metrics.Find("train")->Find("slices"), nullptr);

  // What was measured is what the artifact answers.
  const auto model = *LoadModel(trained->artifact);
  for (const size_t i : {size_t{0}, size_t{100}}) {
    const uint32_t row = trained->test_rows[i];
    std::vector<Value> values;
    for (const std::string& name : model->feature_names()) values.push_back(sample.rows.Find(name)->GetValue(row));
    EXPECT_EQ(model->Predict(values)->front(), trained->test_scores[i]);
    EXPECT_EQ(sample.binary[row], trained->test_labels[i]);
  }
  EXPECT_EQ(*ScoreRows(trained->artifact, sample.rows, trained->test_rows), trained->test_scores);
}

TEST(TrainModel, GivesTheSameBytesAgain) {
  const Sample sample(1000);
  NullOutput output;
  for (const Algorithm algorithm : {Algorithm::kLightGbm, Algorithm::kLogisticRegression}) {
    const ModelRecipe recipe = Recipe(algorithm);
    EXPECT_EQ(TrainModel(recipe, sample.Data(sample.binary), output)->artifact,
              TrainModel(recipe, sample.Data(sample.binary), output)->artifact);
  }
}

TEST(TrainModel, TrainsEveryAlgorithmOfItsTask) {
  const Sample sample(2000);
  NullOutput output;
  const auto value = [&](const ModelRecipe& recipe, std::span<const double> labels, const char* metric) {
    const auto trained = TrainModel(recipe, sample.Data(labels), output);
    EXPECT_TRUE(trained.ok()) << trained.status();
    return trained->metrics.Find("test")->Find(metric)->Find("value")->number();
  };
  EXPECT_GT(value(Recipe(Algorithm::kLogisticRegression), sample.binary, "auc"), 0.75);
  EXPECT_GT(value(Recipe(Algorithm::kLinearRegression, Task::kRegression), sample.numbers, "r2"), 0.4);
  EXPECT_GT(value(Recipe(Algorithm::kLightGbm, Task::kRegression), sample.numbers, "r2"), 0.4);
  EXPECT_GT(value(Recipe(Algorithm::kLightGbm, Task::kMulticlass), sample.classes, "accuracy"), 0.5);
}

TEST(TrainModel, OfClassesAnswersWithAProbabilityForEach) {
  const Sample sample(2000);
  TrainingData data = sample.Data(sample.classes);
  data.classes = {"early", "fine", "late"};
  NullOutput output;
  const auto trained = TrainModel(Recipe(Algorithm::kLightGbm, Task::kMulticlass), data, output);
  ASSERT_TRUE(trained.ok()) << trained.status();
  EXPECT_EQ(trained->num_outputs, 3u);
  EXPECT_EQ((*LoadModel(trained->artifact))->classes(), data.classes);
  const std::span<const double> first = std::span(trained->test_scores).first(3);
  EXPECT_NEAR(std::accumulate(first.begin(), first.end(), 0.0), 1.0, 1e-12);
}

TEST(TrainModel, WithoutATestPartReportsNull) {
  const Sample sample(1000);
  ModelRecipe recipe = Recipe(Algorithm::kLogisticRegression);
  recipe.fractions = {1, 0, 0};
  NullOutput output;
  const auto trained = TrainModel(recipe, sample.Data(sample.binary), output);
  ASSERT_TRUE(trained.ok()) << trained.status();
  EXPECT_TRUE(trained->metrics.Find("test")->is_null());
  EXPECT_TRUE(trained->test_rows.empty());
}

TEST(TrainModel, SaysWhatIsWrong) {
  const Sample sample(300);
  NullOutput output;
  const auto error = [&](const ModelRecipe& recipe, const TrainingData& data) {
    const Status status = TrainModel(recipe, data, output).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << status;
    return std::string(Message(status));
  };
  const ModelRecipe good = Recipe(Algorithm::kLightGbm);
  EXPECT_THAT(error(good, sample.Data(sample.numbers)), HasSubstr("model late: a binary label is 0 or 1, row 0 has"));
  EXPECT_THAT(error(Recipe(Algorithm::kLightGbm, Task::kMulticlass), sample.Data(sample.numbers)),
              HasSubstr("a class is an integer"));
  EXPECT_THAT(error(Recipe(Algorithm::kLinearRegression), sample.Data(sample.binary)),
              HasSubstr("linear_regression is for a regression task, this one is binary"));
  EXPECT_THAT(error(Recipe(Algorithm::kExternal), sample.Data(sample.binary)),
              HasSubstr("algorithm external is not trained here"));
  ModelRecipe recipe = good;
  recipe.metrics = {"rmse"};
  EXPECT_THAT(error(recipe, sample.Data(sample.binary)), HasSubstr("metric 'rmse' is not known for this task"));
  recipe = good;
  recipe.slices = {"carier"};
  EXPECT_THAT(error(recipe, sample.Data(sample.binary)), HasSubstr("the slice 'carier' is no column"));
  recipe = good;
  recipe.params = {{"num_leafes", 3}};
  EXPECT_THAT(error(recipe, sample.Data(sample.binary)),
              HasSubstr("model late: params: LightGBM has no parameter 'num_leafes'"));
  TrainingData data = sample.Data(sample.binary);
  data.features = {"view.delay_1d"};
  EXPECT_THAT(error(good, data), HasSubstr("did you mean 'view.delay_1h'?"));
  data.features = {};
  EXPECT_THAT(error(good, data), HasSubstr("it has no features"));
  data = sample.Data(sample.binary);
  data.classes = {};
  std::vector<double> gap = sample.classes;
  for (double& label : gap) label = label == 1 ? 3 : label;
  EXPECT_THAT(error(Recipe(Algorithm::kLightGbm, Task::kMulticlass), sample.Data(gap)),
              HasSubstr("class 1 has no row in the training part"));
}

TEST(ShouldPromote, FollowsTheRecipe) {
  const Estimate better{0.01, 0.001, 0.02}, unclear{0.01, -0.001, 0.02};
  EXPECT_TRUE(ShouldPromote(PromoteWhen::kBetter, better));
  EXPECT_FALSE(ShouldPromote(PromoteWhen::kBetter, unclear));
  EXPECT_TRUE(ShouldPromote(PromoteWhen::kBetter, std::nullopt));
  EXPECT_TRUE(ShouldPromote(PromoteWhen::kAlways, unclear));
  EXPECT_FALSE(ShouldPromote(PromoteWhen::kNever, better));
  EXPECT_FALSE(ShouldPromote(PromoteWhen::kNever, std::nullopt));
}

}  // namespace
}  // namespace headrace
