#include "warehouse/parquet.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <thread>

#include "warehouse/appender.h"
#include "warehouse/arrow_stream.h"
#include "warehouse/sql_text.h"

namespace headrace {
namespace {

// Only begins to write; what it does not do is left to the sync.
void WriteOutGently(int fd) {
  constexpr off_t kPieceBytes = 1 << 20;
  constexpr std::chrono::milliseconds kPause(8);
  const off_t size = ::lseek(fd, 0, SEEK_END);
  for (off_t at = 0; at < size; at += kPieceBytes) {
    if (::sync_file_range(fd, at, kPieceBytes, SYNC_FILE_RANGE_WRITE) != 0) return;
    std::this_thread::sleep_for(kPause);
  }
}

Status SyncFile(const std::string& path, DiskPace pace) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return Unavailable("{}: cannot be opened: {}", path, std::strerror(errno));
  if (pace == DiskPace::kGentle) WriteOutGently(fd);
  const bool synced = ::fsync(fd) == 0;
  ::close(fd);
  if (!synced) return Unavailable("{}: cannot be synced: {}", path, std::strerror(errno));
  return absl::OkStatus();
}

Status Copy(Connection& connection, std::string_view sql, const std::string& path, std::string_view options,
            DiskPace pace) {
  const std::string aside = fmt::format("{}.{}.tmp", path, ::getpid());
  Status status =
      connection.Execute(fmt::format("copy (\n{}\n) to {} (format parquet, compression snappy, row_group_size {}{})",
                                     StripStatementEnd(sql), QuoteLiteral(aside), kRowGroupRows, options));
  if (status.ok()) status = SyncFile(aside, pace);
  if (status.ok() && ::rename(aside.c_str(), path.c_str()) != 0) {
    status = Unavailable("{}: cannot be replaced: {}", path, std::strerror(errno));
  }
  if (!status.ok()) ::unlink(aside.c_str());
  return status;
}

bool HoldsDoubles(TypeId type) {
  if (IsMap(type) && KeyOf(type) == TypeId::kDouble) return true;
  return (IsNested(type) ? ElementOf(type) : type) == TypeId::kDouble;
}

constexpr std::string_view kNoDictionary = ", dictionary_size_limit 0";

// A dictionary of DuckDB's takes -0.0 for 0.0 and every NaN for one, so that doubles would come back with other bits.
// It is for all columns of a file or for none.
std::string_view DictionaryOption(const Schema& schema) {
  const bool any =
      std::any_of(schema.begin(), schema.end(), [](const Field& field) { return HoldsDoubles(field.type); });
  return any ? kNoDictionary : "";
}

}  // namespace

Status WriteQueryAsParquet(Connection& connection, std::string_view sql, const std::string& path) {
  const StatusOr<Schema> schema = connection.Describe(sql);  // an error where a type is none of ours
  return Copy(connection, sql, path, schema.ok() ? DictionaryOption(*schema) : kNoDictionary, DiskPace::kFast);
}

namespace {

// Through a table, since the types have no Arrow form.
Status StoreBatches(Connection& connection, const Schema& schema, const BatchReader& next) {
  HR_RETURN_IF_ERROR(connection.Execute(fmt::format("create table batch ({})", ColumnDefinitions(schema))));
  HR_ASSIGN_OR_RETURN(const std::unique_ptr<Appender> appender, Appender::Create(connection, "", "batch"));
  while (true) {
    HR_ASSIGN_OR_RETURN(const std::optional<RecordBatch> rows, next());
    if (!rows) return appender->Close();
    HR_RETURN_IF_ERROR(appender->Append(*rows));
  }
}

Status Write(const Schema& schema, const BatchReader& next, const std::string& path, int threads, DiskPace pace) {
  DatabaseOptions options;
  options.threads = threads;
  HR_ASSIGN_OR_RETURN(const std::unique_ptr<Database> database, Database::Open(options));
  HR_ASSIGN_OR_RETURN(const std::unique_ptr<Connection> connection, database->Connect());
  ArrowView view(schema, next);
  if (HasArrowForm(schema)) {
    HR_RETURN_IF_ERROR(view.Create(*connection, "batch"));
  } else {
    HR_RETURN_IF_ERROR(StoreBatches(*connection, schema, next));
  }
  const Status status = Copy(*connection, "select * from batch", path, DictionaryOption(schema), pace);
  return view.error().ok() ? status : view.error();
}

}  // namespace

Status WriteParquet(const Schema& schema, const BatchReader& next, const std::string& path, int threads) {
  return Write(schema, next, path, threads, DiskPace::kFast);
}

Status WriteParquet(const RecordBatch& rows, const std::string& path, int threads, DiskPace pace) {
  size_t next_row = 0;
  return Write(
      rows.schema,
      [&]() -> StatusOr<std::optional<RecordBatch>> {
        if (next_row > 0 && next_row >= rows.num_rows) return std::nullopt;
        RecordBatch batch = rows.Slice(next_row, kRowGroupRows);
        next_row += kRowGroupRows;
        return batch;
      },
      path, threads, pace);
}

StatusOr<std::unique_ptr<ResultStream>> ReadParquet(Connection& connection, const std::string& path,
                                                    const std::vector<std::string>& columns) {
  return connection.Query(
      fmt::format("select {} from read_parquet({})", columns.empty() ? "*" : ColumnList(columns), QuoteLiteral(path)));
}

}  // namespace headrace
