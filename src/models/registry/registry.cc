#include "models/registry/registry.h"

#include <sqlite3.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <filesystem>
#include <thread>
#include <utility>

#include "base/diagnostic.h"
#include "base/file.h"
#include "base/hash.h"

namespace headrace {
namespace {

constexpr int kBusyTimeoutMs = 10'000;
constexpr int64_t kSchemaVersion = 2;  // 1 had no digests

constexpr std::string_view kSchema = R"sql(
  create table models (
    name         text primary key,
    last_version integer not null,  -- kept apart from the versions, so that a number is never given twice
    created_at   integer not null   -- microseconds, like all times here
  ) strict;
  create table versions (
    model             text    not null references models (name),
    version           integer not null,
    created_at        integer not null,
    status            text    not null,
    algorithm         text    not null,
    task              text    not null,
    recipe_hash       text    not null,
    training_set_hash text    not null,
    training_set      text    not null,  -- JSON, like params, metrics and views
    params            text    not null,
    metrics           text    not null,
    views             text    not null,
    artifact_sha256   text    not null,
    primary key (model, version)
  ) strict, without rowid;
  create table aliases (
    model   text    not null,
    alias   text    not null,
    version integer not null,
    set_at  integer not null,
    primary key (model, alias),
    foreign key (model, version) references versions (model, version)
  ) strict, without rowid;
)sql";

constexpr std::string_view kVersionColumns =
    "model, version, created_at, status, algorithm, task, recipe_hash, training_set_hash, training_set, params, "
    "metrics, views, artifact_sha256";

// SQLite has no checksums of its own: every row has one, of its other columns, by the function row_digest.
struct SealedTable {
  std::string_view name;
  std::string_view key;  // names a row to a person
  std::string_view columns;
};
constexpr std::array kSealedTables = {SealedTable{"models", "name", "name, last_version, created_at"},
                                      SealedTable{"versions", "model || '/' || version", kVersionColumns},
                                      SealedTable{"aliases", "model || '@' || alias", "model, alias, version, set_at"}};

// row_digest(...): SHA-256 of the values' bytes, each with its length.
void RowDigest(sqlite3_context* context, int count, sqlite3_value** values) {
  Sha256 hash;
  for (int i = 0; i < count; ++i) {
    const auto* text = reinterpret_cast<const char*>(sqlite3_value_text(values[i]));
    const std::string_view bytes(text == nullptr ? "" : text, static_cast<size_t>(sqlite3_value_bytes(values[i])));
    hash.Update(fmt::format("{}:", bytes.size()));
    hash.Update(bytes);
  }
  const std::string digest = hash.Finish();
  sqlite3_result_text(context, digest.data(), static_cast<int>(digest.size()), SQLITE_TRANSIENT);
}

bool IsName(std::string_view name) {
  const auto is_letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
  return !name.empty() && is_letter(name[0]) && std::ranges::all_of(name, [&](char c) {
    return is_letter(c) || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.';
  });
}

Status CheckName(std::string_view what, std::string_view name) {
  if (IsName(name)) return absl::OkStatus();
  return InvalidArgument("'{}' cannot name {}: a letter, then letters, digits, '_', '-' and '.'", name, what);
}

StatusOr<VersionInfo> FromRow(const SqliteStatement& row, std::string_view path) {
  VersionInfo info;
  info.model = row.Text(0);
  info.version = row.Integer(1);
  info.created_at = row.Integer(2);
  info.status = row.Text(3);
  info.algorithm = row.Text(4);
  info.task = row.Text(5);
  info.recipe_hash = row.Text(6);
  info.training_set_hash = row.Text(7);
  int column = 8;
  for (Json* const json : {&info.training_set, &info.params, &info.metrics, &info.views}) {
    StatusOr<Json> parsed = Json::Parse(row.Text(column++));
    if (!parsed.ok())
      return DataLoss("{}: damaged: {}/{}: {}", path, info.model, info.version, Message(parsed.status()));
    *json = *std::move(parsed);
  }
  info.artifact_sha256 = row.Text(column);
  return info;
}

}  // namespace

