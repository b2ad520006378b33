// LIKE, ILIKE, and regular expressions by RE2.
#include <re2/re2.h>

#include <map>
#include <memory>

#include "kernel/functions/support.h"
#include "kernel/functions/utf8.h"

namespace headrace::functions {
namespace {

using std::string_view;

constexpr TypeId kB = TypeId::kBigint;
constexpr TypeId kV = TypeId::kVarchar;
constexpr TypeId kBool = TypeId::kBoolean;

// LIKE: '%' is any text, '_' any code point; the character after `escape` stands for itself (0: no escape). Going back
// to the last '%' alone is enough, so a match takes at most text times pattern steps.
Status MatchLike(string_view text, string_view pattern, char escape, bool* out) {
  constexpr size_t kNone = string_view::npos;
  size_t t = 0;
  size_t p = 0;
  size_t after_percent = kNone;  // in the pattern; what follows the last '%' was tried from `tried` on
  size_t tried = 0;
  *out = false;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '%' && escape != '%') {
      after_percent = ++p;
      tried = t;
      continue;
    }
    bool matches = p < pattern.size();
    if (matches && escape != 0 && pattern[p] == escape) {
      if (p + 1 == pattern.size()) return InvalidArgument("the pattern '{}' ends with its escape character", pattern);
      matches = pattern[p + 1] == text[t];
      p += matches ? 2 : 0;
      t += matches ? 1 : 0;
    } else if (matches && pattern[p] == '_') {
      ++p;
      for (++t; t < text.size() && !StartsCodePoint(text[t]);) ++t;
    } else {
      matches = matches && pattern[p] == text[t];
      p += matches ? 1 : 0;
      t += matches ? 1 : 0;
    }
    if (matches) continue;
    if (after_percent == kNone) return absl::OkStatus();
    p = after_percent;
    t = ++tried;
  }
  while (p < pattern.size() && pattern[p] == '%') ++p;
  *out = p == pattern.size();
  return absl::OkStatus();
}

template <bool fold_case, bool negated>
Status Like(string_view text, string_view pattern, bool* out) {
  HR_RETURN_IF_ERROR(fold_case ? MatchLike(LowerCase(text), LowerCase(pattern), 0, out)
                               : MatchLike(text, pattern, 0, out));
  *out ^= negated;
  return absl::OkStatus();
}

template <bool fold_case, bool negated>
Status LikeEscape(string_view text, string_view pattern, string_view escape, bool* out) {
  if (escape.size() > 1) return InvalidArgument("'{}' is no escape character: one byte, or none", escape);
  const char character = escape.empty() ? '\0' : escape[0];
  HR_RETURN_IF_ERROR(fold_case ? MatchLike(LowerCase(text), LowerCase(pattern), character, out)
                               : MatchLike(text, pattern, character, out));
  *out ^= negated;
  return absl::OkStatus();
}

re2::StringPiece Piece(string_view text) {
  return {text.data(), text.size()};
}
string_view View(re2::StringPiece piece) {
  return {piece.data(), piece.size()};
}

struct RegexOptions {
  RE2::Options re2;
  bool all_matches = false;  // regexp_replace only
};

// DuckDB's letters: c and i for case, l for a literal pattern, s to let '.' match a line end (m, n, p: not), g for all.
StatusOr<RegexOptions> ParseOptions(string_view letters) {
  RegexOptions options;
  options.re2.set_log_errors(false);
  for (const char letter : letters) {
    switch (letter) {
      case 'c':
      case 'i':
        options.re2.set_case_sensitive(letter == 'c');
        break;
      case 'l':
        options.re2.set_literal(true);
        break;
      case 'm':
      case 'n':
      case 'p':
      case 's':
        options.re2.set_dot_nl(letter == 's');
        break;
      case 'g':
        options.all_matches = true;
        break;
      case ' ':
      case '\t':
      case '\n':
        break;
      default:
        return InvalidArgument(
            "'{}' is no option of a regular expression; there are c, i, l, m, n, p, s and, to replace, g", letter);
    }
  }
  return options;
}

struct Regex {
  Regex(string_view pattern, RegexOptions options)
      : re2(Piece(pattern), options.re2), all_matches(options.all_matches) {}
  RE2 re2;
  bool all_matches;
};

// The compiled pattern. Compiling takes about as long as matching a thousand texts, so each thread keeps what it
// compiled: a served feature's pattern is compiled once, not per request. The pointer is good until the next call.
StatusOr<const Regex*> Compile(string_view pattern, string_view options) {
  constexpr size_t kMaxKept = 64;  // patterns that come from data would otherwise pile up
  using Key = std::pair<std::string, std::string>;
  thread_local std::map<Key, std::unique_ptr<const Regex>> kept;
  Key key(pattern, options);
  if (const auto it = kept.find(key); it != kept.end()) return it->second.get();
  HR_ASSIGN_OR_RETURN(const RegexOptions parsed, ParseOptions(options));
  auto regex = std::make_unique<const Regex>(pattern, parsed);
  if (!regex->re2.ok()) return InvalidArgument("'{}' is no regular expression: {}", pattern, regex->re2.error());
  if (kept.size() >= kMaxKept) kept.clear();
  return kept.emplace(std::move(key), std::move(regex)).first->second.get();
}

template <bool whole>
Status RegexMatches(string_view text, string_view pattern, string_view options, bool* out) {
  HR_ASSIGN_OR_RETURN(const Regex* const regex, Compile(pattern, options));
  *out = whole ? RE2::FullMatch(Piece(text), regex->re2) : RE2::PartialMatch(Piece(text), regex->re2);
  return absl::OkStatus();
}
template <bool whole>
Status RegexMatchesPlain(string_view text, string_view pattern, bool* out) {
  return RegexMatches<whole>(text, pattern, "", out);
}

