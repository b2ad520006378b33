// The result of `headrace sql`, as text or as a file.
#pragma once

#include <string>
#include <string_view>

#include "base/output.h"
#include "warehouse/database.h"

namespace headrace {

enum class SqlFormat : uint8_t {
  kTable,    // aligned columns, numbers to the right, the number of rows last
  kCsv,      // RFC 4180 with a header; null is empty, the empty text is ""
  kJson,     // an array of objects, one a line, by semantics.md's rules for JSON
  kParquet,  // a file
};
StatusOr<SqlFormat> ParseSqlFormat(std::string_view name);

struct SqlOutputOptions {
  SqlFormat format = SqlFormat::kTable;
  std::string path;         // of kParquet
  int64_t max_rows = 1000;  // of kTable: more are cut, with a line that says so
};

// Runs one statement that only reads, and prints its rows; the connection must not be in a transaction. Types that are
// not ours are rendered as text. Gives the number of rows printed (0 for a file).
StatusOr<int64_t> RunSql(Connection& connection, std::string_view sql, const SqlOutputOptions& options, Output& output);

}  // namespace headrace
