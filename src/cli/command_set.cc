#include "cli/command_set.h"

#include <filesystem>
#include <utility>

#include "base/diagnostic.h"

namespace headrace {
namespace {

namespace fs = std::filesystem;

}  // namespace

std::string ParseContext::Absolute(const std::string& path) const {
  if (path.empty()) return path;
  const fs::path absolute = (fs::path(here) / path).lexically_normal();
  return (absolute.has_filename() ? absolute : absolute.parent_path()).string();  // "a/." is "a"
}

CommandSet::CommandSet()
    : parser_("headrace", "From raw files to live predictions: one definition, the same bits.",
              "\nheadrace COMMAND --help tells more, with an example.") {
  parser_.SetVersion("headrace " HEADRACE_VERSION, "The version of this program");
  Arguments program = parser_.program();
  program.Text("-C", &folder_, "The project's folder, in place of the current one", "DIR");
  program.Text(std::string(kWorkingDirectoryOption), &here_, "", "TEXT").Hidden();
}

Arguments CommandSet::Add(const std::string& name, const std::string& purpose, const std::string& example,
                          Finish finish) {
  return Add(name, purpose, example, std::move(finish), parser_.program());
}

Arguments CommandSet::Add(const std::string& name, const std::string& purpose, const std::string& example,
                          Finish finish, Arguments parent) {
  Arguments command = parent.AddCommand(name, purpose, "\nExample:\n  " + example);
  command.Flag("--json", &json_, "Give the result as JSON");
  command.Text("-C", &folder_, "The project's folder, in place of the current one", "DIR");
  finish_[command] = std::move(finish);
  return command;
}

Arguments CommandSet::AddGroup(const std::string& name, const std::string& purpose, const std::string& example) {
  return Add(name, purpose, example, [this](const ParseContext&) -> StatusOr<AnyCommand> {
    const Arguments group = parser_.Named();
    return InvalidArgument("{} what? {}", group.name(), NearestNameHint("", group.CommandNames()));
  });
}

StatusOr<Parsed> CommandSet::Parse(std::vector<std::string> arguments) {
  HR_ASSIGN_OR_RETURN(std::optional<std::string> text, parser_.Parse(std::move(arguments)));
  if (text) return Parsed(*std::move(text));
  if (parser_.Named() == parser_.program()) return InvalidArgument("which command? see: headrace --help");
  return MakeCommandLine();
}

StatusOr<Parsed> CommandSet::MakeCommandLine() const {
  ParseContext context;
  context.here = here_.empty() ? fs::current_path().string() : here_;
  context.json = json_;
  CommandLine line;
  line.here = context.here;
  line.folder = context.Absolute(folder_.empty() ? "." : folder_);
  HR_ASSIGN_OR_RETURN(line.command, finish_.at(parser_.Named())(context));
  return Parsed(std::move(line));
}

StatusOr<Parsed> ParseCommandLine(const std::vector<std::string>& arguments) {
  CommandSet set;
  AddCommands(&set);
  return set.Parse(arguments);
}

}  // namespace headrace
