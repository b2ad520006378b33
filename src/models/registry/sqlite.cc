#include "models/registry/sqlite.h"

#include <sqlite3.h>

#include <utility>

namespace headrace {

Status SqliteDamage(std::string_view path, std::string_view what) {
  return DataLoss("{}: damaged: {}; go on with the latest backup (headrace backup)", path, what);
}

Status SqliteError(sqlite3* connection, std::string_view path) {
  const std::string message = fmt::format("{}: {}", path, sqlite3_errmsg(connection));
  switch (sqlite3_errcode(connection) & 0xff) {
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return SqliteDamage(path, sqlite3_errmsg(connection));
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_IOERR:
    case SQLITE_CANTOPEN:
    case SQLITE_READONLY:
      return absl::UnavailableError(message);
    case SQLITE_FULL:
      return absl::ResourceExhaustedError(message);
    default:
      return absl::InternalError(message);
  }
}

void CloseSqlite::operator()(sqlite3* connection) const {
  sqlite3_close(connection);
}

StatusOr<SqliteStatement> SqliteStatement::Prepare(sqlite3* connection, std::string_view path, std::string_view sql) {
  sqlite3_stmt* statement = nullptr;
  if (sqlite3_prepare_v2(connection, sql.data(), static_cast<int>(sql.size()), &statement, nullptr) != SQLITE_OK) {
    return SqliteError(connection, path);
  }
  return SqliteStatement(connection, path, statement);
}

SqliteStatement::SqliteStatement(SqliteStatement&& other) noexcept
    : connection_(other.connection_),
      path_(std::move(other.path_)),
      statement_(std::exchange(other.statement_, nullptr)),
      next_parameter_(other.next_parameter_) {}

SqliteStatement::~SqliteStatement() {
  sqlite3_finalize(statement_);
}

SqliteStatement& SqliteStatement::Bind(std::string_view text) {
  sqlite3_bind_text64(statement_, next_parameter_++, text.data(), text.size(), SQLITE_TRANSIENT, SQLITE_UTF8);
  return *this;
}

SqliteStatement& SqliteStatement::Bind(int64_t v) {
  sqlite3_bind_int64(statement_, next_parameter_++, v);
  return *this;
}

StatusOr<bool> SqliteStatement::Step() {
  switch (sqlite3_step(statement_)) {
    case SQLITE_ROW:
      return true;
    case SQLITE_DONE:
      return false;
    default:
      return SqliteError(connection_, path_);
  }
}

Status SqliteStatement::Run() {
  return Step().status();
}

std::string SqliteStatement::Text(int column) const {
  const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(statement_, column));
  return text == nullptr ? "" : std::string(text, static_cast<size_t>(sqlite3_column_bytes(statement_, column)));
}

int64_t SqliteStatement::Integer(int column) const {
  return sqlite3_column_int64(statement_, column);
}

Status RunSql(sqlite3* connection, std::string_view path, const std::string& sql) {
  if (sqlite3_exec(connection, sql.c_str(), nullptr, nullptr, nullptr) == SQLITE_OK) return absl::OkStatus();
  return SqliteError(connection, path);
}

StatusOr<SqliteTransaction> SqliteTransaction::Begin(sqlite3* connection, std::string_view path) {
  HR_RETURN_IF_ERROR(RunSql(connection, path, "begin immediate"));
  return SqliteTransaction(connection, path);
}

SqliteTransaction::SqliteTransaction(SqliteTransaction&& other) noexcept
    : connection_(std::exchange(other.connection_, nullptr)), path_(std::move(other.path_)) {}

SqliteTransaction::~SqliteTransaction() {
  // A rollback that fails leaves nothing to do: closing the connection undoes the transaction.
  if (connection_ != nullptr) sqlite3_exec(connection_, "rollback", nullptr, nullptr, nullptr);
}

Status SqliteTransaction::Commit() {
  HR_RETURN_IF_ERROR(RunSql(connection_, path_, "commit"));
  connection_ = nullptr;
  return absl::OkStatus();
}

}  // namespace headrace
