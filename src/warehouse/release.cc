#include "warehouse/release.h"

#include <algorithm>
#include <array>

#include "warehouse/schema_objects.h"

namespace headrace {

StatusOr<std::optional<Release>> LastRelease(Connection& connection) {
  HR_ASSIGN_OR_RETURN(const ObjectKind kind, FindObject(connection, "headrace", "releases"));
  if (kind == ObjectKind::kNone) return std::nullopt;
  HR_ASSIGN_OR_RETURN(
      const RecordBatch rows,
      connection.QueryAll("select number, published_at from headrace.releases order by number desc limit 1"));
  if (rows.num_rows == 0) return std::nullopt;
  return Release{rows.columns[0].ints()[0], rows.columns[1].ints()[0]};
}

StatusOr<std::optional<Release>> FindRelease(Connection& connection, int64_t number) {
  HR_ASSIGN_OR_RETURN(const ObjectKind kind, FindObject(connection, "headrace", "releases"));
  if (kind == ObjectKind::kNone) return std::nullopt;
  const std::array<Value, 1> wanted = {Value::Bigint(number)};
  HR_ASSIGN_OR_RETURN(const RecordBatch rows,
                      connection.QueryAll("select published_at from headrace.releases where number = ?", wanted));
  if (rows.num_rows == 0) return std::nullopt;
  return Release{number, rows.columns[0].ints()[0]};
}

StatusOr<Release> NextRelease(Connection& connection, TimestampUs now) {
  HR_ASSIGN_OR_RETURN(const std::optional<Release> last, LastRelease(connection));
  if (!last) return Release{1, now};
  return Release{last->number + 1, std::max(now, last->published_at)};
}

Status RecordRelease(Connection& connection, const Release& release, const std::vector<ReleasedTable>& tables) {
  const std::array<Value, 2> row = {Value::Bigint(release.number), Value::Timestamp(release.published_at)};
  HR_RETURN_IF_ERROR(connection.Execute("insert into headrace.releases values (?, ?)", row));
  for (const ReleasedTable& table : tables) {
    const std::array<Value, 4> values = {Value::Bigint(release.number), Value::Varchar(table.name),
                                         Value::Varchar(table.kind),
                                         table.num_rows ? Value::Bigint(*table.num_rows) : Value::Null()};
    HR_RETURN_IF_ERROR(connection.Execute("insert into headrace.release_tables values (?, ?, ?, ?)", values));
  }
  return absl::OkStatus();
}

}  // namespace headrace
