// Getting at a project's state: through the server that has it, or by opening it.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/output.h"
#include "engine/workspace.h"

namespace headrace {

// The server that `serve` runs for a project: .headrace/server.json.
struct RunningServer {
  std::string url;
  int64_t pid = 0;
};
// kNotFound: none runs. The file that a killed server left behind counts as none.
StatusOr<RunningServer> FindServer(const std::string& root);

// Runs a command line in the project's server: its exit status; what it says goes to `output`. kNotFound when no server
// listens.
StatusOr<int> HandOver(const std::string& root, const std::vector<std::string>& arguments, Output& output);

// One of the two: the command was done by the server, or the workspace is open here.
struct Reached {
  std::optional<int> exit_status;
  std::unique_ptr<Workspace> workspace;
};

// While another process has the project, waits for it to end, or to listen when it is a server that is still starting,
// with a note on `output`.
StatusOr<Reached> HandOverOrOpen(const std::string& root, const std::vector<std::string>& arguments, Output& output);

// As above for a server of its own: kFailedPrecondition when one runs already.
StatusOr<std::unique_ptr<Workspace>> OpenForServer(const std::string& root, Output& output);

}  // namespace headrace
