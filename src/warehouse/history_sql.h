// What stream and batch histories share.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "warehouse/database.h"

namespace headrace {

// Rows of a relation, of those for which `condition` holds.
StatusOr<int64_t> CountOf(Connection& connection, std::string_view relation, std::string_view condition = "true");

// An error that names the column if one of the dates and timestamps, or _event_time or _available_at, is infinite
// (semantics.md, rule 14).
Status CheckFinite(Connection& connection, std::string_view relation, const std::vector<std::string>& names,
                   const std::vector<TypeId>& types);

}  // namespace headrace
