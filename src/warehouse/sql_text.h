// Pieces of SQL text.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/value.h"

namespace headrace {

std::string QuoteIdentifier(std::string_view name);  // a"b -> "a""b"
std::string QuoteLiteral(std::string_view text);     // it's -> 'it''s'
std::string QuoteLiteral(const Value& value);        // NULL, true, 12, 0.5::DOUBLE, 'text', DATE '...', TIMESTAMP '...'

// "raw.flights" -> "raw"."flights", "fct" -> "fct": the name of a source or a table as it stands in rendered SQL.
std::string RelationSql(std::string_view name);

// "a", "b", "c"
std::string ColumnList(const std::vector<std::string>& names, std::string_view qualifier = "");

// Without the blanks, comments and semicolons at its end, so that it may stand in brackets.
std::string_view StripStatementEnd(std::string_view sql);

}  // namespace headrace
