// The expression half of the parser: one class over the token stream, used by template/parser.cc alone.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "catalog/template/ast.h"
#include "catalog/template/lexer.h"

namespace headrace::jinja {

// A recursive-descent parser; each level of precedence is one function, from loosest to tightest.
class ExpressionParser {
 public:
  ExpressionParser(std::string_view source, std::vector<Token> tokens) : source_(source), tokens_(std::move(tokens)) {}

  StatusOr<Expression> Parse();       // a conditional expression
  StatusOr<Expression> ParseTuple();  // Parse(), or several with commas between them: a list

  const Token& Peek(size_t ahead = 0) const { return tokens_[std::min(at_ + ahead, tokens_.size() - 1)]; }
  Token Next() { return tokens_[at_ < tokens_.size() - 1 ? at_++ : at_]; }
  bool TakeOperator(std::string_view op) { return Take(TokenKind::kOperator, op); }
  bool TakeName(std::string_view name) { return Take(TokenKind::kName, name); }
  Status ExpectOperator(std::string_view op);
  StatusOr<std::string> ExpectName(std::string_view what);
  // "expected X, got 'y'", at the next token.
  Status Unexpected(std::string_view expected) const;

 private:
  // Bounds chains such as a ~ b ~ c, each link of which nests the tree one deeper.
  Status CountLink();
  bool Take(TokenKind kind, std::string_view text);
  bool PeekOperator(std::string_view op) const { return Peek().Is(TokenKind::kOperator, op); }
  bool PeekName(std::string_view name) const { return Peek().Is(TokenKind::kName, name); }

  StatusOr<Expression> ParseConditional();
  StatusOr<Expression> ParseOr();
  StatusOr<Expression> ParseAnd();
  StatusOr<Expression> ParseNot();
  StatusOr<Expression> ParseComparison();
  StatusOr<Expression> ParseSum();
  StatusOr<Expression> ParseConcat();
  StatusOr<Expression> ParseProduct();
  StatusOr<Expression> ParsePower();
  StatusOr<Expression> ParseUnary(bool with_filters);
  StatusOr<Expression> ParsePrimary();
  StatusOr<Expression> ParseName();
  StatusOr<Expression> ParseNumber();
  StatusOr<Expression> ParseString();
  StatusOr<Expression> ParseParenthesis();
  StatusOr<Expression> ParseList();
  StatusOr<Expression> ParseDict();
  StatusOr<Expression> ParsePostfix(Expression operand);
  StatusOr<Expression> ParseFiltersAndTests(Expression operand);
  StatusOr<Expression> ParseTest(Expression operand);
  StatusOr<std::vector<ArgumentExpression>> ParseArguments();
  bool TakeCompareOperator(CompareOperator* op);

  std::string_view source_;
  std::vector<Token> tokens_;
  size_t at_ = 0;
  int depth_ = 0;
  int links_ = 0;
};

}  // namespace headrace::jinja
