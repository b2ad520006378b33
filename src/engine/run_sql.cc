// headrace sql
#include <filesystem>

#include "absl/strings/ascii.h"
#include "engine/commands.h"
#include "engine/quarantine_table.h"
#include "warehouse/sql_output.h"

namespace headrace {
namespace {

// ledger.MODEL is a view on the ledger's files: what is still in memory is written first.
Status BringLedgerUpToDate(const std::string& sql, Workspace& workspace) {
  const bool mentioned = absl::AsciiStrToLower(sql).find("ledger") != std::string::npos;
  if (!mentioned && !std::filesystem::exists(workspace.StateFolder() + "/predictions")) return absl::OkStatus();
  HR_ASSIGN_OR_RETURN(Ledger* const ledger, workspace.Predictions());
  return ledger->Flush();
}

}  // namespace

Status Run(const SqlCommand& command, Workspace& workspace, Output& output) {
  SqlOutputOptions options;
  HR_ASSIGN_OR_RETURN(options.format, ParseSqlFormat(command.format));
  options.path = command.out;
  options.max_rows = command.limit;
  HR_RETURN_IF_ERROR(BringLedgerUpToDate(command.sql, workspace));
  HR_RETURN_IF_ERROR(BringQuarantineUpToDate(command.sql, workspace));
  HR_ASSIGN_OR_RETURN(Database* const warehouse, workspace.Warehouse());
  HR_ASSIGN_OR_RETURN(const std::unique_ptr<Connection> connection, warehouse->Connect());
  return RunSql(*connection, command.sql, options, output).status();
}

}  // namespace headrace
