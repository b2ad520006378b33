// The tokens of a template: text between tags, and the expressions' tokens inside {{ }} and {% %}.
//
// Comments are dropped, and whitespace control ({{- -}} {%- -%} {#- -#}) is already applied to the text tokens.
// As in Jinja, one newline at the very end of the template is dropped.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace headrace::jinja {

enum class TokenKind : uint8_t {
  kText,         // [begin, end) of the template, as it is
  kOutputBegin,  // {{
  kOutputEnd,    // }}
  kTagBegin,     // {%
  kTagEnd,       // %}
  kName,
  kString,  // `text` holds the value, escapes resolved
  kInteger,
  kDouble,
  kOperator,
  kEnd,
};

struct Token {
  TokenKind kind = TokenKind::kEnd;
  size_t begin = 0;
  size_t end = 0;
  std::string text;  // name, string's value, number or operator

  bool Is(TokenKind k, std::string_view t) const { return kind == k && text == t; }
};

// Errors carry their offset (template/error.h). The last token is kEnd.
StatusOr<std::vector<Token>> Tokenize(std::string_view source);
// The tokens of one expression that stands alone, without {{ }}.
StatusOr<std::vector<Token>> TokenizeExpression(std::string_view source);

}  // namespace headrace::jinja
