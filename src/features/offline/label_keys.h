// The distinct keys of the label rows for one view, numbered from 0 in the order of their first row.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "base/column.h"
#include "base/time.h"

namespace headrace {

class LabelKeys {
 public:
  static constexpr uint32_t kNoKey = 0xFFFFFFFF;
  static constexpr size_t kPartitions = 64;  // key number k is the k / kPartitions-th of partition k % kPartitions

  // `parts`: the key's columns, one row per label row; `times`: the label rows' instants. A row with a null key part or
  // a null instant has no key.
  LabelKeys(std::span<const Column* const> parts, const Column& times);

  size_t size() const { return first_of_key_.size() - 1; }

  size_t KeysOf(size_t partition) const { return (size() + kPartitions - 1 - partition) / kPartitions; }

  size_t RowsOfPartition(size_t partition) const;

  // The label rows of key `key`, ascending by instant, then row; and their instants.
  std::span<const uint32_t> RowsOf(size_t key) const { return Of(key, rows_); }
  std::span<const TimestampUs> TimesOf(size_t key) const { return Of(key, times_); }

  // The number of each label row's key, or kNoKey.
  std::span<const uint32_t> number_of_row() const { return number_of_row_; }

  // The number of the key in each row of `parts`, kNoKey where no label row has it. Any number of threads may ask.
  void Find(std::span<const Column* const> parts, size_t rows, std::vector<uint32_t>* numbers) const;

 private:
  template <typename T>
  std::span<const T> Of(size_t key, const std::vector<T>& values) const {
    return std::span(values).subspan(first_of_key_[key], first_of_key_[key + 1] - first_of_key_[key]);
  }
  void NumberRows(std::span<const Column* const> parts, const Column& times);
  void SortRows(std::span<const TimestampUs> instants);
  void TabulateCodes();
  uint32_t NumberOf(int64_t code) const;

  // One of the two is used: a key of one fixed-width part is its own code, any other is bytes.
  absl::flat_hash_map<int64_t, uint32_t> fixed_;
  absl::flat_hash_map<std::string, uint32_t> encoded_;
  std::vector<size_t> first_of_key_ = {0};  // where a key's rows begin; one more entry than keys
  std::vector<uint32_t> rows_;              // key by key
  std::vector<TimestampUs> times_;          // of rows_
  std::vector<uint32_t> number_of_row_;
  // Codes that lie close together have a table beside fixed_: numbers_[code - first_code_].
  int64_t first_code_ = 0;
  std::vector<uint32_t> numbers_;
};

}  // namespace headrace
