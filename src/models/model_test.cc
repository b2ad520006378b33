#include "models/model.h"

#include <gmock/gmock.h>

#include "models/models_testing.h"
#include "models/runtime/linear/linear_model.h"

namespace headrace {
namespace {

using ::testing::HasSubstr;

ModelArtifact Sample() {
  ModelArtifact artifact;
  artifact.algorithm = Algorithm::kLogisticRegression;
  artifact.encoder = CategoryEncoder({{"delay", TypeId::kDouble, {}}, {"carrier", TypeId::kVarchar, {"AA", "UA"}}});
  artifact.params = Json(Json::Object{{"l2", 1.0}});
  artifact.payload =
      LinearModel(LinearModel::Link::kLogistic, -0.25,
                  {{.mean = 3, .scale = 2, .has_missing = true}, {.num_categories = 2}}, {0.5, 0.125, 1.0, 0.1})
          .ToText();
  return artifact;
}

TEST(Model, LoadsWhatWasPackedAndPredicts) {
  const auto model = LoadModel(EncodeArtifact(Sample()));
  ASSERT_TRUE(model.ok()) << model.status();
  EXPECT_EQ((*model)->feature_names(), (std::vector<std::string>{"delay", "carrier"}));
  EXPECT_EQ((*model)->feature_types()[1], TypeId::kVarchar);
  EXPECT_EQ((*model)->task(), Task::kBinary);
  const std::vector<Value> row = {Value::Double(4), Value::Varchar("UA")};
  EXPECT_EQ((*model)->Predict(row)->front(), Logistic(-0.25 + 0.5 * 0.5 + 0.1));
  const std::vector<Value> missing = {Value::Null(), Value::Varchar("never seen")};
  EXPECT_EQ((*model)->Predict(missing)->front(), Logistic(-0.25 + 0.125));
}

TEST(Model, PredictsARowOfABatchAsTheSameValues) {
  const auto model = *LoadModel(EncodeArtifact(Sample()));
  const RecordBatch batch = Batch({{"carrier", Texts({"AA", std::nullopt})}, {"delay", Doubles({1.0, 7.0})}});
  const std::vector<double> scores = *model->PredictBatch(batch);
  EXPECT_EQ(scores[0], model->Predict(std::vector<Value>{Value::Double(1), Value::Varchar("AA")})->front());
  EXPECT_EQ(scores[1], model->Predict(std::vector<Value>{Value::Double(7), Value::Null()})->front());
}

TEST(Artifact, RefusesEveryFlippedByteAndEveryCut) {
  const std::string good = EncodeArtifact(Sample());
  for (size_t i = 0; i < good.size(); ++i) {
    std::string damaged = good;
    damaged[i] = static_cast<char>(damaged[i] ^ 0x20);
    ASSERT_TRUE(absl::IsDataLoss(LoadModel(damaged, "f").status()) || i == 8)
        << i << " " << LoadModel(damaged, "f").status();
    ASSERT_FALSE(LoadModel(damaged, "f").ok());
    ASSERT_TRUE(absl::IsDataLoss(LoadModel(good.substr(0, i), "f").status())) << i;
  }
  EXPECT_TRUE(absl::IsDataLoss(LoadModel(good + "x").status()));
}

TEST(Artifact, NamesTheDamagedFile) {
  const Status status = LoadModel("HRMODEL\nshort", "artifacts/abc").status();
  EXPECT_THAT(std::string(Message(status)), HasSubstr("artifacts/abc: "));
}

TEST(Artifact, OfANewerFormatSaysSo) {
  std::string bytes = EncodeArtifact(Sample());
  bytes[8] = 2;
  EXPECT_TRUE(absl::IsFailedPrecondition(LoadModel(bytes).status()));
}

TEST(Artifact, WithAPayloadThatDoesNotFitCannotBeRun) {
  ModelArtifact artifact = Sample();
  artifact.encoder = CategoryEncoder({{"delay", TypeId::kDouble, {}}});
  EXPECT_THAT(std::string(Message(LoadModel(EncodeArtifact(artifact), "m/1").status())),
              HasSubstr("m/1: it cannot be run: it has 2 features, its header names 1"));
  artifact.algorithm = Algorithm::kLightGbm;
  EXPECT_TRUE(absl::IsFailedPrecondition(LoadModel(EncodeArtifact(artifact)).status()));
}

TEST(Artifact, KeepsAllItsParts) {
  ModelArtifact artifact = Sample();
  artifact.classes = {"no", "yes"};
  artifact.payload = std::string("a\0b", 3);
  const ModelArtifact read = *DecodeArtifact(EncodeArtifact(artifact), "f");
  EXPECT_EQ(read.classes, artifact.classes);
  EXPECT_EQ(read.payload, artifact.payload);
  EXPECT_EQ(read.encoder.features(), artifact.encoder.features());
  EXPECT_EQ(read.params.Dump(), artifact.params.Dump());
  EXPECT_EQ(read.algorithm, artifact.algorithm);
}

}  // namespace
}  // namespace headrace
