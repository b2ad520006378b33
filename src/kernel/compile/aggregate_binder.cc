#include "kernel/compile/aggregate_binder.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/ascii.h"
#include "base/decimal.h"
#include "kernel/compile/columns.h"

namespace headrace::compile {
namespace {

bool IsDistinct(const Json& call) {
  const Json* distinct = call.Find("distinct");
  return distinct != nullptr && distinct->is_bool() && distinct->boolean();
}

const AggregateFunction* FindAggregate(const Json& node) {
  if (ClassOf(node) != "FUNCTION") return nullptr;
  const std::string name = absl::AsciiStrToLower(TextOf(node, "function_name"));
  if (name == "count" && IsDistinct(node)) return FindAggregateFunction("count_distinct");
  const bool list = (name == "first" || name == "last") && ListOf(node, "children").size() == 2;
  if (list) return FindAggregateFunction(name + "_n");
  return FindAggregateFunction(name);
}

std::string_view Wanted(ParameterRule rule) {
  switch (rule) {
    case ParameterRule::kFraction:
      return "a fraction from 0 to 1";
    case ParameterRule::kPositiveCount:
    case ParameterRule::kLag:
      return "a whole number of at least 1";
    case ParameterRule::kShortCount:
      return "a whole number from 1 to 10000";
    case ParameterRule::kTopCategories:
      return "how many categories, from 1 to 10000, and then 'key' or 'value': by which they are the top ones";
    case ParameterRule::kDuration:
      return "a duration such as '30m'";
    case ParameterRule::kNone:
      break;
  }
  return "nothing";
}

// The constant's value as the rule has it; nullopt if it is no such constant.
std::optional<double> ParameterOf(const Expression& constant, ParameterRule rule) {
  if (constant.kind != Expression::Kind::kConstant || constant.constant.is_null()) return std::nullopt;
  const Value& value = constant.constant;
  if (rule == ParameterRule::kDuration) {
    if (constant.type != TypeId::kVarchar) return std::nullopt;
    const StatusOr<DurationUs> duration = ParseDuration(value.str());
    return duration.ok() && *duration > 0 ? std::optional(static_cast<double>(*duration)) : std::nullopt;
  }
  const bool is_decimal = IsDecimal(constant.type);
  if (constant.type != TypeId::kBigint && constant.type != TypeId::kDouble && !is_decimal) return std::nullopt;
  const double number = is_decimal ? DecimalToDouble(DecodeDecimal(value.str()), ScaleOf(constant.type))
                        : constant.type == TypeId::kBigint ? static_cast<double>(value.int64())
                                                           : value.dbl();
  const bool is_short = rule == ParameterRule::kShortCount || rule == ParameterRule::kTopCategories;
  const double most = is_short ? static_cast<double>(kMaxElements) : 1e9;
  const bool fits = rule == ParameterRule::kFraction ? number >= 0 && number <= 1
                                                     : number >= 1 && number <= most && number == std::floor(number);
  return fits ? std::optional(number) : std::nullopt;
}

struct ParameterCount {
  size_t least = 0;
  size_t most = 0;
};

ParameterCount CountOf(ParameterRule rule) {
  switch (rule) {
    case ParameterRule::kNone:
      return {0, 0};
    case ParameterRule::kLag:
      return {0, 1};
    case ParameterRule::kTopCategories:
      return {0, 2};
    default:
      return {1, 1};
  }
}

// 'key' or 'value'.
std::optional<bool> IsByKey(const Expression& constant) {
  if (constant.kind != Expression::Kind::kConstant || constant.type != TypeId::kVarchar || constant.constant.is_null())
    return std::nullopt;
  const std::string& text = constant.constant.str();
  return text == "key" || text == "value" ? std::optional(text == "key") : std::nullopt;
}

Expression CastTo(Expression value, TypeId type) {
  Expression cast;
  cast.kind = Expression::Kind::kCast;
  cast.type = type;
  cast.children.push_back(std::move(value));
  return cast;
}

}  // namespace

bool ContainsAggregate(const Json& node) {
  if (FindAggregate(node) != nullptr) return true;
  if (node.is_array()) return std::any_of(node.array().begin(), node.array().end(), ContainsAggregate);
  if (!node.is_object()) return false;
  return std::any_of(node.object().begin(), node.object().end(),
                     [](const Json::Member& m) { return ContainsAggregate(m.second); });
}

Binder::HookResult AggregateBinder::Bind(const Json& call) {
  const AggregateFunction* function = FindAggregate(call);
  if (function == nullptr) return {};
  Binder binder(columns_, relation_, errors_);
  if (IsDistinct(call) && function->kind != AggregateKind::kCountDistinct) {
    binder.Error(call, fmt::format("{}(distinct ...) is not known to the feature engine", function->name),
                 "count(distinct ...) is");
    return {true, std::nullopt};
  }
  if (!ListOf(NodeOf(call, "order_bys"), "orders").empty()) {
    binder.Error(
        call, fmt::format("{}(... order by ...): the events have an order of their own, by event time", function->name),
        "leave order by out; arg_min and arg_max choose by another column");
    return {true, std::nullopt};
  }
  AggregateCall result;
  result.kind = function->kind;
  result.parameter = function->fixed_parameter;
  result.exact = program_.exact;
  if (!BindArguments(call, *function, binder, &result)) return {true, std::nullopt};
  if (const Json& filter = NodeOf(call, "filter"); !filter.is_null()) {
    std::optional<Expression> condition = binder.BindCondition(filter, "FILTER");
    if (!condition) return {true, std::nullopt};
    result.filter = AddSlot(*std::move(condition));
  }
  return {true,
          Bound{Expression::Column(AddAggregate(result), result.result_type, std::string(function->name)), false}};
}

bool AggregateBinder::BindArguments(const Json& call, const AggregateFunction& function, Binder& binder,
                                    AggregateCall* result) {
  const Json::Array& arguments = ListOf(call, "children");
  const size_t columns =
      (function.argument != ArgumentRule::kNone ? 1 : 0) + (function.second != ArgumentRule::kNone ? 1 : 0);
  const ParameterCount parameters = CountOf(function.parameter);
  const size_t least = columns + parameters.least;
  const size_t most = columns + parameters.most;
  if (arguments.size() < least || arguments.size() > most) {
    const std::string wanted = least == most ? std::to_string(least) : fmt::format("{} to {}", least, most);
    binder.Error(call, fmt::format("{} takes {} argument{}, not {}", function.name, wanted, most == 1 ? "" : "s",
                                   arguments.size()));
    return false;
  }
  TypeId second_type = TypeId::kBigint;
  if (columns >= 1) {
    std::optional<Expression> argument = BindArgument(call, arguments[0], function.name, function.argument, binder);
    if (!argument) return false;
    result->argument_type = argument->type;
    result->argument = AddSlot(*std::move(argument));
  }
  if (columns == 2) {
    std::optional<Expression> second = BindArgument(call, arguments[1], function.name, function.second, binder);
    if (!second) return false;
    second_type = second->type;
    result->second = AddSlot(*std::move(second));
  }
  const bool maps_decimals =
      function.result == ResultRule::kCountByValue || function.result == ResultRule::kRatioByValue ||
      function.result == ResultRule::kByCategory || function.result == ResultRule::kDoubleByCategory;
  if (maps_decimals && (IsDecimal(result->argument_type) || IsDecimal(second_type))) {
    binder.Error(call, fmt::format("{} of a decimal: there are no maps of decimals", function.name),
                 "cast it to double, or, as a category, to varchar");
    return false;
  }
  result->result_type = ResultTypeOf(function, result->argument_type, second_type);
  return BindParameters(call, std::span(arguments).subspan(columns), function, binder, result);
}

// Numbers widen to what the function computes with; a boolean counts as 0 or 1.
std::optional<Expression> AggregateBinder::BindArgument(const Json& call, const Json& argument, std::string_view name,
                                                        ArgumentRule rule, Binder& binder) {
  std::optional<Expression> bound = binder.BindTyped(argument, TypeId::kBigint);
  if (bound && IsNested(bound->type)) {
    binder.Error(call, fmt::format("{} of a {}", name, TypeName(bound->type)), "take one value of it");
    return std::nullopt;
  }
  if (!bound || rule == ArgumentRule::kAny) return bound;
  if (rule == ArgumentRule::kBoolean) {
    if (bound->type == TypeId::kBoolean) return bound;
    binder.Error(call, fmt::format("{} of a {}", name, TypeName(bound->type)), "write a condition, e.g. x > 0");
    return std::nullopt;
  }
  const bool is_integer = bound->type == TypeId::kBigint || bound->type == TypeId::kBoolean;
  if (IsDecimal(bound->type) && rule == ArgumentRule::kNumber) return bound;
  const bool has_fraction = bound->type == TypeId::kDouble || IsDecimal(bound->type);
  if (!is_integer && (!has_fraction || rule == ArgumentRule::kBigint)) {
    binder.Error(call, fmt::format("{} of a {}", name, TypeName(bound->type)),
                 rule == ArgumentRule::kBigint ? "cast it to bigint" : "cast it to a number");
    return std::nullopt;
  }
  const TypeId type = rule == ArgumentRule::kDouble    ? TypeId::kDouble
                      : bound->type == TypeId::kDouble ? TypeId::kDouble
                                                       : TypeId::kBigint;
  if (bound->type == TypeId::kBoolean) bound = CastTo(*std::move(bound), TypeId::kBigint);
  return bound->type == type ? bound : CastTo(*std::move(bound), type);
}

bool AggregateBinder::BindParameters(const Json& call, std::span<const Json> parameters,
                                     const AggregateFunction& function, Binder& binder, AggregateCall* result) {
  for (size_t i = 0; i < parameters.size(); ++i) {
    const std::optional<Expression> bound = binder.BindTyped(parameters[i], TypeId::kBigint);
    if (!bound) return false;
    const std::optional<double> number = i == 0 ? ParameterOf(*bound, function.parameter) : std::nullopt;
    const std::optional<bool> by_key = i == 1 ? IsByKey(*bound) : std::nullopt;
    if (!number && !by_key) {
      binder.Error(call, fmt::format("the last argument of {} is {}", function.name, Wanted(function.parameter)),
                   "write it as a constant");
      return false;
    }
    if (number) result->parameter = *number + (function.parameter == ParameterRule::kLag ? 1 : 0);
    if (by_key) result->by_key = *by_key;
  }
  return true;
}

size_t AggregateBinder::AddSlot(Expression slot) {
  std::vector<Expression>& slots = program_.slots;
  const auto it =
      std::find_if(slots.begin(), slots.end(), [&](const Expression& s) { return SameExpression(s, slot); });
  if (it != slots.end()) return static_cast<size_t>(it - slots.begin());
  slots.push_back(std::move(slot));
  return slots.size() - 1;
}

size_t AggregateBinder::AddAggregate(const AggregateCall& call) {
  std::vector<AggregateCall>& calls = program_.aggregates;
  const auto it = std::find(calls.begin(), calls.end(), call);
  if (it != calls.end()) return static_cast<size_t>(it - calls.begin());
  calls.push_back(call);
  return calls.size() - 1;
}

}  // namespace headrace::compile
