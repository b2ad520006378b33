#include "models/train/linear.h"

#include <gmock/gmock.h>

#include <cmath>
#include <random>

#include "models/models_testing.h"

namespace headrace {
namespace {

using ::testing::HasSubstr;

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

// Four features: two numbers (one with missing values), a constant, and a category with missing values.
struct Sample {
  CategoryEncoder encoder{{{"a", TypeId::kDouble, {}},
                           {"b", TypeId::kDouble, {}},
                           {"c", TypeId::kDouble, {}},
                           {"d", TypeId::kVarchar, {"x", "y", "z"}}}};
  FeatureMatrix matrix;
  std::vector<double> labels;

  Sample(size_t rows, bool binary) : matrix{rows, 4, {}} {
    std::mt19937_64 random(5);
    std::normal_distribution<double> normal;
    for (size_t row = 0; row < rows; ++row) {
      const double a = 1000 + 50 * normal(random), b = row % 7 == 0 ? kNan : normal(random) / 3;
      const double d = row % 11 == 0 ? kNan : static_cast<double>(row % 3);
      for (const double v : {a, b, 4.5, d}) matrix.values.push_back(v);
      const double y = (a - 1000) / 40 - (std::isnan(b) ? 0.4 : 3 * b) + (d == 1 ? 1 : 0) + normal(random);
      labels.push_back(binary ? (y > 0.3 ? 1 : 0) : 10 * y);
    }
  }
  LinearRequest Request(LinearParams params = {}) const {
    return {.name = "m", .params = params, .encoder = &encoder, .matrix = &matrix, .labels = labels};
  }
  Json ToJson() const {
    return Json(Json::Object{{"x", ToJsonArray(matrix.values)}, {"y", ToJsonArray(labels)}, {"l2", 2.5}});
  }
};

// The terms as the header describes them, built by numpy.
constexpr const char* kTerms = R"(
x = np.array([float(v) for v in data["x"]]).reshape(-1, 4)
y, l2 = np.array(data["y"], dtype=float), data["l2"]
b = x[:, 1]
missing = np.isnan(b)
b = np.where(missing, b[~missing].mean(), b)
seen = x[~missing, 1]
a = x[:, 0]
terms = np.column_stack([(a - a.mean()) / a.std(), (b - seen.mean()) / seen.std(), missing]
                        + [x[:, 3] == k for k in range(3)] + [np.isnan(x[:, 3])]).astype(float)
)";

void ExpectNear(const LinearModel& model, const Json& oracle) {
  const std::vector<double> weights = ToDoubles(*oracle.Find("weights"));
  ASSERT_EQ(model.weights().size(), weights.size());
  for (size_t i = 0; i < weights.size(); ++i) EXPECT_NEAR(model.weights()[i], weights[i], 1e-6) << i;
  EXPECT_NEAR(model.intercept(), oracle.Find("intercept")->number(), 1e-6);
}

TEST(LogisticRegression, AgreesWithScikitLearn) {
  const Sample sample(2000, true);
  NullOutput output;
  const auto model = TrainLogisticRegression(sample.Request({.l2 = 2.5}), output);
  ASSERT_TRUE(model.ok()) << model.status();
  ExpectNear(*model, RunPython(std::string(kTerms) + R"(
from sklearn.linear_model import LogisticRegression
m = LogisticRegression(C=1 / l2, solver="newton-cholesky", tol=1e-12, max_iter=1000).fit(terms, y)
print(json.dumps({"weights": m.coef_[0].tolist(), "intercept": m.intercept_[0]}))
)",
                               sample.ToJson()));
}

TEST(LinearRegression, AgreesWithScikitLearn) {
  const Sample sample(2000, false);
  NullOutput output;
  const auto model = TrainLinearRegression(sample.Request({.l2 = 2.5}), output);
  ASSERT_TRUE(model.ok()) << model.status();
  ExpectNear(*model, RunPython(std::string(kTerms) + R"(
from sklearn.linear_model import Ridge
m = Ridge(alpha=l2, solver="cholesky").fit(terms, y)
print(json.dumps({"weights": m.coef_.tolist(), "intercept": float(m.intercept_)}))
)",
                               sample.ToJson()));
}

TEST(LinearModels, AreTheSameBitsEachTime) {
  const Sample binary(3000, true), numbers(3000, false);
  NullOutput output;
  const std::string logistic = TrainLogisticRegression(binary.Request(), output)->ToText();
  const std::string linear = TrainLinearRegression(numbers.Request(), output)->ToText();
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(TrainLogisticRegression(binary.Request(), output)->ToText(), logistic);
    EXPECT_EQ(TrainLinearRegression(numbers.Request(), output)->ToText(), linear);
  }
}

TEST(LogisticRegression, OfSeparableDataConvergesWithAPenalty) {
  Sample sample(200, true);
  for (size_t row = 0; row < 200; ++row) sample.labels[row] = sample.matrix.values[row * 4] > 1000 ? 1 : 0;
  NullOutput output;
  const auto model = TrainLogisticRegression(sample.Request({.l2 = 1e-6}), output);
  ASSERT_TRUE(model.ok()) << model.status();
  for (size_t row = 0; row < 200; ++row)
    EXPECT_EQ(model->Predict(sample.matrix.Row(row)) > 0.5, sample.labels[row] == 1);
}

TEST(LinearModels, RefuseWhatCannotBeFitted) {
  NullOutput output;
  const Sample sample(100, true);
  const Status dependent = TrainLogisticRegression(sample.Request({.l2 = 0}), output).status();
  EXPECT_THAT(std::string(Message(dependent)), HasSubstr("the features depend on each other"));
  Sample one_class(100, true);
  std::fill(one_class.labels.begin(), one_class.labels.end(), 1.0);
  EXPECT_THAT(std::string(Message(TrainLogisticRegression(one_class.Request(), output).status())),
              HasSubstr("one class only"));
  EXPECT_THAT(std::string(Message(TrainLinearRegression(Sample(0, false).Request(), output).status())),
              HasSubstr("no rows"));
}

TEST(LinearModels, RefuseMoreTermsThanTheLimit) {
  Sample sample(10, false);
  std::vector<std::string> many;
  for (size_t i = 0; i <= kMaxLinearTerms; ++i) many.push_back(fmt::format("{:05}", i));
  sample.encoder = CategoryEncoder({{"a", TypeId::kDouble, {}},
                                    {"b", TypeId::kDouble, {}},
                                    {"c", TypeId::kDouble, {}},
                                    {"d", TypeId::kVarchar, many}});
  NullOutput output;
  EXPECT_TRUE(absl::IsResourceExhausted(TrainLinearRegression(sample.Request(), output).status()));
}

TEST(LinearParams, AreCheckedByNameAndRange) {
  EXPECT_EQ(ParseLinearParams({{"l2", 3}, {"max_iterations", 7}})->max_iterations, 7);
  const auto message = [](const std::map<std::string, Json>& params) {
    return std::string(Message(ParseLinearParams(params).status()));
  };
  EXPECT_THAT(message({{"tolerence", 1}}), HasSubstr("did you mean 'tolerance'?"));
  EXPECT_THAT(message({{"l2", -1}}), HasSubstr("'l2' is a number from 0, not -1"));
  EXPECT_THAT(message({{"max_iterations", 0.5}}), HasSubstr("'max_iterations' is an integer from 1"));
}

}  // namespace
}  // namespace headrace
