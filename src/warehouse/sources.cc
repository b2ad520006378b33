#include "warehouse/sources.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <set>

#include "absl/strings/str_replace.h"
#include "base/diagnostic.h"
#include "warehouse/cast_sql.h"
#include "warehouse/schema_objects.h"
#include "warehouse/sql_text.h"

namespace headrace {
namespace {

enum class FileKind : uint8_t { kCsv, kJson, kParquet };

bool EndsWith(std::string_view text, std::string_view end) {
  return text.size() >= end.size() && text.substr(text.size() - end.size()) == end;
}

bool IsUrl(std::string_view location) {
  return location.find("://") != std::string_view::npos;
}
bool IsGlob(std::string_view location) {
  return location.find_first_of("*?[") != std::string_view::npos;
}

std::string AbsolutePath(const Project& project, const std::string& path) {
  return IsUrl(path) || std::filesystem::path(path).is_absolute() ? path : project.root + "/" + path;
}

Status AtSource(const SourceTable& source, const SourcePosition& where, absl::StatusCode code, std::string message,
                std::string hint = "") {
  const Diagnostic diagnostic{where, fmt::format("source {}: {}", source.FullName(), message), std::move(hint)};
  return Status(code, diagnostic.ToString());
}

StatusOr<FileKind> KindOf(const SourceTable& source, std::string_view file) {
  std::string_view name = file;
  bool compressed = false;
  for (const std::string_view end : {".gz", ".zst"}) {
    if (EndsWith(name, end)) {
      name.remove_suffix(end.size());
      compressed = true;
    }
  }
  if (EndsWith(name, ".csv") || EndsWith(name, ".tsv")) return FileKind::kCsv;
  if (EndsWith(name, ".json") || EndsWith(name, ".ndjson") || EndsWith(name, ".jsonl")) return FileKind::kJson;
  if (EndsWith(name, ".parquet") && !compressed) return FileKind::kParquet;
  return AtSource(source, source.where, absl::StatusCode::kInvalidArgument,
                  fmt::format("'{}' has an extension that is not known", file),
                  "use .csv, .tsv, .json, .ndjson or .jsonl, each also with .gz or .zst, or .parquet");
}

std::string FileList(const Project& project, const std::vector<std::string>& files) {
  std::string list;
  for (const std::string& file : files) {
    list += (list.empty() ? "" : ", ") + QuoteLiteral(AbsolutePath(project, file));
  }
  return "[" + list + "]";
}

std::string_view ReaderOf(FileKind kind) {
  switch (kind) {
    case FileKind::kCsv:
      return "read_csv";
    case FileKind::kJson:
      return "read_json";
    case FileKind::kParquet:
      return "read_parquet";
  }
  return "";
}

// read_csv(['a', 'b'], nullstr = 'NA', union_by_name = true, ...)
std::string ReaderCall(const Project& project, const SourceTable& source, FileKind kind,
                       const std::vector<std::string>& files, std::string_view more_options) {
  std::string options;
  for (const auto& [name, value] : source.options) options += fmt::format(", {} = {}", QuoteIdentifier(name), value);
  if (files.size() > 1 && !source.options.contains("union_by_name")) options += ", union_by_name = true";
  return fmt::format("{}({}{}{})", ReaderOf(kind), FileList(project, files), options, more_options);
}

const TypedColumn* Find(const std::vector<TypedColumn>& columns, const std::string& name) {
  const auto it = std::find_if(columns.begin(), columns.end(), [&](const TypedColumn& c) { return c.name == name; });
  return it == columns.end() ? nullptr : &*it;
}

Status CheckDeclaredColumns(const SourceTable& source, const std::vector<TypedColumn>& found,
                            const std::string& first_file) {
  std::vector<std::string> names;
  names.reserve(found.size());
  for (const TypedColumn& column : found) names.push_back(column.name);
  Diagnostics diagnostics;
  for (const ColumnSpec& column : source.columns) {
    if (Find(found, column.name) != nullptr) continue;
    diagnostics.push_back(
        {column.where, fmt::format("source {}: '{}' has no column '{}'", source.FullName(), first_file, column.name),
         NearestNameHint(column.name, names)});
  }
  return ToStatus(diagnostics);
}

// The type with which a text file's reader is to read a column whose declared type is `type`, so that CastSql can
// still see what was written.
std::string_view ReadAs(TypeId type, bool has_format) {
  if (type == TypeId::kBigint || IsDecimal(type)) return "VARCHAR";
  if (type == TypeId::kTimestamp) return has_format ? "TIMESTAMP" : "TIMESTAMP WITH TIME ZONE";
  return TypeName(type);
}

// Sets the types in `columns` to those with which the declared columns are to be read.
void ApplyDeclaredTypes(const SourceTable& source, std::vector<TypedColumn>* columns) {
  const bool has_format = source.options.contains("timestampformat");
  for (TypedColumn& column : *columns) {
    for (const ColumnSpec& declared : source.columns) {
      if (declared.name == column.name && declared.type) column.type = ReadAs(*declared.type, has_format);
    }
  }
}

std::string TypesOption(FileKind kind, const SourceTable& source, const std::vector<TypedColumn>& columns) {
  std::string list;
  for (const TypedColumn& column : columns) {
    const bool declared = std::any_of(source.columns.begin(), source.columns.end(),
                                      [&](const ColumnSpec& spec) { return spec.name == column.name && spec.type; });
    // read_csv takes the types of some columns, read_json of all or of none.
    if (kind == FileKind::kCsv && !declared) continue;
    list += fmt::format("{}{}: {}", list.empty() ? "" : ", ", QuoteLiteral(column.name), QuoteLiteral(column.type));
  }
  return fmt::format(", {} = {{{}}}", kind == FileKind::kCsv ? "types" : "columns", list);
}

bool HasDeclaredTypes(const SourceTable& source) {
  return std::any_of(source.columns.begin(), source.columns.end(),
                     [](const ColumnSpec& c) { return c.type.has_value(); });
}

// Options by which the user has set types already; DuckDB refuses a second set.
bool SetsTypes(const SourceTable& source) {
  for (const char* name : {"types", "dtypes", "column_types", "columns", "all_varchar"}) {
    if (source.options.contains(name)) return true;
  }
  return false;
}

// DuckDB's CSV reader says what is wrong in a first paragraph, and then prints all its settings, the file among them.
Status ReadError(const Project& project, const SourceTable& source, const std::vector<std::string>& files,
                 const Status& status) {
  constexpr std::string_view kFileSetting = "\n  file = ";
  std::string what = files.size() == 1 ? files[0] : source.location;
  std::string message(status.message());
  if (const size_t file = message.find(kFileSetting); file != std::string::npos) {
    const size_t begin = file + kFileSetting.size();
    what = message.substr(begin, message.find('\n', begin) - begin);
    if (what.compare(0, project.root.size() + 1, project.root + "/") == 0) what.erase(0, project.root.size() + 1);
    message = absl::StrReplaceAll(message.substr(0, message.find("\n\n")), {{"\n", "; "}});
  }
  return AtSource(source, source.where, status.code(), fmt::format("'{}': {}", what, message));
}

StatusOr<std::set<std::string>> LoadedFiles(Connection& connection, const SourceTable& source) {
  const Value name = Value::Varchar(source.FullName());
  HR_ASSIGN_OR_RETURN(const RecordBatch rows,
                      connection.QueryAll("select file from headrace.loaded_files where source = ?", {&name, 1}));
  std::set<std::string> result;
  for (size_t row = 0; row < rows.num_rows; ++row) result.emplace(rows.columns[0].str(row));
  return result;
}

Status RememberFiles(Connection& connection, const SourceTable& source, const std::vector<std::string>& files,
                     TimestampUs now) {
  for (const std::string& file : files) {
    const std::array<Value, 3> row = {Value::Varchar(source.FullName()), Value::Varchar(file), Value::Timestamp(now)};
    HR_RETURN_IF_ERROR(connection.Execute("insert into headrace.loaded_files values (?, ?, ?)", row));
  }
  return absl::OkStatus();
}

StatusOr<int64_t> CountRows(Connection& connection, const std::string& relation) {
  HR_ASSIGN_OR_RETURN(const Value count, connection.QueryValue("select count(*) from " + relation));
  return count.int64();
}

}  // namespace

StatusOr<std::vector<std::string>> FindFiles(Connection& connection, const Project& project,
                                             const SourceTable& source) {
  HR_RETURN_IF_ERROR(KindOf(source, source.location).status());
  if (IsUrl(source.location)) return std::vector<std::string>{source.location};
  const std::string pattern = AbsolutePath(project, source.location);
  if (!IsGlob(source.location)) {
    if (std::filesystem::is_regular_file(pattern)) return std::vector<std::string>{source.location};
    return AtSource(source, source.where, absl::StatusCode::kNotFound,
                    fmt::format("the file '{}' does not exist", source.location),
                    "a location is relative to the project's folder");
  }
  const Value parameter = Value::Varchar(pattern);
  HR_ASSIGN_OR_RETURN(const RecordBatch rows,
                      connection.QueryAll("select file from glob(?) order by file", {&parameter, 1}));
  std::vector<std::string> files;
  const std::string prefix = project.root + "/";
  for (size_t row = 0; row < rows.num_rows; ++row) {
    std::string file(rows.columns[0].str(row));
    if (pattern != source.location && file.compare(0, prefix.size(), prefix) == 0) file.erase(0, prefix.size());
    files.push_back(std::move(file));
  }
  if (!files.empty()) return files;
  return AtSource(source, source.where, absl::StatusCode::kNotFound,
                  fmt::format("no file matches '{}'", source.location),
                  "a location is relative to the project's folder");
}

StatusOr<std::string> ReaderSql(Connection& connection, const Project& project, const SourceTable& source,
                                const std::vector<std::string>& files) {
  HR_ASSIGN_OR_RETURN(const FileKind kind, KindOf(source, source.location));
  std::string reader = ReaderCall(project, source, kind, files, "");
  if (source.columns.empty()) return "select * from " + reader;

  StatusOr<std::vector<TypedColumn>> columns = DescribeTypes(connection, "select * from " + reader);
  if (!columns.ok()) return ReadError(project, source, files, columns.status());
  HR_RETURN_IF_ERROR(CheckDeclaredColumns(source, *columns, files.front()));
  if (!HasDeclaredTypes(source)) return "select * from " + reader;
  if (kind != FileKind::kParquet && !SetsTypes(source)) {
    ApplyDeclaredTypes(source, &*columns);
    reader = ReaderCall(project, source, kind, files, TypesOption(kind, source, *columns));
  }
  std::string casts;
  for (const ColumnSpec& column : source.columns) {
    if (!column.type) continue;
    casts += fmt::format("{}{} as {}", casts.empty() ? "" : ", ", CastSql(*Find(*columns, column.name), *column.type),
                         QuoteIdentifier(column.name));
  }
  return fmt::format("select * replace ({}) from {}", casts, reader);
}

StatusOr<SourceLoad> LoadSource(Connection& connection, const Project& project, const SourceTable& source,
                                bool full_refresh, TimestampUs now) {
  HR_ASSIGN_OR_RETURN(std::vector<std::string> files, FindFiles(connection, project, source));
  const std::string relation = RelationSql(source.FullName());
  HR_RETURN_IF_ERROR(connection.Execute("create schema if not exists " + QuoteIdentifier(source.source)));
  HR_RETURN_IF_ERROR(DropUnless(connection, source.source, source.name, ObjectKind::kTable));
  HR_ASSIGN_OR_RETURN(const ObjectKind existing, FindObject(connection, source.source, source.name));

  HR_ASSIGN_OR_RETURN(const std::set<std::string> loaded, LoadedFiles(connection, source));
  // A table whose files are not known was loaded when the source was not incremental yet: it is replaced.
  const bool append = source.incremental && !full_refresh && existing == ObjectKind::kTable && !loaded.empty();
  if (append) {
    std::erase_if(files, [&](const std::string& file) { return loaded.contains(file); });
  } else {
    const Value name = Value::Varchar(source.FullName());
    HR_RETURN_IF_ERROR(connection.Execute("delete from headrace.loaded_files where source = ?", {&name, 1}));
  }
  SourceLoad load;
  load.new_files = static_cast<int64_t>(files.size());
  int64_t rows_before = 0;
  if (append) {
    HR_ASSIGN_OR_RETURN(rows_before, CountRows(connection, relation));
  }
  if (!files.empty()) {
    HR_ASSIGN_OR_RETURN(const std::string reader, ReaderSql(connection, project, source, files));
    const Status status =
        connection.Execute(append ? fmt::format("insert into {} by name {}", relation, reader)
                                  : fmt::format("create or replace table {} as {}", relation, reader));
    if (!status.ok()) return ReadError(project, source, files, status);
    if (source.incremental) HR_RETURN_IF_ERROR(RememberFiles(connection, source, files, now));
  }
  HR_ASSIGN_OR_RETURN(load.rows, CountRows(connection, relation));
  load.new_rows = load.rows - rows_before;
  return load;
}

}  // namespace headrace
