// The registry: which models and versions there are, what each was made from, and which of them an alias names.
//
// One SQLite file (WAL), beside it a folder of artifacts named by their SHA-256:
//
//   .headrace/registry.sqlite     models, versions, aliases; its schema has a number (PRAGMA user_version)
//   .headrace/artifacts/<sha256>  written aside and renamed before the row that names it: a version always has its file
//
// Every row has a digest, checked whenever rows are read: a flipped bit is named and refused.
//
// Versions of a model count 1, 2, 3 ... and never change or come again; only aliases move. Any number of threads may
// use one Registry and any number of processes one file: writes wait for each other (up to 10 s, then kUnavailable).
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/status.h"
#include "base/time.h"
#include "models/registry/sqlite.h"

namespace headrace {

struct VersionInfo {
  // By the caller of RegisterVersion.
  std::string model;
  std::string algorithm;          // "lightgbm"
  std::string task;               // "binary"
  std::string recipe_hash;        // SHA-256 of the recipe
  std::string training_set_hash;  // content hash of the training set
  Json training_set;              // its definition: labels, features, split, data versions; enough to rebuild it
  Json params;
  Json metrics;                  // as TrainedModel::metrics
  Json views;                    // {"carrier_recent": "<hash of its definition>", ...}
  std::string status = "ready";  // free text: "ready", "failed", ...

  // By the registry.
  int64_t version = 0;
  TimestampUs created_at = 0;
  std::string artifact_sha256;
  std::string artifact_path;  // absolute, or relative as the registry's own path was
  std::vector<std::string> aliases;

  Json ToJson() const;
};

struct ModelSummary {
  std::string model;
  int64_t latest_version = 0;
  TimestampUs created_at = 0;              // of the model's first version
  std::map<std::string, int64_t> aliases;  // alias -> version
};

class Registry {
 public:
  // `path` is the SQLite file, created with its folder if it does not exist. `clock` must outlive the registry.
  // kDataLoss: the file is damaged; kFailedPrecondition: made by a newer Headrace.
  static StatusOr<std::unique_ptr<Registry>> Open(const std::string& path, const Clock& clock);

  // Keeps the artifact and adds the next version of info.model: its number. kInvalidArgument: the name is not a letter
  // followed by letters, digits, '_', '-' and '.'.
  StatusOr<int64_t> RegisterVersion(const VersionInfo& info, std::string_view artifact);

  // kNotFound names what there is instead.
  StatusOr<VersionInfo> GetVersion(std::string_view model, int64_t version);
  StatusOr<VersionInfo> GetByAlias(std::string_view model, std::string_view alias);

  // "NAME" (its `default_alias`), "NAME@alias" or "NAME/version". kInvalidArgument: none of these forms.
  StatusOr<VersionInfo> Resolve(std::string_view reference, std::string_view default_alias = "champion");

  StatusOr<std::vector<ModelSummary>> ListModels();                         // by name
  StatusOr<std::vector<VersionInfo>> ListVersions(std::string_view model);  // newest first

  // Points the alias at the version, in one step: readers see the old version or the new one. An alias is named like a
  // model, and is no number.
  Status SetAlias(std::string_view model, std::string_view alias, int64_t version);

  // Writes what is committed to a new SQLite file, while others read and write this one. kDataLoss: this one is
  // damaged.
  Status CopyTo(const std::string& path);

  // The bytes of a version's artifact, whose hash is checked. kDataLoss: the file is missing or damaged.
  StatusOr<std::string> ReadArtifact(const VersionInfo& version) const;

 private:
  Registry(std::string path, const Clock& clock, SqliteConnection connection);
  Status EnterWalMode();
  Status SetUp();
  Status CheckPages();
  Status CheckSeals();
  Status Seal();
  void EmptyWal();
  StatusOr<SqliteStatement> Prepare(std::string_view sql);
  StatusOr<std::string> StoreArtifact(std::string_view artifact) const;
  StatusOr<int64_t> InsertVersion(const VersionInfo& info, const std::string& sha256);
  StatusOr<std::vector<VersionInfo>> ReadVersions(std::string_view model, std::optional<int64_t> version);
  StatusOr<VersionInfo> VersionLocked(std::string_view model, int64_t version);
  StatusOr<std::map<std::string, int64_t>> AliasesOf(std::string_view model);
  Status NoSuchModel(std::string_view model);

  const std::string path_;
  const std::string artifacts_;  // the folder
  const Clock& clock_;
  std::mutex mutex_;  // guards the connection
  SqliteConnection connection_;
};

}  // namespace headrace
