#include "engine/server_instance.h"

#include "engine/history_scan.h"
#include "engine/online_state.h"
#include "online_store/memory/memory_store.h"

namespace headrace {

Status ReplayClock::Advance(TimestampUs to) {
  TimestampUs now = now_;
  while (now < to && !now_.compare_exchange_weak(now, to)) {
  }
  if (now <= to) return absl::OkStatus();
  return InvalidArgument("the replay's clock stands at {} and does not go back to {}", FormatTimestamp(now),
                         FormatTimestamp(to));
}

std::map<std::string, std::string> DefaultAliases(const Project& project) {
  std::map<std::string, std::string> aliases;
  for (const auto& [name, recipe] : project.models) aliases[name] = recipe.promote_alias;
  return aliases;
}

ServerInstance::ServerInstance(Workspace& workspace, const ServerOptions& options)
    : workspace_(workspace), options_(options) {
  if (options.replay_from) {
    replay_clock_ = std::make_unique<ReplayClock>(*options.replay_from);
    routes_ = std::make_unique<Routes>([clock = replay_clock_.get()](TimestampUs to) { return clock->Advance(to); });
  } else {
    routes_ = std::make_unique<Routes>();
  }
}

StatusOr<std::unique_ptr<ServerInstance>> ServerInstance::Start(Workspace& workspace, const ServerOptions& options) {
  std::unique_ptr<ServerInstance> server(new ServerInstance(workspace, options));
  HttpServerOptions http_options;
  http_options.host = options.host;
  http_options.port = options.port;
  HR_ASSIGN_OR_RETURN(server->http_, HttpServer::Start(http_options, [routes = server->routes_.get()](
                                                                         HttpRequest request, Responder respond) {
                        routes->Handle(std::move(request), std::move(respond));
                      }));
  server->port_ = server->http_->port();
  server->url_ = server->http_->url();
  HR_RETURN_IF_ERROR(server->Recover());
  return server;
}

Status ServerInstance::Recover() {
  HR_ASSIGN_OR_RETURN(const std::shared_ptr<const ProjectState> state, workspace_.State());
  const OnlineSettings& settings = state->project.online;
  OnlineOptions online_options = OnlineOptionsOf(settings);
  std::unique_ptr<OnlineStore> store;
  const Clock* clock = &system_clock_;
  if (options_.replay_from) {
    store = std::make_unique<MemoryStore>();
    clock = replay_clock_.get();
  } else {
    HR_ASSIGN_OR_RETURN(store, workspace_.OpenOnlineStore(/*read_only=*/false));
    online_options.future_skew_us = settings.future_skew_us;
  }
  HR_ASSIGN_OR_RETURN(OnlineDefinition definition, CurrentOnlineDefinition(workspace_));
  const HistoryReader history = HistoryScan::ReaderForOnline(workspace_, options_.replay_from);
  HR_ASSIGN_OR_RETURN(online_,
                      OnlineFeatures::Open(std::move(store), std::move(definition), history, *clock, online_options));
  HR_ASSIGN_OR_RETURN(Registry* const registry, workspace_.Models());
  HR_ASSIGN_OR_RETURN(Ledger* const ledger, workspace_.Predictions());
  endpoints_ = std::make_unique<Endpoints>(*registry, DefaultAliases(state->project));
  service_ = std::make_unique<Service>(*online_, *endpoints_, *ledger, options_.replay_id, ServiceLimits{});
  if (!options_.replay_from) {
    log_keeper_ = std::make_unique<LogKeeper>(workspace_, *online_, settings, system_clock_, &service_->log_counters(),
                                              options_.note);
    verify_ = std::make_unique<SampledVerify>(workspace_, settings.verify, system_clock_, &service_->verify_counters(),
                                              options_.note);
  }
  routes_->SetReady(service_.get());
  return absl::OkStatus();
}

Status ServerInstance::ReloadDefinitions() {
  HR_ASSIGN_OR_RETURN(OnlineDefinition definition, CurrentOnlineDefinition(workspace_));
  HR_RETURN_IF_ERROR(
      online_->Replace(std::move(definition), HistoryScan::ReaderForOnline(workspace_, options_.replay_from)));
  HR_ASSIGN_OR_RETURN(const std::shared_ptr<const ProjectState> state, workspace_.State());
  endpoints_->Refresh(DefaultAliases(state->project));
  return absl::OkStatus();
}

void ServerInstance::RefreshModels() {
  endpoints_->Refresh();
}

Status ServerInstance::Stop() {
  if (stopping_) return absl::OkStatus();
  stopping_ = true;
  routes_->SetStopping();
  http_->Stop();
  verify_.reset();
  log_keeper_.reset();
  if (online_ == nullptr) return absl::OkStatus();
  HR_ASSIGN_OR_RETURN(Ledger* const ledger, workspace_.Predictions());
  HR_RETURN_IF_ERROR(ledger->Flush());
  return options_.replay_from ? absl::OkStatus() : online_->Checkpoint();
}

ServerInstance::~ServerInstance() {
  Stop().IgnoreError();
}

}  // namespace headrace
