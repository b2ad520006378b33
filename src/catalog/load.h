// Project files -> one immutable Project.
//
// A project is a folder with a headrace.yml; what may stand in it is written in docs/projects.md. Everything that can
// be known without SQL's parser is checked here: syntax of templates and YAML, keys, names, references, cycles.
#pragma once

#include <map>
#include <string>

#include "base/diagnostic.h"
#include "base/json.h"
#include "base/status.h"
#include "catalog/project.h"

namespace headrace {

struct LoadResult {
  Project project;          // what could be read; complete when there are no diagnostics
  Diagnostics diagnostics;  // every error, by file, line and column
};

// For `check`, which goes on and adds the errors of types. Fails only if `root` is no project (kNotFound).
// `var_overrides` win over the vars of headrace.yml.
StatusOr<LoadResult> ReadProject(const std::string& root, const std::map<std::string, Json>& var_overrides = {});

// The project, or all of its errors as one kInvalidArgument.
StatusOr<Project> LoadProject(const std::string& root, const std::map<std::string, Json>& var_overrides = {});

}  // namespace headrace
