// Parquet files of record batches.
//
// A file is written aside, synced and renamed: a reader sees the whole file or none. Equal rows in equal order give
// equal bytes, whatever the number of threads (row groups of 122,880 rows, zstd).
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/column.h"
#include "warehouse/appender.h"
#include "warehouse/database.h"

namespace headrace {

// Collects batches in a temporary table of `database` (which spills to disk), and writes them at the end. One thread
// at a time.
class ParquetWriter {
 public:
  static StatusOr<std::unique_ptr<ParquetWriter>> Create(Database& database, std::string path, const Schema& schema);
  Status Append(const RecordBatch& batch);  // of the schema given
  // Writes the file. Without it there is none.
  Status Finish();

 private:
  ParquetWriter() = default;
  std::string path_;
  std::unique_ptr<Connection> connection_;
  std::unique_ptr<Appender> appender_;
};

// The rows of a query of the connection, as a file with DuckDB's own types.
Status WriteQueryAsParquet(Connection& connection, std::string_view sql, const std::string& path);

// The file's rows in their order; only `columns`, in that order, unless empty.
StatusOr<std::unique_ptr<ResultStream>> ReadParquet(Connection& connection, const std::string& path,
                                                    const std::vector<std::string>& columns = {});

}  // namespace headrace
