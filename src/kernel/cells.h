// The values of one row, side by side: 16 bytes each, whose types somebody else knows, and which may be used for the
// next row again, so that a read asks for no memory.
#pragma once

#include <bit>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/column_view.h"

namespace headrace {

class Cells {
 public:
  explicit Cells(size_t count = 0) : cells_(count) {}

  // `count` nulls.
  void Reset(size_t count) {
    cells_.assign(count, {});
    texts_.clear();
  }
  size_t size() const { return cells_.size(); }

  void SetNull(size_t i) { cells_[i] = {}; }
  void SetInt(size_t i, int64_t v) { cells_[i] = {v, 0, false}; }
  void SetDouble(size_t i, double v) { cells_[i] = {std::bit_cast<int64_t>(v), 0, false}; }
  void SetText(size_t i, std::string_view v) {
    cells_[i] = {static_cast<int64_t>(texts_.size()), static_cast<uint32_t>(v.size()), false};
    texts_.append(v);
  }
  void SetFrom(size_t i, const ColumnView& column, size_t row);
  void Copy(size_t from, size_t to) { cells_[to] = cells_[from]; }

  bool IsNull(size_t i) const { return cells_[i].is_null; }
  int64_t Int(size_t i) const { return cells_[i].bits; }
  double Double(size_t i) const { return std::bit_cast<double>(cells_[i].bits); }
  std::string_view Text(size_t i) const {
    return std::string_view(texts_).substr(static_cast<size_t>(cells_[i].bits), cells_[i].length);
  }
  void AppendTo(size_t i, Column* out) const;  // of the cell's type

 private:
  struct Cell {
    int64_t bits = 0;  // an integer, a double's bits, or where a text begins
    uint32_t length = 0;
    bool is_null = true;
  };

  std::vector<Cell> cells_;
  std::string texts_;
};

}  // namespace headrace
