#include "engine/expression_reads.h"

#include <algorithm>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/ascii.h"
#include "base/time.h"
#include "kernel/aggregates/kinds.h"
#include "kernel/compile/interval_text.h"
#include "kernel/compile/syntax.h"
#include "kernel/functions/registry.h"

namespace headrace {
namespace {

using compile::ClassOf;
using compile::ListOf;
using compile::NodeOf;
using compile::TextOf;
using compile::TypeOf;

// Functions whose result depends on the value of each argument as such, in contrast to those that pick a part of it
// (->>, substr, regexp_extract, &, %). A function that is not here is taken to pick a part, which proves less.
bool ReadsWholeValues(const std::string& function) {
  static const auto* const kNames = new absl::flat_hash_set<std::string_view>{"+",          "-",
                                                                              "*",          "/",
                                                                              "add",        "subtract",
                                                                              "multiply",   "abs",
                                                                              "@",          "sign",
                                                                              "floor",      "ceil",
                                                                              "ceiling",    "round",
                                                                              "trunc",      "power",
                                                                              "pow",        "**",
                                                                              "^",          "sqrt",
                                                                              "cbrt",       "exp",
                                                                              "ln",         "log",
                                                                              "log2",       "log10",
                                                                              "greatest",   "least",
                                                                              "if",         "ifnull",
                                                                              "nullif",     "isnan",
                                                                              "isinf",      "isfinite",
                                                                              "lower",      "lcase",
                                                                              "upper",      "ucase",
                                                                              "trim",       "ltrim",
                                                                              "rtrim",      "||",
                                                                              "concat",     "md5",
                                                                              "sha256",     "hash",
                                                                              "hash_cross", "bucketise",
                                                                              "timezone",   "date_trunc",
                                                                              "datetrunc",  "epoch",
                                                                              "date_diff",  "datediff",
                                                                              "date_sub",   "datesub",
                                                                              "date_part",  "datepart",
                                                                              "date_add",   "age",
                                                                              "year",       "quarter",
                                                                              "month",      "week",
                                                                              "day",        "hour",
                                                                              "minute",     "second",
                                                                              "dayofweek",  "isodow",
                                                                              "dayofyear",  "dow",
                                                                              "weekday",    "dayofmonth",
                                                                              "weekofyear", "yearweek",
                                                                              "epoch_ms",   "epoch_us",
                                                                              "last_day",   "strftime",
                                                                              "to_days",    "to_hours",
                                                                              "to_minutes", "to_weeks",
                                                                              "to_months",  "to_seconds",
                                                                              "to_years",   "width_bucket",
                                                                              "not",        "one_hot_index",
                                                                              "make_date",  "make_timestamp"};
  return kNames->contains(function);
}

bool OperatorReadsWholeValues(const std::string& type) {
  return type.starts_with("COMPARE_") || type == "OPERATOR_NOT" || type == "OPERATOR_IS_NULL" ||
         type == "OPERATOR_IS_NOT_NULL" || type == "OPERATOR_COALESCE" || type == "OPERATOR_NULLIF";
}

std::string FunctionName(const Json& node) {
  return absl::AsciiStrToLower(TextOf(node, "function_name"));
}

std::string CastTypeOf(const Json& node) {
  const Json& type = NodeOf(node, "cast_type");
  const std::string id = TextOf(type, "id");
  return absl::AsciiStrToUpper(id == "UNBOUND" || id == "USER" ? TextOf(NodeOf(type, "type_info"), "name") : id);
}

class Reader {
 public:
  // `aggregates`: nullptr where they are functions like others.
  explicit Reader(const std::span<const std::string>* aggregates) : aggregates_(aggregates) {}

  ExpressionReads Run(const Json& expression) {
    Walk(expression, /*whole=*/true);
    const Json* inner = &expression;
    while (ClassOf(*inner) == "CAST") inner = &NodeOf(*inner, "child");
    result_.copy = result_.row_wise && ClassOf(*inner) == "COLUMN_REF";
    if (result_.row_wise && result_.columns.size() == 1) result_.shift = ShiftOf(expression);
    return std::move(result_);
  }

 private:
  void WalkMembers(const Json& node, bool whole) {
    if (node.is_array()) {
      for (const Json& item : node.array()) Walk(item, whole);
    } else if (node.is_object()) {
      for (const auto& [key, member] : node.object()) Walk(member, whole);
    }
  }

  void Walk(const Json& node, bool whole) {
    const std::string kind = ClassOf(node);
    if (kind.empty() || kind == "COMPARISON" || kind == "CONJUNCTION" || kind == "CASE" || kind == "BETWEEN" ||
        kind == "CAST") {
      WalkMembers(node, whole);
    } else if (kind == "COLUMN_REF") {
      ColumnRead read{{}, whole};
      for (const Json& name : ListOf(node, "column_names")) read.names.push_back(name.str());
      result_.columns.push_back(std::move(read));
    } else if (kind == "FUNCTION") {
      WalkCall(node, whole);
    } else if (kind == "OPERATOR") {
      WalkMembers(node, whole && OperatorReadsWholeValues(TypeOf(node)));
    } else if (kind == "LAMBDA") {  // also how -> of JSON is parsed
      WalkMembers(node, /*whole=*/false);
    } else if (kind != "CONSTANT") {  // a subquery, a window function, a star: more than this row
      result_.row_wise = false;
    }
  }

