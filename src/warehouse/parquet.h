// Parquet files of record batches.
//
// A file is written aside, synced and renamed: a reader sees the whole file or none. Equal rows in equal order give
// equal bytes, whatever the number of threads (row groups of 122,880 rows, snappy).
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/column.h"
#include "warehouse/database.h"

namespace headrace {

// How many rows a row group has: what a stream's batches had best have.
inline constexpr size_t kRowGroupRows = 122'880;

// Writes all batches of a stream of `schema`, which stands in no more memory than a few of them (batches with lists or
// maps go through a table in memory).
Status WriteParquet(const Schema& schema, const BatchReader& next, const std::string& path, int threads = 0);

// How a file's bytes get to the disk. Gently: in small pieces with pauses, 128 MB a second, so that those who sync a
// few bytes meanwhile do not wait until all of it is written.
enum class DiskPace : uint8_t { kFast, kGentle };

// Writes a batch, by `threads` threads (0: as many as there are cores). Its columns are read where they are.
Status WriteParquet(const RecordBatch& rows, const std::string& path, int threads = 0, DiskPace pace = DiskPace::kFast);

// The rows of a query of the connection, as a file with DuckDB's own types.
Status WriteQueryAsParquet(Connection& connection, std::string_view sql, const std::string& path);

// The file's rows in their order; only `columns`, in that order, unless empty.
StatusOr<std::unique_ptr<ResultStream>> ReadParquet(Connection& connection, const std::string& path,
                                                    const std::vector<std::string>& columns = {});

}  // namespace headrace