// Group 0 is the whole match; '' without a match, without such a group, and for a pattern that is none but came from
// data: DuckDB's way. A constant one is refused when the call is bound.
Status RegexExtract(string_view text, string_view pattern, int64_t group, string_view options, string_view* out) {
  constexpr int kGroups = 10;
  if (group < 0 || group >= kGroups)
    return InvalidArgument("the group {} of a regular expression: groups are 0 to 9", group);
  const StatusOr<const Regex*> compiled = Compile(pattern, options);
  *out = "";
  if (!compiled.ok()) return ParseOptions(options).status();
  const Regex* const regex = *compiled;
  const int wanted = static_cast<int>(group);
  re2::StringPiece groups[kGroups];
  if (wanted > regex->re2.NumberOfCapturingGroups()) return absl::OkStatus();
  if (regex->re2.Match(Piece(text), 0, text.size(), RE2::UNANCHORED, groups, wanted + 1)) *out = View(groups[wanted]);
  return absl::OkStatus();
}
Status RegexExtractGroup(string_view text, string_view pattern, int64_t group, string_view* out) {
  return RegexExtract(text, pattern, group, "", out);
}
Status RegexExtractWhole(string_view text, string_view pattern, string_view* out) {
  return RegexExtract(text, pattern, 0, "", out);
}

// In the replacement \0 is the match, \1 to \9 its groups. The first match, with option g all of them.
Status RegexReplace(string_view text, string_view pattern, string_view replacement, string_view options,
                    std::string* out) {
  HR_ASSIGN_OR_RETURN(const Regex* const regex, Compile(pattern, options));
  *out = text;
  if (regex->all_matches) {
    RE2::GlobalReplace(out, regex->re2, Piece(replacement));
  } else {
    RE2::Replace(out, regex->re2, Piece(replacement));
  }
  return absl::OkStatus();
}
Status RegexReplaceFirst(string_view text, string_view pattern, string_view replacement, std::string* out) {
  return RegexReplace(text, pattern, replacement, "", out);
}

// A constant pattern and constant options; `options` is the index of that argument.
template <size_t options, bool replaces>
Status CheckRegex(std::span<const Value* const> arguments) {
  const std::string none;
  const bool has_options = options < arguments.size() && arguments[options] != nullptr;
  const std::string& letters = has_options ? arguments[options]->str() : none;
  HR_ASSIGN_OR_RETURN(const RegexOptions parsed, ParseOptions(letters));
  if (parsed.all_matches && !replaces) return InvalidArgument("the option g is for regexp_replace only");
  return arguments[1] == nullptr ? absl::OkStatus() : Compile(arguments[1]->str(), letters).status();
}

ScalarFunction Checked(ScalarFunction function, ConstantCheck check) {
  function.check = check;
  return function;
}

template <bool fold_case>
void AddLike(string_view name, string_view negated, string_view escape, string_view negated_escape,
             std::vector<ScalarFunction>* functions) {
  const std::vector<TypeId> two = {kV, kV};
  const std::vector<TypeId> three = {kV, kV, kV};
  functions->push_back({name, two, kBool, TryMap<bool, Like<fold_case, false>, string_view, string_view>});
  functions->push_back({negated, two, kBool, TryMap<bool, Like<fold_case, true>, string_view, string_view>});
  functions->push_back(
      {escape, three, kBool, TryMap<bool, LikeEscape<fold_case, false>, string_view, string_view, string_view>});
  functions->push_back(
      {negated_escape, three, kBool, TryMap<bool, LikeEscape<fold_case, true>, string_view, string_view, string_view>});
}

template <bool whole>
void AddMatches(string_view name, std::vector<ScalarFunction>* functions) {
  functions->push_back(Checked(
      {name, {kV, kV}, kBool, TryMap<bool, RegexMatchesPlain<whole>, string_view, string_view>}, CheckRegex<2, false>));
  functions->push_back(
      Checked({name, {kV, kV, kV}, kBool, TryMap<bool, RegexMatches<whole>, string_view, string_view, string_view>},
              CheckRegex<2, false>));
}

}  // namespace

std::vector<ScalarFunction> PatternFunctions() {
  std::vector<ScalarFunction> functions = {
      Checked({"regexp_extract", {kV, kV}, kV, TryMap<string_view, RegexExtractWhole, string_view, string_view>},
              CheckRegex<3, false>),
      Checked({"regexp_extract",
               {kV, kV, kB},
               kV,
               TryMap<string_view, RegexExtractGroup, string_view, string_view, int64_t>},
              CheckRegex<3, false>),
      Checked({"regexp_extract",
               {kV, kV, kB, kV},
               kV,
               TryMap<string_view, RegexExtract, string_view, string_view, int64_t, string_view>},
              CheckRegex<3, false>),
      Checked({"regexp_replace",
               {kV, kV, kV},
               kV,
               TryMap<std::string, RegexReplaceFirst, string_view, string_view, string_view>},
              CheckRegex<3, true>),
      Checked({"regexp_replace",
               {kV, kV, kV, kV},
               kV,
               TryMap<std::string, RegexReplace, string_view, string_view, string_view, string_view>},
              CheckRegex<3, true>),
  };
  AddLike<false>("~~", "!~~", "like_escape", "not_like_escape", &functions);
  AddLike<true>("~~*", "!~~*", "ilike_escape", "not_ilike_escape", &functions);
  AddMatches<false>("regexp_matches", &functions);
  AddMatches<true>("regexp_full_match", &functions);
  return functions;
}

}  // namespace headrace::functions
