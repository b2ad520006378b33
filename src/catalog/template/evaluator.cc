#include "catalog/template/evaluator.h"

#include "base/diagnostic.h"
#include "catalog/template/call.h"
#include "catalog/template/error.h"
#include "catalog/template/operators.h"
#include "catalog/template/parser.h"

namespace headrace::jinja {
namespace {

Value LoopVariable(size_t index, size_t count) {
  const auto number = [](size_t n) { return Value(static_cast<int64_t>(n)); };
  return Value(Value::Dict{{"index", number(index + 1)},
                           {"index0", number(index)},
                           {"revindex", number(count - index)},
                           {"revindex0", number(count - index - 1)},
                           {"first", Value(index == 0)},
                           {"last", Value(index + 1 == count)},
                           {"length", number(count)}});
}

std::vector<std::string> KeysOf(const Value& dict) {
  std::vector<std::string> keys;
  for (const auto& [key, value] : dict.dict()) {
    if (key.is_string()) keys.push_back(key.str());
  }
  return keys;
}

// An operator's error with the expression it is about: "division by zero in '1 // 0'".
Status InExpression(const Status& status, const Expression& e, std::string_view source) {
  constexpr size_t kLongest = 60;
  if (HasOffset(status) || e.end - e.begin > kLongest) return status;
  const std::string message =
      fmt::format("{} in '{}'", std::string(status.message()), source.substr(e.begin, e.end - e.begin));
  return WithHint(Status(status.code(), message), HintOf(status));
}

// The name that a call is made by, for its errors: of `a.b(...)` it is b.
std::string_view CalleeName(const Expression& callee, std::string_view source) {
  if (const auto* attribute = std::get_if<Attribute>(&callee.node)) return attribute->name;
  return source.substr(callee.begin, callee.end - callee.begin);
}

}  // namespace

StatusOr<Value> Evaluator::Evaluate(const Expression& expression) {
  HR_RETURN_IF_ERROR(WithOffset(budget_.Spend(1), expression.begin));
  StatusOr<Value> value = std::visit([&](const auto& node) { return Eval(expression, node); }, expression.node);
  if (!value.ok()) return WithOffset(value.status(), expression.begin);
  if (value->depth() > kMaxDepth) return ErrorAt(expression.begin, "lists and dicts are nested too deeply");
  return value;
}

StatusOr<Value> Evaluator::Eval(const Expression&, const Literal& node) {
  return node.value;
}

StatusOr<Value> Evaluator::Eval(const Expression&, const Name& node) {
  for (auto scope = scopes_.rbegin(); scope != scopes_.rend(); ++scope) {
    for (const auto& [name, value] : *scope) {
      if (name == node.name) return value;
    }
  }
  const auto global = globals_.find(node.name);
  if (global != globals_.end()) return global->second;
  return Value::Undefined(node.name, NearestNameHint(node.name, KnownNames()));
}

StatusOr<Value> Evaluator::Eval(const Expression&, const ListExpression& node) {
  Value::List list;
  for (const Expression& item : node.items) {
    HR_ASSIGN_OR_RETURN(list.emplace_back(), Evaluate(item));
  }
  return Value(std::move(list));
}

StatusOr<Value> Evaluator::Eval(const Expression&, const DictExpression& node) {
  Value::Dict dict;
  for (size_t i = 0; i < node.keys.size(); ++i) {
    HR_ASSIGN_OR_RETURN(Value key, Evaluate(node.keys[i]));
    HR_ASSIGN_OR_RETURN(Value value, Evaluate(node.values[i]));
    for (const auto& [other, unused] : dict) {
      HR_ASSIGN_OR_RETURN(const bool repeated, Equal(key, other, &budget_));
      if (!repeated) continue;
      HR_ASSIGN_OR_RETURN(const std::string text, ToText(key, &budget_));
      return ErrorAt(node.keys[i].begin, fmt::format("key '{}' is given twice", text));
    }
    dict.emplace_back(std::move(key), std::move(value));
  }
  return Value(std::move(dict));
}

StatusOr<Value> Evaluator::Eval(const Expression& e, const Unary& node) {
  HR_ASSIGN_OR_RETURN(const Value operand, Evaluate(*node.operand));
  StatusOr<Value> result = ApplyUnary(node.op, operand);
  if (!result.ok()) return InExpression(result.status(), e, source_);
  return result;
}

StatusOr<Value> Evaluator::Eval(const Expression& e, const Binary& node) {
  HR_ASSIGN_OR_RETURN(Value left, Evaluate(*node.left));
  if (node.op == BinaryOperator::kAnd && !left.IsTrue()) return left;
  if (node.op == BinaryOperator::kOr && left.IsTrue()) return left;
  HR_ASSIGN_OR_RETURN(Value right, Evaluate(*node.right));
  if (node.op == BinaryOperator::kAnd || node.op == BinaryOperator::kOr) return right;
  StatusOr<Value> result = ApplyBinary(node.op, left, right, &budget_);
  if (!result.ok()) return InExpression(result.status(), e, source_);
  return result;
}

StatusOr<Value> Evaluator::Eval(const Expression& e, const Comparison& node) {
  HR_ASSIGN_OR_RETURN(Value left, Evaluate(node.operands[0]));
  for (size_t i = 0; i < node.operators.size(); ++i) {
    HR_ASSIGN_OR_RETURN(Value right, Evaluate(node.operands[i + 1]));
    const StatusOr<bool> holds = ApplyCompare(node.operators[i], left, right, &budget_);
    if (!holds.ok()) return InExpression(holds.status(), e, source_);
    if (!*holds) return Value(false);
    left = std::move(right);
  }
  return Value(true);
}

StatusOr<Value> Evaluator::Eval(const Expression&, const Conditional& node) {
  HR_ASSIGN_OR_RETURN(const Value condition, Evaluate(*node.condition));
  if (condition.IsTrue()) return Evaluate(*node.then);
  if (node.otherwise != nullptr) return Evaluate(*node.otherwise);
  return Value("");  // Jinja's undefined here renders as nothing
}

StatusOr<Value> Evaluator::Eval(const Expression& e, const Attribute& node) {
  HR_ASSIGN_OR_RETURN(const Value object, Evaluate(*node.object));
  if (const Value* found = object.Find(node.name)) return *found;
  if (object.is_object()) return object.object().GetAttribute(node.name);
  const std::string path(source_.substr(e.begin, e.end - e.begin));
  if (object.is_dict()) return Value::Undefined(path, NearestNameHint(node.name, KeysOf(object)));
  if (object.is_undefined())
    return WithHint(InvalidArgument("'{}' is undefined", object.missing_name()), object.missing_hint());
  return Value::Undefined(path);
}

StatusOr<Value> Evaluator::Eval(const Expression& e, const Subscript& node) {
  HR_ASSIGN_OR_RETURN(const Value object, Evaluate(*node.object));
  HR_ASSIGN_OR_RETURN(const Value index, Evaluate(*node.index));
  const std::string path(source_.substr(e.begin, e.end - e.begin));
  if (object.is_dict()) {
    for (const auto& [key, value] : object.dict()) {
      HR_ASSIGN_OR_RETURN(const bool found, Equal(key, index, &budget_));
      if (found) return value;
    }
    return Value::Undefined(path, index.is_string() ? NearestNameHint(index.str(), KeysOf(object)) : "");
  }
  if ((object.is_list() || object.is_string()) && index.is_integer()) {
    const int64_t size = static_cast<int64_t>(object.is_list() ? object.list().size() : object.str().size());
    const int64_t at = index.integer() < 0 ? index.integer() + size : index.integer();
    if (at < 0 || at >= size) return Value::Undefined(path);
    return object.is_list() ? object.list()[static_cast<size_t>(at)]
                            : Value(std::string(1, object.str()[static_cast<size_t>(at)]));
  }
  if (object.is_undefined())
    return WithHint(InvalidArgument("'{}' is undefined", object.missing_name()), object.missing_hint());
  return InvalidArgument("'{}': {} cannot be indexed by {}", path, object.kind(), index.kind());
}

StatusOr<std::vector<Argument>> Evaluator::EvaluateArguments(const std::vector<ArgumentExpression>& arguments) {
  std::vector<Argument> result;
  for (const ArgumentExpression& argument : arguments) {
    HR_ASSIGN_OR_RETURN(Value value, Evaluate(*argument.value));
    result.push_back({.name = argument.name, .value = std::move(value), .begin = argument.value->begin});
  }
  return result;
}

StatusOr<Value> Evaluator::Eval(const Expression& e, const CallExpression& node) {
  CallSite site{.function = CalleeName(*node.callee, source_), .begin = e.begin, .arguments = {}, .budget = &budget_};
  // A method of a text, list or dict is no attribute of it: {'items': 1}.items is 1, {}.items() calls the method.
  if (const auto* attribute = std::get_if<Attribute>(&node.callee->node)) {
    HR_ASSIGN_OR_RETURN(const Value receiver, Evaluate(*attribute->object));
    if (receiver.is_string() || receiver.is_list() || receiver.is_dict()) {
      HR_ASSIGN_OR_RETURN(site.arguments, EvaluateArguments(node.arguments));
      return CallMethod(receiver, site);
    }
  }
  HR_ASSIGN_OR_RETURN(const Value callee, Evaluate(*node.callee));
  if (callee.is_undefined()) {
    return WithHint(InvalidArgument("there is no function '{}'", callee.missing_name()), callee.missing_hint());
  }
  if (!callee.is_object()) return InvalidArgument("'{}' is {}, no function", site.function, callee.kind());
  HR_ASSIGN_OR_RETURN(site.arguments, EvaluateArguments(node.arguments));
  return callee.object().Call(site);
}

StatusOr<Value> Evaluator::Eval(const Expression& e, const FilterExpression& node) {
  HR_ASSIGN_OR_RETURN(const Value input, Evaluate(*node.input));
  HR_ASSIGN_OR_RETURN(std::vector<Argument> arguments, EvaluateArguments(node.arguments));
  return ApplyFilter(input,
                     {.function = node.name, .begin = e.begin, .arguments = std::move(arguments), .budget = &budget_});
}

StatusOr<Value> Evaluator::Eval(const Expression&, const TestExpression& node) {
  HR_ASSIGN_OR_RETURN(const Value input, Evaluate(*node.input));
  HR_ASSIGN_OR_RETURN(const bool holds, ApplyTest(input, node.name));
  return Value(holds != node.negated);
}

Status Evaluator::Render(const Body& body, Rendered* out) {
  for (const Statement& statement : body) {
    HR_RETURN_IF_ERROR(WithOffset(budget_.Spend(1), statement.begin));
    HR_RETURN_IF_ERROR(std::visit([&](const auto& node) { return Run(statement, node, out); }, statement.node));
  }
  return absl::OkStatus();
}

Status Evaluator::Run(const Statement& s, const Text& node, Rendered* out) {
  HR_RETURN_IF_ERROR(WithOffset(budget_.Spend(node.end - s.begin), s.begin));
  out->segments.push_back({.rendered_begin = out->text.size(), .source_begin = s.begin, .literal = true});
  out->text += source_.substr(s.begin, node.end - s.begin);
  return absl::OkStatus();
}

Status Evaluator::Run(const Statement& s, const Output& node, Rendered* out) {
  HR_ASSIGN_OR_RETURN(const Value value, Evaluate(node.value));
  const StatusOr<std::string> text = ToText(value, &budget_);
  if (!text.ok()) return WithOffset(text.status(), node.value.begin);
  if (text->empty()) return absl::OkStatus();
  out->segments.push_back({.rendered_begin = out->text.size(), .source_begin = s.begin, .literal = false});
  out->text += *text;
  return absl::OkStatus();
}

Status Evaluator::Run(const Statement& s, const Set& node, Rendered*) {
  if (node.value == nullptr) {
    Rendered block;
    HR_RETURN_IF_ERROR(Render(node.body, &block));
    return Assign(node.targets, Value(std::move(block.text)), s.begin);
  }
  HR_ASSIGN_OR_RETURN(Value value, Evaluate(*node.value));
  return Assign(node.targets, std::move(value), node.value->begin);
}

Status Evaluator::Run(const Statement&, const If& node, Rendered* out) {
  for (const If::Branch& branch : node.branches) {
    bool taken = true;
    if (branch.condition != nullptr) {
      HR_ASSIGN_OR_RETURN(const Value condition, Evaluate(*branch.condition));
      taken = condition.IsTrue();
    }
    if (taken) return Render(branch.body, out);
  }
  return absl::OkStatus();
}

StatusOr<Value::List> Evaluator::LoopItems(const Expression& items) {
  HR_ASSIGN_OR_RETURN(const Value value, Evaluate(items));
  const CallSite site{.function = "list", .begin = items.begin, .arguments = {}, .budget = &budget_};
  StatusOr<Value> list = ApplyFilter(value, site);
  if (list.ok()) return list->list();
  if (value.is_undefined() || absl::IsResourceExhausted(list.status())) return WithOffset(list.status(), items.begin);
  return ErrorAt(items.begin, fmt::format("'for' needs a list, a dict or a text, not {}", value.kind()));
}

Status Evaluator::Run(const Statement& s, const For& node, Rendered* out) {
  HR_ASSIGN_OR_RETURN(const Value::List items, LoopItems(node.items));
  if (items.empty()) return Render(node.otherwise, out);
  for (size_t i = 0; i < items.size(); ++i) {
    HR_RETURN_IF_ERROR(WithOffset(budget_.Spend(1), s.begin));
    scopes_.emplace_back();
    SetVariable("loop", LoopVariable(i, items.size()));
    HR_RETURN_IF_ERROR(Assign(node.targets, items[i], node.items.begin));
    HR_RETURN_IF_ERROR(Render(node.body, out));
    scopes_.pop_back();
  }
  return absl::OkStatus();
}

Status Evaluator::Assign(const std::vector<std::string>& targets, Value value, size_t offset) {
  if (targets.size() == 1) {
    SetVariable(targets[0], std::move(value));
    return absl::OkStatus();
  }
  if (!value.is_list() || value.list().size() != targets.size()) {
    const std::string got =
        value.is_list() ? fmt::format("a list of {}", value.list().size()) : std::string(value.kind());
    return ErrorAt(offset,
                   fmt::format("{} variables need a list of {} values, got {}", targets.size(), targets.size(), got));
  }
  for (size_t i = 0; i < targets.size(); ++i) SetVariable(targets[i], value.list()[i]);
  return absl::OkStatus();
}

void Evaluator::SetVariable(const std::string& name, Value value) {
  for (auto& [existing, held] : scopes_.back()) {
    if (existing == name) {
      held = std::move(value);
      return;
    }
  }
  scopes_.back().emplace_back(name, std::move(value));
}

std::vector<std::string> Evaluator::KnownNames() const {
  std::vector<std::string> names;
  for (const Scope& scope : scopes_) {
    for (const auto& [name, value] : scope) names.push_back(name);
  }
  for (const auto& [name, value] : globals_) names.push_back(name);
  return names;
}

StatusOr<Rendered> Render(std::string_view source, const Globals& globals) {
  HR_ASSIGN_OR_RETURN(const Body body, ParseBody(source));
  Rendered rendered;
  HR_RETURN_IF_ERROR(Evaluator(source, globals).Render(body, &rendered));
  return rendered;
}

StatusOr<Value> Evaluate(std::string_view expression, const Globals& globals) {
  HR_ASSIGN_OR_RETURN(const Expression parsed, ParseExpression(expression));
  return Evaluator(expression, globals).Evaluate(parsed);
}

}  // namespace headrace::jinja
