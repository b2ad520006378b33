// Releases: every publishing of a build has a number, from 1.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/time.h"
#include "warehouse/database.h"

namespace headrace {

struct Release {
  int64_t number = 0;
  TimestampUs published_at = 0;
};

// The last one; nothing when nothing was ever published.
StatusOr<std::optional<Release>> LastRelease(Connection& connection);

StatusOr<std::optional<Release>> FindRelease(Connection& connection, int64_t number);

// The next number, published at `now`, or at the last release's instant when the clock has gone back.
StatusOr<Release> NextRelease(Connection& connection, TimestampUs now);

struct ReleasedTable {
  std::string name;                 // "fct", "raw.flights"
  std::string kind;                 // "source", "stream", "table", "view"
  std::optional<int64_t> num_rows;  // nothing for a view
};

// Records a release, in the connection's transaction.
Status RecordRelease(Connection& connection, const Release& release, const std::vector<ReleasedTable>& tables);

}  // namespace headrace
