#include "features/offline/feature_rows.h"

#include <algorithm>
#include <utility>

#include "base/codec.h"
#include "base/pages.h"
#include "base/parallel.h"
#include "features/offline/event_block.h"

namespace headrace {
namespace {

constexpr size_t kParts = RowPartition::kPartitions + 1;

// The next value of each row's partition.
template <typename T, typename ValuesOf>
std::vector<T> MergeValues(std::span<const uint8_t> partition_of_row, const ValuesOf& values_of) {
  const T* next[kParts];
  for (size_t partition = 0; partition < kParts; ++partition) next[partition] = values_of(partition);
  std::vector<T> values;
  values.reserve(partition_of_row.size());
  PreferHugePages(values.data(), partition_of_row.size() * sizeof(T));
  for (const uint8_t partition : partition_of_row) values.push_back(*next[partition]++);
  return values;
}

size_t BytesOf(const Column& column) {
  size_t bytes = column.validity().size() + column.size() * sizeof(int64_t);
  if (HoldsBytes(column.type()) && column.size() > 0) {
    const std::string_view last = column.str(column.size() - 1);
    bytes += static_cast<size_t>(last.data() + last.size() - column.str(0).data());
  }
  return bytes;
}

}  // namespace

RowPartition::RowPartition(std::span<const uint32_t> key_of_row, size_t batch_rows)
    : batch_rows_(std::max<size_t>(batch_rows, 1)),
      num_batches_(std::max<size_t>(1, (key_of_row.size() + batch_rows_ - 1) / batch_rows_)) {
  partition_of_row_.reserve(key_of_row.size());
  rank_of_row_.reserve(key_of_row.size());
  first_rank_.reserve((num_batches_ + 1) * kParts);
  std::vector<uint32_t> rows_of_partition(kParts, 0);
  for (size_t batch = 0; batch < num_batches_; ++batch) {
    first_rank_.insert(first_rank_.end(), rows_of_partition.begin(), rows_of_partition.end());
    const size_t end = std::min(key_of_row.size(), (batch + 1) * batch_rows_);
    for (size_t row = batch * batch_rows_; row < end; ++row) {
      const size_t partition = key_of_row[row] == LabelKeys::kNoKey ? kNoPartition : key_of_row[row] % kPartitions;
      partition_of_row_.push_back(static_cast<uint8_t>(partition));
      rank_of_row_.push_back(rows_of_partition[partition]++);
    }
  }
  first_rank_.insert(first_rank_.end(), rows_of_partition.begin(), rows_of_partition.end());
}

FeatureRows::~FeatureRows() {
  for (const Part& part : parts_) budget_->GiveBack(part.bytes);
}

Status FeatureRows::Write(size_t partition, std::span<const uint32_t> rows, std::vector<Column> features) {
  std::vector<uint32_t> from(rows.size());
  for (uint32_t i = 0; i < rows.size(); ++i) from[row_partition_.RankOf(rows[i])] = i;
  for (Column& feature : features) feature = feature.Take(from);
  return Keep(partition, std::move(features));
}

Status FeatureRows::WriteWithoutKey(std::vector<Column> features) {
  const std::vector<uint32_t> first(row_partition_.RowsOf(RowPartition::kNoPartition), 0);
  for (Column& feature : features) feature = feature.Take(first);
  return Keep(RowPartition::kNoPartition, std::move(features));
}

Status FeatureRows::Keep(size_t partition, std::vector<Column> columns) {
  Part& part = parts_[partition];
  size_t bytes = 0;
  for (const Column& column : columns) bytes += BytesOf(column);
  if (budget_->TryTake(bytes)) {
    part.bytes = bytes;
    part.columns = std::move(columns);
    return absl::OkStatus();
  }
  for (size_t batch = 0; batch < row_partition_.num_batches(); ++batch) {
    ByteWriter writer;
    const size_t begin = row_partition_.FirstRank(batch, partition);
    const size_t rows = row_partition_.FirstRank(batch + 1, partition) - begin;
    for (const Column& column : columns) writer.PutColumn(column.Slice(begin, rows));
    const std::string encoded = std::move(writer).Finish();
    HR_ASSIGN_OR_RETURN(const SpillFile::Extent extent, spill_->Write(std::as_bytes(std::span(encoded))));
    part.extents.push_back(extent);
  }
  return absl::OkStatus();
}

StatusOr<std::vector<Column>> FeatureRows::ReadBack(const Part& part, size_t batch) const {
  std::string encoded(part.extents[batch].bytes, '\0');
  HR_RETURN_IF_ERROR(spill_->Read(part.extents[batch], std::as_writable_bytes(std::span(encoded))));
  ByteReader reader(encoded);
  std::vector<Column> columns;
  for (size_t i = 0; i < features_.size(); ++i) {
    HR_ASSIGN_OR_RETURN(Column column, reader.GetColumn());
    columns.push_back(std::move(column));
  }
  return columns;
}

Column FeatureRows::Merge(size_t feature, std::vector<std::vector<Column>>* read_back) {
  const TypeId type = features_[feature].type;
  const size_t batch = next_batch_;
  const std::span<const uint8_t> partition_of_row = row_partition_.PartitionsOf(batch);
  const bool is_last = batch + 1 == row_partition_.num_batches();
  std::vector<Column> last;  // freed at the end
  if (is_last) last.assign(kParts, Column(type));
  const Column* columns[kParts];
  size_t first[kParts];  // row of it
  for (size_t partition = 0; partition < kParts; ++partition) {
    const bool is_kept = parts_[partition].extents.empty();
    std::vector<Column>& held = is_kept ? parts_[partition].columns : (*read_back)[partition];
    first[partition] = is_kept ? row_partition_.FirstRank(batch, partition) : 0;
    columns[partition] = &held[feature];
    if (is_last) columns[partition] = &(last[partition] = std::exchange(held[feature], Column(type)));
  }
  if (!HasFixedWidth(type)) {
    Column merged(type);
    merged.Reserve(partition_of_row.size());
    for (const uint8_t partition : partition_of_row) merged.AppendFrom(*columns[partition], first[partition]++);
    return merged;
  }
  std::vector<uint8_t> validity;
  if (std::any_of(columns, columns + kParts, [](const Column* column) { return column->has_nulls(); })) {
    std::vector<std::vector<uint8_t>> all_valid(kParts);
    validity = MergeValues<uint8_t>(partition_of_row, [&](size_t partition) -> const uint8_t* {
      if (columns[partition]->has_nulls()) return columns[partition]->validity().data() + first[partition];
      all_valid[partition].assign(
          row_partition_.FirstRank(batch + 1, partition) - row_partition_.FirstRank(batch, partition), 1);
      return all_valid[partition].data();
    });
  }
  if (type == TypeId::kDouble) {
    const auto values_of = [&](size_t partition) { return columns[partition]->doubles().data() + first[partition]; };
    return Column::Doubles(MergeValues<double>(partition_of_row, values_of), std::move(validity));
  }
  const auto values_of = [&](size_t partition) { return columns[partition]->ints().data() + first[partition]; };
  return Column::Integers(type, MergeValues<int64_t>(partition_of_row, values_of), std::move(validity));
}

StatusOr<std::vector<Column>> FeatureRows::Next(int threads) {
  std::vector<std::vector<Column>> read_back(kParts);
  for (size_t partition = 0; partition < kParts; ++partition) {
    if (parts_[partition].extents.empty()) continue;
    HR_ASSIGN_OR_RETURN(read_back[partition], ReadBack(parts_[partition], next_batch_));
  }
  std::vector<Column> columns;
  for (const Field& field : features_) columns.emplace_back(field.type);
  HR_RETURN_IF_ERROR(ParallelFor(columns.size(), threads, [&](size_t feature) -> Status {
    columns[feature] = Merge(feature, &read_back);
    return absl::OkStatus();
  }));
  ++next_batch_;
  return columns;
}

}  // namespace headrace
