#include "engine/expression_sql.h"

#include <algorithm>
#include <array>

#include "absl/strings/str_join.h"
#include "warehouse/sql_text.h"

namespace headrace {
namespace {

using Kind = Expression::Kind;

constexpr std::array<std::string_view, 15> kInfix = {
    "+", "-", "*", "/", "//", "%", "=", "<>", "<", "<=", ">", ">=", "||", "is distinct from", "is not distinct from"};
// Functions of the kernel that stand for a function and its unit: "date_trunc hour".
constexpr std::array<std::string_view, 2> kWithUnit = {"date_trunc ", "date_diff "};

std::vector<std::string> ChildrenSql(const Expression& expression, const std::vector<std::string>& columns) {
  std::vector<std::string> children;
  for (const Expression& child : expression.children) children.push_back(ToSql(child, columns));
  return children;
}

// Integer literals are 32-bit to DuckDB: with nothing wider beside them, they must say that they are not.
bool IsAllConstants(const Expression& expression) {
  return std::all_of(expression.children.begin(), expression.children.end(),
                     [](const Expression& child) { return child.kind == Kind::kConstant; });
}

std::string FunctionSql(const Expression& expression, const std::vector<std::string>& columns) {
  std::vector<std::string> arguments = ChildrenSql(expression, columns);
  if (expression.type == TypeId::kBigint && IsAllConstants(expression) && !arguments.empty())
    arguments[0] += "::BIGINT";
  const std::string& name = expression.text;
  if (name == "is null" || name == "is not null") return fmt::format("({} {})", arguments[0], name);
  if (name == "not") return fmt::format("(not {})", arguments[0]);
  if (name == "-" && arguments.size() == 1) return fmt::format("(-{})", arguments[0]);
  if (std::find(kInfix.begin(), kInfix.end(), name) != kInfix.end()) {
    return fmt::format("({})", absl::StrJoin(arguments, fmt::format(" {} ", name)));
  }
  for (const std::string_view prefix : kWithUnit) {
    if (name.compare(0, prefix.size(), prefix) != 0) continue;
    const std::string_view unit = std::string_view(name).substr(prefix.size());
    return fmt::format("{}('{}', {})", prefix.substr(0, prefix.size() - 1), unit, absl::StrJoin(arguments, ", "));
  }
  return fmt::format("{}({})", name, absl::StrJoin(arguments, ", "));
}

std::string LogicSql(const Expression& expression, const std::vector<std::string>& columns) {
  const bool is_and = expression.kind == Kind::kAnd;
  if (expression.children.empty()) return is_and ? "true" : "false";
  return fmt::format("({})", absl::StrJoin(ChildrenSql(expression, columns), is_and ? " and " : " or "));
}

std::string CaseSql(const Expression& expression, const std::vector<std::string>& columns) {
  const std::vector<std::string> parts = ChildrenSql(expression, columns);
  std::string sql = "case";
  for (size_t i = 0; i + 1 < parts.size(); i += 2) sql += fmt::format(" when {} then {}", parts[i], parts[i + 1]);
  return sql + fmt::format(" else {} end", parts.back());
}

}  // namespace

std::string ToSql(const Expression& expression, const std::vector<std::string>& columns) {
  switch (expression.kind) {
    case Kind::kColumn:
      return columns[expression.column];
    case Kind::kConstant:
      if (expression.constant.is_null()) return fmt::format("NULL::{}", TypeName(expression.type));
      return QuoteLiteral(expression.constant);
    case Kind::kFunction:
      return FunctionSql(expression, columns);
    case Kind::kAnd:
    case Kind::kOr:
      return LogicSql(expression, columns);
    case Kind::kCase:
      return CaseSql(expression, columns);
    case Kind::kCoalesce:
      return fmt::format("coalesce({})", absl::StrJoin(ChildrenSql(expression, columns), ", "));
    case Kind::kCast:
      return fmt::format("{}({} AS {})", expression.try_cast ? "TRY_CAST" : "CAST",
                         ToSql(expression.children[0], columns), TypeName(expression.type));
  }
  return "NULL";
}

std::string IntervalText(DurationUs duration) {
  struct Unit {
    std::string_view name;
    DurationUs us;
  };
  static constexpr std::array<Unit, 6> kUnits = {{{"day", kUsPerDay},
                                                  {"hour", 3600 * kUsPerSecond},
                                                  {"minute", 60 * kUsPerSecond},
                                                  {"second", kUsPerSecond},
                                                  {"millisecond", 1000},
                                                  {"microsecond", 1}}};
  const auto unit = std::find_if(kUnits.begin(), kUnits.end(), [&](const Unit& u) { return duration % u.us == 0; });
  const DurationUs count = duration / unit->us;
  return fmt::format("{} {}{}", count, unit->name, count == 1 ? "" : "s");
}

}  // namespace headrace
