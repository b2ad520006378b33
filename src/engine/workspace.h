// An open project: its files, its definitions, its state. One process has it at a time.
//
// Opening takes the lock of the state folder; while a server has it, the command line hands its command over instead
// (serving/control), so nobody ever waits for DuckDB's own lock. Parts are opened when first asked for. Thread-safe.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "catalog/project.h"
#include "engine/definitions.h"
#include "engine/event_export.h"
#include "features/online/online_features.h"
#include "models/registry/registry.h"
#include "monitoring/ledger.h"
#include "online_store/store.h"
#include "warehouse/database.h"

namespace headrace {

// What the project's files said when they were last read.
struct ProjectState {
  Project project;
  Definitions definitions;
};

class Workspace {
 public:
  // Takes the lock; nullptr: another process has it now. Never waits for it: that process may be a server, which keeps
  // it until it is stopped, and wants the command to be handed over (engine/hand_over.h). Reads no files yet.
  static StatusOr<std::unique_ptr<Workspace>> TryOpen(const std::string& root);
  ~Workspace();

  const std::string& root() const { return root_; }
  std::string StateFolder() const { return root_ + "/.headrace"; }
  std::string TempFolder() const { return StateFolder() + "/tmp"; }

  // The project, read and compiled when first asked for, or with `reload` again. Every error at once as one status.
  StatusOr<std::shared_ptr<const ProjectState>> State(bool reload = false,
                                                      const std::map<std::string, Json>& vars = {});

  // As State(), but read again where a server has had the project open for long.
  StatusOr<std::shared_ptr<const ProjectState>> FreshState() { return State(/*reload=*/serves()); }

  StatusOr<Database*> Warehouse();
  StatusOr<Registry*> Models();
  StatusOr<Ledger*> Predictions();

  // The log of accepted events, entry by entry, exported and not yet exported ones alike: those after `after`, up to
  // `until` (0: all). Reads the server's own store while one runs in this process, the closed store's files otherwise;
  // no store is an empty log.
  Status ReadEventLog(uint64_t after, uint64_t until, const OnlineStore::LogVisitor& visitor);
  StatusOr<uint64_t> EventLogPosition();

  std::string OnlineFolder() const { return StateFolder() + "/online"; }
  std::string EventsFolder() const { return StateFolder() + "/events"; }
  StatusOr<EventSegments*> Segments();
  // The online store, joined with the exported events, while no server has it. kNotFound: read-only, and there is none.
  StatusOr<std::unique_ptr<OnlineStore>> OpenOnlineStore(bool read_only);
  // Exports the log and truncates it behind the last checkpoint; in the server, if one runs here, behind a new one.
  StatusOr<ExportReport> ExportEvents();

  // A server in this process: its online state, what to do after a build has published, and how it exports.
  void AttachServer(OnlineFeatures* online, std::function<Status()> on_published,
                    std::function<Status()> on_models_changed, std::function<StatusOr<ExportReport>()> export_events);
  void DetachServer();
  bool serves() const { return server_online_ != nullptr; }
  OnlineFeatures* ServedOnline() const { return server_online_; }  // nullptr: none
  Status NotifyPublished();
  Status NotifyModelsChanged();

 private:
  explicit Workspace(std::string root) : root_(std::move(root)) {}

  const std::string root_;
  const SystemClock clock_;
  int lock_fd_ = -1;
  std::mutex mutex_;
  std::shared_ptr<const ProjectState> state_;
  std::unique_ptr<Database> warehouse_;
  std::unique_ptr<Registry> registry_;
  std::unique_ptr<Ledger> ledger_;
  std::unique_ptr<EventSegments> segments_;
  OnlineFeatures* server_online_ = nullptr;
  std::function<Status()> on_published_;
  std::function<Status()> on_models_changed_;
  std::function<StatusOr<ExportReport>()> export_events_;
};

}  // namespace headrace
