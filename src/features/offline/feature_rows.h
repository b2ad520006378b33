// The features of all label rows of one view, collected by partition and put into the rows' order at the end.
//
// A partition's rows stand in ascending order. So the end is a merge: the cells of a feature are read from as many
// places as there are partitions, each from its beginning to its end, and written from the first row to the last. Cells
// written to their rows directly, in the order of the sweep, took three times as long: each is a miss of the cache.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/column.h"
#include "base/status.h"

namespace headrace {

class FeatureRows {
 public:
  // Row i is of partition partition_of_row[i] < `partitions`.
  FeatureRows(const Schema& features, std::vector<uint8_t> partition_of_row, size_t partitions);

  size_t RowsOf(size_t partition) const { return rows_of_partition_[partition]; }

  // All of a partition's cells: row i of `features` is that of row rows[i]. Threads may write different partitions.
  void Write(size_t partition, std::span<const uint32_t> rows, std::vector<Column> features);
  // Every row of the partition has the one row of `features`.
  void WriteSame(size_t partition, std::vector<Column> features);

  // One column per feature, once every partition with rows has been written.
  StatusOr<std::vector<Column>> Finish(int threads) &&;

 private:
  Column Merge(size_t feature);

  const Schema features_;
  const std::vector<uint8_t> partition_of_row_;
  std::vector<size_t> rows_of_partition_;
  std::vector<uint32_t> rank_of_row_;         // among the rows of its partition
  std::vector<std::vector<Column>> results_;  // by partition, then feature
};

}  // namespace headrace
