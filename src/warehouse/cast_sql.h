// Casts that lose nothing without saying so, as SQL.
//
// DuckDB's own casts round ('1.5' as BIGINT is 2), drop what follows ('...+01:00' as TIMESTAMP ignores the offset), and
// cut nanoseconds. Where a declared type is applied, that would be a silent change of the data.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/value.h"
#include "warehouse/database.h"

namespace headrace {

struct TypedColumn {
  std::string name;
  std::string type;  // DuckDB's name of it: "DECIMAL(18,2)", "TIMESTAMP WITH TIME ZONE"
};

// The columns of a query with DuckDB's own types, whatever they are.
StatusOr<std::vector<TypedColumn>> DescribeTypes(Connection& connection, std::string_view sql);

// SQL for the column's value as a value of `to`. At run time a value that does not fit is an error that names the
// column and the value. Texts are instants in UTC unless they carry an offset.
std::string CastSql(const TypedColumn& column, TypeId to);

}  // namespace headrace
