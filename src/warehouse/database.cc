#include "warehouse/database.h"

#include <vector>

#include "base/decimal.h"
#include "base/file.h"
#include "warehouse/duckdb_handles.h"
#include "warehouse/parallel_scan.h"
#include "warehouse/sql_error.h"
#include "warehouse/sql_text.h"
#include "warehouse/vector_reader.h"
#include "warehouse/wal_check.h"

namespace headrace {
namespace {

StatusOr<ConfigHandle> MakeConfig(const DatabaseOptions& options) {
  ConfigHandle config;
  if (duckdb_create_config(config.address()) != DuckDBSuccess) return Internal("DuckDB gave no configuration");
  const auto set = [&](const char* name, const std::string& value) -> Status {
    if (value.empty() || duckdb_set_config(config.get(), name, value.c_str()) == DuckDBSuccess) return absl::OkStatus();
    return InvalidArgument("DuckDB refuses the setting {} = '{}'", name, value);
  };
  HR_RETURN_IF_ERROR(set("autoinstall_known_extensions", "false"));
  HR_RETURN_IF_ERROR(set("autoload_known_extensions", "false"));
  HR_RETURN_IF_ERROR(set("errors_as_json", "true"));
  HR_RETURN_IF_ERROR(set("preserve_insertion_order", "true"));
  HR_RETURN_IF_ERROR(set("threads", options.threads > 0 ? std::to_string(options.threads) : ""));
  HR_RETURN_IF_ERROR(set("memory_limit", options.memory_limit));
  HR_RETURN_IF_ERROR(set("temp_directory", options.temp_directory));
  HR_RETURN_IF_ERROR(set("access_mode", options.read_only ? "READ_ONLY" : ""));
  return config;
}

Status BindValue(duckdb_prepared_statement statement, idx_t index, const Value& value) {
  duckdb_state state = DuckDBSuccess;
  if (!value.is_null() && IsNested(value.type())) {
    return InvalidArgument("parameter {} is a {}, which is no parameter", index, TypeName(value.type()));
  }
  if (!value.is_null() && IsDecimal(value.type())) {
    const Int128 units = DecodeDecimal(value.str());
    state = duckdb_bind_decimal(statement, index,
                                {static_cast<uint8_t>(WidthOf(value.type())),
                                 static_cast<uint8_t>(ScaleOf(value.type())),
                                 {static_cast<uint64_t>(units), static_cast<int64_t>(units >> 64)}});
  } else if (value.is_null()) {
    state = duckdb_bind_null(statement, index);
  } else {
    switch (value.type()) {
      case TypeId::kBoolean:
        state = duckdb_bind_boolean(statement, index, value.int64() != 0);
        break;
      case TypeId::kBigint:
        state = duckdb_bind_int64(statement, index, value.int64());
        break;
      case TypeId::kDouble:
        state = duckdb_bind_double(statement, index, value.dbl());
        break;
      case TypeId::kVarchar:
        state = duckdb_bind_varchar_length(statement, index, value.str().data(), value.str().size());
        break;
      case TypeId::kDate:
        state = duckdb_bind_date(statement, index, {static_cast<int32_t>(value.int64())});
        break;
      case TypeId::kTimestamp:
        state = duckdb_bind_timestamp(statement, index, {value.int64()});
        break;
    }
  }
  if (state != DuckDBSuccess) return InvalidArgument("parameter {} cannot be bound", index);
  return absl::OkStatus();
}

Status Damaged(const std::string& path, const Status& status) {
  return DataLoss("{}: damaged: {}; go on with the latest backup (headrace backup)", path, Message(status));
}

StatusOr<PreparedHandle> Prepare(duckdb_connection connection, std::string_view sql,
                                 std::span<const Value> parameters) {
  PreparedHandle statement;
  if (duckdb_prepare(connection, std::string(sql).c_str(), statement.address()) != DuckDBSuccess) {
    return SqlStatus(duckdb_prepare_error(statement.get()));
  }
  if (duckdb_nparams(statement.get()) != parameters.size()) {
    return InvalidArgument("the statement has {} parameters, {} were given", duckdb_nparams(statement.get()),
                           parameters.size());
  }
  for (size_t i = 0; i < parameters.size(); ++i) {
    HR_RETURN_IF_ERROR(BindValue(statement.get(), i + 1, parameters[i]));
  }
  return statement;
}

struct PreparedColumn {
  std::string name;
  LogicalTypeHandle type;
};

std::vector<PreparedColumn> ColumnsOf(duckdb_prepared_statement statement) {
  std::vector<PreparedColumn> result;
  const idx_t count = duckdb_prepared_statement_column_count(statement);
  for (idx_t i = 0; i < count; ++i) {
    const char* name = duckdb_prepared_statement_column_name(statement, i);
    result.push_back(
        {name == nullptr ? "" : name, LogicalTypeHandle(duckdb_prepared_statement_column_logical_type(statement, i))});
    duckdb_free(const_cast<char*>(name));
  }
  return result;
}

// select c0 as "a", cast(c1 as varchar) as "b" from (sql) as t(c0, c1)
std::string RenderingSql(std::string_view sql, const std::vector<PreparedColumn>& columns) {
  std::string names;
  std::string list;
  for (size_t i = 0; i < columns.size(); ++i) {
    const std::string comma = i == 0 ? "" : ", ";
    names += fmt::format("{}c{}", comma, i);
    const std::string value =
        fmt::format(fmt::runtime(VectorReader::CanRead(columns[i].type.get()) ? "c{}" : "cast(c{} as varchar)"), i);
    list += fmt::format("{}{} as {}", comma, value, QuoteIdentifier(columns[i].name));
  }
  return fmt::format("select {} from (\n{}\n) as t({})", list, StripStatementEnd(sql), names);
}

// Prepared, with columns that can be read if the options ask for that.
StatusOr<PreparedHandle> PrepareReadable(duckdb_connection connection, std::string_view sql,
                                         std::span<const Value> parameters, QueryOptions options) {
  HR_ASSIGN_OR_RETURN(PreparedHandle statement, Prepare(connection, sql, parameters));
  if (!options.render_other_types) return statement;
  const std::vector<PreparedColumn> columns = ColumnsOf(statement.get());
  bool readable = true;
  for (const PreparedColumn& column : columns) readable &= VectorReader::CanRead(column.type.get());
  if (readable) return statement;
  return Prepare(connection, RenderingSql(sql, columns), parameters);
}

}  // namespace

Status SqlStatus(const char* error) {
  return ToStatus(ParseSqlError(error == nullptr ? "DuckDB gave no reason" : error));
}

struct ResultStream::State {
  Connection* connection;
  PreparedHandle statement;
  ResultHandle result;
  Schema schema;
  std::vector<VectorReader> readers;
};

ResultStream::ResultStream(std::unique_ptr<State> state) : state_(std::move(state)) {}
ResultStream::~ResultStream() = default;
const Schema& ResultStream::schema() const {
  return state_->schema;
}

StatusOr<std::optional<RecordBatch>> ResultStream::Next() {
  while (true) {
    const DataChunkHandle chunk(duckdb_fetch_chunk(*state_->result));
    if (!chunk) {
      HR_RETURN_IF_ERROR(state_->connection->Located(ErrorOfStream()));
      return std::nullopt;
    }
    const size_t rows = duckdb_data_chunk_get_size(chunk.get());
    if (rows == 0) continue;
    RecordBatch batch;
    batch.schema = state_->schema;
    batch.num_rows = rows;
    for (size_t i = 0; i < state_->readers.size(); ++i) {
      HR_ASSIGN_OR_RETURN(Column column, state_->readers[i].Read(duckdb_data_chunk_get_vector(chunk.get(), i), rows));
      batch.columns.push_back(std::move(column));
    }
    return batch;
  }
}

Status ResultStream::ErrorOfStream() {
  const char* error = duckdb_result_error(state_->result.address());
  if (error == nullptr || *error == '\0') return absl::OkStatus();
  Status status = SqlStatus(error);
  if (!absl::IsCancelled(status) || state_->connection->interrupted_) return status;
  // When one thread of a stream fails, DuckDB interrupts the others, and now and then reports that interrupt in the
  // place of the error (about one time in ten on two cores). Results that are not streamed say it right.
  ResultHandle again;
  if (duckdb_execute_prepared(state_->statement.get(), again.address()) == DuckDBSuccess) return status;
  return SqlStatus(duckdb_result_error(again.address()));
}

StatusOr<std::unique_ptr<Database>> Database::Open(const DatabaseOptions& options) {
  HR_ASSIGN_OR_RETURN(ConfigHandle config, MakeConfig(options));
  if (!options.temp_directory.empty()) HR_RETURN_IF_ERROR(MakeFolders(options.temp_directory));
  if (!options.path.empty()) HR_RETURN_IF_ERROR(CheckWriteAheadLogs(options.path));
  std::unique_ptr<Database> database(new Database());
  char* error = nullptr;
  const char* path = options.path.empty() ? nullptr : options.path.c_str();
  if (duckdb_open_ext(path, &database->handle_, config.get(), &error) != DuckDBSuccess) {
    const Status status = SqlStatus(error);
    duckdb_free(error);
    if (options.path.empty()) return status;
    return absl::IsDataLoss(status) ? Damaged(options.path, status) : Annotate(status, options.path);
  }
  database->path_ = options.path;
  HR_ASSIGN_OR_RETURN(std::unique_ptr<Connection> connection, database->Connect());
  HR_ASSIGN_OR_RETURN(const Value name, connection->QueryValue("select current_catalog()"));
  database->catalog_name_ = name.str();
  HR_RETURN_IF_ERROR(RegisterScanSink(*connection));
  return database;
}

StatusOr<std::unique_ptr<Database>> Database::OpenInMemory() {
  return Open(DatabaseOptions{});
}

Database::~Database() {
  if (handle_ != nullptr) duckdb_close(&handle_);
}

StatusOr<std::unique_ptr<Connection>> Database::Connect() {
  std::unique_ptr<Connection> connection(new Connection());
  if (duckdb_connect(handle_, &connection->handle_) != DuckDBSuccess) return Internal("DuckDB gave no connection");
  connection->path_ = path_;
  HR_RETURN_IF_ERROR(connection->Execute(
      "set TimeZone = 'UTC'; set enable_progress_bar = true; set enable_progress_bar_print = false"));
  return connection;
}

Connection::~Connection() {
  if (handle_ != nullptr) duckdb_disconnect(&handle_);
}

Status Connection::Execute(std::string_view sql, std::span<const Value> parameters) {
  interrupted_ = false;
  ResultHandle result;
  if (parameters.empty()) {
    if (duckdb_query(handle_, std::string(sql).c_str(), result.address()) == DuckDBSuccess) return absl::OkStatus();
    return Located(SqlStatus(duckdb_result_error(result.address())));
  }
  HR_ASSIGN_OR_RETURN(const PreparedHandle statement, Prepare(handle_, sql, parameters));
  if (duckdb_execute_prepared(statement.get(), result.address()) == DuckDBSuccess) return absl::OkStatus();
  return Located(SqlStatus(duckdb_result_error(result.address())));
}

Status Connection::Located(const Status& status) const {
  const bool of_file = absl::IsDataLoss(status) && status.message().find("database file") != absl::string_view::npos;
  return of_file && !path_.empty() ? Damaged(path_, status) : status;
}

StatusOr<std::unique_ptr<ResultStream>> Connection::Run(std::string_view sql, std::span<const Value> parameters,
                                                        QueryOptions options, bool stream) {
  StatusOr<std::unique_ptr<ResultStream>> result = Start(sql, parameters, options, stream);
  if (!result.ok()) return Located(result.status());
  return result;
}

StatusOr<std::unique_ptr<ResultStream>> Connection::Start(std::string_view sql, std::span<const Value> parameters,
                                                          QueryOptions options, bool stream) {
  interrupted_ = false;
  auto state = std::make_unique<ResultStream::State>();
  state->connection = this;
  HR_ASSIGN_OR_RETURN(state->statement, PrepareReadable(handle_, sql, parameters, options));
  PendingHandle pending;
  const auto begin = stream ? duckdb_pending_prepared_streaming : duckdb_pending_prepared;
  if (begin(state->statement.get(), pending.address()) != DuckDBSuccess) {
    return SqlStatus(duckdb_pending_error(pending.get()));
  }
  if (duckdb_execute_pending(pending.get(), state->result.address()) != DuckDBSuccess) {
    return SqlStatus(duckdb_result_error(state->result.address()));
  }
  const idx_t count = duckdb_column_count(state->result.address());
  for (idx_t i = 0; i < count; ++i) {
    const std::string name = duckdb_column_name(state->result.address(), i);
    const LogicalTypeHandle type(duckdb_column_logical_type(state->result.address(), i));
    HR_ASSIGN_OR_RETURN(VectorReader reader, VectorReader::Create(name, type.get()));
    state->schema.push_back({name, reader.type()});
    state->readers.push_back(std::move(reader));
  }
  return std::unique_ptr<ResultStream>(new ResultStream(std::move(state)));
}

StatusOr<std::unique_ptr<ResultStream>> Connection::Query(std::string_view sql, std::span<const Value> parameters,
                                                          QueryOptions options) {
  return Run(sql, parameters, options, /*stream=*/true);
}

StatusOr<RecordBatch> Connection::QueryAll(std::string_view sql, std::span<const Value> parameters,
                                           QueryOptions options) {
  HR_ASSIGN_OR_RETURN(const std::unique_ptr<ResultStream> stream, Run(sql, parameters, options, /*stream=*/false));
  RecordBatch result(stream->schema());
  while (true) {
    HR_ASSIGN_OR_RETURN(const std::optional<RecordBatch> batch, stream->Next());
    if (!batch) return result;
    result.AppendBatch(*batch);
  }
}

StatusOr<Value> Connection::QueryValue(std::string_view sql, std::span<const Value> parameters) {
  HR_ASSIGN_OR_RETURN(const RecordBatch rows, QueryAll(sql, parameters));
  if (rows.num_rows == 0 || rows.columns.empty()) return Value::Null();
  return rows.columns[0].GetValue(0);
}

StatusOr<Schema> Connection::Describe(std::string_view sql, QueryOptions options) {
  HR_ASSIGN_OR_RETURN(const PreparedHandle statement, PrepareReadable(handle_, sql, {}, options));
  Schema schema;
  for (const PreparedColumn& column : ColumnsOf(statement.get())) {
    HR_ASSIGN_OR_RETURN(const VectorReader reader, VectorReader::Create(column.name, column.type.get()));
    schema.push_back({column.name, reader.type()});
  }
  return schema;
}

void Connection::Interrupt() {
  interrupted_ = true;
  duckdb_interrupt(handle_);
}

std::optional<double> Connection::Progress() {
  const duckdb_query_progress_type progress = duckdb_query_progress(handle_);
  if (progress.percentage < 0) return std::nullopt;
  return progress.percentage;
}

LowerMemoryLimit::LowerMemoryLimit(Connection& connection, int64_t bytes) : connection_(connection) {
  // The setting is a text such as "18.6 GiB", which DuckDB's own parser of sizes takes.
  const StatusOr<Value> before = connection.QueryValue(
      fmt::format("select current_setting('memory_limit') where parse_formatted_bytes(current_setting('memory_limit')) "
                  "> {}",
                  bytes));
  if (!before.ok() || before->is_null()) return;
  if (connection.Execute(fmt::format("set memory_limit = '{}B'", bytes)).ok()) before_ = before->str();
}

LowerMemoryLimit::~LowerMemoryLimit() {
  if (!before_.empty()) (void)connection_.Execute(fmt::format("set memory_limit = '{}'", before_));
}

StatusOr<Transaction> Transaction::Begin(Connection& connection, bool read_only) {
  HR_RETURN_IF_ERROR(connection.Execute(read_only ? "begin transaction read only" : "begin transaction"));
  return Transaction(&connection);
}

Status Transaction::Commit() {
  Connection* connection = std::exchange(connection_, nullptr);
  if (connection == nullptr) return FailedPrecondition("the transaction has already ended");
  Status status = connection->Execute("commit");
  // A commit that failed has rolled back, or left a transaction that can do nothing else.
  if (!status.ok()) (void)connection->Execute("rollback");
  return status;
}

void Transaction::Rollback() {
  if (Connection* connection = std::exchange(connection_, nullptr)) (void)connection->Execute("rollback");
}

}  // namespace headrace
