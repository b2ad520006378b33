// The distinct keys of the label rows for one view, numbered from 0 in the order of their first row.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "base/column.h"

namespace headrace {

class LabelKeys {
 public:
  static constexpr uint32_t kNoKey = 0xFFFFFFFF;

  // `parts`: the key's columns, one row per label row; `times`: the label rows' instants. A row with a null key part or
  // a null instant has no key.
  LabelKeys(std::span<const Column> parts, const Column& times);

  size_t size() const { return rows_of_key_.size(); }

  // The label rows of key `key`, ascending by instant, then row.
  std::span<const uint32_t> RowsOf(size_t key) const { return rows_of_key_[key]; }

  // The number of the key in each row of `parts`, kNoKey where no label row has it.
  void Find(std::span<const Column> parts, size_t rows, std::vector<uint32_t>* numbers) const;

 private:
  // One of the two is used: a key of one fixed-width part is its own code, any other is bytes.
  absl::flat_hash_map<int64_t, uint32_t> fixed_;
  absl::flat_hash_map<std::string, uint32_t> encoded_;
  std::vector<std::vector<uint32_t>> rows_of_key_;
};

}  // namespace headrace
