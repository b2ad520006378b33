// A copy of a database while it is in use.
#pragma once

#include <string>

#include "warehouse/database.h"

namespace headrace {

// Writes everything that is committed, as one transaction sees it, to a new database file. All of it is read, so a
// damaged block is found: kDataLoss.
Status CopyDatabase(Database& database, const std::string& path);

}  // namespace headrace
