// headrace backup
#include "engine/backup.h"
#include "engine/commands.h"

namespace headrace {

Status Run(const BackupCommand& command, Workspace& workspace, Output& output) {
  HR_ASSIGN_OR_RETURN(const BackupReport report, Backup(workspace, command.folder, output));
  const Json json = Json::Object{{"folder", command.folder},
                                 {"log_position", static_cast<int64_t>(report.log_position)},
                                 {"files", report.files},
                                 {"bytes", report.bytes}};
  output.Print(command.json ? json.DumpPretty()
                            : fmt::format("{}: {} files, {} bytes, events up to log entry {}\n", command.folder,
                                          report.files, report.bytes, report.log_position));
  return absl::OkStatus();
}

}  // namespace headrace
