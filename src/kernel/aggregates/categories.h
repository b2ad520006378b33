// Maps from categories to values, as the aggregates that give maps have them.
#pragma once

#include "base/column.h"
#include "kernel/view.h"

namespace headrace::aggregates {

// Appends the map from `keys`, which ascend, to `values`: of all, or of the call.parameter categories with the greatest
// values (among equals the smaller keys; a null is below all) or, call.by_key, with the greatest keys. More than
// kMaxElements are null, and true is returned.
bool AppendCategories(const AggregateCall& call, const Column& keys, const Column& values, Column* out);

}  // namespace headrace::aggregates
