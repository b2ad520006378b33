#include "catalog/load.h"

#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <tuple>

#include "base/file.h"
#include "catalog/loaders.h"

namespace headrace {
namespace {

namespace fs = std::filesystem;

const std::vector<std::string>& YamlEndings() {
  static const auto& kEndings = *new std::vector<std::string>{".yml", ".yaml"};
  return kEndings;
}

std::map<std::string, std::string, std::less<>> ReadEnvironment() {
  std::map<std::string, std::string, std::less<>> environment;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    const size_t equals = text.find('=');
    if (equals != std::string_view::npos) environment.emplace(text.substr(0, equals), text.substr(equals + 1));
  }
  return environment;
}

// Paths of files relative to `root`, sorted by bytes. Symbolic links to folders are not followed.
std::vector<std::string> ListFiles(const fs::path& root, const std::string& folder) {
  std::vector<std::string> paths;
  std::error_code error;
  fs::recursive_directory_iterator entry(root / folder, fs::directory_options::skip_permission_denied, error);
  for (; !error && entry != fs::recursive_directory_iterator(); entry.increment(error)) {
    if (entry->path().filename().string().starts_with('.')) {
      entry.disable_recursion_pending();
    } else if (std::error_code ignored; entry->is_regular_file(ignored)) {
      paths.push_back(entry->path().lexically_relative(root).generic_string());
    }
  }
  std::sort(paths.begin(), paths.end());
  return paths;
}

Status NoProject(const std::string& root) {
  std::error_code ignored;
  if (!fs::is_directory(root, ignored))
    return NotFound("'{}' is not a folder; `headrace init {}` makes a new project", root, root);
  if (fs::exists(fs::path(root) / "dbt_project.yml", ignored)) {
    return NotFound("'{}' has a dbt_project.yml but no headrace.yml: dbt projects are not supported by this version",
                    root);
  }
  return NotFound(
      "'{}' is no project: it has no headrace.yml; `headrace init {}` makes one, -C DIR names another folder", root,
      root);
}

void LoadEach(const std::string& root, const std::string& folder, const std::vector<std::string>& endings,
              void (*load)(const ProjectFile&, LoadContext*), LoadContext* context) {
  for (const ProjectFile& file : ReadFiles(root, folder, endings, context)) load(file, context);
}

// Names first, then what refers to them: a YAML entry finds its table.
void LoadFolders(const std::string& root, LoadContext* context) {
  LoadEach(root, "tables", {".sql"}, LoadTableSql, context);
  LoadEach(root, "tables", YamlEndings(), LoadTableYaml, context);
  LoadEach(root, "tests", {".sql"}, LoadSqlTest, context);
  LoadEach(root, "features", {".sql"}, LoadViewSql, context);
  LoadEach(root, "features", YamlEndings(), LoadViewYaml, context);
  LoadEach(root, "models", YamlEndings(), LoadModelRecipe, context);
  for (const ProjectFile& file : ReadFiles(root, "models", {".sql"}, context)) {
    context->Report(file.where(), fmt::format("'{}' is SQL among the model recipes", file.path),
                    "SQL tables go into tables/");
  }
}

void SortDiagnostics(Diagnostics* diagnostics) {
  const auto key = [](const Diagnostic& d) { return std::tie(d.where.file, d.where.line, d.where.column); };
  std::stable_sort(diagnostics->begin(), diagnostics->end(),
                   [&](const Diagnostic& a, const Diagnostic& b) { return key(a) < key(b); });
}

}  // namespace

std::vector<ProjectFile> ReadFiles(const std::string& root, const std::string& folder,
                                   const std::vector<std::string>& endings, LoadContext* context) {
  std::vector<ProjectFile> files;
  for (const std::string& path : ListFiles(root, folder)) {
    const bool wanted =
        std::any_of(endings.begin(), endings.end(), [&](const std::string& ending) { return path.ends_with(ending); });
    if (!wanted) continue;
    StatusOr<std::string> text = ReadFile((fs::path(root) / path).string());
    if (text.ok()) {
      files.push_back({.path = path, .stem = fs::path(path).stem().string(), .text = *std::move(text)});
    } else {
      context->Report({.file = path, .line = 0, .column = 0}, std::string(text.status().message()));
    }
  }
  return files;
}

StatusOr<LoadResult> ReadProject(const std::string& root, const std::map<std::string, Json>& var_overrides) {
  const fs::path absolute = fs::absolute(root).lexically_normal();
  StatusOr<std::string> settings = ReadFile((absolute / "headrace.yml").string());
  if (!settings.ok()) return NoProject(root);
  LoadContext context;
  context.environment = ReadEnvironment();
  context.project.root = absolute.string();
  // "flights/" names the same folder as "flights".
  if (context.project.root.size() > 1 && context.project.root.ends_with('/')) context.project.root.pop_back();
  LoadSettings({.path = "headrace.yml", .stem = "headrace", .text = *std::move(settings)}, var_overrides, &context);
  LoadFolders(context.project.root, &context);
  CheckProject(&context);
  SortDiagnostics(&context.diagnostics);
  return LoadResult{std::move(context.project), std::move(context.diagnostics)};
}

StatusOr<Project> LoadProject(const std::string& root, const std::map<std::string, Json>& var_overrides) {
  HR_ASSIGN_OR_RETURN(LoadResult result, ReadProject(root, var_overrides));
  HR_RETURN_IF_ERROR(ToStatus(result.diagnostics));
  return std::move(result.project);
}

}  // namespace headrace
