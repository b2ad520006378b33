#include "kernel/compile/binder.h"

#include <algorithm>
#include <array>

#include "absl/strings/ascii.h"
#include "absl/strings/str_join.h"
#include "base/decimal.h"
#include "base/diagnostic.h"
#include "kernel/functions/decimal.h"

namespace headrace::compile {
namespace {

Bound NullBound() {
  return {Expression::Constant(Value::Null(), TypeId::kBigint), /*untyped_null=*/true};
}
Bound Typed(Expression expression) {
  return {std::move(expression), false};
}
Bound ConstantBound(Value value) {
  const TypeId type = value.type();
  return Typed(Expression::Constant(std::move(value), type));
}

// The type of a literal or cast: {"id": "DECIMAL", "type_info": {"width": 18, "scale": 2}}.
std::optional<TypeId> DecimalTypeOf(const Json& type) {
  const Json& info = NodeOf(type, "type_info");
  const Json* width = info.Find("width");
  const Json* scale = info.Find("scale");
  if (TextOf(type, "id") != "DECIMAL" || width == nullptr || scale == nullptr) return std::nullopt;
  return DecimalOf(static_cast<int>(width->integer()), static_cast<int>(scale->integer()));
}

// 15 of a literal 1.5; beyond 64 bits {"upper": ..., "lower": ...}.
std::optional<Int128> UnitsOf(const Json& value) {
  if (value.is_integer()) return value.integer();
  const Json* upper = value.Find("upper");
  const Json* lower = value.Find("lower");
  if (upper == nullptr || lower == nullptr || !upper->is_integer() || !lower->is_integer()) return std::nullopt;
  return static_cast<Int128>(upper->integer()) << 64 | static_cast<uint64_t>(lower->integer());
}

// Values of constants where they are known.
Expression Folded(Expression cast) {
  if (cast.children[0].kind != Expression::Kind::kConstant) return cast;
  const StatusOr<Column> value = Evaluate(cast, {}, 1);
  return value.ok() ? Expression::Constant(value->GetValue(0), cast.type) : cast;
}

}  // namespace

void Binder::Error(const Json& at, std::string message, std::string hint) {
  errors_->push_back({OffsetOf(at), std::move(message), std::move(hint)});
}

std::optional<Bound> Binder::Bind(const Json& node) {
  std::optional<Bound> bound = BindAny(node);
  if (!bound || !bound->interval) return bound;
  Error(node, "an interval is no value of its own here",
        "add it to a timestamp, compare it with another, or take its epoch() or a date_part()");
  return std::nullopt;
}

std::optional<Bound> Binder::BindAny(const Json& node) {
  const std::string kind = ClassOf(node);
  if (kind == "COLUMN_REF") return BindColumn(node);
  if (kind == "CONSTANT") return BindConstant(node);
  if (kind == "CAST") return BindCast(node);
  if (kind == "COMPARISON") return BindComparison(node);
  if (kind == "BETWEEN") return BindBetween(node);
  if (kind == "CONJUNCTION") return BindConjunction(node);
  if (kind == "OPERATOR") return BindOperator(node);
  if (kind == "CASE") return BindCase(node);
  if (kind == "FUNCTION") return BindFunction(node);
  if (kind == "LAMBDA") return BindOperands(node, "json_extract", {NodeOf(node, "lhs"), NodeOf(node, "expr")});  // ->
  if (kind == "STAR") {
    Error(node, "'*' is not an expression here", "name the columns");
  } else if (kind == "WINDOW" || kind == "SUBQUERY") {
    Error(node, fmt::format("a {} in a feature", kind == "WINDOW" ? "window function" : "subquery"),
          "put it into a table under tables/, and select from that table here");
  } else {
    Error(node,
          fmt::format("this kind of expression ({}) is not known to the feature engine", absl::AsciiStrToLower(kind)),
          "put it into a table under tables/, and select from that table here");
  }
  return std::nullopt;
}

std::optional<Expression> Binder::BindTyped(const Json& node, TypeId fallback) {
  std::optional<Bound> bound = Bind(node);
  if (!bound) return std::nullopt;
  const TypeId type = bound->untyped_null ? fallback : bound->expression.type;
  return Coerce(*std::move(bound), type);
}

std::optional<Expression> Binder::BindCondition(const Json& node, std::string_view clause) {
  std::optional<Bound> bound = Bind(node);
  if (!bound) return std::nullopt;
  if (!bound->untyped_null && bound->expression.type != TypeId::kBoolean) {
    Error(node, fmt::format("{} needs a boolean, not a {}", clause, TypeName(bound->expression.type)),
          "compare it with something, or cast it");
    return std::nullopt;
  }
  return Coerce(*std::move(bound), TypeId::kBoolean);
}

std::optional<Expression> Binder::Coerce(Bound bound, TypeId type) {
  if (bound.untyped_null) return Expression::Constant(Value::Null(), type);
  if (bound.expression.type == type) return std::move(bound.expression);
  // To a decimal any number goes that the call's rules sent there.
  const bool is_exact = bound.expression.type == TypeId::kBigint || IsDecimal(bound.expression.type);
  if (!(IsDecimal(type) && is_exact) && CommonType(bound.expression.type, type) != type) return std::nullopt;
  Expression cast;
  cast.kind = Expression::Kind::kCast;
  cast.type = type;
  cast.children.push_back(std::move(bound.expression));
  const bool of_decimal = IsDecimal(type) || IsDecimal(cast.children[0].type);
  return of_decimal ? Folded(std::move(cast)) : std::move(cast);
}

std::optional<Bound> Binder::BindColumn(const Json& node) {
  std::vector<std::string> parts;
  for (const Json& part : ListOf(node, "column_names")) parts.push_back(part.str());
  std::string name = absl::StrJoin(parts, ".");
  if (column_refusal_) {
    Error(node, fmt::format("column '{}' {}", name, column_refusal_->message), column_refusal_->hint);
    return std::nullopt;
  }
  std::optional<size_t> index = FindField(columns_, name);
  if (!index && parts.size() > 1 &&
      std::find(relation_.begin(), relation_.end(), parts[parts.size() - 2]) != relation_.end()) {
    index = FindField(columns_, parts.back());
  }
  if (!index) {
    std::vector<std::string> known;
    for (const Field& field : columns_) known.push_back(field.name);
    Error(node, fmt::format("column '{}' does not exist{}", name, relation_.empty() ? "" : " in " + relation_.front()),
          NearestNameHint(name, known));
    return std::nullopt;
  }
  return Typed(Expression::Column(*index, columns_[*index].type, name));
}

std::optional<Bound> Binder::BindConstant(const Json& node) {
  const Json& value = NodeOf(node, "value");
  const Json& payload = NodeOf(value, "value");
  if (const Json* is_null = value.Find("is_null"); is_null != nullptr && is_null->boolean()) return NullBound();
  const Json& type = NodeOf(value, "type");
  const std::string id = TextOf(type, "id");
  if (payload.is_integer() && (id == "INTEGER" || id == "BIGINT" || id == "SMALLINT" || id == "TINYINT")) {
    return ConstantBound(Value::Bigint(payload.integer()));
  }
  if (id == "DOUBLE" && payload.is_number()) return ConstantBound(Value::Double(payload.number()));
  if (const std::optional<TypeId> decimal = DecimalTypeOf(type)) {
    if (const std::optional<Int128> units = UnitsOf(payload))
      return ConstantBound(Value::Bytes(*decimal, EncodeDecimal(*units)));
  }
  if (id == "VARCHAR" && payload.is_string()) return ConstantBound(Value::Varchar(payload.str()));
  if (id == "BOOLEAN" && payload.is_bool()) return ConstantBound(Value::Boolean(payload.boolean()));
  Error(node, fmt::format("a literal of type {} is not known to the feature engine", id),
        "write a double such as 1e20");
  return std::nullopt;
}

std::optional<Bound> Binder::BindCast(const Json& node) {
  if (IntervalResult interval = BindIntervalLiteral(node); interval.handled) return std::move(interval.bound);
  std::optional<Bound> child = Bind(NodeOf(node, "child"));
  const Json& cast_type = NodeOf(node, "cast_type");
  std::string type_name = TextOf(cast_type, "id");
  if (type_name == "UNBOUND" || type_name == "USER") type_name = TextOf(NodeOf(cast_type, "type_info"), "name");
  const std::optional<TypeId> decimal = DecimalTypeOf(cast_type);
  const StatusOr<TypeId> type = decimal ? StatusOr<TypeId>(*decimal) : ParseTypeName(type_name);
  if (child && IsNested(child->expression.type)) {
    Error(node, fmt::format("a cast of a {} is not known to the feature engine", TypeName(child->expression.type)),
          "take one value of it, or its length");
    return std::nullopt;
  }
  if (!type.ok()) {
    Error(node, fmt::format("a cast to {} is not known to the feature engine", type_name),
          "cast to boolean, bigint, double, decimal(p,s), varchar, date or timestamp");
    return std::nullopt;
  }
  if (!child) return std::nullopt;
  const Json* try_cast = node.Find("try_cast");
  Expression cast;
  cast.kind = Expression::Kind::kCast;
  cast.type = *type;
  cast.zoned = type_name == "TIMESTAMP WITH TIME ZONE" || absl::AsciiStrToUpper(type_name) == "TIMESTAMPTZ";
  cast.try_cast = try_cast != nullptr && try_cast->is_bool() && try_cast->boolean();
  cast.children.push_back(std::move(child->expression));
  if (cast.children[0].kind == Expression::Kind::kConstant) {  // folded, so that a bad literal is found here
    StatusOr<Column> folded = Evaluate(cast, {}, 1);
    if (!folded.ok()) {
      Error(node, std::string(Message(folded.status())));
      return std::nullopt;
    }
    Expression constant = Expression::Constant(folded->GetValue(0), *type);
    constant.zoned = cast.zoned;
    return Typed(std::move(constant));
  }
  return Typed(std::move(cast));
}

std::optional<std::vector<Bound>> Binder::BindAll(const Json::Array& nodes, bool intervals) {
  std::vector<Bound> bound;
  bool complete = true;
  for (const Json& node : nodes) {
    std::optional<Bound> one = intervals ? BindAny(node) : Bind(node);
    complete &= one.has_value();
    if (one) bound.push_back(*std::move(one));
  }
  if (!complete) return std::nullopt;
  return bound;
}

std::optional<Bound> Binder::BindComparison(const Json& node) {
  static constexpr std::array<std::pair<std::string_view, std::string_view>, 8> kNames = {
      {{"COMPARE_EQUAL", "="},
       {"COMPARE_NOTEQUAL", "<>"},
       {"COMPARE_LESSTHAN", "<"},
       {"COMPARE_GREATERTHAN", ">"},
       {"COMPARE_LESSTHANOREQUALTO", "<="},
       {"COMPARE_GREATERTHANOREQUALTO", ">="},
       {"COMPARE_DISTINCT_FROM", "is distinct from"},
       {"COMPARE_NOT_DISTINCT_FROM", "is not distinct from"}}};
  std::optional<std::vector<Bound>> sides = BindAll({NodeOf(node, "left"), NodeOf(node, "right")}, /*intervals=*/true);
  if (!sides) return std::nullopt;
  const std::string type = TypeOf(node);
  const auto it = std::find_if(kNames.begin(), kNames.end(), [&](const auto& entry) { return entry.first == type; });
  if (it == kNames.end()) {
    Error(node, fmt::format("the comparison {} is not known to the feature engine", type));
    return std::nullopt;
  }
  return Call(node, it->second, *std::move(sides));
}

std::optional<Bound> Binder::BindBetween(const Json& node) {
  std::optional<std::vector<Bound>> parts =
      BindAll({NodeOf(node, "input"), NodeOf(node, "lower"), NodeOf(node, "upper")}, /*intervals=*/true);
  if (!parts) return std::nullopt;
  std::optional<Bound> low = Call(node, ">=", {(*parts)[0], (*parts)[1]});
  std::optional<Bound> high = Call(node, "<=", {(*parts)[0], (*parts)[2]});
  if (!low || !high) return std::nullopt;
  Expression both;
  both.kind = Expression::Kind::kAnd;
  both.type = TypeId::kBoolean;
  both.children = {std::move(low->expression), std::move(high->expression)};
  return Typed(std::move(both));
}

std::optional<Bound> Binder::BindConjunction(const Json& node) {
  Expression logic;
  logic.kind = TypeOf(node) == "CONJUNCTION_OR" ? Expression::Kind::kOr : Expression::Kind::kAnd;
  logic.type = TypeId::kBoolean;
  bool complete = true;
  for (const Json& child : ListOf(node, "children")) {
    std::optional<Expression> condition = BindCondition(child, logic.kind == Expression::Kind::kOr ? "OR" : "AND");
    complete &= condition.has_value();
    if (condition) logic.children.push_back(*std::move(condition));
  }
  if (!complete) return std::nullopt;
  return Typed(std::move(logic));
}

std::optional<Bound> Binder::BindOperator(const Json& node) {
  const std::string type = TypeOf(node);
  if (type == "COMPARE_IN" || type == "COMPARE_NOT_IN") return BindIn(node);
  std::optional<std::vector<Bound>> children = BindAll(ListOf(node, "children"));
  if (!children) return std::nullopt;
  if (type == "OPERATOR_NOT") return Call(node, "not", *std::move(children));
  if (type == "OPERATOR_IS_NULL") return Call(node, "is null", *std::move(children));
  if (type == "OPERATOR_IS_NOT_NULL") return Call(node, "is not null", *std::move(children));
  if (type == "ARRAY_EXTRACT" && children->size() == 2) {
    const bool map = IsMap((*children)[0].expression.type);
    return Call(node, map ? "map_extract_value" : "list_extract", *std::move(children));
  }
  if (type == "OPERATOR_COALESCE") {
    std::optional<std::vector<Expression>> values = Unify(node, *std::move(children), "coalesce");
    if (!values) return std::nullopt;
    Expression coalesce;
    coalesce.kind = Expression::Kind::kCoalesce;
    coalesce.type = values->front().type;
    coalesce.zoned = std::any_of(values->begin(), values->end(), [](const Expression& value) { return value.zoned; });
    coalesce.children = *std::move(values);
    return Typed(std::move(coalesce));
  }
  Error(node, fmt::format("the operator {} is not known to the feature engine", type),
        "put it into a table under tables/, and select from that table here");
  return std::nullopt;
}

// x IN (a, b) is x = a OR x = b, with its nulls.
std::optional<Bound> Binder::BindIn(const Json& node) {
  std::optional<std::vector<Bound>> children = BindAll(ListOf(node, "children"));
  if (!children) return std::nullopt;
  Expression any;
  any.kind = Expression::Kind::kOr;
  any.type = TypeId::kBoolean;
  for (size_t i = 1; i < children->size(); ++i) {
    std::optional<Bound> equal = Call(node, "=", {(*children)[0], (*children)[i]});
    if (!equal) return std::nullopt;
    any.children.push_back(std::move(equal->expression));
  }
  if (TypeOf(node) == "COMPARE_NOT_IN") return Call(node, "not", {Typed(std::move(any))});
  return Typed(std::move(any));
}

std::optional<std::vector<Expression>> Binder::Unify(const Json& at, std::vector<Bound> values, std::string_view what) {
  if (!AdaptLiterals(at, &values)) return std::nullopt;
  std::optional<TypeId> common;
  for (const Bound& value : values) {
    if (value.untyped_null) continue;
    const std::optional<TypeId> wider = common ? CommonType(*common, value.expression.type) : value.expression.type;
    if (!wider) {
      Error(at, fmt::format("{} mixes {} and {}", what, TypeName(*common), TypeName(value.expression.type)),
            "cast one of them");
      return std::nullopt;
    }
    common = wider;
  }
  if (const std::optional<TypeId> decimal = common && IsDecimal(*common) ? CommonDecimalOf(values) : std::nullopt)
    common = decimal;
  std::vector<Expression> unified;
  unified.reserve(values.size());
  for (Bound& value : values) unified.push_back(*Coerce(std::move(value), common.value_or(TypeId::kBigint)));
  return unified;
}

std::optional<Bound> Binder::BindCase(const Json& node) {
  std::vector<Expression> conditions;
  std::vector<Bound> values;
  bool complete = true;
  for (const Json& check : ListOf(node, "case_checks")) {
    std::optional<Expression> condition = BindCondition(NodeOf(check, "when_expr"), "WHEN");
    std::optional<Bound> value = Bind(NodeOf(check, "then_expr"));
    complete &= condition.has_value() && value.has_value();
    if (condition) conditions.push_back(*std::move(condition));
    if (value) values.push_back(*std::move(value));
  }
  std::optional<Bound> otherwise = Bind(NodeOf(node, "else_expr"));
  if (!complete || !otherwise) return std::nullopt;
  values.push_back(*std::move(otherwise));
  std::optional<std::vector<Expression>> unified = Unify(node, std::move(values), "CASE");
  if (!unified) return std::nullopt;
  Expression choice;
  choice.kind = Expression::Kind::kCase;
  choice.type = unified->front().type;
  choice.zoned = std::any_of(unified->begin(), unified->end(), [](const Expression& value) { return value.zoned; });
  for (size_t i = 0; i < conditions.size(); ++i) {
    choice.children.push_back(std::move(conditions[i]));
    choice.children.push_back(std::move((*unified)[i]));
  }
  choice.children.push_back(std::move(unified->back()));
  return Typed(std::move(choice));
}

}  // namespace headrace::compile
