#include "serving/http/target.h"

#include <algorithm>

namespace headrace {
namespace {

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

StatusOr<std::string> Decode(std::string_view text, bool plus_is_blank) {
  std::string result;
  result.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+' && plus_is_blank) {
      result += ' ';
    } else if (text[i] != '%') {
      result += text[i];
    } else {
      const int high = i + 2 < text.size() ? HexDigit(text[i + 1]) : -1;
      const int low = i + 2 < text.size() ? HexDigit(text[i + 2]) : -1;
      if (high < 0 || low < 0) return InvalidArgument("'{}' has a '%' that two hexadecimal digits do not follow", text);
      result += static_cast<char>(high * 16 + low);
      i += 2;
    }
  }
  return result;
}

// The part up to `separator`, which is taken off `rest` with it.
std::string_view TakeUpTo(char separator, std::string_view* rest) {
  const size_t end = std::min(rest->find(separator), rest->size());
  const std::string_view part = rest->substr(0, end);
  rest->remove_prefix(std::min(end + 1, rest->size()));
  return part;
}

}  // namespace

StatusOr<HttpTarget> ParseTarget(std::string_view target) {
  std::string_view rest = target.substr(0, target.find('#'));
  constexpr std::string_view kScheme = "http://";
  if (rest.starts_with(kScheme)) {
    const size_t slash = rest.find_first_of("/?", kScheme.size());
    rest.remove_prefix(std::min(slash, rest.size()));
    if (!rest.starts_with('/')) rest = "/";
  }
  if (!rest.starts_with('/')) return InvalidArgument("'{}' is no path: it does not begin with '/'", target);
  HttpTarget result;
  HR_ASSIGN_OR_RETURN(result.path, Decode(TakeUpTo('?', &rest), false));
  while (!rest.empty()) {
    std::string_view pair = TakeUpTo('&', &rest);
    if (pair.empty()) continue;
    HR_ASSIGN_OR_RETURN(std::string name, Decode(TakeUpTo('=', &pair), true));
    HR_ASSIGN_OR_RETURN(result.query[std::move(name)], Decode(pair, true));
  }
  return result;
}

}  // namespace headrace
