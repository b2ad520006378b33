#include "base/column.h"

#include <gtest/gtest.h>

#include <limits>
#include <random>

#include "base/column_view.h"

namespace headrace {
namespace {

const std::vector<TypeId>& AllTypes() {
  static const auto& kTypes = *new std::vector<TypeId>{TypeId::kBoolean, TypeId::kBigint, TypeId::kDouble,
                                                       TypeId::kVarchar, TypeId::kDate,   TypeId::kTimestamp};
  return kTypes;
}

Value RandomValue(TypeId type, double null_share, std::mt19937_64& random) {
  if (std::uniform_real_distribution<double>()(random) < null_share) return Value::Null();
  const int64_t n = static_cast<int64_t>(random() % 1000);
  if (type == TypeId::kDouble) return Value::Double(static_cast<double>(n) / 8);
  if (type == TypeId::kVarchar)
    return Value::Varchar(std::string(static_cast<size_t>(n % 5), 'a' + static_cast<char>(n % 26)));
  return Value::Integer(type, type == TypeId::kBoolean ? n % 2 : n);
}

std::vector<Value> RandomValues(TypeId type, size_t count, double null_share, std::mt19937_64& random) {
  std::vector<Value> values;
  for (size_t i = 0; i < count; ++i) values.push_back(RandomValue(type, null_share, random));
  return values;
}

Column FromValues(TypeId type, const std::vector<Value>& values) {
  Column column(type);
  for (const Value& v : values) column.Append(v);
  return column;
}

void ExpectHolds(const Column& column, const std::vector<Value>& values) {
  ASSERT_EQ(column.size(), values.size());
  for (size_t i = 0; i < values.size(); ++i) {
    ASSERT_EQ(column.IsNull(i), values[i].is_null()) << i;
    ASSERT_TRUE(column.GetValue(i).IdenticalTo(values[i])) << i;
  }
  if (column.has_nulls()) {
    ASSERT_EQ(column.validity().size(), values.size());
  }
}

// Each operation against the same done to a vector of values.
class ColumnTest : public ::testing::TestWithParam<TypeId> {
 protected:
  std::mt19937_64 random_{11};
};
INSTANTIATE_TEST_SUITE_P(Types, ColumnTest, ::testing::ValuesIn(AllTypes()),
                         [](const auto& info) { return std::string(TypeName(info.param)); });

TEST_P(ColumnTest, HoldsWhatWasAppended) {
  for (const double null_share : {0.0, 0.3, 1.0}) {
    const auto values = RandomValues(GetParam(), 50, null_share, random_);
    ExpectHolds(FromValues(GetParam(), values), values);
  }
}

TEST_P(ColumnTest, AppendsColumns) {
  for (const double left_nulls : {0.0, 0.5}) {
    for (const double right_nulls : {0.0, 0.5}) {
      auto values = RandomValues(GetParam(), 9, left_nulls, random_);
      const auto more = RandomValues(GetParam(), 7, right_nulls, random_);
      Column column = FromValues(GetParam(), values);
      column.AppendColumn(FromValues(GetParam(), more));
      values.insert(values.end(), more.begin(), more.end());
      ExpectHolds(column, values);
    }
  }
}

TEST_P(ColumnTest, AppendsToAndFromAnEmptyColumn) {
  const auto values = RandomValues(GetParam(), 5, 0.5, random_);
  Column empty(GetParam());
  empty.AppendColumn(FromValues(GetParam(), values));
  ExpectHolds(empty, values);
  empty.AppendColumn(Column(GetParam()));
  ExpectHolds(empty, values);
}

TEST_P(ColumnTest, TakesRowsInTheGivenOrder) {
  const auto values = RandomValues(GetParam(), 10, 0.3, random_);
  const std::vector<uint32_t> indices = {9, 0, 0, 4};
  ExpectHolds(FromValues(GetParam(), values).Take(indices), {values[9], values[0], values[0], values[4]});
}

TEST_P(ColumnTest, AViewShowsItsValues) {
  for (const double null_share : {0.0, 0.4}) {
    const auto values = RandomValues(GetParam(), 10, null_share, random_);
    const Column column = FromValues(GetParam(), values);
    const ColumnView view = column;
    ASSERT_EQ(view.size(), values.size());
    Column copy(GetParam());
    for (size_t row = 0; row < values.size(); ++row) {
      EXPECT_EQ(view.IsNull(row), values[row].is_null());
      EXPECT_TRUE(view.GetValue(row).IdenticalTo(values[row]));
      view.AppendTo(row, &copy);
    }
    ExpectHolds(copy, values);
  }
}

TEST_P(ColumnTest, StartsWithItsFirstRowsOnly) {
  for (const double null_share : {0.0, 0.4}) {
    auto values = RandomValues(GetParam(), 10, null_share, random_);
    const Column column = FromValues(GetParam(), values);
    for (const size_t rows : {0, 6, 10}) {
      const std::vector<Value> first(values.begin(), values.begin() + static_cast<ptrdiff_t>(rows));
      EXPECT_TRUE(column.StartsWith(FromValues(GetParam(), first)));
      if (rows < 10) {
        EXPECT_FALSE(FromValues(GetParam(), first).StartsWith(column));
      }
    }
    values[4] = values[4].is_null() ? RandomValues(GetParam(), 1, 0, random_)[0] : Value::Null();
    EXPECT_FALSE(column.StartsWith(FromValues(GetParam(), values)));
    EXPECT_FALSE(column.StartsWith(Column(GetParam() == TypeId::kDouble ? TypeId::kBigint : TypeId::kDouble)));
  }
}

TEST(Column, StartsWithLooksAtBits) {
  EXPECT_FALSE(Column::Doubles({0.0}).StartsWith(Column::Doubles({-0.0})));
  const double nan = std::numeric_limits<double>::quiet_NaN();
  EXPECT_TRUE(Column::Doubles({nan, 1}).StartsWith(Column::Doubles({nan})));
}

TEST(Column, HoldsZeroOrEmptyTextWhereNull) {
  Column doubles(TypeId::kDouble);
  doubles.AppendDouble(1);
  doubles.AppendNull();
  EXPECT_EQ(doubles.doubles()[1], 0);
  Column texts(TypeId::kVarchar);
  texts.AppendNull();
  EXPECT_EQ(texts.str(0), "");
}

TEST(RecordBatch, FindsFieldsByTheirExactName) {
  RecordBatch batch({{"a", TypeId::kBigint}, {"B", TypeId::kVarchar}});
  EXPECT_EQ(batch.Find("B"), &batch.columns[1]);
  EXPECT_EQ(batch.Find("b"), nullptr);
  EXPECT_EQ(FindField(batch.schema, "a"), 0u);
}

TEST(RecordBatch, CountsRowsEvenWithoutColumns) {
  RecordBatch batch;
  batch.num_rows = 3;
  batch.AppendBatch(batch);
  EXPECT_EQ(batch.num_rows, 6u);
}

TEST(ColumnTest, ASliceIsTheRowsOfItsRange) {
  Column texts(TypeId::kVarchar);
  Column numbers(TypeId::kBigint);
  for (int i = 0; i < 6; ++i) {
    texts.Append(i == 4 ? Value::Null() : Value::Varchar(std::string(static_cast<size_t>(i), 'x')));
    numbers.Append(i == 2 ? Value::Null() : Value::Bigint(i));
  }
  for (const Column* column : {&texts, &numbers}) {
    for (size_t begin = 0; begin <= 6; ++begin) {
      for (size_t rows = 0; begin + rows <= 6; ++rows) {
        const Column slice = column->Slice(begin, rows);
        ASSERT_EQ(slice.size(), rows);
        for (size_t i = 0; i < rows; ++i)
          EXPECT_TRUE(slice.GetValue(i).IdenticalTo(column->GetValue(begin + i))) << begin << " " << rows << " " << i;
      }
    }
  }
}

}  // namespace
}  // namespace headrace
