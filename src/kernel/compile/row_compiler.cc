// What is computed row by row: request views, and row-wise tables between a stream and a view.
#include <algorithm>

#include "absl/strings/ascii.h"
#include "kernel/compile/binder.h"
#include "kernel/compile/columns.h"
#include "kernel/compile/compile.h"
#include "kernel/functions/registry.h"

namespace headrace {
namespace compile {
namespace {

std::string ItemName(const Json& item) {
  std::string alias = TextOf(item, "alias");
  if (!alias.empty() || ClassOf(item) != "COLUMN_REF") return alias;
  return ListOf(item, "column_names").back().str();
}

// Whether a window function, a subquery, a volatile function or an aggregate stands anywhere below `node`.
bool LooksBeyondRow(const Json& node, std::span<const std::string> aggregates) {
  const auto recurse = [&](const Json& child) { return LooksBeyondRow(child, aggregates); };
  if (node.is_array()) return std::any_of(node.array().begin(), node.array().end(), recurse);
  if (!node.is_object()) return false;
  const std::string kind = ClassOf(node);
  if (kind == "WINDOW" || kind == "SUBQUERY") return true;
  if (kind == "FUNCTION") {
    const std::string name = absl::AsciiStrToLower(TextOf(node, "function_name"));
    if (name == "count_star" || IsVolatileFunction(name) ||
        std::find(aggregates.begin(), aggregates.end(), name) != aggregates.end()) {
      return true;
    }
  }
  return std::any_of(node.object().begin(), node.object().end(),
                     [&](const Json::Member& m) { return recurse(m.second); });
}

bool IsPlainRowWise(const Json& select, std::span<const std::string> aggregates) {
  std::vector<CompileError> refusals;
  RefuseClauses(select, "", &refusals);
  return refusals.empty() && !LooksBeyondRow(NodeOf(select, "select_list"), aggregates) &&
         !LooksBeyondRow(NodeOf(select, "where_clause"), aggregates);
}

std::vector<std::string> RelationNames(const Json& select) {
  const Json& from = NodeOf(select, "from_table");
  std::vector<std::string> names = {TextOf(from, "table_name")};
  if (const std::string alias = TextOf(from, "alias"); !alias.empty()) names.push_back(alias);
  return names;
}

Compiled<RowProgram> CompileRows(const Schema& input, const Json& select) {
  Compiled<RowProgram> result;
  Binder binder(input, RelationNames(select), &result.errors);
  binder.set_in_table();
  for (const Json& item : ListOf(select, "select_list")) {
    if (ClassOf(item) == "STAR") {
      for (size_t i = 0; i < input.size(); ++i) {
        result.program.output.push_back(input[i]);
        result.program.outputs.push_back(Expression::Column(i, input[i].type, input[i].name));
      }
      continue;
    }
    std::optional<Expression> value = binder.BindTyped(item, TypeId::kBigint);
    if (!value) continue;
    const std::string name = ItemName(item);
    if (name.empty())
      binder.Error(item, "a column of a table that feeds a live view needs a name", "write: ... as name");
    if (value->zoned) {
      // Its readers would see a plain timestamp, and timezone() of it the other way round.
      binder.Error(item, fmt::format("column '{}' is a timestamp with time zone", name),
                   "cast it: write ...::timestamp");
    }
    result.program.output.push_back({name, value->type});
    result.program.outputs.push_back(*std::move(value));
  }
  if (const Json& where = NodeOf(select, "where_clause"); !where.is_null()) {
    result.program.where = binder.BindCondition(where, "WHERE");
  }
  return result;
}

}  // namespace
}  // namespace compile

RowWiseResult CompileRowWise(const Schema& input, std::string_view syntax_tree,
                             std::span<const std::string> aggregates) {
  const StatusOr<Json> select = compile::ParseSelectNode(syntax_tree);
  if (!select.ok() || !compile::IsPlainRowWise(*select, aggregates)) return {};
  return {true, compile::CompileRows(input, *select)};
}

Compiled<RequestProgram> CompileRequestView(const std::string& name, const Schema& fields, const Schema& features,
                                            std::string_view syntax_tree) {
  const StatusOr<Json> select = compile::ParseSelectNode(syntax_tree);
  if (!select.ok()) return {{}, {{-1, std::string(Message(select.status())), ""}}};
  Compiled<RequestProgram> result;
  RequestProgram& program = result.program;
  program.name = name;
  compile::RefuseClauses(*select, "a request view", &result.errors);
  if (const Json& where = compile::NodeOf(*select, "where_clause"); !where.is_null()) {
    result.errors.push_back(
        {compile::OffsetOf(where), "a request view has no WHERE: each request gives one row", "use CASE"});
  }
  program.input = fields;
  program.input.insert(program.input.end(), features.begin(), features.end());
  if (!FindField(fields, "request_time")) program.input.push_back({"request_time", TypeId::kTimestamp});
  compile::Binder binder(program.input, compile::RelationNames(*select), &result.errors);
  for (const Json& item : compile::ListOf(*select, "select_list")) {
    const std::string feature = compile::ItemName(item);
    std::optional<Expression> value = binder.BindTyped(item, TypeId::kDouble);
    if (feature.empty() && value) binder.Error(item, "a feature needs a name", "write: ... as name");
    if (!value) continue;
    if (FindField(program.features, feature)) {
      binder.Error(item, fmt::format("two features of this view are called '{}'", feature), "rename one");
    }
    program.features.push_back({feature, value->type});
    program.outputs.push_back(*std::move(value));
  }
  std::vector<Expression*> readers;
  for (Expression& output : program.outputs) readers.push_back(&output);
  compile::PruneSchema(&program.input, readers);
  for (const Field& field : program.input) {
    if (FindField(features, field.name)) program.feature_inputs.push_back(field.name);
    program.uses_request_time |= field.name == "request_time" && !FindField(fields, "request_time");
  }
  return result;
}

}  // namespace headrace
