#include "engine/set_hash.h"

#include <gtest/gtest.h>

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

}  // namespace
}  // namespace headrace
