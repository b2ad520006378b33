#include "engine/rows_file.h"

#include <array>
#include <filesystem>

#include "absl/strings/ascii.h"
#include "base/diagnostic.h"
#include "warehouse/appender.h"
#include "warehouse/parquet.h"
#include "warehouse/sources.h"
#include "warehouse/sql_text.h"

namespace headrace {
namespace {

namespace fs = std::filesystem;

struct FileKind {
  std::string_view extension;
  std::string_view copy_options;  // of DuckDB's COPY
};
constexpr std::array<FileKind, 5> kKinds = {{{".csv", "FORMAT csv, HEADER"},
                                             {".json", "FORMAT json, ARRAY true"},
                                             {".ndjson", "FORMAT json, ARRAY false"},
                                             {".jsonl", "FORMAT json, ARRAY false"},
                                             {".parquet", ""}}};

const FileKind* FindKind(const std::string& path) {
  const std::string extension = absl::AsciiStrToLower(fs::path(path).extension().string());
  for (const FileKind& kind : kKinds) {
    if (kind.extension == extension) return &kind;
  }
  return nullptr;
}

// The file as a source of a project, which knows how to read it.
SourceTable AsSource(const std::string& path) {
  SourceTable source;
  source.source = "file";
  source.name = fs::path(path).filename().string();
  source.location = path;
  source.where = {path, 0, 0};
  return source;
}

}  // namespace

StatusOr<RecordBatch> ReadRowsFile(const std::string& path, const Schema& declared) {
  if (!fs::is_regular_file(path)) return NotFound("there is no file {}", path);
  HR_ASSIGN_OR_RETURN(const std::unique_ptr<Database> database, Database::OpenInMemory());
  HR_ASSIGN_OR_RETURN(const std::unique_ptr<Connection> connection, database->Connect());
  Project project;
  project.root = "/";
  SourceTable source = AsSource(path);
  HR_ASSIGN_OR_RETURN(std::string reader, ReaderSql(*connection, project, source, {path}));
  if (declared.empty()) return connection->QueryAll(reader);
  HR_ASSIGN_OR_RETURN(const Schema found, connection->Describe(reader, {.render_other_types = true}));
  for (const Field& field : declared) {
    if (FindField(found, field.name)) source.columns.push_back({field.name, field.type, "", source.where});
  }
  HR_ASSIGN_OR_RETURN(reader, ReaderSql(*connection, project, source, {path}));
  return connection->QueryAll(reader);
}

Status CheckRowsFileName(const std::string& path) {
  if (FindKind(path) != nullptr) return absl::OkStatus();
  return InvalidArgument("{}: this kind of file is not known; use .csv, .json, .ndjson or .parquet", path);
}

Status WriteRowsFile(const RecordBatch& rows, const std::string& path) {
  HR_RETURN_IF_ERROR(CheckRowsFileName(path));
  const FileKind& kind = *FindKind(path);
  if (kind.copy_options.empty()) return WriteParquet(rows, path);
  HR_ASSIGN_OR_RETURN(const std::unique_ptr<Database> database, Database::OpenInMemory());
  HR_ASSIGN_OR_RETURN(const std::unique_ptr<Connection> connection, database->Connect());
  HR_RETURN_IF_ERROR(connection->Execute(fmt::format("CREATE TABLE answers ({})", ColumnDefinitions(rows.schema))));
  HR_ASSIGN_OR_RETURN(const std::unique_ptr<Appender> appender, Appender::Create(*connection, "", "answers"));
  HR_RETURN_IF_ERROR(appender->Append(rows));
  HR_RETURN_IF_ERROR(appender->Close());
  const std::string aside = path + ".part";
  HR_RETURN_IF_ERROR(
      connection->Execute(fmt::format("COPY answers TO {} ({})", QuoteLiteral(aside), kind.copy_options)));
  std::error_code error;
  fs::rename(aside, path, error);
  return error ? Unavailable("{}: {}", path, error.message()) : absl::OkStatus();
}

Json RowToJson(const RecordBatch& rows, size_t row) {
  Json::Object object;
  for (size_t i = 0; i < rows.columns.size(); ++i) {
    object.emplace_back(rows.schema[i].name, ToJson(rows.columns[i].GetValue(row)));
  }
  return object;
}

}  // namespace headrace
