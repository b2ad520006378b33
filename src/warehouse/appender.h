// Record batches into a table, the fast way.
#pragma once

#include <memory>
#include <string_view>

#include "base/column.h"
#include "warehouse/database.h"

namespace headrace {

// Appends to a table of the connection, whose columns are those of the batches, in their order. Rows are in the
// table after Close(); an appender that is dropped without it leaves what it had flushed. One thread at a time.
class Appender {
 public:
  // `schema` "" is the connection's default; "temp" holds temporary tables.
  static StatusOr<std::unique_ptr<Appender>> Create(Connection& connection, std::string_view schema,
                                                    std::string_view table);
  ~Appender();
  Status Append(const RecordBatch& batch);
  Status Close();

 private:
  struct State;
  explicit Appender(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// CREATE TABLE's column list of a schema: "a" BIGINT, "b" DOUBLE.
std::string ColumnDefinitions(const Schema& schema);

}  // namespace headrace
