// headrace export
#include "engine/commands.h"

namespace headrace {

Status Run(const ExportCommand& command, Workspace& workspace, Output& output) {
  HR_ASSIGN_OR_RETURN(const ExportReport report, workspace.ExportEvents());
  if (command.json) {
    output.Print(report.ToJson().DumpPretty());
    return absl::OkStatus();
  }
  output.Print(report.segments == 0 ? std::string("nothing new to export")
                                    : fmt::format("exported log entries {} to {}: {} rows, {} segments", report.first,
                                                  report.last, report.rows, report.segments));
  output.Print(fmt::format("; the log begins after entry {}\n", report.truncated));
  return absl::OkStatus();
}

}  // namespace headrace
