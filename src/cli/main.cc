#include <unistd.h>

#include <string>
#include <vector>

#include "cli/command_line.h"
#include "cli/terminal_output.h"

int main(int argc, char** argv) {
  headrace::TerminalOutput output(stdout, stderr, isatty(STDERR_FILENO) != 0);
  return headrace::RunCommandLine(std::vector<std::string>(argv + 1, argv + argc), output);
}