Json VersionInfo::ToJson() const {
  return Json(Json::Object{{"model", model},
                           {"version", version},
                           {"created_at", FormatTimestamp(created_at)},
                           {"aliases", Json::Array(aliases.begin(), aliases.end())},
                           {"status", status},
                           {"algorithm", algorithm},
                           {"task", task},
                           {"recipe_hash", recipe_hash},
                           {"training_set_hash", training_set_hash},
                           {"training_set", training_set},
                           {"views", views},
                           {"params", params},
                           {"metrics", metrics},
                           {"artifact_sha256", artifact_sha256},
                           {"artifact_path", artifact_path}});
}

Registry::Registry(std::string path, const Clock& clock, SqliteConnection connection)
    : path_(std::move(path)),
      artifacts_((std::filesystem::path(path_).parent_path() / "artifacts").string()),
      clock_(clock),
      connection_(std::move(connection)) {}

StatusOr<std::unique_ptr<Registry>> Registry::Open(const std::string& path, const Clock& clock) {
  if (const std::string folder = std::filesystem::path(path).parent_path().string(); !folder.empty()) {
    HR_RETURN_IF_ERROR(MakeFolders(folder));
  }
  sqlite3* handle = nullptr;
  const int result = sqlite3_open_v2(path.c_str(), &handle,
                                     SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_FULLMUTEX, nullptr);
  SqliteConnection connection(handle);
  if (result != SQLITE_OK) return SqliteError(handle, path);
  std::unique_ptr<Registry> registry(new Registry(path, clock, std::move(connection)));
  HR_RETURN_IF_ERROR(registry->SetUp());
  return registry;
}

// SQLite's busy timeout does not hold for the change of a new file's journal: while another process changes it as well,
// it is refused at once.
Status Registry::EnterWalMode() {
  constexpr int kPauseMs = 5;
  Status status;
  for (int waited_ms = 0; waited_ms <= kBusyTimeoutMs; waited_ms += kPauseMs) {
    status = RunSql(connection_.get(), path_, "pragma journal_mode = wal");
    if (!absl::IsUnavailable(status)) break;
    std::this_thread::sleep_for(std::chrono::milliseconds(kPauseMs));
  }
  return status;
}

Status Registry::SetUp() {
  sqlite3* const connection = connection_.get();
  sqlite3_busy_timeout(connection, kBusyTimeoutMs);
  if (sqlite3_create_function(connection, "row_digest", -1, SQLITE_UTF8 | SQLITE_DETERMINISTIC, nullptr, &RowDigest,
                              nullptr, nullptr) != SQLITE_OK) {
    return SqliteError(connection, path_);
  }
  HR_RETURN_IF_ERROR(EnterWalMode());
  HR_RETURN_IF_ERROR(RunSql(connection, path_, "pragma synchronous = full; pragma foreign_keys = on"));
  // Two processes may open a new file at once: the version is read under the write lock.
  HR_ASSIGN_OR_RETURN(SqliteTransaction transaction, SqliteTransaction::Begin(connection, path_));
  {
    HR_ASSIGN_OR_RETURN(SqliteStatement read, Prepare("pragma user_version"));
    HR_RETURN_IF_ERROR(read.Step().status());
    const int64_t version = read.Integer(0);
    if (version == kSchemaVersion) return CheckPages();
    if (version > kSchemaVersion) {
      return FailedPrecondition("{}: made by a newer Headrace (schema {}, this one knows {})", path_, version,
                                kSchemaVersion);
    }
    if (version == 0) HR_RETURN_IF_ERROR(RunSql(connection, path_, std::string(kSchema)));
  }
  for (const SealedTable& table : kSealedTables) {
    HR_RETURN_IF_ERROR(RunSql(connection, path_,
                              fmt::format("alter table {} add column digest text not null default ''", table.name)));
  }
  HR_RETURN_IF_ERROR(Seal());
  HR_RETURN_IF_ERROR(RunSql(connection, path_, fmt::format("pragma user_version = {}", kSchemaVersion)));
  return transaction.Commit();
}

// That the pages hang together.
Status Registry::CheckPages() {
  HR_ASSIGN_OR_RETURN(SqliteStatement check, Prepare("pragma quick_check(1)"));
  HR_RETURN_IF_ERROR(check.Step().status());
  return check.Text(0) == "ok" ? absl::OkStatus() : SqliteDamage(path_, check.Text(0));
}

