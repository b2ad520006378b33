#include "models/evaluate/metrics.h"

#include <gmock/gmock.h>

#include <cmath>
#include <random>

#include "models/evaluate/auc.h"
#include "models/evaluate/report.h"
#include "models/models_testing.h"

namespace headrace {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

struct Sample {
  std::vector<double> labels, scores, others;
};

// Scores with many ties.
Sample RandomSample(size_t rows, uint64_t seed, double granularity = 20) {
  std::mt19937_64 random(seed);
  std::normal_distribution<double> normal;
  Sample sample;
  for (size_t i = 0; i < rows; ++i) {
    const double label = random() % 3 == 0 ? 1 : 0;
    sample.labels.push_back(label);
    for (std::vector<double>* scores : {&sample.scores, &sample.others}) {
      const double p = 1 / (1 + std::exp(-(label + normal(random))));
      scores->push_back(std::round(p * granularity) / granularity);
    }
  }
  return sample;
}

Predictions Binary(const std::vector<double>& labels, const std::vector<double>& scores) {
  return {Task::kBinary, labels, scores, 1};
}

Predictions Numbers(const std::vector<double>& labels, const std::vector<double>& scores) {
  return {Task::kRegression, labels, scores, 1};
}

// DeLong's definition, word for word, in O(n^2).
struct ObviousDeLong {
  double auc = 0;
  std::vector<double> v10, v01;
  ObviousDeLong(const std::vector<double>& labels, const std::vector<double>& scores) {
    std::vector<double> x, y;
    for (size_t i = 0; i < labels.size(); ++i) (labels[i] == 1 ? x : y).push_back(scores[i]);
    const auto psi = [](double a, double b) { return a > b ? 1.0 : a == b ? 0.5 : 0.0; };
    for (const double a : x) {
      double sum = 0;
      for (const double b : y) sum += psi(a, b);
      v10.push_back(sum / static_cast<double>(y.size()));
      auc += v10.back() / static_cast<double>(x.size());
    }
    for (const double b : y) {
      double sum = 0;
      for (const double a : x) sum += psi(a, b);
      v01.push_back(sum / static_cast<double>(x.size()));
    }
  }
};

double Covariance(const std::vector<double>& a, double mean_a, const std::vector<double>& b, double mean_b) {
  double sum = 0;
  for (size_t i = 0; i < a.size(); ++i) sum += (a[i] - mean_a) * (b[i] - mean_b);
  return sum / static_cast<double>(a.size() - 1);
}

double CovarianceOfAucs(const ObviousDeLong& a, const ObviousDeLong& b) {
  return Covariance(a.v10, a.auc, b.v10, b.auc) / static_cast<double>(a.v10.size()) +
         Covariance(a.v01, a.auc, b.v01, b.auc) / static_cast<double>(a.v01.size());
}

TEST(Auc, AndItsIntervalAreDeLongs) {
  for (uint64_t seed = 1; seed <= 5; ++seed) {
    const Sample s = RandomSample(300, seed);
    const ObviousDeLong obvious(s.labels, s.scores);
    const Estimate estimate = *Evaluate(Metric::kAuc, Binary(s.labels, s.scores));
    EXPECT_NEAR(estimate.value, obvious.auc, 1e-13);
    EXPECT_NEAR((estimate.high - estimate.low) / 2, 1.959963984540054 * std::sqrt(CovarianceOfAucs(obvious, obvious)),
                1e-12);
  }
}

TEST(Auc, PairedDifferenceIsDeLongs) {
  for (uint64_t seed = 1; seed <= 5; ++seed) {
    const Sample s = RandomSample(300, seed);
    const ObviousDeLong a(s.labels, s.scores), b(s.labels, s.others);
    const Estimate difference = *PairedDifference(Metric::kAuc, Binary(s.labels, s.scores), Binary(s.labels, s.others));
    EXPECT_NEAR(difference.value, a.auc - b.auc, 1e-13);
    const double variance = CovarianceOfAucs(a, a) + CovarianceOfAucs(b, b) - 2 * CovarianceOfAucs(a, b);
    EXPECT_NEAR((difference.high - difference.low) / 2, 1.959963984540054 * std::sqrt(variance), 1e-12);
  }
}

TEST(Auc, OfTiesIsHalf) {
  const std::vector<double> labels = {0, 1, 1, 0};
  EXPECT_EQ(ComputeAuc(labels, std::vector<double>{1, 1, 1, 1})->auc, 0.5);
  EXPECT_EQ(ComputeAuc(labels, std::vector<double>{0, 1, 1, 0})->auc, 1.0);
  EXPECT_EQ(ComputeAuc(labels, std::vector<double>{1, 0, 0, 1})->auc, 0.0);
}

TEST(Auc, OfOneRowOfAClassHasAnUnboundedInterval) {
  const std::vector<double> labels = {0, 0, 1}, scores = {0.1, 0.9, 0.5};
  const Estimate estimate = *Evaluate(Metric::kAuc, Binary(labels, scores));
  EXPECT_EQ(estimate.value, 0.5);
  EXPECT_EQ(estimate.low, 0);
  EXPECT_EQ(estimate.high, 1);
}

TEST(Metrics, AgreeWithScikitLearn) {
  const Sample s = RandomSample(2000, 9);
  std::vector<double> numbers, guesses, classes, shares;
  std::mt19937_64 random(2);
  std::uniform_real_distribution<double> uniform(0.01, 1);
  for (size_t i = 0; i < s.labels.size(); ++i) {
    numbers.push_back(5 * uniform(random));
    guesses.push_back(numbers.back() + uniform(random) - 0.5);
    classes.push_back(static_cast<double>(random() % 3));
    const double a = uniform(random), b = uniform(random), c = uniform(random);
    for (const double v : {a, b, c}) shares.push_back(v / (a + b + c));
  }
  const Json oracle = RunPython(R"(
from sklearn import metrics as m
y, p, v, g, c = (np.array(data[k], dtype=float) for k in "ypvgc")
q = np.array(data["q"], dtype=float).reshape(-1, 3)
print(json.dumps({"auc": m.roc_auc_score(y, p), "log_loss": m.log_loss(y, p), "brier": m.brier_score_loss(y, p),
  "accuracy": m.accuracy_score(y, p >= 0.5), "rmse": m.root_mean_squared_error(v, g), "mae": m.mean_absolute_error(v, g),
  "r2": m.r2_score(v, g), "multi_log_loss": m.log_loss(c, q), "multi_accuracy": m.accuracy_score(c, q.argmax(1))}))
)",
                                Json(Json::Object{{"y", ToJsonArray(s.labels)},
                                                  {"p", ToJsonArray(s.scores)},
                                                  {"v", ToJsonArray(numbers)},
                                                  {"g", ToJsonArray(guesses)},
                                                  {"c", ToJsonArray(classes)},
                                                  {"q", ToJsonArray(shares)}}));
  for (const Metric metric : MetricsOf(Task::kBinary)) {
    EXPECT_NEAR(Evaluate(metric, Binary(s.labels, s.scores))->value, oracle.Find(MetricName(metric))->number(), 1e-12);
  }
  for (const Metric metric : MetricsOf(Task::kRegression)) {
    EXPECT_NEAR(Evaluate(metric, Numbers(numbers, guesses))->value, oracle.Find(MetricName(metric))->number(), 1e-12);
  }
  const Predictions multi{Task::kMulticlass, classes, shares, 3};
  EXPECT_NEAR(Evaluate(Metric::kLogLoss, multi)->value, oracle.Find("multi_log_loss")->number(), 1e-12);
  EXPECT_NEAR(Evaluate(Metric::kAccuracy, multi)->value, oracle.Find("multi_accuracy")->number(), 1e-12);
}

