// Rows in files that a user names: .csv .tsv .json .ndjson .jsonl .parquet, also .gz and .zst where DuckDB reads them.
#pragma once

#include <string>
#include <vector>

#include "catalog/project.h"
#include "warehouse/database.h"

namespace headrace {

// The rows of a file in their order. Columns that `declared` names come in its types, by casts that lose nothing; those
// that the file lacks are left out. `path` is absolute.
StatusOr<RecordBatch> ReadRowsFile(const std::string& path, const Schema& declared = {});

// Whether the file's name can be read and written.
Status CheckRowsFileName(const std::string& path);

// Writes aside and renames. The kind is the file's extension: .csv, .json (an array), .ndjson or .jsonl, .parquet.
Status WriteRowsFile(const RecordBatch& rows, const std::string& path);

// Row `row` as an object. Nulls are members as well.
Json RowToJson(const RecordBatch& rows, size_t row);

}  // namespace headrace
