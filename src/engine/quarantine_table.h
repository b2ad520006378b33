// quarantine.events: the rows that are in quarantine (features/online/quarantine.h), as a table of the warehouse.
//
//   id           VARCHAR    unique; ids of one request sort by row_index
//   source       VARCHAR    "raw.arrivals"
//   received_at  TIMESTAMP
//   row_index    BIGINT     among the rows of its request, from 0
//   column_name  VARCHAR    the first wrong column; "" when the row as a whole is wrong
//   reason       VARCHAR
//   row_text     VARCHAR    the row as it was sent; a byte that is no UTF-8, or 0, is written \xHH
//   as_sent      BOOLEAN    false when row_text has such bytes
//
// By source, then id. The log is the truth: a statement that asks for the table gets it made anew from there, so it
// can be neither behind the log nor ahead of it. No other statement pays for it.
#pragma once

#include <string>

#include "base/status.h"
#include "engine/workspace.h"

namespace headrace {

// Makes the table anew if `sql` speaks of the quarantine.
Status BringQuarantineUpToDate(const std::string& sql, Workspace& workspace);

}  // namespace headrace