// Gives rows that were written in this transaction their digests.
Status Registry::Seal() {
  for (const SealedTable& table : kSealedTables) {
    HR_RETURN_IF_ERROR(
        RunSql(connection_.get(), path_,
               fmt::format("update {} set digest = row_digest({}) where digest = ''", table.name, table.columns)));
  }
  return absl::OkStatus();
}

Status Registry::CheckSeals() {
  for (const SealedTable& table : kSealedTables) {
    HR_ASSIGN_OR_RETURN(SqliteStatement read, Prepare(fmt::format("select {} from {} where digest <> row_digest({})",
                                                                  table.key, table.name, table.columns)));
    HR_ASSIGN_OR_RETURN(const bool broken, read.Step());
    if (broken)
      return SqliteDamage(path_, fmt::format("{} of the table {} does not fit its digest", read.Text(0), table.name));
  }
  return absl::OkStatus();
}

// A write-ahead log that is damaged ends there for SQLite, without a word, so nothing is left in it.
void Registry::EmptyWal() {
  RunSql(connection_.get(), path_, "pragma wal_checkpoint(truncate)").IgnoreError();
}

StatusOr<SqliteStatement> Registry::Prepare(std::string_view sql) {
  return SqliteStatement::Prepare(connection_.get(), path_, sql);
}

StatusOr<std::string> Registry::StoreArtifact(std::string_view artifact) const {
  const std::string sha256 = Sha256Hex(artifact);
  HR_RETURN_IF_ERROR(MakeFolders(artifacts_));
  const std::string path = artifacts_ + "/" + sha256;
  // Named by its content: a sound file that is already there is the same one.
  if (const StatusOr<std::string> present = Sha256OfFile(path); present.ok() && *present == sha256) return sha256;
  HR_RETURN_IF_ERROR(WriteFileAtomically(path, artifact));
  return sha256;
}

StatusOr<int64_t> Registry::InsertVersion(const VersionInfo& info, const std::string& sha256) {
  const TimestampUs now = clock_.Now();
  HR_ASSIGN_OR_RETURN(SqliteStatement count,
                      Prepare("insert into models values (?, 1, ?, '') on conflict (name) do update set last_version = "
                              "last_version + 1, digest = '' returning last_version"));
  HR_RETURN_IF_ERROR(count.Bind(info.model).Bind(now).Step().status());
  const int64_t version = count.Integer(0);
  HR_RETURN_IF_ERROR(count.Run());  // to its end, or the transaction could not commit
  HR_ASSIGN_OR_RETURN(SqliteStatement insert, Prepare(fmt::format("insert into versions ({}, digest) values "
                                                                  "(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, '')",
                                                                  kVersionColumns)));
  insert.Bind(info.model).Bind(version).Bind(now).Bind(info.status).Bind(info.algorithm).Bind(info.task);
  insert.Bind(info.recipe_hash).Bind(info.training_set_hash).Bind(info.training_set.Dump()).Bind(info.params.Dump());
  insert.Bind(info.metrics.Dump()).Bind(info.views.Dump()).Bind(sha256);
  HR_RETURN_IF_ERROR(insert.Run());
  return version;
}

StatusOr<int64_t> Registry::RegisterVersion(const VersionInfo& info, std::string_view artifact) {
  HR_RETURN_IF_ERROR(CheckName("a model", info.model));
  const std::lock_guard lock(mutex_);
  HR_ASSIGN_OR_RETURN(const std::string sha256, StoreArtifact(artifact));
  HR_ASSIGN_OR_RETURN(SqliteTransaction transaction, SqliteTransaction::Begin(connection_.get(), path_));
  HR_RETURN_IF_ERROR(CheckSeals());
  HR_ASSIGN_OR_RETURN(const int64_t version, InsertVersion(info, sha256));
  HR_RETURN_IF_ERROR(Seal());
  HR_RETURN_IF_ERROR(transaction.Commit());
  EmptyWal();
  return version;
}

