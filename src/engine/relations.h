// The schemas of a project's sources and tables, by binding them without data.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/diagnostic.h"
#include "catalog/project.h"

namespace headrace {

struct BoundRelations {
  std::map<std::string, Schema> schemas;     // columns of types that are ours; a relation with an error is absent
  std::vector<std::string> aggregate_names;  // of the database's aggregate functions
};

BoundRelations BindRelations(const Project& project, Diagnostics* diagnostics);

// The declared columns of a stream. Complete when catalog/ accepted the source.
Schema StreamColumns(const SourceTable& source);

}  // namespace headrace
