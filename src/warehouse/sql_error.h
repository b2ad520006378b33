// Errors of SQL, as values that know where in the statement they are.
//
// DuckDB is asked to give its errors as JSON, which carries the byte offset of the offending text in the statement.
// The adapter turns them into a Status whose message is DuckDB's own and whose payload holds the offset; a
// diagnostic then shows the place in the user's file.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/diagnostic.h"
#include "base/status.h"
#include "catalog/project.h"

namespace headrace {

struct SqlError {
  std::string kind;              // DuckDB's class of errors: "Binder", "IO", "Out of Memory"; "" when not known
  std::string message;           // DuckDB's, without its excerpt of the statement
  std::optional<size_t> offset;  // in bytes from the beginning of the statement
};

// What DuckDB's error text says: {"exception_type": "Binder", "exception_message": ..., "position": "7"}, or plain
// text.
SqlError ParseSqlError(std::string_view text);

// A status with the error's message, and its offset as payload; its code is that of the kind (warehouse/database.h).
Status ToStatus(const SqlError& error);

// The offset that a status of this folder carries. Annotate() drops it.
std::optional<size_t> SqlErrorOffset(const Status& status);

// The error of a statement that holds `sql.sql` from byte `prefix_bytes` on, at its place in the user's file.
Diagnostic ToDiagnostic(const Status& status, const RenderedSql& sql, size_t prefix_bytes = 0);

// The same as a status of the same code: "tables/fct.sql:3:14: Referenced column ...".
Status AtPosition(const Status& status, const RenderedSql& sql, size_t prefix_bytes = 0);

}  // namespace headrace
