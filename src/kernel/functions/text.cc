// Texts: length, parts, case, trimming, searching, joining. Lengths and positions count code points, as in DuckDB.
#include <algorithm>
#include <limits>

#include "kernel/functions/support.h"
#include "kernel/functions/utf8.h"

namespace headrace::functions {
namespace {

using std::string_view;

constexpr TypeId kB = TypeId::kBigint;
constexpr TypeId kV = TypeId::kVarchar;
constexpr TypeId kBool = TypeId::kBoolean;

constexpr int64_t kToEnd = std::numeric_limits<uint32_t>::max();

// DuckDB's limit for positions and lengths.
Status CheckRange(int64_t v) {
  if (v >= -kToEnd - 1 && v <= kToEnd) return absl::OkStatus();
  return InvalidArgument("{} is too far for a position or length in a text", v);
}

// SQL's substring: positions count from 1, a negative start from the end. A part before the text counts for `length`
// where the start is 0, not where it is negative. A negative length goes to the left of the start.
Status Substring(string_view text, int64_t start, int64_t length, string_view* out) {
  HR_RETURN_IF_ERROR(CheckRange(start));
  HR_RETURN_IF_ERROR(CheckRange(length));
  const int64_t size = CodePoints(text);
  int64_t begin = start > 0 ? start - 1 : start < 0 ? size + start : -1;
  int64_t end = begin + length;
  if (length < 0) std::swap(begin, end);
  begin = std::clamp<int64_t>(begin, 0, size);
  end = std::clamp<int64_t>(end, begin, size);
  const size_t from = CodePointOffset(text, begin);
  *out = text.substr(from, CodePointOffset(text.substr(from), end - begin));
  return absl::OkStatus();
}

Status SubstringToEnd(string_view text, int64_t start, string_view* out) {
  return Substring(text, start, kToEnd, out);
}

// A negative count leaves out so many at the other end.
Status Left(string_view text, int64_t count, string_view* out) {
  if (count < 0) count = std::max<int64_t>(0, CodePoints(text) + count);
  return Substring(text, 1, count, out);
}
string_view Right(string_view text, int64_t count) {
  const int64_t size = CodePoints(text);
  const int64_t kept = count >= 0                                     ? std::min(size, count)
                       : count == std::numeric_limits<int64_t>::min() ? 0
                                                                      : size - std::min(size, -count);
  return text.substr(CodePointOffset(text, size - kept));
}

// Unicode's blanks (category Zs); tabs and line ends are not among them, as in DuckDB.
bool IsBlank(char32_t c) {
  return c == ' ' || c == 0xA0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200A) || c == 0x202F || c == 0x205F ||
         c == 0x3000;
}

template <bool left, bool right, typename Ignored>
string_view TrimIf(string_view text, const Ignored& ignored) {
  size_t begin = 0;
  while (left && begin < text.size()) {
    size_t next = begin;
    if (!ignored(NextCodePoint(text, &next))) break;
    begin = next;
  }
  size_t end = right ? begin : text.size();
  for (size_t next = begin; right && next < text.size();) {
    if (!ignored(NextCodePoint(text, &next))) end = next;
  }
  return text.substr(begin, end - begin);
}

template <bool left, bool right>
string_view Trim(string_view text) {
  return TrimIf<left, right>(text, IsBlank);
}

// Trims the code points of `characters`, in any order.
template <bool left, bool right>
string_view TrimOf(string_view text, string_view characters) {
  std::u32string ignored;
  for (size_t offset = 0; offset < characters.size();) ignored.push_back(NextCodePoint(characters, &offset));
  return TrimIf<left, right>(text, [&](char32_t c) { return ignored.find(c) != std::u32string::npos; });
}

std::string Replace(string_view text, string_view from, string_view to) {
  if (from.empty()) return std::string(text);
  std::string result;
  for (size_t at = text.find(from); at != string_view::npos; at = text.find(from)) {
    result.append(text.substr(0, at)).append(to);
    text.remove_prefix(at + from.size());
  }
  return result.append(text);
}

std::vector<string_view> Split(string_view text, string_view delimiter) {
  std::vector<string_view> parts;
  if (delimiter.empty()) {  // into its code points
    for (size_t offset = 0; offset < text.size();) {
      const size_t start = offset;
      NextCodePoint(text, &offset);
      parts.push_back(text.substr(start, offset - start));
    }
    return parts;
  }
  for (size_t at = text.find(delimiter); at != string_view::npos; at = text.find(delimiter)) {
    parts.push_back(text.substr(0, at));
    text.remove_prefix(at + delimiter.size());
  }
  parts.push_back(text);
  return parts;
}

// Parts count from 1, negative ones from the end; '' where there is no such part.
string_view SplitPart(string_view text, string_view delimiter, int64_t index) {
  const std::vector<string_view> parts = Split(text, delimiter);
  const auto count = static_cast<int64_t>(parts.size());
  if (index < 0) index += count + 1;
  return index >= 1 && index <= count ? parts[static_cast<size_t>(index - 1)] : string_view();
}

int64_t Position(string_view text, string_view part) {
  const size_t at = text.find(part);
  return at == string_view::npos ? 0 : CodePoints(text.substr(0, at)) + 1;
}

// A text that a few rows could blow up to the size of the memory is refused.
Status Repeat(string_view text, int64_t count, std::string* out) {
  constexpr int64_t kMaxBytes = 16 << 20;
  if (count <= 0 || text.empty()) return absl::OkStatus();
  if (count > kMaxBytes / static_cast<int64_t>(text.size()))
    return InvalidArgument("repeat would make a text of more than {} bytes", kMaxBytes);
  for (int64_t i = 0; i < count; ++i) out->append(text);
  return absl::OkStatus();
}

// concat() skips nulls, unlike ||.
Status Concat(Arguments arguments, size_t rows, Column* result) {
  std::string text;
  for (size_t i = 0; i < rows; ++i) {
    text.clear();
    for (const Column* argument : arguments) {
      if (!argument->IsNull(i)) text.append(argument->str(i));
    }
    result->AppendString(text);
  }
  return absl::OkStatus();
}

// The first argument between the others; null only when it is itself.
Status ConcatWithSeparator(Arguments arguments, size_t rows, Column* result) {
  for (size_t i = 0; i < rows; ++i) {
    if (arguments[0]->IsNull(i)) {
      result->AppendNull();
      continue;
    }
    std::string text;
    bool first = true;
    for (const Column* argument : arguments.subspan(1)) {
      if (argument->IsNull(i)) continue;
      if (!first) text.append(arguments[0]->str(i));
      text.append(argument->str(i));
      first = false;
    }
    result->AppendString(text);
  }
  return absl::OkStatus();
}

template <bool left, bool right>
void AddTrim(std::string_view name, std::vector<ScalarFunction>* functions) {
  functions->push_back({name, {kV}, kV, Map<string_view, Trim<left, right>, string_view>});
  functions->push_back({name, {kV, kV}, kV, Map<string_view, TrimOf<left, right>, string_view, string_view>});
}

}  // namespace

