#include "cli/arguments.h"

#include <algorithm>
#include <utility>

#include "CLI/CLI.hpp"
#include "base/diagnostic.h"

namespace headrace {
namespace {

constexpr auto kEvery = [](const CLI::App*) { return true; };

// "headrace show sql"
std::string FullName(const CLI::App& command) {
  return command.get_parent() == nullptr ? command.get_name()
                                         : FullName(*command.get_parent()) + " " + command.get_name();
}

std::vector<std::string> OptionNames(const CLI::App& command) {
  std::vector<std::string> names;
  for (const CLI::Option* option : command.get_options()) {
    if (option->get_group().empty()) continue;  // hidden
    for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
  }
  return names;
}

// "did you mean 'build'?", else where to look.
std::string Hint(const CLI::App& command, std::string_view name, const std::vector<std::string>& candidates) {
  const std::string nearest = NearestName(name, candidates);
  if (nearest.empty()) return fmt::format("see: {} --help", FullName(command));
  return fmt::format("did you mean '{}'?", nearest);
}

CLI::App* Innermost(CLI::App* command) {
  while (!command->get_subcommands().empty()) command = command->get_subcommands().front();
  return command;
}

// First what is not known at all, with the nearest name, since it may be why something else is missing.
Status Explain(const CLI::ParseError& error, CLI::App* program) {
  CLI::App* const command = Innermost(program);
  const std::vector<std::string> extras = program->remaining(/*recurse=*/true);
  if (extras.empty()) return InvalidArgument("{}; see: {} --help", error.what(), FullName(*command));
  const std::string& extra = extras.front();
  if (extra.size() > 1 && extra[0] == '-') {
    return InvalidArgument("unknown option '{}'; {}", extra, Hint(*command, extra, OptionNames(*command)));
  }
  const std::vector<std::string> names = Arguments(command).CommandNames();
  return InvalidArgument("{} '{}'; {}", names.empty() ? "unexpected argument" : "unknown command", extra,
                         Hint(*command, extra, names));
}

}  // namespace

Argument Argument::Required() {
  option_->required();
  return *this;
}

Argument Argument::OneOf(const std::vector<std::string>& choices) {
  option_->check(CLI::IsMember(choices));
  return *this;
}

Argument Argument::Positive() {
  option_->check(CLI::PositiveNumber);
  return *this;
}

Argument Argument::Between(int lowest, int highest) {
  option_->check(CLI::Range(lowest, highest));
  return *this;
}

Argument Argument::ShowDefault() {
  option_->capture_default_str();
  return *this;
}

Argument Argument::Hidden() {
  option_->group("");
  return *this;
}

Argument Arguments::Text(const std::string& name, std::string* value, const std::string& purpose,
                         const std::string& type) {
  return Argument(app_->add_option(name, *value, purpose)->type_name(type));
}

Argument Arguments::Number(const std::string& name, int64_t* value, const std::string& purpose,
                           const std::string& type) {
  return Argument(app_->add_option(name, *value, purpose)->type_name(type));
}

Argument Arguments::Texts(const std::string& name, std::vector<std::string>* values, const std::string& purpose,
                          const std::string& type) {
  return Argument(app_->add_option(name, *values, purpose)->type_name(type));
}

Argument Arguments::List(const std::string& name, std::vector<std::string>* values, const std::string& purpose,
                         const std::string& type) {
  return Argument(app_->add_option(name, *values, purpose)->delimiter(',')->allow_extra_args(false)->type_name(type));
}

void Arguments::Flag(const std::string& name, bool* value, const std::string& purpose) {
  app_->add_flag(name, *value, purpose);
}

Arguments Arguments::AddCommand(const std::string& name, const std::string& purpose, const std::string& footer) {
  CLI::App* const command = app_->add_subcommand(name, purpose);
  command->require_subcommand(0, 1);  // so that an argument may be called like a command
  command->footer(footer);
  return Arguments(command);
}

std::string Arguments::name() const {
  return app_->get_name();
}

std::vector<std::string> Arguments::CommandNames() const {
  std::vector<std::string> names;
  for (const CLI::App* command : std::as_const(*app_).get_subcommands(kEvery)) names.push_back(command->get_name());
  return names;
}

ArgumentParser::ArgumentParser(const std::string& program, const std::string& purpose, const std::string& footer)
    : app_(std::make_unique<CLI::App>(purpose, program)) {
  app_->footer(footer);
  app_->require_subcommand(0, 1);
  app_->get_formatter()->column_width(34);
}

ArgumentParser::~ArgumentParser() = default;

void ArgumentParser::SetVersion(const std::string& version, const std::string& purpose) {
  app_->set_version_flag("--version", version, purpose);
}

StatusOr<std::optional<std::string>> ArgumentParser::Parse(std::vector<std::string> arguments) {
  std::reverse(arguments.begin(), arguments.end());  // the library takes them from the end
  try {
    app_->parse(std::move(arguments));
  } catch (const CLI::CallForHelp&) {
    return app_->help();
  } catch (const CLI::CallForVersion& version) {
    return version.what() + std::string("\n");
  } catch (const CLI::ParseError& error) {
    return Explain(error, app_.get());
  }
  return std::nullopt;
}

Arguments ArgumentParser::Named() const {
  return Arguments(Innermost(app_.get()));
}

}  // namespace headrace
