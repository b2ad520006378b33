// What the tests of this folder share.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

#include "absl/strings/str_join.h"
#include "base/file.h"
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

}  // namespace headrace
