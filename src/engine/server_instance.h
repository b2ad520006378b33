// A running server: recovered state, models, HTTP. The live one and a replay's are the same but for clock and store.
#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

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
  DurationUs checkpoint_every_us = 30 * kUsPerSecond;
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

  // Exports the log, writes a checkpoint if there is none behind it, and truncates. Not of a replay.
  StatusOr<ExportReport> ExportEvents();

  // Finishes accepted requests, writes a checkpoint (not of a replay) and the ledger.
  Status Stop();

 private:
  ServerInstance(Workspace& workspace, const ServerOptions& options);
  Status Recover();
  void RunCheckpoints();
  bool ExportIsDue(const OnlineStats& stats) const;

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

  std::mutex stop_mutex_;
  std::condition_variable stop_changed_;
  bool stopping_ = false;
  std::thread checkpoints_;
  std::unique_ptr<SampledVerify> verify_;
  std::atomic<TimestampUs> last_export_ = 0;  // when one ended last, or when the server was ready
  std::atomic<int64_t> exported_bytes_ = 0;   // of the log since the start
};

// Default alias of each model, from its recipe.
std::map<std::string, std::string> DefaultAliases(const Project& project);

}  // namespace headrace
