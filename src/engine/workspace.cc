#include "engine/workspace.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "base/file.h"
#include "catalog/load.h"
#include "online_store/rocksdb/rocksdb_store.h"

namespace headrace {
namespace {

// The lock of the state folder, which the kernel releases when its holder ends, however it ends; -1: another has it.
StatusOr<int> TryLockFolder(const std::string& folder) {
  const std::string path = folder + "/lock";
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (fd < 0) return Unavailable("{}: cannot be opened: {}", path, std::strerror(errno));
  if (::flock(fd, LOCK_EX | LOCK_NB) == 0) return fd;
  const int error = errno;
  ::close(fd);
  if (error == EWOULDBLOCK) return -1;
  return Unavailable("{}: cannot be locked: {}", path, std::strerror(error));
}

}  // namespace

StatusOr<std::unique_ptr<Workspace>> Workspace::TryOpen(const std::string& root) {
  std::error_code error;
  const std::string absolute = std::filesystem::weakly_canonical(root, error).string();
  if (error || !std::filesystem::is_regular_file(absolute + "/headrace.yml")) {
    return NotFound(
        "{} is no headrace project: there is no headrace.yml. Go to one, name it with -C DIR, or make one with: "
        "headrace init DIR",
        absolute.empty() ? root : absolute);
  }
  std::unique_ptr<Workspace> workspace(new Workspace(absolute));
  HR_RETURN_IF_ERROR(MakeFolders(workspace->TempFolder()));
  HR_ASSIGN_OR_RETURN(workspace->lock_fd_, TryLockFolder(workspace->StateFolder()));
  if (workspace->lock_fd_ < 0) workspace.reset();
  return workspace;
}

Workspace::~Workspace() {
  ledger_.reset();
  registry_.reset();
  warehouse_.reset();
  if (lock_fd_ >= 0) ::close(lock_fd_);
}

StatusOr<std::shared_ptr<const ProjectState>> Workspace::State(bool reload, const std::map<std::string, Json>& vars) {
  const std::lock_guard lock(mutex_);
  if (state_ != nullptr && !reload) return state_;
  auto state = std::make_shared<ProjectState>();
  HR_ASSIGN_OR_RETURN(LoadResult loaded, ReadProject(root_, vars));
  Diagnostics diagnostics = std::move(loaded.diagnostics);
  state->project = std::move(loaded.project);
  state->definitions = CompileProject(state->project, &diagnostics);
  HR_RETURN_IF_ERROR(ToStatus(diagnostics));
  state_ = std::move(state);
  return state_;
}

StatusOr<Database*> Workspace::Warehouse() {
  const std::lock_guard lock(mutex_);
  if (warehouse_ == nullptr) {
    DatabaseOptions options;
    options.path = StateFolder() + "/warehouse.duckdb";
    options.temp_directory = TempFolder();
    HR_ASSIGN_OR_RETURN(warehouse_, Database::Open(options));
  }
  return warehouse_.get();
}

StatusOr<Registry*> Workspace::Models() {
  const std::lock_guard lock(mutex_);
  if (registry_ == nullptr) {
    HR_ASSIGN_OR_RETURN(registry_, Registry::Open(StateFolder() + "/registry.sqlite", clock_));
  }
  return registry_.get();
}

StatusOr<Ledger*> Workspace::Predictions() {
  HR_ASSIGN_OR_RETURN(Database* const warehouse, Warehouse());
  const std::lock_guard lock(mutex_);
  if (ledger_ == nullptr) {
    LedgerOptions options;
    options.folder = StateFolder() + "/predictions";
    HR_ASSIGN_OR_RETURN(ledger_, Ledger::Open(options, *warehouse));
  }
  return ledger_.get();
}

StatusOr<EventSegments*> Workspace::Segments() {
  const std::lock_guard lock(mutex_);
  if (segments_ == nullptr) {
    HR_ASSIGN_OR_RETURN(segments_, EventSegments::Open(EventsFolder()));
  }
  return segments_.get();
}

StatusOr<std::unique_ptr<OnlineStore>> Workspace::OpenOnlineStore(bool read_only) {
  HR_ASSIGN_OR_RETURN(const std::shared_ptr<const ProjectState> state, State());
  HR_ASSIGN_OR_RETURN(EventSegments* const segments, Segments());
  RocksDbStoreOptions options;
  options.read_only = read_only;
  options.fsync = state->project.online.fsync;
  StatusOr<std::unique_ptr<OnlineStore>> store = OpenRocksDbStore(OnlineFolder(), options);
  if (absl::IsNotFound(store.status()) && segments->LastPosition() > 0)
    return DataLoss("{} is missing, and {} is there; put both back from one backup", OnlineFolder(), EventsFolder());
  HR_RETURN_IF_ERROR(store.status());
  return JoinWithSegments(*std::move(store), *segments);
}

Status Workspace::ReadEventLog(uint64_t after, uint64_t until, const OnlineStore::LogVisitor& visitor) {
  bool at_end = false;
  const auto bounded = [&](uint64_t position, std::string_view entry) -> Status {
    at_end = until != 0 && position > until;
    return at_end ? absl::CancelledError() : visitor(position, entry);
  };
  Status status;
  if (serves()) {
    status = server_online_->store().ReadLog(after, bounded);
  } else {
    const StatusOr<std::unique_ptr<OnlineStore>> store = OpenOnlineStore(/*read_only=*/true);
    if (absl::IsNotFound(store.status())) return absl::OkStatus();
    HR_RETURN_IF_ERROR(store.status());
    status = (*store)->ReadLog(after, bounded);
  }
  return at_end ? absl::OkStatus() : status;
}

StatusOr<uint64_t> Workspace::EventLogPosition() {
  if (serves()) return server_online_->store().LastPosition();
  const StatusOr<std::unique_ptr<OnlineStore>> store = OpenOnlineStore(/*read_only=*/true);
  if (absl::IsNotFound(store.status())) return uint64_t{0};
  HR_RETURN_IF_ERROR(store.status());
  return (*store)->LastPosition();
}

StatusOr<ExportReport> Workspace::ExportEvents() {
  if (export_events_) return export_events_();
  HR_ASSIGN_OR_RETURN(EventSegments* const segments, Segments());
  HR_ASSIGN_OR_RETURN(const uint64_t position, EventLogPosition());
  if (position == 0) return ExportReport{};  // nothing was ever pushed: no store is made for that
  HR_ASSIGN_OR_RETURN(const std::unique_ptr<OnlineStore> store, OpenOnlineStore(/*read_only=*/false));
  HR_ASSIGN_OR_RETURN(ExportReport report, ExportLog(*store, *segments));
  HR_RETURN_IF_ERROR(TruncateBehind(*store, *segments, &report));
  return report;
}

void Workspace::AttachServer(OnlineFeatures* online, std::function<Status()> on_published,
                             std::function<Status()> on_models_changed,
                             std::function<StatusOr<ExportReport>()> export_events) {
  server_online_ = online;
  on_published_ = std::move(on_published);
  on_models_changed_ = std::move(on_models_changed);
  export_events_ = std::move(export_events);
}

void Workspace::DetachServer() {
  AttachServer(nullptr, nullptr, nullptr, nullptr);
}

Status Workspace::NotifyPublished() {
  return on_published_ ? on_published_() : absl::OkStatus();
}
Status Workspace::NotifyModelsChanged() {
  return on_models_changed_ ? on_models_changed_() : absl::OkStatus();
}

}  // namespace headrace
