// SQL as a syntax tree, by DuckDB's own parser.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/column.h"
#include "warehouse/database.h"

namespace headrace {

// The syntax tree of one SELECT statement, as json_serialize_sql writes it: {"node": {...}, ...}. Nodes carry their
// byte offset in the statement as query_location, or null. A syntax error carries its offset (warehouse/sql_error.h);
// what is no SELECT, or more than one, is an error as well. Thread-safe; needs no open database.
StatusOr<std::string> SerializeSelect(std::string_view sql);

// The relations that a statement reads, as written without quotes ("fct", "raw.flights"), sorted; without those that
// its own WITH defines. Thread-safe.
StatusOr<std::vector<std::string>> TableNames(std::string_view sql);

// The names and types of a query's columns, bound against the connection's tables.
StatusOr<Schema> DescribeQuery(Connection& connection, std::string_view sql);

}  // namespace headrace
