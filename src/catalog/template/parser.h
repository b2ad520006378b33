// Tokens -> syntax tree, by Jinja's grammar (Template Designer Documentation, "Expressions" and "List of Control
// Structures"). Nesting is bounded, so neither the parser nor the evaluator can exhaust the stack.
#pragma once

#include <string_view>

#include "base/status.h"
#include "catalog/template/ast.h"

namespace headrace::jinja {

inline constexpr int kMaxNesting = 100;  // brackets and tags within each other
inline constexpr int kMaxDepth = 200;    // lists and dicts within each other, however they were made
inline constexpr int kMaxLinks = 2000;   // operators, calls and subscripts in one expression

// Errors carry their offset (template/error.h).
StatusOr<Body> ParseBody(std::string_view source);
// One expression that stands alone, as "ref('customers')".
StatusOr<Expression> ParseExpression(std::string_view source);

}  // namespace headrace::jinja
