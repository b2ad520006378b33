#include "catalog/template/expression_parser.h"

#include <array>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/numbers.h"
#include "catalog/template/error.h"
#include "catalog/template/parser.h"

namespace headrace::jinja {
namespace {

ExpressionPtr Box(Expression e) {
  return std::make_unique<Expression>(std::move(e));
}

Expression MakeBinary(BinaryOperator op, Expression left, Expression right) {
  const size_t begin = left.begin;
  const size_t end = right.end;
  return {begin, end, Binary{op, Box(std::move(left)), Box(std::move(right))}};
}

Expression MakeUnary(UnaryOperator op, size_t begin, Expression operand) {
  const size_t end = operand.end;
  return {begin, end, Unary{op, Box(std::move(operand))}};
}

Expression MakeLiteral(const Token& token, Value value) {
  return {token.begin, token.end, Literal{std::move(value)}};
}

}  // namespace

Status ExpressionParser::Unexpected(std::string_view expected) const {
  const Token& token = Peek();
  if (token.kind == TokenKind::kEnd)
    return ErrorAt(token.begin, fmt::format("expected {}, but the text ends", expected));
  return ErrorAt(token.begin,
                 fmt::format("expected {}, got '{}'", expected, source_.substr(token.begin, token.end - token.begin)));
}

bool ExpressionParser::Take(TokenKind kind, std::string_view text) {
  if (!Peek().Is(kind, text)) return false;
  Next();
  return true;
}

Status ExpressionParser::ExpectOperator(std::string_view op) {
  return TakeOperator(op) ? absl::OkStatus() : Unexpected(fmt::format("'{}'", op));
}

StatusOr<std::string> ExpressionParser::ExpectName(std::string_view what) {
  if (Peek().kind != TokenKind::kName) return Unexpected(what);
  return Next().text;
}

StatusOr<Expression> ExpressionParser::ParseTuple() {
  HR_ASSIGN_OR_RETURN(Expression first, Parse());
  if (!PeekOperator(",")) return first;
  const size_t begin = first.begin;
  ListExpression list;
  list.items.push_back(std::move(first));
  while (TakeOperator(",")) {
    const TokenKind next = Peek().kind;
    if (next == TokenKind::kTagEnd || next == TokenKind::kOutputEnd || next == TokenKind::kEnd || PeekOperator(")"))
      break;
    HR_ASSIGN_OR_RETURN(Expression item, Parse());
    list.items.push_back(std::move(item));
  }
  const size_t end = list.items.back().end;
  return Expression{begin, end, std::move(list)};
}

StatusOr<Expression> ExpressionParser::Parse() {
  if (depth_ >= kMaxNesting) return ErrorAt(Peek().begin, "the expression is nested too deeply");
  if (depth_ == 0) links_ = 0;
  ++depth_;
  const absl::Cleanup leave = [this] { --depth_; };
  return ParseConditional();
}

Status ExpressionParser::CountLink() {
  if (++links_ <= kMaxLinks) return absl::OkStatus();
  return ErrorAt(Peek().begin, fmt::format("the expression has more than {} operators", kMaxLinks));
}

StatusOr<Expression> ExpressionParser::ParseConditional() {
  HR_ASSIGN_OR_RETURN(Expression value, ParseOr());
  while (TakeName("if")) {
    HR_RETURN_IF_ERROR(CountLink());
    HR_ASSIGN_OR_RETURN(Expression condition, ParseOr());
    const size_t begin = value.begin;
    size_t end = condition.end;
    ExpressionPtr otherwise;
    if (TakeName("else")) {
      HR_ASSIGN_OR_RETURN(Expression other, Parse());
      end = other.end;
      otherwise = Box(std::move(other));
    }
    value = Expression{begin, end, Conditional{Box(std::move(condition)), Box(std::move(value)), std::move(otherwise)}};
  }
  return value;
}

StatusOr<Expression> ExpressionParser::ParseOr() {
  HR_ASSIGN_OR_RETURN(Expression left, ParseAnd());
  while (TakeName("or")) {
    HR_RETURN_IF_ERROR(CountLink());
    HR_ASSIGN_OR_RETURN(Expression right, ParseAnd());
    left = MakeBinary(BinaryOperator::kOr, std::move(left), std::move(right));
  }
  return left;
}

StatusOr<Expression> ExpressionParser::ParseAnd() {
  HR_ASSIGN_OR_RETURN(Expression left, ParseNot());
  while (TakeName("and")) {
    HR_RETURN_IF_ERROR(CountLink());
    HR_ASSIGN_OR_RETURN(Expression right, ParseNot());
    left = MakeBinary(BinaryOperator::kAnd, std::move(left), std::move(right));
  }
  return left;
}

StatusOr<Expression> ExpressionParser::ParseNot() {
  if (!PeekName("not")) return ParseComparison();
  HR_RETURN_IF_ERROR(CountLink());
  const size_t begin = Next().begin;
  HR_ASSIGN_OR_RETURN(Expression operand, ParseNot());
  return MakeUnary(UnaryOperator::kNot, begin, std::move(operand));
}

bool ExpressionParser::TakeCompareOperator(CompareOperator* op) {
  constexpr std::array<std::pair<std::string_view, CompareOperator>, 6> kSymbols = {
      {{"==", CompareOperator::kEqual},
       {"!=", CompareOperator::kNotEqual},
       {"<", CompareOperator::kLess},
       {"<=", CompareOperator::kLessEqual},
       {">", CompareOperator::kGreater},
       {">=", CompareOperator::kGreaterEqual}}};
  for (const auto& [symbol, meaning] : kSymbols) {
    *op = meaning;
    if (TakeOperator(symbol)) return true;
  }
  *op = CompareOperator::kIn;
  if (TakeName("in")) return true;
  if (!PeekName("not") || !Peek(1).Is(TokenKind::kName, "in")) return false;
  Next();
  Next();
  *op = CompareOperator::kNotIn;
  return true;
}

StatusOr<Expression> ExpressionParser::ParseComparison() {
  HR_ASSIGN_OR_RETURN(Expression first, ParseSum());
  const size_t begin = first.begin;
  Comparison comparison;
  comparison.operands.push_back(std::move(first));
  for (CompareOperator op; TakeCompareOperator(&op);) {
    HR_ASSIGN_OR_RETURN(Expression operand, ParseSum());
    comparison.operators.push_back(op);
    comparison.operands.push_back(std::move(operand));
  }
  if (comparison.operators.empty()) return std::move(comparison.operands[0]);
  const size_t end = comparison.operands.back().end;
  return Expression{begin, end, std::move(comparison)};
}

StatusOr<Expression> ExpressionParser::ParseSum() {
  HR_ASSIGN_OR_RETURN(Expression left, ParseConcat());
  while (PeekOperator("+") || PeekOperator("-")) {
    HR_RETURN_IF_ERROR(CountLink());
    const BinaryOperator op = Next().text == "+" ? BinaryOperator::kAdd : BinaryOperator::kSubtract;
    HR_ASSIGN_OR_RETURN(Expression right, ParseConcat());
    left = MakeBinary(op, std::move(left), std::move(right));
  }
  return left;
}

StatusOr<Expression> ExpressionParser::ParseConcat() {
  HR_ASSIGN_OR_RETURN(Expression left, ParseProduct());
  while (TakeOperator("~")) {
    HR_RETURN_IF_ERROR(CountLink());
    HR_ASSIGN_OR_RETURN(Expression right, ParseProduct());
    left = MakeBinary(BinaryOperator::kConcat, std::move(left), std::move(right));
  }
  return left;
}

StatusOr<Expression> ExpressionParser::ParseProduct() {
  constexpr std::array<std::pair<std::string_view, BinaryOperator>, 4> kSymbols = {
      {{"*", BinaryOperator::kMultiply},
       {"/", BinaryOperator::kDivide},
       {"//", BinaryOperator::kFloorDivide},
       {"%", BinaryOperator::kModulo}}};
  HR_ASSIGN_OR_RETURN(Expression left, ParsePower());
  for (size_t i = 0; i < kSymbols.size();) {
    if (!TakeOperator(kSymbols[i].first)) {
      ++i;
      continue;
    }
    HR_RETURN_IF_ERROR(CountLink());
    HR_ASSIGN_OR_RETURN(Expression right, ParsePower());
    left = MakeBinary(kSymbols[i].second, std::move(left), std::move(right));
    i = 0;
  }
  return left;
}

StatusOr<Expression> ExpressionParser::ParsePower() {
  HR_ASSIGN_OR_RETURN(Expression left, ParseUnary(true));
  while (TakeOperator("**")) {
    HR_RETURN_IF_ERROR(CountLink());
    HR_ASSIGN_OR_RETURN(Expression right, ParseUnary(true));
    left = MakeBinary(BinaryOperator::kPower, std::move(left), std::move(right));
  }
  return left;
}

StatusOr<Expression> ExpressionParser::ParseUnary(bool with_filters) {
  Expression value;
  if (PeekOperator("-") || PeekOperator("+")) {
    HR_RETURN_IF_ERROR(CountLink());
    const Token sign = Next();
    HR_ASSIGN_OR_RETURN(Expression operand, ParseUnary(false));
    value = MakeUnary(sign.text == "-" ? UnaryOperator::kMinus : UnaryOperator::kPlus, sign.begin, std::move(operand));
  } else {
    HR_ASSIGN_OR_RETURN(Expression primary, ParsePrimary());
    HR_ASSIGN_OR_RETURN(value, ParsePostfix(std::move(primary)));
  }
  if (!with_filters) return value;
  return ParseFiltersAndTests(std::move(value));
}

StatusOr<Expression> ExpressionParser::ParsePrimary() {
  switch (Peek().kind) {
    case TokenKind::kName:
      return ParseName();
    case TokenKind::kString:
      return ParseString();
    case TokenKind::kInteger:
    case TokenKind::kDouble:
      return ParseNumber();
    default:
      if (PeekOperator("(")) return ParseParenthesis();
      if (PeekOperator("[")) return ParseList();
      if (PeekOperator("{")) return ParseDict();
      return Unexpected("an expression");
  }
}

StatusOr<Expression> ExpressionParser::ParseName() {
  const std::string& text = Peek().text;
  if (text == "if" || text == "else" || text == "in" || text == "is" || text == "and" || text == "or") {
    return Unexpected("an expression");
  }
  const Token token = Next();
  if (token.text == "true" || token.text == "True") return MakeLiteral(token, true);
  if (token.text == "false" || token.text == "False") return MakeLiteral(token, false);
  if (token.text == "none" || token.text == "None") return MakeLiteral(token, Value());
  return Expression{token.begin, token.end, Name{token.text}};
}

StatusOr<Expression> ExpressionParser::ParseNumber() {
  const Token token = Next();
  int64_t integer = 0;
  double number = 0;
  if (token.kind == TokenKind::kInteger) {
    if (!absl::SimpleAtoi(token.text, &integer))
      return ErrorAt(token.begin, fmt::format("'{}' does not fit 64 bits", token.text));
    return MakeLiteral(token, integer);
  }
  if (!absl::SimpleAtod(token.text, &number)) return ErrorAt(token.begin, fmt::format("'{}' is no number", token.text));
  return MakeLiteral(token, number);
}

// Texts that follow each other are one, as in Python.
StatusOr<Expression> ExpressionParser::ParseString() {
  Token token = Next();
  while (Peek().kind == TokenKind::kString) {
    token.end = Peek().end;
    token.text += Next().text;
  }
  return MakeLiteral(token, token.text);
}

StatusOr<Expression> ExpressionParser::ParseParenthesis() {
  const size_t begin = Next().begin;
  if (PeekOperator(")")) return Expression{begin, Next().end, ListExpression{}};
  HR_ASSIGN_OR_RETURN(Expression inner, ParseTuple());
  inner.begin = begin;
  inner.end = Peek().end;
  HR_RETURN_IF_ERROR(ExpectOperator(")"));
  return inner;
}

StatusOr<Expression> ExpressionParser::ParseList() {
  const size_t begin = Next().begin;
  ListExpression list;
  while (!PeekOperator("]")) {
    HR_ASSIGN_OR_RETURN(Expression item, Parse());
    list.items.push_back(std::move(item));
    if (!PeekOperator("]") && !TakeOperator(",")) return Unexpected("',' or ']'");
  }
  return Expression{begin, Next().end, std::move(list)};
}

StatusOr<Expression> ExpressionParser::ParseDict() {
  const size_t begin = Next().begin;
  DictExpression dict;
  while (!PeekOperator("}")) {
    HR_ASSIGN_OR_RETURN(Expression key, Parse());
    HR_RETURN_IF_ERROR(ExpectOperator(":"));
    HR_ASSIGN_OR_RETURN(Expression value, Parse());
    dict.keys.push_back(std::move(key));
    dict.values.push_back(std::move(value));
    if (!PeekOperator("}") && !TakeOperator(",")) return Unexpected("',' or '}'");
  }
  return Expression{begin, Next().end, std::move(dict)};
}

StatusOr<Expression> ExpressionParser::ParsePostfix(Expression operand) {
  while (true) {
    HR_RETURN_IF_ERROR(CountLink());
    const size_t begin = operand.begin;
    if (TakeOperator(".")) {
      const size_t end = Peek().end;
      HR_ASSIGN_OR_RETURN(std::string name, ExpectName("the name of an attribute"));
      operand = Expression{begin, end, Attribute{Box(std::move(operand)), std::move(name)}};
    } else if (TakeOperator("[")) {
      HR_ASSIGN_OR_RETURN(Expression index, Parse());
      const size_t end = Peek().end;
      HR_RETURN_IF_ERROR(ExpectOperator("]"));
      operand = Expression{begin, end, Subscript{Box(std::move(operand)), Box(std::move(index))}};
    } else if (PeekOperator("(")) {
      HR_ASSIGN_OR_RETURN(std::vector<ArgumentExpression> arguments, ParseArguments());
      const size_t end = tokens_[at_ - 1].end;
      operand = Expression{begin, end, CallExpression{Box(std::move(operand)), std::move(arguments)}};
    } else {
      return operand;
    }
  }
}

StatusOr<std::vector<ArgumentExpression>> ExpressionParser::ParseArguments() {
  HR_RETURN_IF_ERROR(ExpectOperator("("));
  std::vector<ArgumentExpression> arguments;
  while (!PeekOperator(")")) {
    ArgumentExpression argument;
    const Token first = Peek();
    if (first.kind == TokenKind::kName && Peek(1).Is(TokenKind::kOperator, "=")) {
      argument.name = Next().text;
      Next();
      for (const ArgumentExpression& other : arguments) {
        if (other.name == argument.name)
          return ErrorAt(first.begin, fmt::format("argument '{}' is given twice", argument.name));
      }
    } else if (!arguments.empty() && !arguments.back().name.empty()) {
      return ErrorAt(first.begin, "an argument without a name follows one with a name");
    }
    HR_ASSIGN_OR_RETURN(Expression value, Parse());
    argument.value = Box(std::move(value));
    arguments.push_back(std::move(argument));
    if (!PeekOperator(")") && !TakeOperator(",")) return Unexpected("',' or ')'");
  }
  Next();
  return arguments;
}

StatusOr<Expression> ExpressionParser::ParseFiltersAndTests(Expression operand) {
  while (true) {
    HR_RETURN_IF_ERROR(CountLink());
    if (TakeName("is")) {
      HR_ASSIGN_OR_RETURN(operand, ParseTest(std::move(operand)));
      continue;
    }
    if (!TakeOperator("|")) return operand;
    const size_t begin = Peek().begin;
    HR_ASSIGN_OR_RETURN(std::string name, ExpectName("the name of a filter"));
    std::vector<ArgumentExpression> arguments;
    if (PeekOperator("(")) {
      HR_ASSIGN_OR_RETURN(arguments, ParseArguments());
    }
    const size_t end = tokens_[at_ - 1].end;
    operand = Expression{begin, end, FilterExpression{Box(std::move(operand)), std::move(name), std::move(arguments)}};
    HR_ASSIGN_OR_RETURN(operand, ParsePostfix(std::move(operand)));
  }
}

StatusOr<Expression> ExpressionParser::ParseTest(Expression operand) {
  const bool negated = TakeName("not");
  const size_t begin = Peek().begin;
  const size_t end = Peek().end;
  HR_ASSIGN_OR_RETURN(std::string name, ExpectName("the name of a test"));
  return Expression{begin, end, TestExpression{Box(std::move(operand)), std::move(name), negated}};
}

}  // namespace headrace::jinja
