// The files of a new project: small, commented, and working, so that every command has something to do.
#pragma once

#include <string>
#include <vector>

namespace headrace {

struct TemplateFile {
  std::string path;  // relative to the project's folder
  std::string text;
};

// A shop that asks whether an order will be sent back. `name` becomes the project's. The same files every time.
std::vector<TemplateFile> NewProjectFiles(const std::string& name);

}  // namespace headrace
