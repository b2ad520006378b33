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

// Batches as a view of a database in memory, which several threads may read at once, in order. One statement may read
// the view, once; it calls `next` on one thread at a time. This object must outlive it.
class ArrowView {
 public:
  ArrowView(Schema schema, BatchReader next);
  ~ArrowView();
  ArrowView(const ArrowView&) = delete;
  ArrowView& operator=(const ArrowView&) = delete;

  Status Create(Connection& connection, const char* name);

  // What `next` failed with.
  const Status& error() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace headrace
