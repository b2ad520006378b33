// The DuckDB adapter: a database, its connections, their results. Nothing outside this folder sees DuckDB's types.
//
// Every connection runs in UTC. Extensions are never installed or loaded on their own. Errors of SQL carry the byte
// offset of the offending text (warehouse/sql_error.h) and these codes:
//   kInvalidArgument    the statement or the data is wrong
//   kNotFound           a file that the statement reads does not exist
//   kResourceExhausted  out of memory or of disk space
//   kUnavailable        the database is locked by another process, a write conflict, an I/O error
//   kCancelled          Interrupt() was called
//   kDataLoss           the file is damaged, or is no DuckDB database
//
// Types that DuckDB gives -> ours:
//   every integer type             BIGINT; an error if a value is beyond 64 bits
//   FLOAT, DOUBLE                  DOUBLE
//   DECIMAL                        DECIMAL of that width and scale
//   VARCHAR, ENUM, UUID            VARCHAR
//   DATE                           DATE; an error if infinite
//   TIMESTAMP, _S, _MS, _NS, TZ    TIMESTAMP; an error if infinite, or if not whole microseconds (rule 14)
//   BOOLEAN                        BOOLEAN
//   LIST, MAP of these             the same, a map's keys ascending
//   NULL (of no type)              VARCHAR
//   all others                     an error that names the column, unless QueryOptions says to render them as text
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "base/column.h"
#include "base/status.h"
#include "base/value.h"

struct _duckdb_database;
struct _duckdb_connection;

namespace headrace {

struct DatabaseOptions {
  std::string path;            // "" for a database in memory
  std::string temp_directory;  // where to spill; "" for DuckDB's choice
  std::string memory_limit;    // "4GB"; "" for DuckDB's choice, 80 % of the machine
  int threads = 0;             // 0: as many as there are cores
  bool read_only = false;
};

class Connection;

// An open database file. One process has it at a time. Thread-safe. Connections keep the file open until the last
// of them is gone.
class Database {
 public:
  static StatusOr<std::unique_ptr<Database>> Open(const DatabaseOptions& options);
  static StatusOr<std::unique_ptr<Database>> OpenInMemory();
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  StatusOr<std::unique_ptr<Connection>> Connect();

  // The name under which DuckDB knows the file ("warehouse" of warehouse.duckdb); no schema can have it.
  const std::string& catalog_name() const { return catalog_name_; }

 private:
  Database() = default;
  _duckdb_database* handle_ = nullptr;
  std::string path_;
  std::string catalog_name_;
};

struct QueryOptions {
  // Columns of types that are not ours come as VARCHAR, in DuckDB's own rendering.
  bool render_other_types = false;
};

// The rows of a query as they come, in the order of the query. Must not outlive its connection, and ends with the
// connection's next statement. One thread at a time.
class ResultStream {
 public:
  ~ResultStream();
  const Schema& schema() const;
  // The next rows, at most a few thousand; nothing at the end.
  StatusOr<std::optional<RecordBatch>> Next();

 private:
  friend class Connection;
  struct State;
  explicit ResultStream(std::unique_ptr<State> state);
  Status ErrorOfStream();
  std::unique_ptr<State> state_;
};

// One thread at a time, but for Interrupt and Progress.
class Connection {
 public:
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // Runs a statement and drops its rows; several, separated by semicolons, when there are no parameters.
  Status Execute(std::string_view sql, std::span<const Value> parameters = {});

  // One statement; `parameters` fill its ? or $1, $2 ...
  StatusOr<std::unique_ptr<ResultStream>> Query(std::string_view sql, std::span<const Value> parameters = {},
                                                QueryOptions options = {});
  // All rows at once.
  StatusOr<RecordBatch> QueryAll(std::string_view sql, std::span<const Value> parameters = {},
                                 QueryOptions options = {});
  // The first column of the first row; null when there is no row.
  StatusOr<Value> QueryValue(std::string_view sql, std::span<const Value> parameters = {});

  // The names and types of a query's columns, without running it.
  StatusOr<Schema> Describe(std::string_view sql, QueryOptions options = {});

  // Ends the running statement with kCancelled. From any thread.
  void Interrupt();
  // How far the running statement is, in percent; nothing when that is not known. From any thread.
  std::optional<double> Progress();

  _duckdb_connection* handle() { return handle_; }  // for this folder

 private:
  friend class Database;
  friend class ResultStream;
  Connection() = default;
  StatusOr<std::unique_ptr<ResultStream>> Run(std::string_view sql, std::span<const Value> parameters,
                                              QueryOptions options, bool stream);
  StatusOr<std::unique_ptr<ResultStream>> Start(std::string_view sql, std::span<const Value> parameters,
                                                QueryOptions options, bool stream);
  // An error of damage names the database's file, which DuckDB's own text does not.
  Status Located(const Status& status) const;
  std::string path_;
  _duckdb_connection* handle_ = nullptr;
  std::atomic<bool> interrupted_ = false;  // since the running statement began
};

// Keeps the database of a connection to less memory while it lives, if it may have more: a scan reads each block once
// and gains nothing from those that DuckDB keeps. It holds for every connection, so not for a database that serves.
class LowerMemoryLimit {
 public:
  // The connection must outlive it. A limit that cannot be lowered (too much is in use) stays as it is.
  LowerMemoryLimit(Connection& connection, int64_t bytes);
  ~LowerMemoryLimit();
  LowerMemoryLimit(const LowerMemoryLimit&) = delete;
  LowerMemoryLimit& operator=(const LowerMemoryLimit&) = delete;

 private:
  Connection& connection_;
  std::string before_;  // "" when it was not lowered
};

// A transaction of a connection: rolled back unless committed.
class Transaction {
 public:
  static StatusOr<Transaction> Begin(Connection& connection, bool read_only = false);
  Transaction(Transaction&& other) noexcept : connection_(std::exchange(other.connection_, nullptr)) {}
  Transaction& operator=(Transaction&&) = delete;
  ~Transaction() { Rollback(); }

  Status Commit();
  void Rollback();

 private:
  explicit Transaction(Connection* connection) : connection_(connection) {}
  Connection* connection_;  // nullptr once ended
};

}  // namespace headrace
