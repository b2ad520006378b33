#include "catalog/template/parser.h"

#include <algorithm>

#include "catalog/template/error.h"
#include "catalog/template/expression_parser.h"

namespace headrace::jinja {
namespace {

constexpr std::string_view kKnownTags = "set, if, for";

class BodyParser {
 public:
  BodyParser(std::string_view source, std::vector<Token> tokens) : in_(source, std::move(tokens)) {}

  StatusOr<Body> Template() {
    HR_ASSIGN_OR_RETURN(Body body, Until({}, "", 0));
    return body;
  }

 private:
  // Statements up to a tag named in `ends` (which stays unread), or to the end of the text if `ends` is empty.
  // `opener` at `opened` is what `ends` would close.
  StatusOr<Body> Until(std::vector<std::string_view> ends, std::string_view opener, size_t opened) {
    Body body;
    if (++depth_ > kMaxNesting) return ErrorAt(opened, "tags are nested too deeply");
    while (in_.Peek().kind != TokenKind::kEnd) {
      const Token& token = in_.Peek();
      const bool is_tag = token.kind == TokenKind::kTagBegin;
      if (is_tag && std::find(ends.begin(), ends.end(), in_.Peek(1).text) != ends.end()) {
        --depth_;
        return body;
      }
      Statement statement{.begin = token.begin, .node = Text{}};
      HR_RETURN_IF_ERROR(is_tag ? Tag(&statement) : TextOrOutput(&statement));
      body.push_back(std::move(statement));
    }
    if (!ends.empty()) {
      return ErrorAt(opened, fmt::format("'{}' is never closed", opener),
                     fmt::format("close it with '{{% {} %}}'", ends.back()));
    }
    --depth_;
    return body;
  }

  Status TextOrOutput(Statement* statement) {
    const Token token = in_.Next();
    if (token.kind == TokenKind::kText) {
      statement->node = Text{.end = token.end};
      return absl::OkStatus();
    }
    HR_ASSIGN_OR_RETURN(Expression value, in_.ParseTuple());
    statement->node = Output{std::move(value)};
    if (in_.Peek().kind != TokenKind::kOutputEnd) return in_.Unexpected("'}}'");
    in_.Next();
    return absl::OkStatus();
  }

  Status Tag(Statement* statement) {
    const size_t opened = in_.Next().begin;
    const Token tag = in_.Peek();
    HR_ASSIGN_OR_RETURN(const std::string name, in_.ExpectName("the name of a tag"));
    if (name == "set") return ParseSet(opened, statement);
    if (name == "if") return ParseIf(opened, statement);
    if (name == "for") return ParseFor(opened, statement);
    const std::string message = fmt::format(
        "tag '{}' is not {}", name, name.starts_with("end") || name.starts_with("el") ? "expected here" : "supported");
    return ErrorAt(tag.begin, message, fmt::format("there are: {}", kKnownTags));
  }

  Status EndOfTag() {
    if (in_.Peek().kind != TokenKind::kTagEnd) return in_.Unexpected("'%}'");
    in_.Next();
    return absl::OkStatus();
  }

  // The closing tag that Until() stopped before; says which one it was.
  StatusOr<std::string> ClosingTag() {
    in_.Next();
    return in_.Next().text;
  }

  StatusOr<std::vector<std::string>> Targets() {
    std::vector<std::string> targets;
    do {
      HR_ASSIGN_OR_RETURN(targets.emplace_back(), in_.ExpectName("the name of a variable"));
    } while (in_.TakeOperator(","));
    return targets;
  }

  Status ParseSet(size_t opened, Statement* statement) {
    Set set;
    HR_ASSIGN_OR_RETURN(set.targets, Targets());
    if (in_.TakeOperator("=")) {
      HR_ASSIGN_OR_RETURN(Expression value, in_.ParseTuple());
      set.value = std::make_unique<Expression>(std::move(value));
    } else {
      HR_RETURN_IF_ERROR(EndOfTag());
      HR_ASSIGN_OR_RETURN(set.body, Until({"endset"}, "set", opened));
      HR_RETURN_IF_ERROR(ClosingTag().status());
    }
    statement->node = std::move(set);
    return EndOfTag();
  }

  Status ParseIf(size_t opened, Statement* statement) {
    If result;
    std::string tag = "if";
    while (tag != "endif") {
      If::Branch branch;
      if (tag != "else") {
        HR_ASSIGN_OR_RETURN(Expression condition, in_.ParseTuple());
        branch.condition = std::make_unique<Expression>(std::move(condition));
      }
      HR_RETURN_IF_ERROR(EndOfTag());
      const bool last = tag == "else";
      HR_ASSIGN_OR_RETURN(branch.body,
                          last ? Until({"endif"}, "if", opened) : Until({"elif", "else", "endif"}, "if", opened));
      result.branches.push_back(std::move(branch));
      HR_ASSIGN_OR_RETURN(tag, ClosingTag());
    }
    statement->node = std::move(result);
    return EndOfTag();
  }

  Status ParseFor(size_t opened, Statement* statement) {
    For loop;
    HR_ASSIGN_OR_RETURN(loop.targets, Targets());
    if (!in_.TakeName("in")) return in_.Unexpected("'in'");
    HR_ASSIGN_OR_RETURN(loop.items, in_.ParseTuple());
    HR_RETURN_IF_ERROR(EndOfTag());
    HR_ASSIGN_OR_RETURN(loop.body, Until({"else", "endfor"}, "for", opened));
    HR_ASSIGN_OR_RETURN(std::string tag, ClosingTag());
    if (tag == "else") {
      HR_RETURN_IF_ERROR(EndOfTag());
      HR_ASSIGN_OR_RETURN(loop.otherwise, Until({"endfor"}, "for", opened));
      HR_RETURN_IF_ERROR(ClosingTag().status());
    }
    statement->node = std::move(loop);
    return EndOfTag();
  }

  ExpressionParser in_;
  int depth_ = 0;
};

}  // namespace

StatusOr<Body> ParseBody(std::string_view source) {
  HR_ASSIGN_OR_RETURN(std::vector<Token> tokens, Tokenize(source));
  return BodyParser(source, std::move(tokens)).Template();
}

StatusOr<Expression> ParseExpression(std::string_view source) {
  HR_ASSIGN_OR_RETURN(std::vector<Token> tokens, TokenizeExpression(source));
  ExpressionParser parser(source, std::move(tokens));
  HR_ASSIGN_OR_RETURN(Expression expression, parser.Parse());
  if (parser.Peek().kind != TokenKind::kEnd) return parser.Unexpected("the end of the expression");
  return expression;
}

}  // namespace headrace::jinja
