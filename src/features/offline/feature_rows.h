// The features of all label rows of one view, filled in any order of rows.
#pragma once

#include <cstdint>
#include <mutex>
#include <span>
#include <vector>

#include "base/column.h"

namespace headrace {

// Threads may write at once, each row once in all.
class FeatureRows {
 public:
  FeatureRows(const Schema& features, size_t rows);

  // Row i of `features` (one column each) is that of row rows[i].
  void Write(std::span<const uint32_t> rows, std::vector<Column> features);
  // The one row of `features` is that of all of `rows`.
  void WriteSame(std::span<const uint32_t> rows, std::vector<Column> features);

  // One column per feature, after every row has been written.
  std::vector<Column> Finish() &&;

 private:
  struct Feature {
    TypeId type;
    std::vector<int64_t> ints;
    std::vector<double> doubles;
    std::vector<uint8_t> validity;
  };
  // Values without a fixed width wait for Finish.
  struct Varying {
    std::vector<uint32_t> rows;
    std::vector<Column> features;  // empty ones for those of fixed width
  };

  const size_t num_rows_;
  std::vector<Feature> features_;
  std::mutex mutex_;
  std::vector<Varying> varying_;
};

}  // namespace headrace
