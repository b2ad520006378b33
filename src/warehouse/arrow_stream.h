// Record batches as DuckDB reads them without a copy: a stream of the Arrow C data interface
// (https://arrow.apache.org/docs/format/CDataInterface.html). For the .cc files of this folder only.
#pragma once

#include <cstddef>
#include <memory>

#include "base/column.h"
#include "warehouse/database.h"

namespace headrace {

// Whether every type of a schema has a form in such a stream.
bool HasArrowForm(const Schema& schema);

// Rows of a batch as a view of a database in memory, which several threads may read at once, in order, `slice_rows`
// by `slice_rows`. One statement may read the view, once. `rows` and this object must outlive it.
class ArrowView {
 public:
  ArrowView(const RecordBatch& rows, size_t slice_rows);
  ~ArrowView();
  ArrowView(const ArrowView&) = delete;
  ArrowView& operator=(const ArrowView&) = delete;

  Status Create(Connection& connection, const char* name);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace headrace
