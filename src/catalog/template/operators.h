// Python's operators over template values. Errors have no offset: the evaluator adds it.
#pragma once

#include "base/status.h"
#include "catalog/template/ast.h"
#include "catalog/template/value.h"

namespace headrace::jinja {

// Every binary operator but `and` and `or`, which need not evaluate their right side. Integers that leave 64 bits
// are an error.
StatusOr<Value> ApplyBinary(BinaryOperator op, const Value& left, const Value& right, Budget* budget);
StatusOr<Value> ApplyUnary(UnaryOperator op, const Value& operand);
StatusOr<bool> ApplyCompare(CompareOperator op, const Value& left, const Value& right, Budget* budget);

}  // namespace headrace::jinja
