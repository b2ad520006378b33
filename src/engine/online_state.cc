#include "engine/online_state.h"

#include "base/memory.h"
#include "engine/history_scan.h"
#include "online_store/memory/memory_store.h"
#include "online_store/rocksdb/rocksdb_repair.h"
#include "warehouse/release.h"

namespace headrace {

StatusOr<OnlineDefinition> CurrentOnlineDefinition(Workspace& workspace) {
  HR_ASSIGN_OR_RETURN(const std::shared_ptr<const ProjectState> state, workspace.State());
  HR_ASSIGN_OR_RETURN(Database* const warehouse, workspace.Warehouse());
  HR_ASSIGN_OR_RETURN(const std::unique_ptr<Connection> connection, warehouse->Connect());
  OnlineDefinition definition;
  definition.catalog = state->definitions.catalog;
  definition.streams = state->definitions.streams;
  for (const auto& [name, view] : state->definitions.event_views) {
    HR_ASSIGN_OR_RETURN(std::string version, HistoryVersionText(*connection, view.HistoryName()));
    definition.views.push_back({name, view.stream, view.definition_hash, std::move(version), view.HistoryName()});
  }
  for (const auto& [name, stream] : definition.streams) {
    if (stream.event_id.empty()) continue;
    HR_ASSIGN_OR_RETURN(definition.id_versions[name], HistoryVersionText(*connection, name));
  }
  if (definition.views.empty()) return definition;  // there need not be a release
  HR_ASSIGN_OR_RETURN(const std::optional<Release> release, LastRelease(*connection));
  if (release) definition.published_at = release->published_at;
  return definition;
}

OnlineOptions OnlineOptionsOf(const OnlineSettings& settings) {
  OnlineOptions options;
  options.keep_us = settings.keep_us.value_or(0);
  options.id_retention_us = settings.id_retention_us;
  constexpr size_t kShareOfMachine = 4;
  constexpr size_t kShareOfMemory = 4;
  options.memory_bytes = settings.memory_bytes.value_or(MachineMemoryBytes() / kShareOfMachine);
  options.id_memory_bytes = options.memory_bytes / kShareOfMemory;
  return options;
}

StatusOr<std::unique_ptr<OnlineFeatures>> RecoverOnline(Workspace& workspace, std::unique_ptr<OnlineStore> store,
                                                        const Clock& clock) {
  HR_ASSIGN_OR_RETURN(const std::shared_ptr<const ProjectState> state, workspace.State());
  HR_ASSIGN_OR_RETURN(OnlineDefinition definition, CurrentOnlineDefinition(workspace));
  return OnlineFeatures::Open(std::move(store), std::move(definition),
                              HistoryScan::ReaderForOnline(workspace, std::nullopt), clock,
                              OnlineOptionsOf(state->project.online));
}

StatusOr<RepairReport> RepairOnlineState(Workspace& workspace) {
  if (workspace.serves())
    return FailedPrecondition("a server runs on this state; stop it first, if the state shall be made again");
  HR_ASSIGN_OR_RETURN(const std::shared_ptr<const ProjectState> state, workspace.State());
  RocksDbStoreOptions options;
  options.fsync = state->project.online.fsync;
  HR_ASSIGN_OR_RETURN(const EventSegments* const segments, workspace.Segments());
  HR_ASSIGN_OR_RETURN(const StoreRepair repaired,
                      RepairRocksDbStore(workspace.OnlineFolder(), segments->LastPosition(), options));
  HR_ASSIGN_OR_RETURN(std::unique_ptr<OnlineStore> store, workspace.OpenOnlineStore(/*read_only=*/false));
  const SystemClock clock;
  HR_ASSIGN_OR_RETURN(const std::unique_ptr<OnlineFeatures> online, RecoverOnline(workspace, std::move(store), clock));
  HR_RETURN_IF_ERROR(online->Checkpoint());
  const OnlineStats stats = online->Stats();
  const auto views = static_cast<int64_t>(online->definition()->views.size());
  return RepairReport{repaired.damage, online->store().LastPosition(), views, stats.keys, stats.events_held};
}

StatusOr<StateHash> HashOnlineState(Workspace& workspace) {
  if (workspace.serves()) return workspace.ServedOnline()->Hash();
  StatusOr<std::unique_ptr<OnlineStore>> store = workspace.OpenOnlineStore(/*read_only=*/true);
  if (store.status().code() == absl::StatusCode::kNotFound) store = std::make_unique<MemoryStore>();
  HR_RETURN_IF_ERROR(store.status());
  const SystemClock clock;
  HR_ASSIGN_OR_RETURN(const std::unique_ptr<OnlineFeatures> online, RecoverOnline(workspace, *std::move(store), clock));
  return online->Hash();
}

}  // namespace headrace
