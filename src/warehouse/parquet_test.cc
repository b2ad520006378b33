#include "warehouse/parquet.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

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

  std::string WriteInBatchesOf(int64_t rows, int64_t total) {
    auto writer = ParquetWriter::Create(*database_, path_, MakeBatch(0, 0).schema);
    EXPECT_TRUE(writer.ok()) << writer.status();
    for (int64_t first = 0; first < total; first += rows) {
      EXPECT_TRUE((*writer)->Append(MakeBatch(first, std::min(rows, total - first))).ok());
    }
    EXPECT_FALSE(std::filesystem::exists(path_));
    const Status status = (*writer)->Finish();
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
  WriteInBatchesOf(1000, 300'000);
  const RecordBatch expected = MakeBatch(0, 300'000);
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

TEST_F(ParquetTest, EqualRowsGiveEqualBytesWhateverTheBatchesAndThreads) {
  const std::string hash = WriteInBatchesOf(1000, 300'000);
  std::filesystem::remove(path_);
  EXPECT_EQ(WriteInBatchesOf(299'999, 300'000), hash);
  std::filesystem::remove(path_);
  ASSERT_TRUE(connection_->Execute("set threads = 1").ok());
  EXPECT_EQ(WriteInBatchesOf(7777, 300'000), hash);
}

TEST_F(ParquetTest, NoRowsIsAFileWithColumns) {
  WriteInBatchesOf(10, 0);
  const auto schema = connection_->Describe(fmt::format("from '{}'", path_));
  ASSERT_TRUE(schema.ok());
  EXPECT_EQ(*schema, MakeBatch(0, 0).schema);
}

TEST_F(ParquetTest, ColumnsAreChosenByName) {
  WriteInBatchesOf(10, 10);
  const auto stream = ReadParquet(*connection_, path_, {"n", "view.feature_1h"});
  ASSERT_TRUE(stream.ok()) << stream.status();
  EXPECT_EQ((*stream)->schema(), (Schema{{"n", TypeId::kBigint}, {"view.feature_1h", TypeId::kDouble}}));
}

TEST_F(ParquetTest, AFolderThatIsNotThereIsAnErrorAndLeavesNothing) {
  auto writer = ParquetWriter::Create(*database_, folder_.path() + "/no/such.parquet", {{"a", TypeId::kBigint}});
  ASSERT_TRUE(writer.ok());
  EXPECT_FALSE((*writer)->Finish().ok());
}

}  // namespace
}  // namespace headrace