  void WalkCall(const Json& node, bool whole) {
    const std::string name = FunctionName(node);
    const bool is_own_aggregate = aggregates_ == nullptr && FindAggregateFunction(name) != nullptr;
    if (IsVolatileFunction(name) || name == "unnest" ||
        (aggregates_ != nullptr && std::find(aggregates_->begin(), aggregates_->end(), name) != aggregates_->end())) {
      result_.row_wise = false;
      return;
    }
    WalkMembers(node, whole && (is_own_aggregate || ReadsWholeValues(name)));
  }

  // Of a chain of casts, + and - of constant intervals and date_trunc over one column.
  static std::optional<TimeShift> ShiftOf(const Json& node) {
    const std::string kind = ClassOf(node);
    if (kind == "COLUMN_REF") return TimeShift{};
    if (kind == "CAST") {
      std::optional<TimeShift> shift = ShiftOf(NodeOf(node, "child"));
      const std::string type = CastTypeOf(node);
      if (!shift || type.starts_with("TIMESTAMP")) return shift;
      if (type != "DATE") return std::nullopt;
      return *shift + TimeShift{.rounded_down = true};
    }
    if (kind != "FUNCTION") return std::nullopt;
    const std::string name = FunctionName(node);
    const Json::Array& arguments = ListOf(node, "children");
    if (arguments.size() != 2) return std::nullopt;
    if (name == "date_trunc" || name == "datetrunc") {
      const std::optional<TimeShift> shift = ShiftOf(arguments[1]);
      if (!shift || ClassOf(arguments[0]) != "CONSTANT") return std::nullopt;
      return *shift + TimeShift{.rounded_down = true};
    }
    if (name != "+" && name != "-" && name != "date_add") return std::nullopt;
    std::optional<TimeShift> shift = ShiftOf(arguments[0]);
    std::optional<TimeShift> interval = shift ? IntervalOf(arguments[1]) : IntervalOf(arguments[0]);
    if (!shift && name == "+") shift = ShiftOf(arguments[1]);
    if (!shift || !interval) return std::nullopt;
    if (name == "-") *interval = {-interval->months, -interval->us, false};
    return *shift + *interval;
  }

  static std::optional<TimeShift> IntervalOf(const Json& node) {
    if (ClassOf(node) == "CAST" && CastTypeOf(node) == "INTERVAL") {
      const Json& text = NodeOf(NodeOf(NodeOf(node, "child"), "value"), "value");
      if (!text.is_string()) return std::nullopt;
      const StatusOr<compile::Interval> interval = compile::ParseInterval(text.str());
      if (!interval.ok()) return std::nullopt;
      return Bounded({interval->months, interval->days * kUsPerDay + interval->us, false});
    }
    if (ClassOf(node) != "FUNCTION" || ListOf(node, "children").size() != 1) return std::nullopt;
    // interval 14 days is to_days(trunc(14::double)::int).
    const Json* count = &ListOf(node, "children")[0];
    while (ClassOf(*count) == "CAST" || FunctionName(*count) == "trunc") {
      count = ClassOf(*count) == "CAST" ? &NodeOf(*count, "child") : &ListOf(*count, "children")[0];
    }
    const Json& value = NodeOf(NodeOf(*count, "value"), "value");
    if (ClassOf(*count) != "CONSTANT" || !value.is_integer()) return std::nullopt;
    const int64_t n = value.integer();
    const std::string name = FunctionName(node);
    if (std::abs(n) > 1'000'000'000 || !name.starts_with("to_")) return std::nullopt;
    const StatusOr<compile::Interval> unit = compile::ParseInterval(fmt::format("1 {}", name.substr(3)));
    if (!unit.ok()) return std::nullopt;
    int64_t us = 0;
    if (__builtin_mul_overflow(unit->days * kUsPerDay + unit->us, n, &us)) return std::nullopt;
    return Bounded({unit->months * n, us, false});
  }

  // Far from where adding up some of them could overflow.
  static std::optional<TimeShift> Bounded(const TimeShift& shift) {
    constexpr int64_t kMost = 36'500'000 * kUsPerDay / 100;
    return std::abs(shift.us) > kMost ? std::nullopt : std::optional(shift);
  }

  const std::span<const std::string>* aggregates_;
  ExpressionReads result_;
};

}  // namespace

ExpressionReads ReadsOfRow(const Json& expression, std::span<const std::string> aggregates) {
  return Reader(&aggregates).Run(expression);
}

ExpressionReads ReadsOfFeature(const Json& expression) {
  return Reader(nullptr).Run(expression);
}

}  // namespace headrace
