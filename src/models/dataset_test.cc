#include "models/dataset.h"

#include <gmock/gmock.h>

#include <cmath>

#include "models/models_testing.h"

namespace headrace {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

RecordBatch Sample() {
  return Batch({{"late", Column::Integers(TypeId::kBoolean, {1, 0, 0}, {1, 1, 0})},
                {"delay", Doubles({1.5, std::nullopt, -0.0})},
                {"carrier", Texts({"UA", "AA", std::nullopt})},
                {"seen", Column::Integers(TypeId::kTimestamp, {1'000'000, 2, 3})}});
}

const std::vector<std::string> kFeatures = {"carrier", "late", "delay", "seen"};
const std::vector<uint32_t> kAllRows = {0, 1, 2};

CategoryEncoder Fitted() {
  return *CategoryEncoder::Fit(Sample(), kFeatures, kAllRows);
}

TEST(CategoryEncoder, TakesTypesFromTheColumnsAndCategoriesInOrderOfBytes) {
  const CategoryEncoder encoder = Fitted();
  EXPECT_THAT(encoder.features()[0].categories, ElementsAre("AA", "UA"));
  EXPECT_EQ(encoder.features()[1].type, TypeId::kBoolean);
  EXPECT_EQ(encoder.Encode(0, "UA"), 1);
  EXPECT_TRUE(std::isnan(encoder.Encode(0, "ZZ")));
}

TEST(CategoryEncoder, FitsOnTheGivenRowsOnly) {
  const std::vector<uint32_t> rows = {1};
  EXPECT_THAT(CategoryEncoder::Fit(Sample(), kFeatures, rows)->features()[0].categories, ElementsAre("AA"));
}

TEST(CategoryEncoder, SurvivesItsJson) {
  const CategoryEncoder encoder = Fitted();
  EXPECT_EQ(CategoryEncoder::FromJson(encoder.ToJson())->features(), encoder.features());
}

TEST(CategoryEncoder, EncodesARowAsTheMatrixDoes) {
  const CategoryEncoder encoder = Fitted();
  const RecordBatch batch = Sample();
  const FeatureMatrix matrix = *FromColumns(batch, encoder);
  for (size_t row = 0; row < batch.num_rows; ++row) {
    std::vector<Value> values;
    for (const std::string& name : kFeatures) values.push_back(batch.Find(name)->GetValue(row));
    std::vector<double> cells(values.size());
    ASSERT_TRUE(encoder.EncodeRow(values, cells).ok());
    for (size_t i = 0; i < cells.size(); ++i) {
      EXPECT_TRUE(Value::Double(cells[i]).IdenticalTo(Value::Double(matrix.Row(row)[i]))) << row << " " << i;
    }
  }
  EXPECT_TRUE(std::isnan(matrix.Row(2)[0]));
  EXPECT_EQ(matrix.Row(0)[3], 1e6);
}

TEST(CategoryEncoder, NamesTheFeatureOfAWrongValue) {
  const std::vector<Value> values = {Value::Bigint(1), Value::Null(), Value::Null(), Value::Null()};
  std::vector<double> cells(4);
  const Status status = Fitted().EncodeRow(values, cells);
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(Message(status)), HasSubstr("feature 'carrier' is a VARCHAR, but BIGINT '1' was given"));
  EXPECT_THAT(std::string(Message(Fitted().EncodeRow({}, cells))), HasSubstr("0 feature values were given"));
}

TEST(FromColumns, NamesAColumnThatIsMissingOrOfAnotherType) {
  RecordBatch batch = Batch({{"carier", Texts({"UA"})}});
  const CategoryEncoder encoder({{"carrier", TypeId::kVarchar, {}}});
  EXPECT_THAT(std::string(Message(FromColumns(batch, encoder).status())), HasSubstr("did you mean 'carier'?"));
  batch = Batch({{"carrier", Doubles({1.0})}});
  EXPECT_THAT(std::string(Message(FromColumns(batch, encoder).status())),
              HasSubstr("feature 'carrier' is a DOUBLE here, but the model was trained with a VARCHAR"));
}

TEST(CategoryEncoder, RefusesMoreTextsThanTheLimit) {
  Column column(TypeId::kVarchar);
  std::vector<uint32_t> rows;
  for (uint32_t i = 0; i <= kMaxCategories; ++i) {
    column.AppendString(fmt::format("{}", i));
    rows.push_back(i);
  }
  const std::vector<std::string> features = {"id"};
  EXPECT_TRUE(
      absl::IsResourceExhausted(CategoryEncoder::Fit(Batch({{"id", std::move(column)}}), features, rows).status()));
}

}  // namespace
}  // namespace headrace
