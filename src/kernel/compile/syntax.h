// The parts of DuckDB's serialised syntax tree that the compiler reads.
#pragma once

#include <string>
#include <string_view>

#include "base/json.h"
#include "kernel/compile/compile.h"

namespace headrace::compile {

// The SELECT node of a serialised statement: {"node": {...}}. An error if it is not one plain SELECT.
StatusOr<Json> ParseSelectNode(std::string_view syntax_tree);

// The clauses of a SELECT that a feature view cannot have, each as an error: joins, GROUP BY, HAVING, DISTINCT, ...
// `what` names the statement in the message: "a feature view".
void RefuseClauses(const Json& select, std::string_view what, std::vector<CompileError>* errors);

// -1 where the tree has no position.
int64_t OffsetOf(const Json& node);
std::string ClassOf(const Json& node);
std::string TypeOf(const Json& node);
// Member `key` of a node, as text or ""; as node, or a null.
std::string TextOf(const Json& node, std::string_view key);
const Json& NodeOf(const Json& node, std::string_view key);
const Json::Array& ListOf(const Json& node, std::string_view key);

}  // namespace headrace::compile
