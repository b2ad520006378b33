// Arguments -> a typed command, with every option checked.
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "base/status.h"
#include "engine/commands.h"

namespace headrace {

using AnyCommand = std::variant<CheckCommand, BuildCommand, SqlCommand, ShowCommand, TrainingSetCommand, TrainCommand,
                                ModelsCommand, ReplayCommand, VerifyCommand, StateCommand, BackupCommand,
                                ExplainCommand, ExportCommand, ServeCommand, PushCommand, PredictCommand, InitCommand>;

struct CommandLine {
  std::string folder;  // -C: the project's folder, absolute
  std::string here;    // the working directory, absolute; paths in `command` are taken from it already
  AnyCommand command;
};

// What to do, or what to say instead (of --help and --version).
using Parsed = std::variant<CommandLine, std::string>;

// An error is wrong use, and says what would be right.
StatusOr<Parsed> ParseCommandLine(const std::vector<std::string>& arguments);

// The option that a handed-over command line begins with: the working directory of the process that it comes from.
inline constexpr std::string_view kWorkingDirectoryOption = "--working-directory";

}  // namespace headrace
