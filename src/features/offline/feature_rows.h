// The features of all label rows of one view, collected by partition and given back in the rows' order.
//
// A partition's rows stand in ascending order. So giving them back is a merge: the cells of a feature are read from as
// many places as there are partitions, each from its beginning to its end, and written from the first row to the last.
// Cells written to their rows directly, in the order of the sweep, took three times as long: each is a miss of the
// cache.
//
//   partition 0   [ rows of batch 0 | of batch 1 | ... ]     kept in memory, or,
//   partition 1   [ rows of batch 0 | of batch 1 | ... ]     past the budget, in the spill file, batch by batch
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

#include "base/column.h"
#include "base/status.h"
#include "features/offline/label_keys.h"
#include "features/offline/spill.h"

namespace headrace {

// Which partition each label row is of, and where it stands there. All views of one entity share it.
class RowPartition {
 public:
  // `key_of_row`: the number of each row's key, or LabelKeys::kNoKey. Batches of `batch_rows` rows, the last one of
  // what is left; without rows there is one empty batch.
  RowPartition(std::span<const uint32_t> key_of_row, size_t batch_rows);

  static constexpr size_t kPartitions = LabelKeys::kPartitions;
  static constexpr size_t kNoPartition = kPartitions;  // of rows without a key

  size_t num_rows() const { return partition_of_row_.size(); }
  size_t num_batches() const { return num_batches_; }
  size_t FirstRow(size_t batch) const { return std::min(batch * batch_rows_, num_rows()); }

  uint32_t RankOf(size_t row) const { return rank_of_row_[row]; }  // among the rows of its partition
  size_t RowsOf(size_t partition) const { return FirstRank(num_batches_, partition); }
  // How many rows of the partition stand before the batch.
  size_t FirstRank(size_t batch, size_t partition) const { return first_rank_[batch * (kPartitions + 1) + partition]; }
  // The partitions of a batch's rows.
  std::span<const uint8_t> PartitionsOf(size_t batch) const {
    return std::span(partition_of_row_).subspan(FirstRow(batch), FirstRow(batch + 1) - FirstRow(batch));
  }

 private:
  const size_t batch_rows_;
  size_t num_batches_ = 0;
  std::vector<uint8_t> partition_of_row_;
  std::vector<uint32_t> rank_of_row_;
  std::vector<uint32_t> first_rank_;  // batch by batch, and one more at the end
};

class FeatureRows {
 public:
  // All must outlive it.
  FeatureRows(const Schema& features, const RowPartition& partition_of_rows, MemoryBudget* budget, SpillFile* spill)
      : features_(features),
        row_partition_(partition_of_rows),
        budget_(budget),
        spill_(spill),
        parts_(RowPartition::kPartitions + 1) {}
  ~FeatureRows();
  FeatureRows(const FeatureRows&) = delete;
  FeatureRows& operator=(const FeatureRows&) = delete;

  // All of a partition's cells: row i of `features` is that of row rows[i]. Threads may write different partitions.
  Status Write(size_t partition, std::span<const uint32_t> rows, std::vector<Column> features);
  // Every row without a key has the one row of `features`.
  Status WriteWithoutKey(std::vector<Column> features);

  // The next batch of rows, one column per feature, once every partition has been written; the first call gives the
  // first batch.
  StatusOr<std::vector<Column>> Next(int threads);

 private:
  struct Part {
    std::vector<Column> columns;             // empty when it is in the spill file
    std::vector<SpillFile::Extent> extents;  // one per batch
    size_t bytes = 0;                        // of the budget
  };
  Status Keep(size_t partition, std::vector<Column> columns);
  StatusOr<std::vector<Column>> ReadBack(const Part& part, size_t batch) const;
  Column Merge(size_t feature, std::vector<std::vector<Column>>* read_back);

  const Schema& features_;
  const RowPartition& row_partition_;
  MemoryBudget* const budget_;
  SpillFile* const spill_;
  std::vector<Part> parts_;
  size_t next_batch_ = 0;
};

}  // namespace headrace
