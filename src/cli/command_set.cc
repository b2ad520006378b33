#include "cli/command_set.h"

#include <algorithm>
#include <filesystem>

#include "base/diagnostic.h"

namespace headrace {
namespace {

namespace fs = std::filesystem;

constexpr auto kEvery = [](const CLI::App*) { return true; };

// "headrace show sql"
std::string FullName(const CLI::App& command) {
  return command.get_parent() == nullptr ? command.get_name()
                                         : FullName(*command.get_parent()) + " " + command.get_name();
}

std::vector<std::string> CommandNames(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::App* command : app.get_subcommands(kEvery)) names.push_back(command->get_name());
  return names;
}

std::vector<std::string> OptionNames(const CLI::App& command) {
  std::vector<std::string> names;
  for (const CLI::Option* option : command.get_options()) {
    for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
  }
  std::erase(names, kWorkingDirectoryOption);
  return names;
}

// "did you mean 'build'?", else where to look.
std::string Hint(const CLI::App& command, std::string_view name, const std::vector<std::string>& candidates) {
  const std::string nearest = NearestName(name, candidates);
  if (nearest.empty()) return fmt::format("see: {} --help", FullName(command));
  return fmt::format("did you mean '{}'?", nearest);
}

}  // namespace

std::string ParseContext::Absolute(const std::string& path) const {
  if (path.empty()) return path;
  const fs::path absolute = (fs::path(here) / path).lexically_normal();
  return (absolute.has_filename() ? absolute : absolute.parent_path()).string();  // "a/." is "a"
}

CommandSet::CommandSet() : app_("From raw files to live predictions: one definition, the same bits.", "headrace") {
  app_.footer("\nheadrace COMMAND --help tells more, with an example.");
  app_.require_subcommand(0, 1);  // so that an argument may be called like a command
  app_.set_version_flag("--version", "headrace " HEADRACE_VERSION, "The version of this program");
  app_.add_option("-C", folder_, "The project's folder, in place of the current one")->type_name("DIR");
  app_.add_option(std::string(kWorkingDirectoryOption), here_)->group("");
  app_.get_formatter()->column_width(34);
}

CLI::App* CommandSet::Add(const std::string& name, const std::string& purpose, const std::string& example,
                          Finish finish, CLI::App* parent) {
  CLI::App* const command = (parent == nullptr ? &app_ : parent)->add_subcommand(name, purpose);
  command->require_subcommand(0, 1);
  command->footer("\nExample:\n  " + example);
  command->add_flag("--json", json_, "Give the result as JSON");
  command->add_option("-C", folder_, "The project's folder, in place of the current one")->type_name("DIR");
  finish_[command] = std::move(finish);
  return command;
}

CLI::App* CommandSet::AddGroup(const std::string& name, const std::string& purpose, const std::string& example) {
  return Add(name, purpose, example, [this](const ParseContext&) -> StatusOr<AnyCommand> {
    const CLI::App& group = Innermost();
    return InvalidArgument("{} what? {}", group.get_name(), NearestNameHint("", CommandNames(group)));
  });
}

StatusOr<Parsed> CommandSet::Parse(std::vector<std::string> arguments) {
  std::reverse(arguments.begin(), arguments.end());  // the library takes them from the end
  try {
    app_.parse(std::move(arguments));
  } catch (const CLI::CallForHelp&) {
    return Parsed(app_.help());
  } catch (const CLI::CallForVersion& version) {
    return Parsed(version.what() + std::string("\n"));
  } catch (const CLI::ParseError& error) {
    return Explain(error);
  }
  if (app_.get_subcommands().empty()) return InvalidArgument("which command? see: headrace --help");
  return MakeCommandLine();
}

const CLI::App& CommandSet::Innermost() const {
  const CLI::App* command = &app_;
  while (!command->get_subcommands().empty()) command = command->get_subcommands().front();
  return *command;
}

// First what is not known at all, with the nearest name, since it may be why something else is missing.
Status CommandSet::Explain(const CLI::ParseError& error) const {
  const CLI::App& command = Innermost();
  const std::vector<std::string> extras = app_.remaining(/*recurse=*/true);
  if (extras.empty()) return InvalidArgument("{}; see: {} --help", error.what(), FullName(command));
  const std::string& extra = extras.front();
  if (extra.size() > 1 && extra[0] == '-') {
    return InvalidArgument("unknown option '{}'; {}", extra, Hint(command, extra, OptionNames(command)));
  }
  const std::string_view what = CommandNames(command).empty() ? "unexpected argument" : "unknown command";
  return InvalidArgument("{} '{}'; {}", what, extra, Hint(command, extra, CommandNames(command)));
}

StatusOr<Parsed> CommandSet::MakeCommandLine() const {
  ParseContext context;
  context.here = here_.empty() ? fs::current_path().string() : here_;
  context.json = json_;
  CommandLine line;
  line.here = context.here;
  line.folder = context.Absolute(folder_.empty() ? "." : folder_);
  HR_ASSIGN_OR_RETURN(line.command, finish_.at(&Innermost())(context));
  return Parsed(std::move(line));
}

StatusOr<Parsed> ParseCommandLine(const std::vector<std::string>& arguments) {
  CommandSet set;
  AddCommands(&set);
  return set.Parse(arguments);
}

}  // namespace headrace
