// What a project defines, typed and compiled: the schemas of its relations, the programs of its views.
//
// Touches no data but the heads of source files whose columns are not declared: tables are bound, empty, in a
// database in memory, so that their types are the ones that a build would give.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "base/diagnostic.h"
#include "catalog/project.h"
#include "features/online/online_features.h"
#include "kernel/feature_plan.h"
#include "warehouse/history.h"

namespace headrace {

// An event view and where its events come from.
struct EventView {
  std::string name;
  std::string stream;           // live: the stream source behind it; batch: ""
  BatchHistorySpec batch;       // batch
  std::string definition_hash;  // of everything that decides its events and values

  bool live() const { return !stream.empty(); }
  std::string HistoryName() const { return live() ? stream : ViewHistoryName(name); }
};

struct Definitions {
  std::map<std::string, Schema> relations;  // "fct_flights", "raw.flights"; columns of types that we have
  std::map<std::string, StreamSource> streams;
  std::map<std::string, EventView> event_views;
  std::shared_ptr<const ViewCatalog> catalog;
};

// Adds every error to *diagnostics and goes on; the definitions are complete when none was added.
Definitions CompileProject(const Project& project, Diagnostics* diagnostics);

}  // namespace headrace
