// Which columns expressions read, and pruning the ones that nobody does.
#pragma once

#include <optional>
#include <vector>

#include "kernel/view.h"

namespace headrace::compile {

// Equal trees: the same columns, constants (bit for bit) and functions.
bool SameExpression(const Expression& a, const Expression& b);

// Drops the columns of program.input, and of the stages' outputs, that nothing reads.
void PruneColumns(ViewProgram* program);

// As above for one schema that `expressions` read.
void PruneSchema(Schema* schema, const std::vector<Expression*>& expressions);

}  // namespace headrace::compile
