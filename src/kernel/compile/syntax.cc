#include "kernel/compile/syntax.h"

namespace headrace::compile {

StatusOr<Json> ParseSelectNode(std::string_view syntax_tree) {
  HR_ASSIGN_OR_RETURN(const Json tree, Json::Parse(syntax_tree));
  const Json& node = NodeOf(tree, "node");
  if (TypeOf(node) != "SELECT_NODE") return InvalidArgument("expected one plain SELECT, not a union or values list");
  return node;
}

int64_t OffsetOf(const Json& node) {
  const Json* location = node.Find("query_location");
  return location != nullptr && location->is_integer() ? location->integer() : -1;
}

std::string TextOf(const Json& node, std::string_view key) {
  const Json* member = node.Find(key);
  return member != nullptr && member->is_string() ? member->str() : "";
}
std::string ClassOf(const Json& node) {
  return TextOf(node, "class");
}
std::string TypeOf(const Json& node) {
  return TextOf(node, "type");
}

const Json& NodeOf(const Json& node, std::string_view key) {
  static const Json* const kNull = new Json();
  const Json* member = node.Find(key);
  return member == nullptr ? *kNull : *member;
}

const Json::Array& ListOf(const Json& node, std::string_view key) {
  static const Json::Array* const kEmpty = new Json::Array();
  const Json* member = node.Find(key);
  return member != nullptr && member->is_array() ? member->array() : *kEmpty;
}

void RefuseClauses(const Json& select, std::string_view what, std::vector<CompileError>* errors) {
  const auto refuse = [&](const Json& at, std::string_view clause) {
    errors->push_back({OffsetOf(at), fmt::format("{} in {}", clause, what),
                       "put it into a table under tables/, and select from that table here"});
  };
  const Json& from = NodeOf(select, "from_table");
  const std::string from_type = TypeOf(from);
  if (from_type == "JOIN") refuse(from, "a join");
  if (from_type == "SUBQUERY") refuse(from, "a subquery");
  if (from_type != "BASE_TABLE" && from_type != "JOIN" && from_type != "SUBQUERY") {
    errors->push_back({OffsetOf(from), fmt::format("{} needs FROM one relation", what), "write from {{ ref('...') }}"});
  }
  if (!ListOf(NodeOf(select, "cte_map"), "map").empty()) refuse(select, "WITH");
  if (!ListOf(select, "group_expressions").empty()) {
    errors->push_back({OffsetOf(ListOf(select, "group_expressions")[0]), fmt::format("GROUP BY in {}", what),
                       "the entity of config(...) is the group; leave GROUP BY out"});
  }
  if (!NodeOf(select, "having").is_null()) refuse(NodeOf(select, "having"), "HAVING");
  if (!NodeOf(select, "qualify").is_null()) refuse(NodeOf(select, "qualify"), "QUALIFY");
  if (!NodeOf(select, "sample").is_null()) refuse(select, "a sample");
  for (const Json& modifier : ListOf(select, "modifiers")) {
    const std::string type = TypeOf(modifier);
    refuse(modifier, type == "ORDER_MODIFIER" ? "ORDER BY" : type == "DISTINCT_MODIFIER" ? "DISTINCT" : "LIMIT");
  }
}

}  // namespace headrace::compile