// 95 % intervals hold the true value in about 95 of 100 samples.
TEST(Metrics, IntervalsCover) {
  std::mt19937_64 random(3);
  std::normal_distribution<double> normal;
  int rmse = 0, r2 = 0;
  constexpr int kTrials = 2000;
  for (int trial = 0; trial < kTrials; ++trial) {
    std::vector<double> labels, guesses;
    for (int i = 0; i < 400; ++i) {
      guesses.push_back(2 * normal(random));
      labels.push_back(guesses.back() + normal(random));
    }
    const Estimate a = *Evaluate(Metric::kRmse, Numbers(labels, guesses));
    const Estimate b = *Evaluate(Metric::kR2, Numbers(labels, guesses));
    rmse += a.low <= 1.0 && 1.0 <= a.high ? 1 : 0;
    r2 += b.low <= 0.8 && 0.8 <= b.high ? 1 : 0;
  }
  EXPECT_NEAR(rmse / double{kTrials}, 0.95, 0.02);
  EXPECT_NEAR(r2 / double{kTrials}, 0.95, 0.02);
}

TEST(PairedDifference, IsPositiveForTheBetterModelWhateverTheMetric) {
  std::mt19937_64 random(4);
  std::normal_distribution<double> normal;
  std::vector<double> labels, good, bad, classes, good_p, bad_p;
  for (int i = 0; i < 500; ++i) {
    labels.push_back(normal(random));
    good.push_back(labels.back() + 0.1 * normal(random));
    bad.push_back(labels.back() + normal(random));
    classes.push_back(labels.back() > 0 ? 1 : 0);
    good_p.push_back(1 / (1 + std::exp(-4 * good.back())));
    bad_p.push_back(1 / (1 + std::exp(-4 * bad.back())));
  }
  for (const Metric metric : MetricsOf(Task::kRegression)) {
    EXPECT_GT(PairedDifference(metric, Numbers(labels, good), Numbers(labels, bad))->low, 0) << MetricName(metric);
    EXPECT_LT(PairedDifference(metric, Numbers(labels, bad), Numbers(labels, good))->high, 0) << MetricName(metric);
  }
  for (const Metric metric : MetricsOf(Task::kBinary)) {
    EXPECT_GT(PairedDifference(metric, Binary(classes, good_p), Binary(classes, bad_p))->low, 0) << MetricName(metric);
  }
}

