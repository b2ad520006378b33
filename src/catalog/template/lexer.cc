#include "catalog/template/lexer.h"

#include <algorithm>
#include <array>

#include "absl/strings/ascii.h"
#include "catalog/template/error.h"

namespace headrace::jinja {
namespace {

constexpr std::array<std::string_view, 25> kOperators = {"//", "**", "==", "!=", ">=", "<=", "+", "-", "/",
                                                         "*",  "%",  "~",  "[",  "]",  "(",  ")", "{", "}",
                                                         ">",  "<",  "=",  ".",  ":",  "|",  ","};

class Lexer {
 public:
  explicit Lexer(std::string_view source) : source_(source) {}

  StatusOr<std::vector<Token>> Template() {
    end_of_text_ = source_.ends_with('\n') ? source_.size() - 1 : source_.size();
    while (at_ < source_.size()) {
      HR_RETURN_IF_ERROR(TextAndTag());
    }
    Add(TokenKind::kEnd, source_.size(), source_.size());
    return std::move(tokens_);
  }

  StatusOr<std::vector<Token>> Expression() {
    while (SkipBlanks(), at_ < source_.size()) {
      HR_RETURN_IF_ERROR(ExpressionToken());
    }
    if (!brackets_.empty()) return Unclosed();
    Add(TokenKind::kEnd, source_.size(), source_.size());
    return std::move(tokens_);
  }

 private:
  bool At(std::string_view text) const { return source_.substr(at_).starts_with(text); }
  char Char(size_t i) const { return i < source_.size() ? source_[i] : '\0'; }
  void SkipBlanks() {
    while (absl::ascii_isspace(static_cast<unsigned char>(Char(at_)))) ++at_;
  }
  void Add(TokenKind kind, size_t begin, size_t end, std::string text = "") {
    tokens_.push_back({.kind = kind, .begin = begin, .end = end, .text = std::move(text)});
  }

  // The text up to the next tag, and that tag with all that is in it.
  Status TextAndTag() {
    size_t tag = at_;
    while (tag < source_.size() &&
           !(source_[tag] == '{' && std::string_view("{%#").find(Char(tag + 1)) != std::string_view::npos &&
             Char(tag + 1) != '\0')) {
      ++tag;
    }
    AddText(tag);
    at_ = tag;
    if (tag == source_.size()) return absl::OkStatus();
    const char kind = Char(tag + 1);
    at_ += 2;
    if (Char(at_) == '-' || Char(at_) == '+') ++at_;
    if (kind == '#') return Comment(tag);
    Add(kind == '{' ? TokenKind::kOutputBegin : TokenKind::kTagBegin, tag, at_, std::string(1, kind));
    return TagContent(tag, kind == '{' ? "}}" : "%}", kind == '{' ? TokenKind::kOutputEnd : TokenKind::kTagEnd);
  }

  void AddText(size_t tag) {
    size_t begin = at_;
    size_t end = std::min(tag, end_of_text_);
    if (trim_next_) {
      while (begin < end && absl::ascii_isspace(static_cast<unsigned char>(source_[begin]))) ++begin;
    }
    if (tag < source_.size() && Char(tag + 2) == '-') {
      while (end > begin && absl::ascii_isspace(static_cast<unsigned char>(source_[end - 1]))) --end;
    }
    trim_next_ = false;
    if (begin < end) Add(TokenKind::kText, begin, end);
  }

  Status Comment(size_t begin) {
    // {#-#} opens and closes with the same minus.
    const size_t close = source_.find("#}", begin + 2);
    if (close == std::string_view::npos)
      return ErrorAt(begin, "the comment '{#' is never closed", "close it with '#}'");
    trim_next_ = source_[close - 1] == '-';
    at_ = close + 2;
    return absl::OkStatus();
  }

  Status TagContent(size_t begin, std::string_view close, TokenKind close_kind) {
    while (true) {
      SkipBlanks();
      if (at_ >= source_.size()) {
        return ErrorAt(begin, fmt::format("'{}' is never closed", source_.substr(begin, 2)),
                       fmt::format("close it with '{}'", close));
      }
      const bool minus = Char(at_) == '-' || Char(at_) == '+';
      if (brackets_.empty() && source_.substr(at_ + (minus ? 1 : 0)).starts_with(close)) {
        trim_next_ = Char(at_) == '-';
        const size_t end = at_ + (minus ? 3 : 2);
        Add(close_kind, at_, end, std::string(close));
        at_ = end;
        return absl::OkStatus();
      }
      if (!brackets_.empty() && At("%}")) return Unclosed();
      HR_RETURN_IF_ERROR(ExpressionToken());
    }
  }

