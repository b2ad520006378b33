#include "cli/command_line.h"

#include "absl/strings/str_split.h"
#include "cli/parser.h"
#include "engine/hand_over.h"

namespace headrace {
namespace {

constexpr int kDone = 0;
constexpr int kFailed = 1;
constexpr int kWrongUse = 2;

int Report(const Status& status, int exit_status, Output& output) {
  for (const absl::string_view line : absl::StrSplit(status.message(), '\n')) {
    output.Note(fmt::format("headrace: {}", std::string_view(line.data(), line.size())));
  }
  return exit_status;
}

int ExitStatus(const Status& status, Output& output) {
  return status.ok() ? kDone : Report(status, kFailed, output);
}

template <typename... F>
struct Overloaded : F... {
  using F::operator()...;
};
template <typename... F>
Overloaded(F...) -> Overloaded<F...>;  // implied, but clang 14 does not know it

// Commands that need the project's state, and so its workspace.
template <typename Command>
concept NeedsWorkspace = requires(const Command& command, Workspace& workspace, Output& output) {
  { Run(command, workspace, output) } -> std::same_as<Status>;
};

template <typename Command>
concept NeedsFolder = requires(const Command& command, const std::string& root, Output& output) {
  { Run(command, root, output) } -> std::same_as<Status>;
};

// What the server is given: whatever it is asked, paths are those of this process.
std::vector<std::string> ArgumentsForServer(const CommandLine& line, const std::vector<std::string>& arguments) {
  std::vector<std::string> result = {std::string(kWorkingDirectoryOption), line.here};
  result.insert(result.end(), arguments.begin(), arguments.end());
  return result;
}

// That the folder is no project is wrong use; anything else failed.
int ReportUnreached(const Status& status, Output& output) {
  return Report(status, status.code() == absl::StatusCode::kNotFound ? kWrongUse : kFailed, output);
}

int RunServer(const CommandLine& line, ServeCommand command, Output& output) {
  const StatusOr<std::unique_ptr<Workspace>> workspace = OpenForServer(line.folder, output);
  if (!workspace.ok()) return ReportUnreached(workspace.status(), output);
  command.run_command = RunHandedOver;
  return ExitStatus(Run(command, **workspace, output), output);
}

int RunCheck(const CommandLine& line, const CheckCommand& command, Output& output) {
  const Status status = Run(command, line.folder, output);
  return status.code() == absl::StatusCode::kNotFound ? ReportUnreached(status, output) : ExitStatus(status, output);
}

template <NeedsWorkspace Command>
int RunOnState(const CommandLine& line, const Command& command, const std::vector<std::string>& arguments,
               Output& output) {
  const StatusOr<Reached> reached = HandOverOrOpen(line.folder, ArgumentsForServer(line, arguments), output);
  if (!reached.ok()) return ReportUnreached(reached.status(), output);
  if (reached->exit_status) return *reached->exit_status;
  return ExitStatus(Run(command, *reached->workspace, output), output);
}

// The parsed command line; or, with *exit_status set, nothing more to do.
std::optional<CommandLine> Parse(const std::vector<std::string>& arguments, int* exit_status, Output& output) {
  StatusOr<Parsed> parsed = ParseCommandLine(arguments);
  if (!parsed.ok()) {
    *exit_status = Report(parsed.status(), kWrongUse, output);
    return std::nullopt;
  }
  if (const auto* text = std::get_if<std::string>(&*parsed)) {
    output.Print(*text);
    *exit_status = kDone;
    return std::nullopt;
  }
  return std::get<CommandLine>(*std::move(parsed));
}

}  // namespace

int RunCommandLine(const std::vector<std::string>& arguments, Output& output) {
  int exit_status = kDone;
  const std::optional<CommandLine> line = Parse(arguments, &exit_status, output);
  if (!line) return exit_status;
  const auto run = Overloaded{
      [&](const InitCommand& command) { return ExitStatus(Run(command, output), output); },
      [&](const ServeCommand& command) { return RunServer(*line, command, output); },
      [&](const CheckCommand& command) { return RunCheck(*line, command, output); },
      [&](const NeedsFolder auto& command) { return ExitStatus(Run(command, line->folder, output), output); },
      [&](const NeedsWorkspace auto& command) { return RunOnState(*line, command, arguments, output); },
  };
  return std::visit(run, line->command);
}

int RunHandedOver(Workspace& workspace, const std::vector<std::string>& arguments, Output& output) {
  int exit_status = kDone;
  const std::optional<CommandLine> line = Parse(arguments, &exit_status, output);
  if (!line) return exit_status;
  const auto run = Overloaded{
      [&](const NeedsWorkspace auto& command) { return ExitStatus(Run(command, workspace, output), output); },
      [&](const auto&) { return Report(InvalidArgument("this command does not run in a server"), kWrongUse, output); },
  };
  if (std::holds_alternative<ServeCommand>(line->command)) {
    return Report(FailedPrecondition("a server of this project runs already"), kFailed, output);
  }
  return std::visit(run, line->command);
}

}  // namespace headrace
