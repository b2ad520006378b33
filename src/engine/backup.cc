#include "engine/backup.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>

#include "base/file.h"
#include "base/hash.h"
#include "online_store/rocksdb/rocksdb_store.h"
#include "warehouse/copy_database.h"

namespace headrace {
namespace {

namespace fs = std::filesystem;

// Copies of files, counted.
class Copier {
 public:
  explicit Copier(Output& output) : output_(output) {}

  Status CopyFile(const fs::path& from, const fs::path& to) {
    std::error_code error;
    fs::copy_file(from, to, error);
    if (error) return Failed(from, to, error);
    return Count(to);
  }

  // Files, links and folders below `from`, but for the paths in `without`; sockets and the like are nobody's.
  Status CopyFolder(const fs::path& from, const fs::path& to, const std::vector<fs::path>& without = {}) {
    HR_RETURN_IF_ERROR(MakeFolders(to.string()));
    std::error_code error;
    for (fs::directory_iterator it(from, error), end; !error && it != end; it.increment(error)) {
      const fs::path& path = it->path();
      if (std::find(without.begin(), without.end(), path) != without.end()) continue;
      const fs::path target = to / path.filename();
      if (it->is_symlink()) {
        fs::copy_symlink(path, target, error);
        if (error) return Failed(path, target, error);
      } else if (it->is_directory()) {
        HR_RETURN_IF_ERROR(CopyFolder(path, target, without));
      } else if (it->is_regular_file()) {
        HR_RETURN_IF_ERROR(CopyFile(path, target));
      }
    }
    return error ? Failed(from, to, error) : absl::OkStatus();
  }

  Status Count(const fs::path& file) {
    std::error_code error;
    bytes_ += static_cast<int64_t>(fs::file_size(file, error));
    output_.Progress("copying files", ++files_, 0);
    return error ? Failed(file, file, error) : absl::OkStatus();
  }

  int64_t files() const { return files_; }
  int64_t bytes() const { return bytes_; }

 private:
  static Status Failed(const fs::path& from, const fs::path& to, const std::error_code& error) {
    const std::string message =
        fmt::format("{}: cannot be copied to {}: {}", from.string(), to.string(), error.message());
    return error == std::errc::no_space_on_device ? absl::ResourceExhaustedError(message)
                                                  : absl::UnavailableError(message);
  }

