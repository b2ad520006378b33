// headrace serve
#include <signal.h>
#include <unistd.h>

#include "base/file.h"
#include "engine/commands.h"
#include "engine/server_instance.h"
#include "serving/control/control.h"

namespace headrace {
namespace {

// Holds SIGTERM and SIGINT off from every thread that begins after it, so that Wait gets them.
class StopSignals {
 public:
  StopSignals() {
    sigemptyset(&signals_);
    sigaddset(&signals_, SIGTERM);
    sigaddset(&signals_, SIGINT);
    pthread_sigmask(SIG_BLOCK, &signals_, &before_);
    signal(SIGPIPE, SIG_IGN);
  }
  ~StopSignals() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

  int Wait() {
    int signal_number = 0;
    sigwait(&signals_, &signal_number);
    return signal_number;
  }

 private:
  sigset_t signals_;
  sigset_t before_;
};

// .headrace/server.json: how other commands find the server; there while it is ready.
class ServerFile {
 public:
  static StatusOr<ServerFile> Write(const std::string& state_folder, const std::string& url) {
    ServerFile file(state_folder + "/server.json");
    const Json json = Json::Object{{"url", url}, {"pid", static_cast<int64_t>(::getpid())}};
    HR_RETURN_IF_ERROR(WriteFileAtomically(file.path_, json.DumpPretty()));
    return file;
  }
  ServerFile(ServerFile&& other) noexcept : path_(std::exchange(other.path_, "")) {}
  ~ServerFile() {
    if (!path_.empty()) ::unlink(path_.c_str());
  }

 private:
  explicit ServerFile(std::string path) : path_(std::move(path)) {}
  std::string path_;
};

}  // namespace

Status Run(const ServeCommand& command, Workspace& workspace, Output& output) {
  StopSignals signals;
  ServerOptions options;
  options.host = command.host;
  options.port = command.port;
  options.note = [&](const std::string& line) { output.Note(line); };
  HR_ASSIGN_OR_RETURN(const std::unique_ptr<ServerInstance> server, ServerInstance::Start(workspace, options));
  workspace.AttachServer(
      &server->online(), [&] { return server->ReloadDefinitions(); },
      [&] {
        server->RefreshModels();
        return absl::OkStatus();
      },
      [&] { return server->ExportEvents(); });
  Status status;
  {
    HR_ASSIGN_OR_RETURN(const std::unique_ptr<ControlServer> control,
                        ControlServer::Start(workspace.StateFolder() + "/control.sock",
                                             [&](const ControlCommand& handed_over, Output& out) {
                                               return command.run_command(workspace, handed_over.args, out);
                                             }));
    HR_ASSIGN_OR_RETURN(const ServerFile file, ServerFile::Write(workspace.StateFolder(), server->url()));
    output.Print(fmt::format("listening on {}\n", server->url()));
    signals.Wait();
    output.Note("stopping: accepted requests are finished first");
    status = server->Stop();
  }
  workspace.DetachServer();
  return status;
}

}  // namespace headrace
