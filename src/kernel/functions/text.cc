// length substr || concat starts_with contains. Lengths and positions count code points, as in DuckDB.
#include <algorithm>
#include <limits>

#include "kernel/functions/support.h"

namespace headrace::functions {
namespace {

constexpr TypeId kV = TypeId::kVarchar;
constexpr TypeId kBool = TypeId::kBoolean;

bool StartsCodePoint(char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }

int64_t CodePoints(std::string_view text) { return std::count_if(text.begin(), text.end(), StartsCodePoint); }

// Byte offset of the code point at `index` (from 0); the text's size past its end.
size_t OffsetOf(std::string_view text, int64_t index) {
  size_t offset = 0;
  for (; offset < text.size(); ++offset) {
    if (StartsCodePoint(text[offset]) && index-- == 0) return offset;
  }
  return offset;
}

// SQL's substr: positions count from 1, a negative start from the end; a part before the text counts for `length`.
std::string_view Substring(std::string_view text, int64_t start, int64_t length) {
  const int64_t size = CodePoints(text);
  int64_t begin = start > 0 ? start - 1 : start < 0 ? size + start : -1;
  int64_t end = 0;
  if (__builtin_add_overflow(begin, length, &end)) end = length > 0 ? size : 0;
  if (length < 0) std::swap(begin, end);
  begin = std::clamp<int64_t>(begin, 0, size);
  end = std::clamp<int64_t>(end, begin, size);
  const size_t from = OffsetOf(text, begin);
  return text.substr(from, OffsetOf(text, end) - from);
}

template <bool to_end>
Status Substr(Arguments arguments, size_t rows, Column* result) {
  const Column& text = *arguments[0];
  const Column& start = *arguments[1];
  for (size_t i = 0; i < rows; ++i) {
    if (text.IsNull(i) || start.IsNull(i) || (!to_end && arguments[2]->IsNull(i))) {
      result->AppendNull();
    } else {
      const int64_t length = to_end ? std::numeric_limits<int64_t>::max() : arguments[2]->ints()[i];
      result->AppendString(Substring(text.str(i), start.ints()[i], length));
    }
  }
  return absl::OkStatus();
}

Status ConcatOperator(Arguments arguments, size_t rows, Column* result) {
  for (size_t i = 0; i < rows; ++i) {
    if (arguments[0]->IsNull(i) || arguments[1]->IsNull(i)) {
      result->AppendNull();
    } else {
      result->AppendString(std::string(arguments[0]->str(i)).append(arguments[1]->str(i)));
    }
  }
  return absl::OkStatus();
}

// concat() skips nulls, unlike ||.
Status Concat(Arguments arguments, size_t rows, Column* result) {
  for (size_t i = 0; i < rows; ++i) {
    std::string text;
    for (const Column* argument : arguments) {
      if (!argument->IsNull(i)) text.append(argument->str(i));
    }
    result->AppendString(text);
  }
  return absl::OkStatus();
}

}  // namespace

std::vector<ScalarFunction> TextFunctions() {
  using std::string_view;
  return {
      {"length", {kV}, TypeId::kBigint, Unary<string_view, int64_t, CodePoints>},
      {"substring", {kV, TypeId::kBigint}, kV, Substr<true>},
      {"substring", {kV, TypeId::kBigint, TypeId::kBigint}, kV, Substr<false>},
      {"substr", {kV, TypeId::kBigint}, kV, Substr<true>},
      {"substr", {kV, TypeId::kBigint, TypeId::kBigint}, kV, Substr<false>},
      {"||", {kV, kV}, kV, ConcatOperator},
      {"concat", {kV}, kV, Concat, /*variadic=*/true},
      {"starts_with", {kV, kV}, kBool,
       Binary<string_view, string_view, int64_t, [](string_view a, string_view b) { return a.starts_with(b); }>},
      {"contains", {kV, kV}, kBool,
       Binary<string_view, string_view, int64_t, [](string_view a, string_view b) { return a.find(b) != std::string_view::npos; }>},
  };
}

}  // namespace headrace::functions