  Output& output_;
  int64_t files_ = 0;
  int64_t bytes_ = 0;
};

Status CopyWarehouse(Workspace& workspace, const fs::path& state, Copier* copier) {
  HR_ASSIGN_OR_RETURN(Ledger* const ledger, workspace.Predictions());
  HR_RETURN_IF_ERROR(ledger->Flush());
  HR_ASSIGN_OR_RETURN(Database* const warehouse, workspace.Warehouse());
  const std::string path = (state / "warehouse.duckdb").string();
  HR_RETURN_IF_ERROR(CopyDatabase(*warehouse, path));
  return copier->Count(path);
}

Status CopyModels(Workspace& workspace, const fs::path& state, Copier* copier) {
  HR_ASSIGN_OR_RETURN(Registry* const registry, workspace.Models());
  const std::string path = (state / "registry.sqlite").string();
  HR_RETURN_IF_ERROR(registry->CopyTo(path));
  HR_RETURN_IF_ERROR(copier->Count(path));
  const fs::path artifacts = fs::path(workspace.StateFolder()) / "artifacts";
  if (std::error_code error; !fs::exists(artifacts, error)) return absl::OkStatus();
  HR_RETURN_IF_ERROR(copier->CopyFolder(artifacts, state / "artifacts"));
  for (const fs::directory_entry& entry : fs::directory_iterator(state / "artifacts")) {
    const std::string name = entry.path().filename().string();
    HR_ASSIGN_OR_RETURN(const std::string hash, Sha256OfFile(entry.path().string()));
    if (hash == name || name.ends_with(".tmp")) continue;
    return DataLoss("{}: damaged: its hash is not its name; train the model again", (artifacts / name).string());
  }
  return absl::OkStatus();
}

// The log that a server has is copied as of one instant; one that nobody has lies still.
StatusOr<uint64_t> CopyLogAndStates(Workspace& workspace, const fs::path& state, Copier* copier) {
  const fs::path target = state / "online";
  if (!workspace.serves()) {
    const StatusOr<std::unique_ptr<OnlineStore>> store = workspace.OpenOnlineStore(/*read_only=*/true);
    if (store.status().code() == absl::StatusCode::kNotFound) return uint64_t{0};
    HR_RETURN_IF_ERROR(store.status());
    HR_RETURN_IF_ERROR((*store)->Verify());
    HR_RETURN_IF_ERROR(copier->CopyFolder(workspace.OnlineFolder(), target));
    return (*store)->LastPosition();
  }
  const OnlineStore& store = workspace.ServedOnline()->store();
  HR_RETURN_IF_ERROR(store.Verify());
  const std::string snapshot =
      fmt::format("{}/{}.snapshot", workspace.TempFolder(), fs::path(state).parent_path().filename().string());
  std::error_code ignored;
  fs::remove_all(snapshot, ignored);
  Status status = store.Snapshot(snapshot);
  if (status.ok()) status = copier->CopyFolder(snapshot, target);
  fs::remove_all(snapshot, ignored);
  HR_RETURN_IF_ERROR(status);
  HR_ASSIGN_OR_RETURN(const std::unique_ptr<OnlineStore> copy, OpenRocksDbStore(target.string(), {.read_only = true}));
  return copy->LastPosition();
}

// The online store and what was exported of its log, which belong together: no export comes between.
StatusOr<uint64_t> CopyOnline(Workspace& workspace, const fs::path& state, Copier* copier) {
  HR_ASSIGN_OR_RETURN(EventSegments* const segments, workspace.Segments());
  const std::lock_guard no_export(segments->export_mutex());
  HR_ASSIGN_OR_RETURN(const uint64_t position, CopyLogAndStates(workspace, state, copier));
  if (segments->LastPosition() == 0) return position;
  HR_RETURN_IF_ERROR(copier->CopyFolder(workspace.EventsFolder(), state / "events"));
  return position;
}

// What .headrace holds beside the parts above and what is of the running process: replays, for one.
Status CopyRest(Workspace& workspace, const std::string& folder, const fs::path& to, Copier* copier) {
  const fs::path root = workspace.root();
  const fs::path state = workspace.StateFolder();
  std::vector<fs::path> without;
  for (const char* name :
       {"warehouse.duckdb", "warehouse.duckdb.wal", "warehouse.duckdb.wal.checkpoint", "warehouse.duckdb.wal.recovery",
        "registry.sqlite", "registry.sqlite-wal", "registry.sqlite-shm", "artifacts", "online", "online.repair",
        "events", "predictions", "tmp", "lock", "server.json"}) {
    without.push_back(state / name);
  }
  HR_RETURN_IF_ERROR(copier->CopyFolder(state, to / ".headrace", without));
  return copier->CopyFolder(root, to, {state, folder, to});
}

Status SyncTo(const fs::path& from, const std::string& folder) {
  const int fd = ::open(from.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const bool synced = fd >= 0 && ::syncfs(fd) == 0;
  const int error = errno;
  if (fd >= 0) ::close(fd);
  if (!synced) return Unavailable("{}: cannot be synced: {}", from.string(), std::strerror(error));
  if (::rename(from.c_str(), folder.c_str()) == 0) return absl::OkStatus();
  return Unavailable("{}: cannot be renamed to {}: {}", from.string(), folder, std::strerror(errno));
}

StatusOr<BackupReport> CopyTo(Workspace& workspace, const std::string& folder, const fs::path& to, Output& output) {
  Copier copier(output);
  BackupReport report;
  const fs::path state = to / ".headrace";
  HR_RETURN_IF_ERROR(MakeFolders(state.string()));
  HR_RETURN_IF_ERROR(CopyWarehouse(workspace, state, &copier));
  HR_RETURN_IF_ERROR(CopyModels(workspace, state, &copier));
  HR_ASSIGN_OR_RETURN(report.log_position, CopyOnline(workspace, state, &copier));
  HR_RETURN_IF_ERROR(CopyRest(workspace, folder, to, &copier));
  HR_RETURN_IF_ERROR(SyncTo(to, folder));
  report.files = copier.files();
  report.bytes = copier.bytes();
  return report;
}

}  // namespace

StatusOr<BackupReport> Backup(Workspace& workspace, const std::string& folder, Output& output) {
  std::error_code error;
  if (fs::exists(folder, error) && !(fs::is_directory(folder, error) && fs::is_empty(folder, error)))
    return FailedPrecondition("{} is there already, and is not an empty folder; name a new one", folder);
  const std::string aside = folder + ".tmp";
  if (fs::exists(aside, error))
    return FailedPrecondition("{} is there already: another backup runs, or one was killed; remove it then", aside);
  HR_RETURN_IF_ERROR(MakeFolders(aside));
  StatusOr<BackupReport> report = CopyTo(workspace, folder, aside, output);
  if (!report.ok()) fs::remove_all(aside, error);
  return report;
}

}  // namespace headrace
