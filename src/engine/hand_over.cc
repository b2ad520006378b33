#include "engine/hand_over.h"

#include <signal.h>

#include <cerrno>
#include <chrono>
#include <thread>

#include "base/file.h"
#include "serving/control/control.h"

namespace headrace {
namespace {

constexpr auto kPollInterval = std::chrono::milliseconds(50);

std::string StateFile(const std::string& root, std::string_view name) {
  return fmt::format("{}/.headrace/{}", root, name);
}

// A person is told once why nothing happens.
class Patience {
 public:
  explicit Patience(Output& output) : output_(output) {}
  void Wait() {
    if (!told_) output_.Note("another headrace command works on this project; waiting for it to end");
    told_ = true;
    std::this_thread::sleep_for(kPollInterval);
  }

 private:
  Output& output_;
  bool told_ = false;
};

}  // namespace

StatusOr<RunningServer> FindServer(const std::string& root) {
  const StatusOr<std::string> text = ReadFile(StateFile(root, "server.json"));
  if (!text.ok()) return NotFound("no server runs for {}; start one with: headrace serve", root);
  const StatusOr<Json> json = Json::Parse(*text);
  if (!json.ok()) return DataLoss("{}: {}", StateFile(root, "server.json"), Message(json.status()));
  RunningServer server;
  HR_ASSIGN_OR_RETURN(server.url, json->GetString("url"));
  HR_ASSIGN_OR_RETURN(server.pid, json->GetInteger("pid"));
  const bool alive = ::kill(static_cast<pid_t>(server.pid), 0) == 0 || errno == EPERM;
  if (!alive) return NotFound("the server of {} has gone away; start one with: headrace serve", root);
  return server;
}

StatusOr<int> HandOver(const std::string& root, const std::vector<std::string>& arguments, Output& output) {
  return RunThroughServer(StateFile(root, "control.sock"), arguments, output);
}

// A server may begin to start between any two steps here, so both are tried again and again.
StatusOr<Reached> HandOverOrOpen(const std::string& root, const std::vector<std::string>& arguments, Output& output) {
  for (Patience patience(output);; patience.Wait()) {
    const StatusOr<int> exit_status = HandOver(root, arguments, output);
    Reached reached;
    if (exit_status.ok()) {
      reached.exit_status = *exit_status;
      return reached;
    }
    if (exit_status.status().code() != absl::StatusCode::kNotFound) return exit_status.status();
    HR_ASSIGN_OR_RETURN(reached.workspace, Workspace::TryOpen(root));
    if (reached.workspace != nullptr) return reached;
  }
}

StatusOr<std::unique_ptr<Workspace>> OpenForServer(const std::string& root, Output& output) {
  for (Patience patience(output);; patience.Wait()) {
    HR_ASSIGN_OR_RETURN(std::unique_ptr<Workspace> workspace, Workspace::TryOpen(root));
    if (workspace != nullptr) return workspace;
    const StatusOr<RunningServer> server = FindServer(root);
    if (!server.ok()) continue;
    return FailedPrecondition(
        "{}: a server of this project runs already, at {} (process {}); stop it before another one", root, server->url,
        server->pid);
  }
}

}  // namespace headrace
