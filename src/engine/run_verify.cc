// headrace verify
#include "engine/commands.h"
#include "engine/verify.h"

namespace headrace {

Status Run(const VerifyCommand& command, Workspace& workspace, Output& output) {
  HR_ASSIGN_OR_RETURN(const VerifyReport report, Verify(workspace, {command.model, command.naive, {}}, output));
  if (command.json) {
    output.Print(report.ToJson().DumpPretty());
  } else {
    output.Print(fmt::format("{} ledger rows, {} cells computed again from raw history: {} differ\n", report.rows,
                             report.cells, report.differences));
    if (report.other_definitions > 0) {
      output.Print(fmt::format("  {} rows are of definitions that the project no longer has, and were not computed\n",
                               report.other_definitions));
    }
    if (report.future_rows > 0) {
      output.Print(fmt::format(
          "  {} rows asked about the future, which is answered with what was known, and were not computed\n",
          report.future_rows));
    }
    for (const auto& [name, feature] : report.features) {
      if (feature.differences > 0)
        output.Print(fmt::format("  {}: {} of {} cells differ\n", name, feature.differences, feature.cells));
    }
    for (const VerifyReport::Difference& difference : report.examples) {
      output.Print(fmt::format("  {} {}: the ledger says {}, history says {}\n", difference.id, difference.feature,
                               difference.ledger, difference.recomputed));
    }
  }
  if (report.differences == 0) return absl::OkStatus();
  return Aborted("{} of {} cells differ", report.differences, report.cells);
}

}  // namespace headrace