Status Registry::NoSuchModel(std::string_view model) {
  HR_ASSIGN_OR_RETURN(SqliteStatement read, Prepare("select name from models order by name"));
  std::vector<std::string> names;
  while (true) {
    HR_ASSIGN_OR_RETURN(const bool more, read.Step());
    if (!more) break;
    names.push_back(read.Text(0));
  }
  if (names.empty())
    return NotFound("there is no model '{}': none has been trained yet; `headrace train {}` does it", model, model);
  return NotFound("there is no trained model '{}'; {}", model, NearestNameHint(model, names));
}

StatusOr<std::map<std::string, int64_t>> Registry::AliasesOf(std::string_view model) {
  HR_RETURN_IF_ERROR(CheckSeals());
  HR_ASSIGN_OR_RETURN(SqliteStatement read, Prepare("select alias, version from aliases where model = ?"));
  read.Bind(model);
  std::map<std::string, int64_t> aliases;
  while (true) {
    HR_ASSIGN_OR_RETURN(const bool more, read.Step());
    if (!more) return aliases;
    aliases.emplace(read.Text(0), read.Integer(1));
  }
}

// Newest first; all of them without `version`.
StatusOr<std::vector<VersionInfo>> Registry::ReadVersions(std::string_view model, std::optional<int64_t> version) {
  HR_ASSIGN_OR_RETURN(const auto aliases, AliasesOf(model));
  HR_ASSIGN_OR_RETURN(SqliteStatement read,
                      Prepare(fmt::format("select {} from versions where model = ? {} order by version desc",
                                          kVersionColumns, version ? "and version = ?" : "")));
  read.Bind(model);
  if (version) read.Bind(*version);
  std::vector<VersionInfo> versions;
  while (true) {
    HR_ASSIGN_OR_RETURN(const bool more, read.Step());
    if (!more) return versions;
    HR_ASSIGN_OR_RETURN(VersionInfo info, FromRow(read, path_));
    info.artifact_path = artifacts_ + "/" + info.artifact_sha256;
    for (const auto& [alias, target] : aliases) {
      if (target == info.version) info.aliases.push_back(alias);
    }
    versions.push_back(std::move(info));
  }
}

StatusOr<VersionInfo> Registry::VersionLocked(std::string_view model, int64_t version) {
  HR_ASSIGN_OR_RETURN(std::vector<VersionInfo> versions, ReadVersions(model, version));
  if (!versions.empty()) return std::move(versions.front());
  HR_ASSIGN_OR_RETURN(versions, ReadVersions(model, std::nullopt));
  if (versions.empty()) return NoSuchModel(model);
  return NotFound("model '{}' has no version {}; its latest is {}", model, version, versions.front().version);
}

StatusOr<VersionInfo> Registry::GetVersion(std::string_view model, int64_t version) {
  const std::lock_guard lock(mutex_);
  return VersionLocked(model, version);
}

StatusOr<VersionInfo> Registry::GetByAlias(std::string_view model, std::string_view alias) {
  const std::lock_guard lock(mutex_);
  HR_ASSIGN_OR_RETURN(const auto aliases, AliasesOf(model));
  if (const auto found = aliases.find(std::string(alias)); found != aliases.end())
    return VersionLocked(model, found->second);
  HR_ASSIGN_OR_RETURN(const std::vector<VersionInfo> versions, ReadVersions(model, std::nullopt));
  if (versions.empty()) return NoSuchModel(model);
  std::vector<std::string> names;
  names.reserve(aliases.size());
  for (const auto& [name, version] : aliases) names.push_back(name);
  if (names.empty()) {
    return NotFound("model '{}' has no alias '{}', nor any other; `headrace models alias {} {} {}` sets it", model,
                    alias, model, alias, versions.front().version);
  }
  return NotFound("model '{}' has no alias '{}'; {}", model, alias, NearestNameHint(alias, names));
}

