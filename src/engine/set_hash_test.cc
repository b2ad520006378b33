#include "engine/set_hash.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>

#include "base/decimal.h"
#include "base/nested.h"
#include "warehouse/parquet.h"
#include "warehouse/warehouse_testing.h"

namespace headrace {
namespace {

RecordBatch SomeRows() {
  RecordBatch rows({{"n", TypeId::kBigint}, {"x", TypeId::kDouble}, {"s", TypeId::kVarchar}});
  for (int i = 0; i < 50; ++i) {
    rows.columns[0].Append(Value::Bigint(i));
    rows.columns[1].Append(i == 30 ? Value::Null() : Value::Double(i / 7.0));
    rows.columns[2].Append(i % 3 == 0 ? Value::Null() : Value::Varchar(std::string(static_cast<size_t>(i), 'a')));
  }
  rows.num_rows = 50;
  return rows;
}

std::string HashInBatchesOf(const RecordBatch& rows, size_t batch_rows) {
  SetHash hash(rows.schema);
  for (size_t begin = 0; begin < rows.num_rows; begin += batch_rows) hash.Add(rows.Slice(begin, batch_rows));
  return hash.Finish();
}

TEST(SetHashTest, DoesNotDependOnTheBatches) {
  const RecordBatch rows = SomeRows();
  for (const size_t batch_rows : {1, 7, 31, 50})
    EXPECT_EQ(HashInBatchesOf(rows, batch_rows), HashInBatchesOf(rows, 50));
}

TEST(SetHashTest, ChangesWithEveryValueNullNameAndType) {
  const RecordBatch rows = SomeRows();
  std::vector<std::string> hashes = {HashInBatchesOf(rows, 50)};
  const auto expect_new = [&](const RecordBatch& changed) {
    hashes.push_back(HashInBatchesOf(changed, 50));
    for (size_t i = 0; i + 1 < hashes.size(); ++i) EXPECT_NE(hashes[i], hashes.back());
  };
  RecordBatch changed = rows;
  changed.schema[0].name = "m";
  expect_new(changed);
  changed = rows;
  changed.schema[0].type = TypeId::kTimestamp;
  expect_new(changed);
  changed = rows;
  changed.columns[1] = Column(TypeId::kDouble);  // the null is a zero
  for (size_t row = 0; row < rows.num_rows; ++row) changed.columns[1].AppendDouble(rows.columns[1].doubles()[row]);
  expect_new(changed);
  changed.columns[1] = Column(TypeId::kDouble);  // a zero of the other sign
  for (size_t row = 0; row < rows.num_rows; ++row)
    changed.columns[1].AppendDouble(row == 0 ? -0.0 : rows.columns[1].doubles()[row]);
  expect_new(changed);
  expect_new(rows.Slice(0, 49));
}

double AwkwardDouble(std::mt19937_64* chance) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const double infinity = std::numeric_limits<double>::infinity();
  const std::vector<double> few = {0.0, -0.0, nan, std::copysign(nan, -1.0), infinity, -infinity, 5e-324, 1e308};
  const uint64_t drawn = (*chance)();
  return drawn % 3 == 0 ? std::ldexp(static_cast<double>(drawn), -60) : few[drawn % few.size()];
}

// Rows of every kind of column that a set may have, of few or of many different values.
RecordBatch AwkwardRows(size_t num_rows, std::mt19937_64* chance) {
  RecordBatch rows({{"x", TypeId::kDouble},
                    {"n", TypeId::kBigint},
                    {"s", TypeId::kVarchar},
                    {"at", TypeId::kTimestamp},
                    {"day", TypeId::kDate},
                    {"ok", TypeId::kBoolean},
                    {"money", DecimalOf(38, 4)},
                    {"list", ListOf(TypeId::kDouble)}});
  const uint64_t different = uint64_t{2} << ((*chance)() % 20);
  const auto append = [&](size_t column, const Value& value) {
    rows.columns[column].Append((*chance)() % 5 == 0 ? Value::Null() : value);
  };
  for (size_t row = 0; row < num_rows; ++row) {
    const auto drawn = static_cast<int64_t>((*chance)() % different) - static_cast<int64_t>(different / 2);
    append(0, Value::Double(AwkwardDouble(chance)));
    append(1, Value::Bigint(drawn == 0 ? std::numeric_limits<int64_t>::min() : drawn));
    append(2, Value::Varchar(drawn % 7 == 0 ? "" : fmt::format("ß{}", drawn)));
    append(3, Value::Timestamp(drawn * 1'000'003));
    append(4, Value::Date(drawn % 100'000));
    append(5, Value::Boolean(drawn % 2 == 0));
    append(6, Value::Bytes(DecimalOf(38, 4), EncodeDecimal(Int128{drawn} * 1000000007)));
    append(7, Value::Bytes(ListOf(TypeId::kDouble),
                           EncodeList(Column::Doubles({AwkwardDouble(chance), AwkwardDouble(chance)}))));
  }
  rows.num_rows = num_rows;
  return rows;
}

TEST(SetHashTest, AFileHasTheHashOfTheRowsThatWereWritten) {
  for (uint64_t seed = 0; seed < 12; ++seed) {
    std::mt19937_64 chance(seed);
    const RecordBatch rows = AwkwardRows(1 + chance() % 5000, &chance);
    const TestFolder folder;
    const std::string path = folder.path() + "/set.parquet";
    ASSERT_TRUE(WriteParquet(rows, path).ok());
    const std::unique_ptr<Database> database = MemoryDatabase();
    const std::unique_ptr<Connection> connection = ConnectTo(*database);
    const StatusOr<RecordBatch> read = connection->QueryAll(fmt::format("from read_parquet('{}')", path));
    ASSERT_TRUE(read.ok()) << read.status();
    EXPECT_EQ(HashInBatchesOf(*read, 1000), HashInBatchesOf(rows, rows.num_rows)) << "seed " << seed;
  }
}

}  // namespace
}  // namespace headrace