TEST(PairedDifference, OfAModelWithItselfIsZero) {
  const Sample s = RandomSample(100, 1);
  const Estimate difference = *PairedDifference(Metric::kAuc, Binary(s.labels, s.scores), Binary(s.labels, s.scores));
  EXPECT_EQ(difference.value, 0);
  EXPECT_EQ(difference.low, 0);
  EXPECT_EQ(difference.high, 0);
}

TEST(Metrics, SayWhenTheRowsCannot) {
  const std::vector<double> none, ones = {1, 1}, scores = {0.5, 0.6};
  EXPECT_TRUE(absl::IsFailedPrecondition(Evaluate(Metric::kAuc, Binary(none, none)).status()));
  EXPECT_TRUE(absl::IsFailedPrecondition(Evaluate(Metric::kAuc, Binary(ones, scores)).status()));
  EXPECT_TRUE(absl::IsFailedPrecondition(Evaluate(Metric::kR2, Numbers(ones, scores)).status()));
  EXPECT_TRUE(absl::IsInvalidArgument(Evaluate(Metric::kMae, Numbers(ones, none)).status()));
  const std::vector<double> zeros = {0, 0};
  EXPECT_TRUE(
      absl::IsInvalidArgument(PairedDifference(Metric::kMae, Numbers(ones, scores), Numbers(zeros, scores)).status()));
}

TEST(Metrics, AreKnownByNameAndTask) {
  EXPECT_EQ(*ParseMetric("auc", Task::kBinary), Metric::kAuc);
  EXPECT_THAT(std::string(Message(ParseMetric("acuracy", Task::kBinary).status())),
              HasSubstr("did you mean 'accuracy'?"));
  EXPECT_TRUE(absl::IsInvalidArgument(ParseMetric("auc", Task::kRegression).status()));
}

TEST(EvaluationReport, HasSlicesLargestFirstAndNullWhereRowsCannotSay) {
  std::vector<double> labels, scores;
  std::vector<std::optional<std::string>> carriers;
  std::vector<uint32_t> rows;
  for (uint32_t i = 0; i < 200; ++i) {
    const bool united = i < 120;
    carriers.push_back(united    ? std::optional<std::string>("UA")
                       : i < 180 ? std::nullopt
                                 : std::optional<std::string>("few"));
    labels.push_back(united ? i % 2 : 1);
    scores.push_back(0.25 + i % 2 * 0.5);
    rows.push_back(i);
  }
  const Column column = Texts(carriers);
  const SliceColumn slice{"carrier", &column};
  const Metric metrics[] = {Metric::kAuc, Metric::kAccuracy};
  const Json report = *EvaluationReport(Binary(labels, scores), metrics, rows, {&slice, 1});
  const Json::Object& slices = report.Find("slices")->Find("carrier")->object();
  ASSERT_EQ(slices.size(), 2u);  // "few" has too few rows
  EXPECT_EQ(slices[0].first, "UA");
  EXPECT_EQ(slices[0].second.Find("auc")->Find("value")->number(), 1.0);
  EXPECT_EQ(slices[1].first, "null");
  EXPECT_TRUE(slices[1].second.Find("auc")->is_null());
  EXPECT_EQ(slices[1].second.Find("rows")->integer(), 60);
}

}  // namespace
}  // namespace headrace
