// What the tests of this folder share.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

#include "base/file.h"
#include "catalog/project.h"
#include "warehouse/database.h"

namespace headrace {

// A folder of its own for each test, gone at its end.
class TestFolder {
 public:
  TestFolder() {
    std::string name = std::filesystem::temp_directory_path() / "headrace-warehouse-XXXXXX";
    path_ = ::mkdtemp(name.data());
  }
  ~TestFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  const std::string& path() const { return path_; }
  // Writes a file, with the folders on its way; gives its path.
  std::string Write(const std::string& name, std::string_view text) const {
    const std::string path = path_ + "/" + name;
    std::filesystem::create_directories(std::filesystem::path(path).parent_path());
    EXPECT_TRUE(WriteFileAtomically(path, text).ok());
    return path;
  }

 private:
  std::string path_;
};

inline std::unique_ptr<Database> MemoryDatabase() {
  DatabaseOptions options;
  options.threads = 2;
  StatusOr<std::unique_ptr<Database>> database = Database::Open(options);
  EXPECT_TRUE(database.ok()) << database.status();
  return std::move(database).value();
}

inline std::unique_ptr<Connection> ConnectTo(Database& database) {
  StatusOr<std::unique_ptr<Connection>> connection = database.Connect();
  EXPECT_TRUE(connection.ok()) << connection.status();
  return std::move(connection).value();
}

// The rows of a query as text: values apart by '|', one row a line; or "error: ...".
inline std::string Rows(Connection& connection, std::string_view sql) {
  const StatusOr<RecordBatch> rows = connection.QueryAll(sql, {}, {.render_other_types = true});
  if (!rows.ok()) return "error: " + std::string(rows.status().message());
  std::string result;
  for (size_t row = 0; row < rows->num_rows; ++row) {
    for (size_t i = 0; i < rows->columns.size(); ++i) {
      if (i > 0) result += '|';
      result += rows->columns[i].GetValue(row).ToString();
    }
    result += '\n';
  }
  return result;
}

// SQL as a file of the project would give it, without any template in it.
inline RenderedSql PlainSql(std::string file, std::string text) {
  RenderedSql sql;
  sql.file = std::move(file);
  sql.source = text;
  sql.sql = std::move(text);
  sql.segments = {{0, 0, true}};
  return sql;
}

inline Table MakeTable(std::string name, std::string sql, std::vector<std::string> depends_on = {},
                       Materialization materialized = Materialization::kTable) {
  Table table;
  table.name = name;
  table.sql = PlainSql("tables/" + name + ".sql", std::move(sql));
  table.depends_on = std::move(depends_on);
  table.materialized = materialized;
  return table;
}

// raw.NAME, declared in tables/sources.yml at 7:9.
inline SourceTable MakeSource(std::string name, std::string location = "") {
  SourceTable source;
  source.source = "raw";
  source.name = std::move(name);
  source.location = std::move(location);
  source.where = {"tables/sources.yml", 7, 9};
  return source;
}

inline ColumnSpec MakeColumn(std::string name, TypeId type, int line = 0) {
  ColumnSpec column;
  column.name = std::move(name);
  column.type = type;
  column.where = {"tables/sources.yml", line, 1};
  return column;
}

}  // namespace headrace
