#include "features/offline/feature_rows.h"

#include <algorithm>
#include <utility>

#include "base/pages.h"
#include "base/parallel.h"
#include "features/offline/event_block.h"

namespace headrace {
namespace {

// The next value of each row's partition.
template <typename T, typename ValuesOf>
std::vector<T> MergeValues(std::span<const uint8_t> partition_of_row, size_t partitions, const ValuesOf& values_of) {
  std::vector<const T*> next;
  for (size_t partition = 0; partition < partitions; ++partition) next.push_back(values_of(partition));
  std::vector<T> values;
  values.reserve(partition_of_row.size());
  PreferHugePages(values.data(), partition_of_row.size() * sizeof(T));
  for (const uint8_t partition : partition_of_row) values.push_back(*next[partition]++);
  return values;
}

}  // namespace

FeatureRows::FeatureRows(const Schema& features, std::vector<uint8_t> partition_of_row, size_t partitions)
    : features_(features),
      partition_of_row_(std::move(partition_of_row)),
      rows_of_partition_(partitions, 0),
      results_(partitions) {
  rank_of_row_.reserve(partition_of_row_.size());
  for (const uint8_t partition : partition_of_row_)
    rank_of_row_.push_back(static_cast<uint32_t>(rows_of_partition_[partition]++));
  for (std::vector<Column>& result : results_) {
    for (const Field& field : features_) result.emplace_back(field.type);
  }
}

void FeatureRows::Write(size_t partition, std::span<const uint32_t> rows, std::vector<Column> features) {
  std::vector<uint32_t> from(rows.size());
  for (uint32_t i = 0; i < rows.size(); ++i) from[rank_of_row_[rows[i]]] = i;
  for (Column& feature : features) feature = feature.Take(from);
  results_[partition] = std::move(features);
}

void FeatureRows::WriteSame(size_t partition, std::vector<Column> features) {
  const std::vector<uint32_t> first(rows_of_partition_[partition], 0);
  for (Column& feature : features) feature = feature.Take(first);
  results_[partition] = std::move(features);
}

Column FeatureRows::Merge(size_t feature) {
  const TypeId type = features_[feature].type;
  std::vector<Column> parts;  // freed at the end
  for (std::vector<Column>& result : results_) parts.push_back(std::exchange(result[feature], Column(type)));
  if (!HasFixedWidth(type)) {
    std::vector<size_t> next(parts.size(), 0);
    Column merged(type);
    merged.Reserve(partition_of_row_.size());
    for (const uint8_t partition : partition_of_row_) merged.AppendFrom(parts[partition], next[partition]++);
    return merged;
  }
  std::vector<uint8_t> validity;
  if (std::any_of(parts.begin(), parts.end(), [](const Column& part) { return part.has_nulls(); })) {
    std::vector<std::vector<uint8_t>> all_valid(parts.size());
    validity = MergeValues<uint8_t>(partition_of_row_, parts.size(), [&](size_t partition) {
      if (parts[partition].has_nulls()) return parts[partition].validity().data();
      all_valid[partition].assign(parts[partition].size(), 1);
      return static_cast<const uint8_t*>(all_valid[partition].data());
    });
  }
  if (type == TypeId::kDouble) {
    const auto values_of = [&](size_t partition) { return parts[partition].doubles().data(); };
    return Column::Doubles(MergeValues<double>(partition_of_row_, parts.size(), values_of), std::move(validity));
  }
  const auto values_of = [&](size_t partition) { return parts[partition].ints().data(); };
  return Column::Integers(type, MergeValues<int64_t>(partition_of_row_, parts.size(), values_of), std::move(validity));
}

StatusOr<std::vector<Column>> FeatureRows::Finish(int threads) && {
  std::vector<Column> columns;
  for (const Field& field : features_) columns.emplace_back(field.type);
  HR_RETURN_IF_ERROR(ParallelFor(columns.size(), threads, [&](size_t feature) -> Status {
    columns[feature] = Merge(feature);
    return absl::OkStatus();
  }));
  return columns;
}

}  // namespace headrace
