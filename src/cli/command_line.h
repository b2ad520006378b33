// Command lines: what was asked for, and seeing it done.
//
//   arguments -> parse -> typed command -> a server has the project: hand it over
//                                       -> else: open the project and run it here
//
// Exit statuses: 0 done; 1 the work failed, or was done and says no; 2 wrong use.
// Errors go to Output::Note, each line as "headrace: MESSAGE".
#pragma once

#include <string>
#include <vector>

#include "base/output.h"
#include "engine/workspace.h"

namespace headrace {

// `arguments` without the program's name. Gives the exit status.
int RunCommandLine(const std::vector<std::string>& arguments, Output& output);

// Within the server: runs what another process handed over, on the server's workspace. Paths of files are taken from
// that process's working directory. Any number of threads, each with its own output.
int RunHandedOver(Workspace& workspace, const std::vector<std::string>& arguments, Output& output);

}  // namespace headrace
