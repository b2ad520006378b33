// Features that are proven to know the answer: refused, unless the recipe allows them (docs/features.md, "Leakage").
//
// What counts as proof is deliberately narrow: each refusal follows from the project's SQL and from what the recipe
// says of its label table, whatever the data are. What cannot be followed is not refused.
#pragma once

#include <string>
#include <vector>

#include "base/diagnostic.h"
#include "catalog/project.h"
#include "engine/column_lineage.h"
#include "engine/definitions.h"
#include "kernel/feature_plan.h"

namespace headrace {

// Each entry of the recipe's features that leaks and is not allowed to, and each entry of allow_leak that names no
// feature of the recipe, or one that does not leak. `plan`: of all of the recipe's features.
void CheckLeaks(const Project& project, const Definitions& definitions, const ModelRecipe& recipe,
                const FeaturePlan& plan, ColumnLineage* lineage, Diagnostics* diagnostics);

}  // namespace headrace