StatusOr<VersionInfo> Registry::Resolve(std::string_view reference, std::string_view default_alias) {
  const size_t at = reference.find_first_of("@/");
  const std::string_view model = reference.substr(0, at);
  if (!IsName(model)) {
    return InvalidArgument("'{}' names no model: write NAME, NAME@alias or NAME/version", reference);
  }
  if (at == std::string_view::npos) return GetByAlias(model, default_alias);
  const std::string_view rest = reference.substr(at + 1);
  if (reference[at] == '@') {
    HR_RETURN_IF_ERROR(CheckName("an alias", rest));
    return GetByAlias(model, rest);
  }
  int64_t version = 0;
  const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), version);
  if (error != std::errc() || end != rest.data() + rest.size() || version < 1) {
    return InvalidArgument("'{}': a version is a number from 1, not '{}'", reference, rest);
  }
  return GetVersion(model, version);
}

StatusOr<std::vector<ModelSummary>> Registry::ListModels() {
  const std::lock_guard lock(mutex_);
  HR_RETURN_IF_ERROR(CheckSeals());
  HR_ASSIGN_OR_RETURN(SqliteStatement read, Prepare("select name, last_version, created_at from models order by name"));
  std::vector<ModelSummary> models;
  while (true) {
    HR_ASSIGN_OR_RETURN(const bool more, read.Step());
    if (!more) break;
    models.push_back({read.Text(0), read.Integer(1), read.Integer(2), {}});
  }
  for (ModelSummary& summary : models) {
    HR_ASSIGN_OR_RETURN(summary.aliases, AliasesOf(summary.model));
  }
  return models;
}

StatusOr<std::vector<VersionInfo>> Registry::ListVersions(std::string_view model) {
  const std::lock_guard lock(mutex_);
  HR_ASSIGN_OR_RETURN(std::vector<VersionInfo> versions, ReadVersions(model, std::nullopt));
  if (versions.empty()) return NoSuchModel(model);
  return versions;
}

Status Registry::SetAlias(std::string_view model, std::string_view alias, int64_t version) {
  HR_RETURN_IF_ERROR(CheckName("an alias", alias));
  const std::lock_guard lock(mutex_);
  HR_ASSIGN_OR_RETURN(SqliteTransaction transaction, SqliteTransaction::Begin(connection_.get(), path_));
  HR_RETURN_IF_ERROR(VersionLocked(model, version).status());
  {
    HR_ASSIGN_OR_RETURN(SqliteStatement set,
                        Prepare("insert into aliases values (?, ?, ?, ?, '') on conflict (model, alias) do update set "
                                "version = excluded.version, set_at = excluded.set_at, digest = ''"));
    HR_RETURN_IF_ERROR(set.Bind(model).Bind(alias).Bind(version).Bind(clock_.Now()).Run());
  }
  HR_RETURN_IF_ERROR(Seal());
  HR_RETURN_IF_ERROR(transaction.Commit());
  EmptyWal();
  return absl::OkStatus();
}

Status Registry::CopyTo(const std::string& path) {
  const std::lock_guard lock(mutex_);
  HR_RETURN_IF_ERROR(CheckPages());
  HR_RETURN_IF_ERROR(CheckSeals());
  sqlite3* handle = nullptr;
  const int opened = sqlite3_open_v2(path.c_str(), &handle, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, nullptr);
  const SqliteConnection copy(handle);
  if (opened != SQLITE_OK) return SqliteError(handle, path);
  sqlite3_backup* const backup = sqlite3_backup_init(handle, "main", connection_.get(), "main");
  if (backup == nullptr) return SqliteError(handle, path);
  const int stepped = sqlite3_backup_step(backup, -1);
  const int finished = sqlite3_backup_finish(backup);
  if (stepped != SQLITE_DONE || finished != SQLITE_OK) return SqliteError(handle, path);
  return absl::OkStatus();
}

StatusOr<std::string> Registry::ReadArtifact(const VersionInfo& version) const {
  const std::string path = artifacts_ + "/" + version.artifact_sha256;
  StatusOr<std::string> bytes = ReadFile(path);
  if (!bytes.ok()) {
    return DataLoss("{}: the artifact of {}/{} is missing: {}; train the model again, or take the file from a backup",
                    path, version.model, version.version, Message(bytes.status()));
  }
  if (Sha256Hex(*bytes) != version.artifact_sha256) {
    return DataLoss(
        "{}: the artifact of {}/{} is damaged: its hash is not its name; train the model again, or take the file from "
        "a backup",
        path, version.model, version.version);
  }
  return bytes;
}

}  // namespace headrace
