// For the tests of this folder: Python as an oracle, and small builders.
#pragma once

#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "base/column.h"
#include "base/file.h"
#include "base/json.h"

namespace headrace {

// An empty folder, removed at the end.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string pattern = ::testing::TempDir() + "headrace_models_XXXXXX";
    path_ = ::mkdtemp(pattern.data());
  }
  ~TemporaryFolder() { std::system(fmt::format("rm -rf '{}'", path_).c_str()) == 0 ? void() : void(); }
  const std::string& path() const { return path_; }
  std::string File(std::string_view name) const { return fmt::format("{}/{}", path_, name); }

 private:
  std::string path_;
};

// Runs a Python program with numpy and scikit-learn, which finds `input` parsed as `data` and gives the JSON it prints.
inline Json RunPython(const std::string& program, const Json& input) {
  const TemporaryFolder folder;
  EXPECT_TRUE(WriteFileAtomically(folder.File("input.json"), input.Dump()).ok());
  const std::string prologue = "import json, sys\nimport numpy as np\ndata = json.load(open(sys.argv[1]))\n";
  EXPECT_TRUE(WriteFileAtomically(folder.File("program.py"), prologue + program).ok());
  const std::string command =
      fmt::format("OMP_NUM_THREADS=1 PYTHONDONTWRITEBYTECODE=1 PYTHONPATH='{}/python' '{}' '{}' '{}'", HEADRACE_DEPS,
                  HEADRACE_PYTHON, folder.File("program.py"), folder.File("input.json"));
  std::FILE* const pipe = ::popen(command.c_str(), "r");
  std::string text;
  char buffer[4096];
  for (size_t n = 0; (n = std::fread(buffer, 1, sizeof buffer, pipe)) > 0;) text.append(buffer, n);
  EXPECT_EQ(::pclose(pipe), 0) << text;
  StatusOr<Json> json = Json::Parse(text);
  EXPECT_TRUE(json.ok()) << json.status() << "\n" << text;
  return json.ok() ? *std::move(json) : Json();
}

inline Json ToJsonArray(const std::vector<double>& values) {
  return Json(Json::Array(values.begin(), values.end()));
}

inline std::vector<double> ToDoubles(const Json& json) {
  std::vector<double> values;
  for (const Json& v : json.array()) values.push_back(v.number());
  return values;
}

inline Column Doubles(const std::vector<std::optional<double>>& values) {
  Column column(TypeId::kDouble);
  for (const auto& v : values) v ? column.AppendDouble(*v) : column.AppendNull();
  return column;
}

inline Column Texts(const std::vector<std::optional<std::string>>& values) {
  Column column(TypeId::kVarchar);
  for (const auto& v : values) v ? column.AppendString(*v) : column.AppendNull();
  return column;
}

inline RecordBatch Batch(std::vector<std::pair<std::string, Column>> columns) {
  RecordBatch batch;
  for (auto& [name, column] : columns) {
    batch.schema.push_back({name, column.type()});
    batch.num_rows = column.size();
    batch.columns.push_back(std::move(column));
  }
  return batch;
}

}  // namespace headrace
