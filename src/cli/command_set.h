// The commands that a command line may name: their options, help and examples. The machinery of the parser; the
// commands themselves are in command_options.cc.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "CLI/CLI.hpp"
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

  // The App to add options to. `parent` for commands below another one: "show sql".
  CLI::App* Add(const std::string& name, const std::string& purpose, const std::string& example, Finish finish,
                CLI::App* parent = nullptr);
  // A command that only groups others; naming it alone is an error.
  CLI::App* AddGroup(const std::string& name, const std::string& purpose, const std::string& example);

  StatusOr<Parsed> Parse(std::vector<std::string> arguments);

 private:
  // The command that was named last: "show sql", not "show".
  const CLI::App& Innermost() const;
  Status Explain(const CLI::ParseError& error) const;
  StatusOr<Parsed> MakeCommandLine() const;

  CLI::App app_;
  std::string folder_;
  std::string here_;
  bool json_ = false;
  std::map<const CLI::App*, Finish> finish_;
};

// Every command of interface.md that this version has.
void AddCommands(CommandSet* set);

}  // namespace headrace
