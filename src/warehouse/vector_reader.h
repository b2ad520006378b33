// From DuckDB's vectors to columns. For the .cc files of this folder only.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/column.h"
#include "warehouse/duckdb_handles.h"

namespace headrace {

// How one column of a result is read: the table of types in warehouse/database.h.
class VectorReader {
 public:
  // Reads a column of `type`; `name` is for errors. An error if the type is not one that is read.
  static StatusOr<VectorReader> Create(std::string name, duckdb_logical_type type);
  static bool CanRead(duckdb_logical_type type);

  TypeId type() const { return type_; }
  StatusOr<Column> Read(duckdb_vector vector, size_t rows) const;

 private:
  std::optional<TypeId> NestedType() const;
  StatusOr<Column> ReadNested(duckdb_vector vector, size_t rows) const;

  std::string name_;
  duckdb_type from_ = DUCKDB_TYPE_INVALID;
  duckdb_type internal_ = DUCKDB_TYPE_INVALID;  // of DECIMAL and ENUM
  TypeId type_ = TypeId::kVarchar;
  std::vector<std::string> dictionary_;  // of ENUM
  std::vector<VectorReader> children_;   // of LIST its elements; of MAP its keys and values
};

}  // namespace headrace
