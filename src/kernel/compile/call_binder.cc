// The calls of functions and operators: names to overloads, and the spellings of SQL that stand for calls.
#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_join.h"
#include "base/diagnostic.h"
#include "kernel/aggregates/kinds.h"
#include "kernel/compile/binder.h"
#include "kernel/functions/decimal.h"

namespace headrace::compile {
namespace {

std::string TypeList(const std::vector<Bound>& arguments) {
  return absl::StrJoin(arguments, ", ", [](std::string* out, const Bound& bound) {
    out->append(bound.untyped_null ? "NULL" : std::string(TypeName(bound.expression.type)));
  });
}

std::vector<std::optional<TypeId>> TypesOf(const std::vector<Bound>& arguments) {
  std::vector<std::optional<TypeId>> types;
  types.reserve(arguments.size());
  for (const Bound& argument : arguments) types.push_back(argument.type());
  return types;
}

Bound Typed(Expression expression) {
  return {std::move(expression), false};
}
Bound ConstantBound(Value value) {
  const TypeId type = value.type();
  return Typed(Expression::Constant(std::move(value), type));
}

std::vector<DecimalArgument> DecimalArgumentsOf(std::span<const Bound> arguments) {
  std::vector<DecimalArgument> result;
  for (const Bound& argument : arguments) {
    const bool is_constant = argument.expression.kind == Expression::Kind::kConstant;
    result.push_back({argument.type(), is_constant ? &argument.expression.constant : nullptr});
  }
  return result;
}

bool IsOrListsDecimal(std::optional<TypeId> type) {
  return type && IsDecimal(IsList(*type) ? ElementOf(*type) : *type);
}

bool IsTextLiteral(const Bound& bound) {
  return bound.type() == TypeId::kVarchar && bound.expression.kind == Expression::Kind::kConstant;
}

// The common type of what is no text literal, which a literal beside it is then read as: t >= '2013-01-01', a = '12'.
std::optional<TypeId> TypeBesideLiterals(const std::vector<Bound>& arguments) {
  std::optional<TypeId> type;
  for (const Bound& argument : arguments) {
    if (!argument.type() || IsTextLiteral(argument)) continue;
    // Beside a map its keys, beside a list its elements.
    const TypeId own = *argument.type();
    const TypeId beside = IsMap(own) ? KeyOf(own) : IsList(own) ? ElementOf(own) : own;
    type = type ? CommonType(*type, beside) : beside;
    if (!type) return std::nullopt;
  }
  return type;
}

// As SQL's || takes its operands.
Bound ToText(Bound bound) {
  if (bound.untyped_null) return Typed(Expression::Constant(Value::Null(), TypeId::kVarchar));
  Expression cast;
  cast.kind = Expression::Kind::kCast;
  cast.type = TypeId::kVarchar;
  cast.children.push_back(std::move(bound.expression));
  return Typed(std::move(cast));
}

}  // namespace

bool Binder::ConstantsAreGood(const Json& at, const ScalarFunction& function, const Expression& call) {
  if (function.check == nullptr) return true;
  std::vector<const Value*> constants;
  for (const Expression& child : call.children) {
    constants.push_back(child.kind == Expression::Kind::kConstant && !child.constant.is_null() ? &child.constant
                                                                                               : nullptr);
  }
  const Status status = function.check(constants);
  if (!status.ok()) Error(at, std::string(Message(status)));
  return status.ok();
}

bool Binder::AdaptLiterals(const Json& at, std::vector<Bound>* arguments) {
  const std::optional<TypeId> type = TypeBesideLiterals(*arguments);
  if (!type) return true;
  const bool zoned = std::any_of(arguments->begin(), arguments->end(),
                                 [](const Bound& argument) { return argument.expression.zoned; });
  for (Bound& argument : *arguments) {
    if (!IsTextLiteral(argument)) continue;
    Column text(TypeId::kVarchar);
    text.AppendString(argument.expression.constant.str());
    const StatusOr<Column> value = CastColumn(text, *type, /*try_cast=*/false, zoned);
    if (!value.ok()) {
      Error(at, std::string(Message(value.status())));
      return false;
    }
    argument = ConstantBound(value->GetValue(0));
  }
  return true;
}

std::optional<TypeId> CommonDecimalOf(std::span<const Bound> values) {
  const StatusOr<std::optional<DecimalCall>> call = FindDecimalCall("greatest", DecimalArgumentsOf(values));
  return call.ok() && *call ? std::optional((*call)->result) : std::nullopt;
}

Binder::HookResult Binder::CallWithDecimal(const Json& at, std::string_view name, const std::vector<Bound>& arguments) {
  std::vector<DecimalArgument> types = DecimalArgumentsOf(arguments);
  const std::optional<TypeId> beside = TypeBesideLiterals(arguments);
  for (size_t i = 0; i < types.size(); ++i) types[i].type = IsTextLiteral(arguments[i]) ? beside : types[i].type;
  const StatusOr<std::optional<DecimalCall>> found = FindDecimalCall(name, types);
  if (!found.ok()) {
    Error(at, std::string(Message(found.status())));
    return {true, std::nullopt};
  }
  if (!*found) return {};
  std::vector<Bound> adapted = arguments;
  if (!AdaptLiterals(at, &adapted)) return {true, std::nullopt};
  Expression call;
  call.kind = Expression::Kind::kFunction;
  call.type = (*found)->result;
  call.kernel = (*found)->kernel;
  call.text = std::string(name);
  for (size_t i = 0; i < adapted.size(); ++i) {
    std::optional<Expression> argument = Coerce(std::move(adapted[i]), (*found)->arguments[i]);
    if (!argument) return {};
    call.children.push_back(*std::move(argument));
  }
  return {true, Typed(std::move(call))};
}

std::optional<Bound> Binder::Call(const Json& at, std::string_view name, std::vector<Bound> arguments) {
  if (std::any_of(arguments.begin(), arguments.end(),
                  [](const Bound& argument) { return argument.interval.has_value(); })) {
    return CallWithInterval(at, name, std::move(arguments));
  }
  if (std::any_of(arguments.begin(), arguments.end(), [](const Bound& b) { return IsOrListsDecimal(b.type()); })) {
    HookResult decimal = CallWithDecimal(at, name, arguments);
    if (decimal.handled) return std::move(decimal.bound);
  }
  std::vector<std::optional<TypeId>> types = TypesOf(arguments);
  const ScalarFunction* function = FindFunction(name, types);
  if (const std::optional<TypeId> type = TypeBesideLiterals(arguments); function == nullptr && type) {
    for (size_t i = 0; i < types.size(); ++i) types[i] = IsTextLiteral(arguments[i]) ? type : types[i];
    function = FindFunction(name, types);
    if (function != nullptr && !AdaptLiterals(at, &arguments)) return std::nullopt;
  }
  if (function == nullptr) {
    Error(at, fmt::format("{} does not take ({})", name, TypeList(arguments)), "cast the arguments");
    return std::nullopt;
  }
  Expression call;
  call.kind = Expression::Kind::kFunction;
  call.type = function->result;
  call.kernel = function->kernel;
  call.text = std::string(name);
  // With only untyped nulls in a polymorphic place the first overload is as good as any: the value is null.
  if (function->own && in_table_) {
    Error(at, fmt::format("{} is a function of features: DuckDB, which computes tables, does not have it", name),
          "use it in the feature view");
    return std::nullopt;
  }
  const size_t any = function->any_types ? arguments.size() - function->arguments.size() : 0;
  for (size_t i = 0; i < arguments.size(); ++i) {
    const TypeId wanted =
        i < any ? arguments[i].expression.type : function->arguments[std::min(i - any, function->arguments.size() - 1)];
    call.zoned |= arguments[i].expression.zoned;
    call.children.push_back(*Coerce(std::move(arguments[i]), wanted));
  }
  call.zoned &= call.type == TypeId::kTimestamp;
  if (!ConstantsAreGood(at, *function, call)) return std::nullopt;
  return Typed(std::move(call));
}

std::optional<Bound> Binder::BindNullIf(const Json& node, std::vector<Bound> arguments) {
  if (arguments.size() != 2) {
    Error(node, "nullif takes two arguments");
    return std::nullopt;
  }
  std::optional<Bound> equal = Call(node, "=", {arguments[0], arguments[1]});
  if (!equal) return std::nullopt;
  const TypeId type = arguments[0].expression.type;
  Expression choice;
  choice.kind = Expression::Kind::kCase;
  choice.type = type;
  choice.zoned = arguments[0].expression.zoned;
  choice.children = {std::move(equal->expression), Expression::Constant(Value::Null(), type),
                     *Coerce(std::move(arguments[0]), type)};
  return Typed(std::move(choice));
}

std::optional<Bound> Binder::BindByUnit(const Json& node, const std::string& function) {
  const Json::Array& arguments = ListOf(node, "children");
  const Json& first = arguments.empty() ? node : arguments[0];
  const Json& unit_value = NodeOf(NodeOf(first, "value"), "value");
  if (!unit_value.is_string()) {
    Error(node, fmt::format("{} needs its unit as a literal text", function),
          fmt::format("write {}('hour', ...)", function));
    return std::nullopt;
  }
  const std::string unit(CanonicalUnit(absl::AsciiStrToLower(unit_value.str())));
  const std::string name = function == "date_part" ? unit : function + " " + unit;
  // epoch_ms and its like are functions, no units.
  const ScalarFunction* const part = FindFunction(unit, {TypeId::kTimestamp});
  const bool is_unit =
      unit == "epoch" || (part != nullptr && part->result == TypeId::kBigint && unit.find('_') == std::string::npos);
  std::optional<std::vector<Bound>> rest =
      BindAll(Json::Array(arguments.begin() + 1, arguments.end()), /*intervals=*/true);
  if (!rest) return std::nullopt;
  if (!is_unit || !IsKnownFunction(name)) {
    Error(first, fmt::format("{} of '{}' is not known to the feature engine", function, unit_value.str()),
          "units are microsecond, millisecond, second, minute, hour, day, week, month, quarter, year, decade, century, "
          "millennium "
          "(and dow, isodow, doy, isoyear, yearweek, epoch for date_part)");
    return std::nullopt;
  }
  return Call(node, name, *std::move(rest));
}

// The operators and functions that take plain arguments.
std::optional<Bound> Binder::BindOperands(const Json& node, std::string_view name, const Json::Array& operands) {
  std::optional<std::vector<Bound>> arguments = BindAll(operands, /*intervals=*/true);
  if (!arguments) return std::nullopt;
  if (name == "-" && arguments->size() == 2) {
    const auto is_instant = [](const Bound& b) { return b.type() == TypeId::kTimestamp || b.type() == TypeId::kDate; };
    const bool any_timestamp =
        (*arguments)[0].type() == TypeId::kTimestamp || (*arguments)[1].type() == TypeId::kTimestamp;
    if (any_timestamp && is_instant((*arguments)[0]) && is_instant((*arguments)[1])) {
      return TimestampDifference(node, *std::move(arguments));
    }
  }
  if (name == "timezone" && arguments->size() == 2 && (*arguments)[1].expression.zoned) {
    std::optional<Bound> wall_clock = Call(node, "timezone of instant", *std::move(arguments));
    if (wall_clock) wall_clock->expression.zoned = false;
    return wall_clock;
  }
  if (name == "||" || name == "concat" || name == "concat_ws") {
    for (Bound& argument : *arguments) {
      if (!argument.interval && argument.type() != TypeId::kVarchar && !IsNested(argument.expression.type))
        argument = ToText(std::move(argument));
    }
  }
  std::optional<Bound> call = Call(node, name, *std::move(arguments));
  if (call && name == "timezone") call->expression.zoned = true;
  return call;
}

std::optional<Bound> Binder::BindFunction(const Json& node) {
  if (call_hook_) {
    HookResult result = call_hook_(node);
    if (result.handled) return std::move(result.bound);
  }
  std::string name = absl::AsciiStrToLower(TextOf(node, "function_name"));
  if (name == "date_part" || name == "date_trunc" || name == "date_diff" || name == "datediff" || name == "datetrunc" ||
      name == "datepart") {
    if (name.find('_') == std::string::npos) name.insert(4, "_");
    return BindByUnit(node, name);
  }
  if (IntervalResult interval = BindIntervalConstructor(node, name); interval.handled) return std::move(interval.bound);
  name = name == "date_add" ? "+" : CanonicalName(name);
  if (IsVolatileFunction(name)) {
    Error(node, fmt::format("{}() changes from call to call, so a feature of it could not be computed again", name),
          "in a request view use request_time");
    return std::nullopt;
  }
  if (name == "nullif") {
    std::optional<std::vector<Bound>> arguments = BindAll(ListOf(node, "children"));
    return arguments ? BindNullIf(node, *std::move(arguments)) : std::nullopt;
  }
  if (!IsKnownFunction(name)) {
    std::vector<std::string> known = KnownFunctionNames();
    if (call_hook_) {
      for (const std::string_view aggregate : AggregateFunctionNames()) known.emplace_back(aggregate);
    }
    const std::string hint = NearestNameHint(name, known);
    Error(node, fmt::format("the function {} is not known to the feature engine", name),
          hint.empty() ? "put it into a table under tables/, and select from that table here" : hint);
    return std::nullopt;
  }
  return BindOperands(node, name, ListOf(node, "children"));
}

}  // namespace headrace::compile
