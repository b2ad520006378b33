// A tree of commands with their arguments, read from a command line.
//
// The only seam to CLI11, whose headers alone take seconds to compile. Arguments and Argument are handles, copied
// freely, good as long as their ArgumentParser. What an argument writes to must live until Parse is done. One thread.
#pragma once

#include <compare>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace headrace {

// One argument, to say more about it.
class Argument {
 public:
  explicit Argument(CLI::Option* option) : option_(option) {}

  Argument Required();
  Argument OneOf(const std::vector<std::string>& choices);
  Argument Positive();
  Argument Between(int lowest, int highest);
  Argument ShowDefault();  // what its variable holds now
  Argument Hidden();       // from the help and from hints

 private:
  CLI::Option* option_;
};

// The arguments of one command: "--name" is an option, "name" is taken by its place. `type` is what the help calls the
// value.
class Arguments {
 public:
  explicit Arguments(CLI::App* app) : app_(app) {}

  Argument Text(const std::string& name, std::string* value, const std::string& purpose, const std::string& type);
  Argument Number(const std::string& name, int64_t* value, const std::string& purpose, const std::string& type);
  // As many values as follow the option: --select a b.
  Argument Texts(const std::string& name, std::vector<std::string>* values, const std::string& purpose,
                 const std::string& type);
  // One value per option, of parts between commas, so that it never swallows an argument that is taken by its place.
  Argument List(const std::string& name, std::vector<std::string>* values, const std::string& purpose,
                const std::string& type);
  void Flag(const std::string& name, bool* value, const std::string& purpose);

  // A command below this one.
  Arguments AddCommand(const std::string& name, const std::string& purpose, const std::string& footer);

  std::string name() const;
  std::vector<std::string> CommandNames() const;  // of those below

  friend auto operator<=>(const Arguments&, const Arguments&) = default;

 private:
  CLI::App* app_;
};

class ArgumentParser {
 public:
  ArgumentParser(const std::string& program, const std::string& purpose, const std::string& footer);
  ~ArgumentParser();
  ArgumentParser(const ArgumentParser&) = delete;
  ArgumentParser& operator=(const ArgumentParser&) = delete;

  // What stands before a command.
  Arguments program() const { return Arguments(app_.get()); }
  void SetVersion(const std::string& version, const std::string& purpose);

  // To be called once. The text that --help or --version asks for, or nothing, and the arguments are written. An error
  // is wrong use, and says what would be right.
  StatusOr<std::optional<std::string>> Parse(std::vector<std::string> arguments);

  // The command that was named last: "show sql", not "show"; program() if none was.
  Arguments Named() const;

 private:
  const std::unique_ptr<CLI::App> app_;
};

}  // namespace headrace
