// A project in a temporary folder, written from text. For tests only, hence a header alone.
#pragma once

#include <stdlib.h>

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "base/file.h"
#include "catalog/load.h"

namespace headrace {

// Made on construction, removed on destruction. Has a headrace.yml of `name: test` unless one is given.
class ProjectFolder {
 public:
  explicit ProjectFolder(const std::map<std::string, std::string>& files = {}) {
    path_ = (std::filesystem::temp_directory_path() / "headrace-project-XXXXXX").string();
    if (::mkdtemp(path_.data()) == nullptr) ::abort();
    Write("headrace.yml", "name: test\n");
    for (const auto& [file, text] : files) Write(file, text);
  }
  ~ProjectFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  ProjectFolder(const ProjectFolder&) = delete;
  ProjectFolder& operator=(const ProjectFolder&) = delete;

  const std::string& path() const { return path_; }

  void Write(const std::string& file, const std::string& text) const {
    const std::filesystem::path target = std::filesystem::path(path_) / file;
    if (!MakeFolders(target.parent_path().string()).ok() || !WriteFileAtomically(target.string(), text).ok()) ::abort();
  }

  // Each error of the project in it as one line; empty when there are none.
  std::vector<std::string> Errors() const {
    const StatusOr<LoadResult> result = ReadProject(path_);
    if (!result.ok()) return {std::string(result.status().message())};
    std::vector<std::string> errors;
    for (const Diagnostic& d : result->diagnostics) errors.push_back(d.ToString());
    return errors;
  }

 private:
  std::string path_;
};

}  // namespace headrace
