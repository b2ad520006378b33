// The syntax tree of a template. All offsets are bytes of the template's text.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "catalog/template/value.h"

namespace headrace::jinja {

struct Expression;
using ExpressionPtr = std::unique_ptr<Expression>;

struct Literal {
  Value value;
};
struct Name {
  std::string name;
};
struct ListExpression {
  std::vector<Expression> items;
};
// Keys and values are of one length. (A vector of pairs would need the whole Expression here.)
struct DictExpression {
  std::vector<Expression> keys;
  std::vector<Expression> values;
};
enum class UnaryOperator : uint8_t { kNot, kMinus, kPlus };
struct Unary {
  UnaryOperator op;
  ExpressionPtr operand;
};
enum class BinaryOperator : uint8_t {
  kAnd,
  kOr,
  kAdd,
  kSubtract,
  kMultiply,
  kDivide,
  kFloorDivide,
  kModulo,
  kPower,
  kConcat
};
struct Binary {
  BinaryOperator op;
  ExpressionPtr left;
  ExpressionPtr right;
};
enum class CompareOperator : uint8_t { kEqual, kNotEqual, kLess, kLessEqual, kGreater, kGreaterEqual, kIn, kNotIn };
// a < b <= c: operator i stands between operands i and i + 1. Each operand is evaluated at most once.
struct Comparison {
  std::vector<Expression> operands;
  std::vector<CompareOperator> operators;
};
// `then if condition else otherwise`; without else the value is undefined.
struct Conditional {
  ExpressionPtr condition;
  ExpressionPtr then;
  ExpressionPtr otherwise;  // may be null
};
struct Attribute {
  ExpressionPtr object;
  std::string name;
};
struct Subscript {
  ExpressionPtr object;
  ExpressionPtr index;
};
struct ArgumentExpression {
  std::string name;  // "" when positional
  std::unique_ptr<Expression> value;
};
struct CallExpression {
  ExpressionPtr callee;
  std::vector<ArgumentExpression> arguments;
};
struct FilterExpression {
  ExpressionPtr input;
  std::string name;
  std::vector<ArgumentExpression> arguments;
};
// `input is name` or `input is not name`.
struct TestExpression {
  ExpressionPtr input;
  std::string name;
  bool negated = false;
};

struct Expression {
  size_t begin = 0;
  size_t end = 0;
  std::variant<Literal, Name, ListExpression, DictExpression, Unary, Binary, Comparison, Conditional, Attribute,
               Subscript, CallExpression, FilterExpression, TestExpression>
      node;
};

struct Statement;
using Body = std::vector<Statement>;

struct Text {
  size_t end = 0;  // it begins where its statement does
};
struct Output {
  Expression value;
};
// {% set a = 1 %}, {% set a, b = pair %}, {% set a %}text{% endset %}.
struct Set {
  std::vector<std::string> targets;
  ExpressionPtr value;  // null: the rendered `body`
  Body body;
};
struct If {
  struct Branch {
    ExpressionPtr condition;  // null: else
    Body body;
  };
  std::vector<Branch> branches;
};
struct For {
  std::vector<std::string> targets;
  Expression items;
  Body body;
  Body otherwise;  // when there was no item
};

struct Statement {
  size_t begin = 0;
  std::variant<Text, Output, Set, If, For> node;
};

}  // namespace headrace::jinja
