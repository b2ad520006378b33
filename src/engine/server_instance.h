// A running server: recovered state, models, HTTP. The live one and a replay's are the same but for clock and store.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "engine/log_keeper.h"
#include "engine/sampled_verify.h"
#include "engine/workspace.h"
#include "serving/api/routes.h"
#include "serving/core/service.h"
#include "serving/http/server.h"

namespace headrace {

// The clock of a replay: stands where it was put, and only goes forward.
class ReplayClock : public Clock {
 public:
  explicit ReplayClock(TimestampUs start) : now_(start) {}
  TimestampUs Now() const override { return now_; }
  Status Advance(TimestampUs to);

 private:
  std::atomic<TimestampUs> now_;
};

struct ServerOptions {
  std::string host = "127.0.0.1";
  int port = 0;
  // A replay: state in memory, of what was known at this instant; the clock stands there at first.
  std::optional<TimestampUs> replay_from;
  std::string replay_id;
  std::function<void(const std::string&)> note = [](const std::string&) {};  // for a person
};

class ServerInstance {
 public:
  // Listens at once (requests get 503), recovers, and is ready when it returns.
  static StatusOr<std::unique_ptr<ServerInstance>> Start(Workspace& workspace, const ServerOptions& options);
  ~ServerInstance();

  const std::string& url() const { return url_; }
  int port() const { return port_; }
  OnlineFeatures& online() { return *online_; }

  // A build has published, or definitions have changed: new states beside the running ones, then swapped in.
  Status ReloadDefinitions();
  void RefreshModels();

  StatusOr<ExportReport> ExportEvents() { return log_keeper_->Export(); }  // not of a replay

  // Finishes accepted requests, writes a checkpoint (not of a replay) and the ledger.
  Status Stop();

 private:
  ServerInstance(Workspace& workspace, const ServerOptions& options);
  Status Recover();

  Workspace& workspace_;
  const ServerOptions options_;
  const SystemClock system_clock_;
  std::unique_ptr<ReplayClock> replay_clock_;
  std::unique_ptr<Routes> routes_;
  std::unique_ptr<OnlineFeatures> online_;
  std::unique_ptr<Endpoints> endpoints_;
  std::unique_ptr<Service> service_;
  std::unique_ptr<HttpServer> http_;
  std::string url_;
  int port_ = 0;

  bool stopping_ = false;
  std::unique_ptr<LogKeeper> log_keeper_;
  std::unique_ptr<SampledVerify> verify_;
};

// Default alias of each model, from its recipe.
std::map<std::string, std::string> DefaultAliases(const Project& project);

}  // namespace headrace
