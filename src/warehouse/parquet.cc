#include "warehouse/parquet.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "warehouse/sql_text.h"

namespace headrace {
namespace {

Status SyncFile(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return Unavailable("{}: cannot be opened: {}", path, std::strerror(errno));
  const bool synced = ::fsync(fd) == 0;
  ::close(fd);
  if (!synced) return Unavailable("{}: cannot be synced: {}", path, std::strerror(errno));
  return absl::OkStatus();
}

}  // namespace

Status WriteQueryAsParquet(Connection& connection, std::string_view sql, const std::string& path) {
  const std::string aside = fmt::format("{}.{}.tmp", path, ::getpid());
  Status status =
      connection.Execute(fmt::format("copy (\n{}\n) to {} (format parquet, compression snappy, row_group_size 122880)",
                                     StripStatementEnd(sql), QuoteLiteral(aside)));
  if (status.ok()) status = SyncFile(aside);
  if (status.ok() && ::rename(aside.c_str(), path.c_str()) != 0) {
    status = Unavailable("{}: cannot be replaced: {}", path, std::strerror(errno));
  }
  if (!status.ok()) ::unlink(aside.c_str());
  return status;
}

StatusOr<std::unique_ptr<ParquetWriter>> ParquetWriter::Create(Database& database, std::string path,
                                                               const Schema& schema) {
  std::unique_ptr<ParquetWriter> writer(new ParquetWriter());
  writer->path_ = std::move(path);
  HR_ASSIGN_OR_RETURN(writer->connection_, database.Connect());
  HR_RETURN_IF_ERROR(
      writer->connection_->Execute(fmt::format("create temp table batches ({})", ColumnDefinitions(schema))));
  HR_ASSIGN_OR_RETURN(writer->appender_, Appender::Create(*writer->connection_, "temp", "batches"));
  return writer;
}

Status ParquetWriter::Append(const RecordBatch& batch) {
  return appender_->Append(batch);
}

Status ParquetWriter::Finish() {
  HR_RETURN_IF_ERROR(appender_->Close());
  HR_RETURN_IF_ERROR(WriteQueryAsParquet(*connection_, "select * from temp.batches", path_));
  return connection_->Execute("drop table temp.batches");
}

StatusOr<std::unique_ptr<ResultStream>> ReadParquet(Connection& connection, const std::string& path,
                                                    const std::vector<std::string>& columns) {
  return connection.Query(
      fmt::format("select {} from read_parquet({})", columns.empty() ? "*" : ColumnList(columns), QuoteLiteral(path)));
}

}  // namespace headrace
