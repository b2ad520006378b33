// Templates in dbt's dialect of Jinja: text with {{ expressions }}, {% tags %} and {# comments #}.
//
// The way: lexer -> parser -> syntax tree -> evaluator over dynamic values. What the names in a template mean (ref,
// source, config, var, ...) is the caller's: `Globals`. Rendering is pure but for those functions, and bounded
// (template/budget.h). An undefined name is false in a condition, and an error when it is rendered or computed with.
// Not thread-safe, since the functions of Globals need not be.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "catalog/project.h"
#include "catalog/template/value.h"

namespace headrace::jinja {

using Globals = std::map<std::string, Value, std::less<>>;

struct Rendered {
  std::string text;
  std::vector<RenderedSql::Segment> segments;  // ascending; where each part of the text came from
};

// Errors carry their offset and hint: template/error.h makes a Diagnostic of them.
StatusOr<Rendered> Render(std::string_view source, const Globals& globals);

// The value of one expression that stands alone, as "ref('customers')".
StatusOr<Value> Evaluate(std::string_view expression, const Globals& globals);

}  // namespace headrace::jinja
