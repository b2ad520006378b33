// Source tables that stand in files: which files, how they are read, and loading them.
//
// A location is a file, a glob or a URL; files are read in the order of their names' bytes, and columns of several
// files are matched by name. The kind is the extension, before .gz or .zst:
//   .csv .tsv               read_csv
//   .json .ndjson .jsonl    read_json
//   .parquet                read_parquet
// Declared column types are applied by casts that lose nothing (warehouse/cast_sql.h). Errors are at the source's
// place in its YAML file.
#pragma once

#include <string>
#include <vector>

#include "catalog/project.h"
#include "warehouse/database.h"

namespace headrace {

// The files that the source's location names now, as paths relative to the project's folder (or as written if
// absolute or a URL), sorted by bytes. kNotFound when there is none.
StatusOr<std::vector<std::string>> FindFiles(Connection& connection, const Project& project, const SourceTable& source);

// A SELECT that gives the rows of `files` in order, with the declared types.
StatusOr<std::string> ReaderSql(Connection& connection, const Project& project, const SourceTable& source,
                                const std::vector<std::string>& files);

struct SourceLoad {
  int64_t rows = 0;      // in the table now
  int64_t new_rows = 0;  // that this load brought
  int64_t new_files = 0;
};

// Loads the source into "source"."name", in the connection's transaction. `load: full` replaces the table;
// `load: incremental` adds the files that were not loaded before, unless `full_refresh`. The files loaded are kept in
// headrace.loaded_files.
StatusOr<SourceLoad> LoadSource(Connection& connection, const Project& project, const SourceTable& source,
                                bool full_refresh, TimestampUs now);

}  // namespace headrace
