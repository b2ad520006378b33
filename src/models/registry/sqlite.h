// SQLite with our Status: a connection, a prepared statement, a transaction. For this folder.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/status.h"

struct sqlite3;
struct sqlite3_stmt;

namespace headrace {

// The status of `connection`'s last error. kDataLoss: a damaged file, or none of SQLite's; kUnavailable: locked for
// longer than the busy timeout, or an I/O error; kResourceExhausted: the disk is full; kInternal otherwise.
Status SqliteError(sqlite3* connection, std::string_view path);

// kDataLoss: names the file, and says what to do.
Status SqliteDamage(std::string_view path, std::string_view what);

struct CloseSqlite {
  void operator()(sqlite3* connection) const;
};
using SqliteConnection = std::unique_ptr<sqlite3, CloseSqlite>;

// One statement, prepared and stepped. Parameters are bound from 1 in the order of the calls to Bind.
class SqliteStatement {
 public:
  static StatusOr<SqliteStatement> Prepare(sqlite3* connection, std::string_view path, std::string_view sql);
  SqliteStatement(SqliteStatement&& other) noexcept;
  SqliteStatement& operator=(SqliteStatement&&) = delete;
  ~SqliteStatement();

  SqliteStatement& Bind(std::string_view text);
  SqliteStatement& Bind(int64_t v);

  // True: a row is there to be read. False: there are no more.
  StatusOr<bool> Step();
  // Runs a statement that gives no rows.
  Status Run();

  std::string Text(int column) const;
  int64_t Integer(int column) const;

 private:
  SqliteStatement(sqlite3* connection, std::string_view path, sqlite3_stmt* statement)
      : connection_(connection), path_(path), statement_(statement) {}
  sqlite3* connection_;
  std::string path_;
  sqlite3_stmt* statement_;
  int next_parameter_ = 1;
};

// Runs statements that have no parameters, separated by semicolons.
Status RunSql(sqlite3* connection, std::string_view path, const std::string& sql);

// A write transaction: takes the write lock at once (BEGIN IMMEDIATE), rolls back unless committed.
class SqliteTransaction {
 public:
  static StatusOr<SqliteTransaction> Begin(sqlite3* connection, std::string_view path);
  SqliteTransaction(SqliteTransaction&& other) noexcept;
  SqliteTransaction& operator=(SqliteTransaction&&) = delete;
  ~SqliteTransaction();
  Status Commit();

 private:
  SqliteTransaction(sqlite3* connection, std::string_view path) : connection_(connection), path_(path) {}
  sqlite3* connection_;  // nullptr once ended
  std::string path_;
};

}  // namespace headrace
