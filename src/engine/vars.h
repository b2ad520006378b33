// Values for var() that come from a command line.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "base/json.h"

namespace headrace {

// A YAML mapping, as dbt's --vars takes it: "{late_minutes: 30}" or "late_minutes: 30". Of "" none.
StatusOr<std::map<std::string, Json>> ParseVars(std::string_view yaml);

}  // namespace headrace
