#include "warehouse/parquet.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>

#include "base/hash.h"
#include "warehouse/warehouse_testing.h"

namespace headrace {
namespace {

class ParquetTest : public ::testing::Test {
 protected:
  ParquetTest()
      : path_(folder_.path() + "/out.parquet"), database_(MemoryDatabase()), connection_(ConnectTo(*database_)) {}

  static RecordBatch MakeBatch(int64_t first, int64_t rows) {
    RecordBatch batch({{"view.feature_1h", TypeId::kDouble},
                       {"key", TypeId::kVarchar},
                       {"at", TypeId::kTimestamp},
                       {"n", TypeId::kBigint},
                       {"ok", TypeId::kBoolean},
                       {"day", TypeId::kDate}});
    for (int64_t i = first; i < first + rows; ++i) {
      batch.columns[0].Append(i % 5 == 0 ? Value::Null()
                                         : Value::Double(i == 1 ? -0.0 : 1.0 / static_cast<double>(i + 1)));
      batch.columns[1].Append(i % 7 == 0 ? Value::Null() : Value::Varchar(fmt::format("key {}", i % 100)));
      batch.columns[2].Append(Value::Timestamp(i * 1'000'001));
      batch.columns[3].Append(Value::Bigint(-i));
      batch.columns[4].Append(Value::Boolean(i % 2 == 0));
      batch.columns[5].Append(Value::Date(i % 1000));
    }
    batch.num_rows = static_cast<size_t>(rows);
    return batch;
  }

  std::string Write(const RecordBatch& rows, int threads = 0) {
    const Status status = WriteParquet(rows, path_, threads);
    EXPECT_TRUE(status.ok()) << status;
    const std::string hash = Sha256OfFile(path_).value_or("no file");
    EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder_.path()), std::filesystem::directory_iterator()),
              1);
    return hash;
  }

  const TestFolder folder_;
  const std::string path_;
  std::unique_ptr<Database> database_;
  std::unique_ptr<Connection> connection_;
};

TEST_F(ParquetTest, RowsComeBackBitForBitAndInOrder) {
  const RecordBatch expected = MakeBatch(0, 300'000);
  Write(expected);
  const auto stream = ReadParquet(*connection_, path_);
  ASSERT_TRUE(stream.ok()) << stream.status();
  EXPECT_EQ((*stream)->schema(), expected.schema);
  size_t row = 0;
  while (true) {
    const auto batch = (*stream)->Next();
    ASSERT_TRUE(batch.ok());
    if (!batch->has_value()) break;
    for (size_t i = 0; i < (**batch).num_rows; ++i, ++row) {
      for (size_t c = 0; c < expected.columns.size(); ++c) {
        ASSERT_TRUE((**batch).columns[c].GetValue(i).IdenticalTo(expected.columns[c].GetValue(row))) << row << " " << c;
      }
    }
  }
  EXPECT_EQ(row, 300'000u);
}

TEST_F(ParquetTest, EqualRowsGiveEqualBytesWhateverTheThreads) {
  const RecordBatch rows = MakeBatch(0, 600'000);
  const std::string hash = Write(rows);
  EXPECT_EQ(Write(rows, 1), hash);
  EXPECT_EQ(Write(rows, 4), hash);
}

TEST_F(ParquetTest, MeasuredNumbersComeBackBitForBit) {
  RecordBatch rows({{"a", TypeId::kDouble}, {"b", TypeId::kDouble}});
  for (int64_t i = 0; i < 200'000; ++i) {
    rows.columns[0].AppendDouble(1.0 / static_cast<double>(i + 1));
    rows.columns[1].Append(i % 3 == 0 ? Value::Null() : Value::Double(std::sqrt(static_cast<double>(i))));
  }
  rows.num_rows = 200'000;
  Write(rows);
  const auto found = connection_->QueryAll(fmt::format("from '{}'", path_));
  ASSERT_TRUE(found.ok()) << found.status();
  ASSERT_EQ(found->num_rows, rows.num_rows);
  for (size_t row = 0; row < rows.num_rows; ++row) {
    for (size_t c = 0; c < 2; ++c)
      ASSERT_TRUE(found->columns[c].GetValue(row).IdenticalTo(rows.columns[c].GetValue(row))) << row;
  }
}

TEST_F(ParquetTest, ZerosOfBothSignsComeBackBitForBit) {
  RecordBatch batch({{"zero", TypeId::kDouble}});
  for (int i = 0; i < 100; ++i) batch.columns[0].AppendDouble(i % 3 == 0 ? 0.0 : i % 3 == 1 ? -0.0 : 1.5);
  batch.num_rows = 100;
  Write(batch);
  const std::unique_ptr<ResultStream> stream = *ReadParquet(*connection_, path_);
  const std::optional<RecordBatch> rows = *stream->Next();
  ASSERT_TRUE(rows);
  EXPECT_TRUE(rows->columns[0].StartsWith(batch.columns[0]));
}

TEST_F(ParquetTest, NoRowsIsAFileWithColumns) {
  Write(MakeBatch(0, 0));
  const auto schema = connection_->Describe(fmt::format("from '{}'", path_));
  ASSERT_TRUE(schema.ok());
  EXPECT_EQ(*schema, MakeBatch(0, 0).schema);
}

TEST_F(ParquetTest, ColumnsAreChosenByName) {
  Write(MakeBatch(0, 10));
  const auto stream = ReadParquet(*connection_, path_, {"n", "view.feature_1h"});
  ASSERT_TRUE(stream.ok()) << stream.status();
  EXPECT_EQ((*stream)->schema(), (Schema{{"n", TypeId::kBigint}, {"view.feature_1h", TypeId::kDouble}}));
}

TEST_F(ParquetTest, AFolderThatIsNotThereIsAnErrorAndLeavesNothing) {
  RecordBatch rows({{"a", TypeId::kBigint}});
  EXPECT_FALSE(WriteParquet(rows, folder_.path() + "/no/such.parquet").ok());
}

}  // namespace
}  // namespace headrace
