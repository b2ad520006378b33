// headrace replay
#include "engine/commands.h"
#include "engine/replay.h"

namespace headrace {

Status Run(const ReplayCommand& command, Workspace& workspace, Output& output) {
  HR_ASSIGN_OR_RETURN(const ReplayReport report, Replay(workspace, command.model, command.from, command.to, output));
  if (command.json) {
    output.Print(report.ToJson().DumpPretty());
    return absl::OkStatus();
  }
  output.Print(fmt::format("replay {}: {} to {}, in {:.1f} s\n", report.id, FormatTimestamp(report.from),
                           FormatTimestamp(report.to), report.seconds));
  output.Print(fmt::format("  {} events ({} known later than they happened), {} predictions, {} labels joined\n",
                           report.events, report.late_events, report.predictions, report.labels));
  output.Print(fmt::format("  predict over HTTP: p50 {} us, p99 {} us\n", report.p50_us, report.p99_us));
  if (report.auc)
    output.Print(fmt::format("  auc of the replayed predictions {:.4f} [{:.4f}, {:.4f}]\n", *report.auc, report.auc_low,
                             report.auc_high));
  return absl::OkStatus();
}

}  // namespace headrace
