#include "models/train/lightgbm.h"

#include <gmock/gmock.h>

#include <random>

#include "models/models_testing.h"
#include "models/train/lightgbm_params.h"

namespace headrace {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

struct Sample {
  CategoryEncoder encoder{{{"view.a_1h", TypeId::kDouble, {}},
                           {"odd {name}", TypeId::kDouble, {}},
                           {"carrier", TypeId::kVarchar, {"a", "b", "c", "d"}}}};
  FeatureMatrix matrix;
  std::vector<double> labels;

  Sample(size_t rows, uint64_t seed) : matrix{rows, 3, {}} {
    std::mt19937_64 random(seed);
    std::normal_distribution<double> normal;
    for (size_t row = 0; row < rows; ++row) {
      const double a = normal(random), b = normal(random), c = static_cast<double>(random() % 4);
      for (const double v : {a, b, c}) matrix.values.push_back(v);
      labels.push_back(a + b * b + c / 3 + 2 * normal(random) > 1.5 ? 1 : 0);
    }
  }
};

LightGbmRequest Request(const Sample& train, const Sample& validation, std::map<std::string, Json> params) {
  return {.name = "late",
          .task = Task::kBinary,
          .num_classes = 0,
          .params = std::move(params),
          .encoder = &train.encoder,
          .train = {&train.matrix, train.labels},
          .validation = {&validation.matrix, validation.labels}};
}

class Recorder : public NullOutput {
 public:
  void Progress(std::string_view what, int64_t done, int64_t total) override {
    what_ = what;
    ++calls_;
    finished_ = done == total;
  }
  std::string what_;
  int calls_ = 0;
  bool finished_ = false;
};

TEST(LightGbm, GivesTheSameTextForTheSameData) {
  const Sample train(2000, 1), validation(500, 2);
  const std::map<std::string, Json> params = {
      {"bagging_fraction", 0.7}, {"bagging_freq", 1}, {"feature_fraction", 0.6}};
  Recorder output;
  const auto first = TrainLightGbm(Request(train, validation, params), output);
  ASSERT_TRUE(first.ok()) << first.status();
  EXPECT_EQ(TrainLightGbm(Request(train, validation, params), output)->model_text, first->model_text);
  EXPECT_EQ(first->best_iteration, 100);
  EXPECT_EQ(output.what_, "training late");
  EXPECT_TRUE(output.finished_);
}

// The text up to the parameters, which say the number of threads.
std::string Trees(const std::string& text) {
  return text.substr(0, text.find("\nparameters:"));
}

TEST(LightGbm, DoesNotDependOnTheNumberOfThreads) {
  const Sample train(2000, 1), validation(0, 2);
  NullOutput output;
  const auto one = TrainLightGbm(Request(train, validation, {{"num_threads", 1}, {"num_iterations", 5}}), output);
  const auto many = TrainLightGbm(Request(train, validation, {{"nthread", 2}, {"num_iterations", 5}}), output);
  EXPECT_EQ(Trees(one->model_text), Trees(many->model_text));
}

TEST(LightGbm, StopsEarlyAndKeepsTheBestIteration) {
  const Sample train(500, 1), validation(500, 2);
  NullOutput output;
  for (const char* metric : {"binary_logloss", "auc"}) {
    const auto result = TrainLightGbm(
        Request(train, validation, {{"n_estimators", 500}, {"early_stopping_rounds", 10}, {"metric", metric}}), output);
    ASSERT_TRUE(result.ok()) << result.status();
    EXPECT_GT(result->best_iteration, 0);
    EXPECT_LT(result->best_iteration, 200);
    EXPECT_THAT(result->model_text, HasSubstr(fmt::format("Tree={}\n", result->best_iteration - 1)));
    EXPECT_THAT(result->model_text, Not(HasSubstr(fmt::format("Tree={}\n", result->best_iteration))));
  }
}

TEST(LightGbm, KeepsFeatureNamesThatItsFormatAllows) {
  const Sample train(500, 1), validation(0, 2);
  NullOutput output;
  EXPECT_THAT(TrainLightGbm(Request(train, validation, {}), output)->model_text,
              HasSubstr("feature_names=view.a_1h Column_1 carrier\n"));
}

TEST(LightGbm, PrintsNothing) {
  const Sample train(500, 1), validation(0, 2);
  NullOutput output;
  ::testing::internal::CaptureStdout();
  ::testing::internal::CaptureStderr();
  ASSERT_TRUE(TrainLightGbm(Request(train, validation, {{"min_data_in_leaf", 400}}), output).ok());
  EXPECT_EQ(::testing::internal::GetCapturedStdout(), "");
  EXPECT_EQ(::testing::internal::GetCapturedStderr(), "");
}

std::string ErrorOf(const std::map<std::string, Json>& params, Task task = Task::kBinary) {
  const Status status = CheckLightGbmParams(params, task);
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  return std::string(Message(status));
}

TEST(LightGbmParams, AreCheckedByName) {
  EXPECT_TRUE(
      CheckLightGbmParams({{"num_leaves", 31}, {"eta", 0.1}, {"interaction_constraints", "[0,1],[2]"}}, Task::kBinary)
          .ok());
  EXPECT_THAT(ErrorOf({{"num_leafs", 31}}), HasSubstr("LightGBM has no parameter 'num_leafs'; did you mean 'num_leaf"));
  EXPECT_THAT(ErrorOf({{"eta", 0.1}, {"learning_rate", 0.1}}), HasSubstr("'learning_rate' is set twice"));
  EXPECT_THAT(ErrorOf({{"device", "gpu"}}), HasSubstr("'device' cannot be set in a recipe"));
  EXPECT_THAT(ErrorOf({{"linear_tree", true}}), HasSubstr("'linear_tree' cannot be set"));
  EXPECT_THAT(ErrorOf({{"metric", "auc num_leaves=7"}}), HasSubstr("holds a blank or an equals sign"));
  EXPECT_THAT(ErrorOf({{"seed", Json(Json::Object{})}}), HasSubstr("is of kind object"));
  EXPECT_THAT(ErrorOf({{"objective", "regression"}}),
              HasSubstr("does not fit the task; there are: binary, cross_entropy"));
  EXPECT_THAT(ErrorOf({{"num_iterations", 0}}), HasSubstr("'num_iterations' is an integer from 1"));
  EXPECT_THAT(ErrorOf({{"boosting", "dart"}, {"early_stopping_round", 5}}),
              HasSubstr("has no meaning with boosting dart"));
}

TEST(LightGbmParams, ArePassedByTheirMainNames) {
  const auto params = ResolveLightGbmParams({{"eta", 0.5}, {"monotone_constraints", Json(Json::Array{1, 0, -1})}},
                                            Task::kMulticlass, 4);
  ASSERT_TRUE(params.ok()) << params.status();
  const std::string text = params->ToText();
  for (const char* part : {"learning_rate=0.5 ", "monotone_constraints=1,0,-1 ", "num_class=4 ",
                           "objective=multiclass ", "deterministic=true ", "force_row_wise=true ", "seed=1 "}) {
    EXPECT_THAT(text, HasSubstr(part));
  }
}

TEST(LightGbm, SaysWhichValueItRefuses) {
  const Sample train(100, 1), validation(0, 2);
  NullOutput output;
  const Status status = TrainLightGbm(Request(train, validation, {{"learning_rate", -1.0}}), output).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(Message(status)), HasSubstr("learning_rate"));
}

TEST(LightGbm, NeedsRows) {
  const Sample train(100, 1), none(0, 2);
  NullOutput output;
  EXPECT_THAT(std::string(Message(TrainLightGbm(Request(none, none, {}), output).status())), HasSubstr("has no rows"));
  EXPECT_THAT(std::string(Message(TrainLightGbm(Request(train, none, {{"early_stopping_round", 5}}), output).status())),
              HasSubstr("needs a validation part"));
}

}  // namespace
}  // namespace headrace
