#include "warehouse/copy_database.h"

#include <atomic>

#include "warehouse/sql_text.h"

namespace headrace {

Status CopyDatabase(Database& database, const std::string& path) {
  static std::atomic<int64_t> number{0};  // two copies at once need two names
  const std::string name = fmt::format("headrace_copy_{}", number++);
  HR_ASSIGN_OR_RETURN(const std::unique_ptr<Connection> connection, database.Connect());
  HR_RETURN_IF_ERROR(connection->Execute(fmt::format("attach {} as {}", QuoteLiteral(path), name)));
  Status status =
      connection->Execute(fmt::format("copy from database {} to {}", QuoteIdentifier(database.catalog_name()), name));
  if (status.ok()) status = connection->Execute(fmt::format("checkpoint {}", name));
  const Status detached = connection->Execute(fmt::format("detach {}", name));
  return status.ok() ? detached : status;
}

}  // namespace headrace