  Status Unclosed() const {
    return ErrorAt(brackets_.back(), fmt::format("'{}' is never closed", source_[brackets_.back()]));
  }

  Status ExpressionToken() {
    const unsigned char c = static_cast<unsigned char>(source_[at_]);
    if (c == '\'' || c == '"') return String();
    if (absl::ascii_isdigit(c)) return Number();
    if (absl::ascii_isalpha(c) || c == '_') {
      const size_t begin = at_;
      while (absl::ascii_isalnum(static_cast<unsigned char>(Char(at_))) || Char(at_) == '_') ++at_;
      Add(TokenKind::kName, begin, at_, std::string(source_.substr(begin, at_ - begin)));
      return absl::OkStatus();
    }
    for (const std::string_view op : kOperators) {
      if (At(op)) return Operator(op);
    }
    return ErrorAt(
        at_, fmt::format("'{}' is not expected in a template's expression", source_.substr(at_, CharacterLength())));
  }

  // Of the UTF-8 character at at_.
  size_t CharacterLength() const {
    size_t length = 1;
    while ((static_cast<unsigned char>(Char(at_ + length)) & 0xC0) == 0x80) ++length;
    return length;
  }

  Status Operator(std::string_view op) {
    if (op == "(" || op == "[" || op == "{") brackets_.push_back(at_);
    if (op == ")" || op == "]" || op == "}") {
      const char open = op == ")" ? '(' : op == "]" ? '[' : '{';
      if (brackets_.empty()) return ErrorAt(at_, fmt::format("'{}' closes nothing", op));
      if (source_[brackets_.back()] != open) return Unclosed();
      brackets_.pop_back();
    }
    Add(TokenKind::kOperator, at_, at_ + op.size(), std::string(op));
    at_ += op.size();
    return absl::OkStatus();
  }

  Status Number() {
    const size_t begin = at_;
    bool is_double = false;
    const auto digits = [&] {
      while (absl::ascii_isdigit(static_cast<unsigned char>(Char(at_))) || Char(at_) == '_') ++at_;
    };
    digits();
    if (Char(at_) == '.' && absl::ascii_isdigit(static_cast<unsigned char>(Char(at_ + 1)))) {
      is_double = true;
      ++at_;
      digits();
    }
    if (Char(at_) == 'e' || Char(at_) == 'E') {
      const size_t sign = Char(at_ + 1) == '-' || Char(at_ + 1) == '+' ? 1 : 0;
      if (absl::ascii_isdigit(static_cast<unsigned char>(Char(at_ + 1 + sign)))) {
        is_double = true;
        at_ += 1 + sign;
        digits();
      }
    }
    std::string text(source_.substr(begin, at_ - begin));
    std::erase(text, '_');
    Add(is_double ? TokenKind::kDouble : TokenKind::kInteger, begin, at_, std::move(text));
    return absl::OkStatus();
  }

  Status String() {
    const size_t begin = at_;
    const char quote = source_[at_++];
    std::string value;
    for (; at_ < source_.size(); ++at_) {
      const char c = source_[at_];
      if (c == quote) {
        Add(TokenKind::kString, begin, ++at_, std::move(value));
        return absl::OkStatus();
      }
      if (c == '\\' && at_ + 1 < source_.size()) {
        AppendEscape(source_[++at_], &value);
      } else {
        value.push_back(c);
      }
    }
    return ErrorAt(begin, fmt::format("the text that begins with {} is never closed", quote));
  }

  static void AppendEscape(char c, std::string* value) {
    constexpr std::string_view kEscapes = "nrt\\'\"";
    constexpr std::string_view kMeanings = "\n\r\t\\'\"";
    const size_t which = kEscapes.find(c);
    if (which == std::string_view::npos) {
      value->push_back('\\');  // as in Python: '\d' is a backslash and a d
      value->push_back(c);
    } else {
      value->push_back(kMeanings[which]);
    }
  }

  std::string_view source_;
  size_t at_ = 0;
  size_t end_of_text_ = 0;
  bool trim_next_ = false;        // the last tag ended with -
  std::vector<size_t> brackets_;  // offsets of the open ( [ {
  std::vector<Token> tokens_;
};

}  // namespace

StatusOr<std::vector<Token>> Tokenize(std::string_view source) {
  return Lexer(source).Template();
}

StatusOr<std::vector<Token>> TokenizeExpression(std::string_view source) {
  return Lexer(source).Expression();
}

}  // namespace headrace::jinja
