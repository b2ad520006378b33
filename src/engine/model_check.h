// What a model recipe needs of the rest of the project.
#pragma once

#include "base/diagnostic.h"
#include "catalog/project.h"
#include "engine/column_lineage.h"
#include "engine/definitions.h"

namespace headrace {

// Features exist, and none is proven to know the label; the label table exists and has the time, label, entity and
// request columns, of fitting types.
void CheckModels(const Project& project, const Definitions& definitions, ColumnLineage* lineage,
                 Diagnostics* diagnostics);

}  // namespace headrace
