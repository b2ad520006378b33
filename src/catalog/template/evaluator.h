// Walks the syntax tree of a template: expressions to values, statements to text.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "catalog/template/ast.h"
#include "catalog/template/budget.h"
#include "catalog/template/template.h"

namespace headrace::jinja {

// One rendering of one template. `source` and `globals` must outlive it.
class Evaluator {
 public:
  Evaluator(std::string_view source, const Globals& globals) : source_(source), globals_(globals), scopes_(1) {}

  StatusOr<Value> Evaluate(const Expression& expression);
  Status Render(const Body& body, Rendered* out);

 private:
  using Scope = std::vector<std::pair<std::string, Value>>;

  StatusOr<Value> Eval(const Expression& e, const Literal& node);
  StatusOr<Value> Eval(const Expression& e, const Name& node);
  StatusOr<Value> Eval(const Expression& e, const ListExpression& node);
  StatusOr<Value> Eval(const Expression& e, const DictExpression& node);
  StatusOr<Value> Eval(const Expression& e, const Unary& node);
  StatusOr<Value> Eval(const Expression& e, const Binary& node);
  StatusOr<Value> Eval(const Expression& e, const Comparison& node);
  StatusOr<Value> Eval(const Expression& e, const Conditional& node);
  StatusOr<Value> Eval(const Expression& e, const Attribute& node);
  StatusOr<Value> Eval(const Expression& e, const Subscript& node);
  StatusOr<Value> Eval(const Expression& e, const CallExpression& node);
  StatusOr<Value> Eval(const Expression& e, const FilterExpression& node);
  StatusOr<Value> Eval(const Expression& e, const TestExpression& node);

  Status Run(const Statement& s, const Text& node, Rendered* out);
  Status Run(const Statement& s, const Output& node, Rendered* out);
  Status Run(const Statement& s, const Set& node, Rendered* out);
  Status Run(const Statement& s, const If& node, Rendered* out);
  Status Run(const Statement& s, const For& node, Rendered* out);

  StatusOr<std::vector<Argument>> EvaluateArguments(const std::vector<ArgumentExpression>& arguments);
  StatusOr<Value::List> LoopItems(const Expression& items);
  Status Assign(const std::vector<std::string>& targets, Value value, size_t offset);
  void SetVariable(const std::string& name, Value value);
  std::vector<std::string> KnownNames() const;

  std::string_view source_;
  const Globals& globals_;
  Budget budget_;
  std::vector<Scope> scopes_;  // the innermost last; loops open one
};

}  // namespace headrace::jinja
