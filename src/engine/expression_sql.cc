#include "engine/expression_sql.h"

#include <algorithm>
#include <array>
#include <span>

#include "absl/strings/str_join.h"
#include "kernel/functions/registry.h"
#include "warehouse/sql_text.h"

namespace headrace {
namespace {

using Kind = Expression::Kind;

constexpr std::array<std::string_view, 19> kInfix = {"~~",
                                                     "!~~",
                                                     "~~*",
                                                     "!~~*",
                                                     "+",
                                                     "-",
                                                     "*",
                                                     "/",
                                                     "//",
                                                     "%",
                                                     "=",
                                                     "<>",
                                                     "<",
                                                     "<=",
                                                     ">",
                                                     ">=",
                                                     "||",
                                                     "is distinct from",
                                                     "is not distinct from"};
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

// months, days, microseconds -> an INTERVAL, without the parts that are 0.
std::string IntervalSql(std::span<const Expression> parts, std::span<const std::string> sql) {
  static constexpr std::array<std::string_view, 3> kFormats = {"to_months(({})::INTEGER)", "to_days(({})::INTEGER)",
                                                               "to_microseconds(({})::BIGINT)"};
  std::vector<std::string> terms;
  for (size_t i = 0; i < kFormats.size(); ++i) {
    const bool is_zero =
        parts[i].kind == Kind::kConstant && !parts[i].constant.is_null() && parts[i].constant.int64() == 0;
    if (!is_zero) terms.push_back(fmt::format(fmt::runtime(kFormats[i]), sql[i]));
  }
  return terms.empty() ? "to_days(0)" : fmt::format("({})", absl::StrJoin(terms, " + "));
}

// The kernel's functions of intervals, which it takes as three numbers; "" for any other.
std::string IntervalFunctionSql(const Expression& expression, const std::vector<std::string>& arguments) {
  constexpr std::string_view kPart = "interval ";
  const std::string_view name = expression.text;
  if (name == "add_interval") {
    return fmt::format("({} + {})", arguments[0],
                       IntervalSql(std::span(expression.children).subspan(1), std::span(arguments).subspan(1)));
  }
  if (name == "interval length") {
    return fmt::format("((({})::BIGINT * 30 + {}) * 86400000000 + {})", arguments[0], arguments[1], arguments[2]);
  }
  if (!name.starts_with(kPart)) return "";
  return fmt::format("date_part('{}', {})", name.substr(kPart.size()), IntervalSql(expression.children, arguments));
}

// The argument that DuckDB wants as a 32-bit integer, if the kernel's is wider: digits of round, days added to a date.
std::optional<size_t> NarrowArgument(const Expression& expression) {
  const bool rounds = expression.text == "round" || expression.text == "trunc";
  const bool moves_date = expression.type == TypeId::kDate && (expression.text == "+" || expression.text == "-");
  if (expression.children.size() != 2 || !(rounds || moves_date)) return std::nullopt;
  return moves_date && expression.children[0].type == TypeId::kBigint ? 0 : 1;
}

std::string FunctionSql(const Expression& expression, const std::vector<std::string>& columns) {
  std::vector<std::string> arguments = ChildrenSql(expression, columns);
  if (!arguments.empty() && expression.children[0].type == TypeId::kBigint && IsAllConstants(expression))
    arguments[0] += "::BIGINT";
  if (const std::optional<size_t> narrow = NarrowArgument(expression); narrow && arguments.size() > *narrow) {
    arguments[*narrow] = fmt::format("({})::INTEGER", arguments[*narrow]);
  }
  const std::string& name = expression.text;
  if (std::string sql = IntervalFunctionSql(expression, arguments); !sql.empty()) return sql;
  if (name == "timezone of instant") return fmt::format("timezone({}, ({})::TIMESTAMPTZ)", arguments[0], arguments[1]);
  if (name == "json_extract") return fmt::format("json_extract({})::VARCHAR", absl::StrJoin(arguments, ", "));
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
  // A name that DuckDB does not know, for it has a hash() with other values.
  const std::string_view prefix = IsOwnFunction(name) ? "headrace_" : "";
  return fmt::format("{}{}({})", prefix, name, absl::StrJoin(arguments, ", "));
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
                         ToSql(expression.children[0], columns),
                         expression.zoned ? "TIMESTAMPTZ" : TypeName(expression.type));
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
