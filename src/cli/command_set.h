// The commands that a command line may name: their options, help and examples. What they have in common; the commands
// themselves are in command_options.cc.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "cli/arguments.h"
#include "cli/parser.h"

namespace headrace {

// What every command is told beside its own options.
struct ParseContext {
  std::string here;  // the working directory that relative paths are taken from, absolute
  bool json = false;

  std::string Absolute(const std::string& path) const;  // "" stays ""
};

// For one command line. Commands are added, then Parse is called once.
class CommandSet {
 public:
  // Makes the typed command when the options were parsed. Errors are wrong use.
  using Finish = std::function<StatusOr<AnyCommand>(const ParseContext& context)>;

  CommandSet();

  // Gives what to add options to. `parent` for commands below another one: "show sql".
  Arguments Add(const std::string& name, const std::string& purpose, const std::string& example, Finish finish);
  Arguments Add(const std::string& name, const std::string& purpose, const std::string& example, Finish finish,
                Arguments parent);
  // A command that only groups others; naming it alone is an error.
  Arguments AddGroup(const std::string& name, const std::string& purpose, const std::string& example);

  StatusOr<Parsed> Parse(std::vector<std::string> arguments);

 private:
  StatusOr<Parsed> MakeCommandLine() const;

  ArgumentParser parser_;
  std::string folder_;
  std::string here_;
  bool json_ = false;
  std::map<Arguments, Finish> finish_;
};

// Every command of interface.md that this version has.
void AddCommands(CommandSet* set);

}  // namespace headrace
