// --select and --exclude: which tables and sources a build takes.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "catalog/project.h"

namespace headrace {

// dbt's node selectors, as far as names, `+name`, `name+`, `tag:name`, `source:raw.flights` and `*` in names; several
// selectors are a union, a comma inside one an intersection. Nothing selected and nothing excluded: nullopt, all.
// An unknown name is an error with the nearest one.
StatusOr<std::optional<std::set<std::string>>> SelectNodes(const Project& project,
                                                           const std::vector<std::string>& select,
                                                           const std::vector<std::string>& exclude);

}  // namespace headrace