std::vector<ScalarFunction> TextFunctions() {
  constexpr auto kSize = [](string_view a) { return a.size(); };
  constexpr auto kJoin = [](string_view a, string_view b) { return std::string(a).append(b); };
  constexpr auto kStartsWith = [](string_view a, string_view b) { return a.starts_with(b); };
  constexpr auto kEndsWith = [](string_view a, string_view b) { return a.ends_with(b); };
  constexpr auto kContains = [](string_view a, string_view b) { return a.find(b) != string_view::npos; };
  std::vector<ScalarFunction> functions = {
      {"length", {kV}, kB, Map<int64_t, CodePoints, string_view>},
      {"strlen", {kV}, kB, Map<int64_t, kSize, string_view>},
      {"lower", {kV}, kV, Map<std::string, LowerCase, string_view>},
      {"upper", {kV}, kV, Map<std::string, UpperCase, string_view>},
      {"substring", {kV, kB}, kV, TryMap<string_view, SubstringToEnd, string_view, int64_t>},
      {"substring", {kV, kB, kB}, kV, TryMap<string_view, Substring, string_view, int64_t, int64_t>},
      {"left", {kV, kB}, kV, TryMap<string_view, Left, string_view, int64_t>},
      {"right", {kV, kB}, kV, Map<string_view, Right, string_view, int64_t>},
      {"replace", {kV, kV, kV}, kV, Map<std::string, Replace, string_view, string_view, string_view>},
      {"split_part", {kV, kV, kB}, kV, Map<string_view, SplitPart, string_view, string_view, int64_t>},
      {"repeat", {kV, kB}, kV, TryMap<std::string, Repeat, string_view, int64_t>},
      {"||", {kV, kV}, kV, Map<std::string, kJoin, string_view, string_view>},
      {"concat", {kV}, kV, Concat, /*variadic=*/true},
      {"concat_ws", {kV, kV}, kV, ConcatWithSeparator, /*variadic=*/true},
      {"starts_with", {kV, kV}, kBool, Map<bool, kStartsWith, string_view, string_view>},
      {"ends_with", {kV, kV}, kBool, Map<bool, kEndsWith, string_view, string_view>},
      {"contains", {kV, kV}, kBool, Map<bool, kContains, string_view, string_view>},
      {"strpos", {kV, kV}, kB, Map<int64_t, Position, string_view, string_view>},
  };
  AddTrim<true, true>("trim", &functions);
  AddTrim<true, false>("ltrim", &functions);
  AddTrim<false, true>("rtrim", &functions);
  return functions;
}

}  // namespace headrace::functions
