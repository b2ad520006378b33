// Values out of JSON texts.
#include "base/json.h"

#include <charconv>
#include <cmath>
#include <cstdlib>

#include "kernel/functions/support.h"

namespace headrace::functions {
namespace {

using std::string_view;

constexpr TypeId kB = TypeId::kBigint;
constexpr TypeId kV = TypeId::kVarchar;

// One step of a path: a member's name, or an element's place, which counts from the end where it is negative.
struct Step {
  std::string name;
  std::optional<int64_t> index;
};
using Path = std::vector<Step>;

Status BadPath(string_view path, string_view why) {
  return InvalidArgument("'{}' is no JSON path: {}; write '$.name', '$.list[0]' or '/name/0'", path, why);
}

std::optional<int64_t> ParseIndex(string_view digits) {
  int64_t index = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), index);
  if (digits.empty() || error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  return index;
}

// The name that `rest` begins with, quoted or up to the next '.' or '['; it is taken off.
StatusOr<std::string> TakeName(string_view path, string_view* rest) {
  const bool quoted = rest->starts_with('"');
  if (quoted) rest->remove_prefix(1);
  const size_t end = quoted ? rest->find('"') : std::min(rest->find_first_of(".["), rest->size());
  if (end == string_view::npos) return BadPath(path, "a quote is open");
  const std::string name(rest->substr(0, end));
  if (name.empty()) return BadPath(path, "a name is empty");
  if (!quoted && name.find('*') != std::string::npos)
    return BadPath(path, "wildcards give lists, which are not known yet");
  rest->remove_prefix(end + (quoted ? 1 : 0));
  return name;
}

// $.a."b c"[0][#-1]
StatusOr<Path> ParseDollarPath(string_view path) {
  Path steps;
  string_view rest = path.substr(1);
  while (!rest.empty()) {
    if (rest.starts_with('.')) {
      rest.remove_prefix(1);
      HR_ASSIGN_OR_RETURN(std::string name, TakeName(path, &rest));
      steps.push_back({std::move(name), std::nullopt});
      continue;
    }
    const size_t close = rest.find(']');
    if (!rest.starts_with('[') || close == string_view::npos) return BadPath(path, "expected '.name' or '[place]'");
    string_view place = rest.substr(1, close - 1);
    if (place.starts_with("#-")) place.remove_prefix(1);  // from the end
    const std::optional<int64_t> index = ParseIndex(place);
    if (!index) return BadPath(path, "a place is no number");
    steps.push_back({"", index});
    rest.remove_prefix(close + 1);
  }
  return steps;
}

// RFC 6901: /a/0, where ~1 is a slash and ~0 a tilde.
Path ParsePointer(string_view path) {
  Path steps;
  while (path.starts_with('/')) {
    path.remove_prefix(1);
    const size_t end = std::min(path.find('/'), path.size());
    std::string name;
    for (size_t i = 0; i < end; ++i) {
      const bool escape = path[i] == '~' && i + 1 < end && (path[i + 1] == '0' || path[i + 1] == '1');
      name.push_back(!escape ? path[i] : path[++i] == '0' ? '~' : '/');
    }
    const bool is_place = !name.empty() && name[0] != '-';
    steps.push_back({name, is_place ? ParseIndex(name) : std::nullopt});
    path.remove_prefix(end);
  }
  return steps;
}

StatusOr<Path> ParsePath(string_view path) {
  if (path.starts_with('$')) return ParseDollarPath(path);
  if (path.starts_with('/')) return ParsePointer(path);
  if (path.empty()) return Path();
  return Path{{std::string(path), std::nullopt}};  // a plain member's name
}

const Json* Follow(const Json& document, const Path& path) {
  const Json* at = &document;
  for (const Step& step : path) {
    if (at->is_array() && step.index) {
      const auto size = static_cast<int64_t>(at->array().size());
      const int64_t index = *step.index < 0 ? *step.index + size : *step.index;
      at = index >= 0 && index < size ? &at->array()[static_cast<size_t>(index)] : nullptr;
    } else {
      at = step.name.empty() ? nullptr : at->Find(step.name);
    }
    if (at == nullptr) return nullptr;
  }
  return at;
}

// As DuckDB writes a double: the shortest digits, without an exponent from 1e-6 to below 1e21, always with a point or
// an exponent (ECMAScript's layout, plus ".0").
std::string NumberText(double v) {
  std::string digits = fmt::format("{}", std::abs(v));
  int exponent = 0;
  if (const size_t e = digits.find('e'); e != std::string::npos) {
    exponent = std::atoi(digits.c_str() + e + 1);
    digits.resize(e);
  }
  const size_t point = std::min(digits.find('.'), digits.size());
  int before_point = static_cast<int>(point) + exponent;
  if (point < digits.size()) digits.erase(point, 1);
  const size_t zeros = std::min(digits.find_first_not_of('0'), digits.size());
  digits.erase(0, zeros);
  before_point -= static_cast<int>(zeros);
  digits.erase(digits.find_last_not_of('0') + 1);
  const std::string sign = std::signbit(v) ? "-" : "";
  const int count = static_cast<int>(digits.size());
  if (count == 0) return sign + "0.0";
  if (before_point > 21 || before_point <= -6) {
    const std::string fraction = count > 1 ? "." + digits.substr(1) : "";
    return fmt::format("{}{}{}e{}", sign, digits.substr(0, 1), fraction, before_point - 1);
  }
  if (before_point <= 0)
    return fmt::format("{}0.{}{}", sign, std::string(static_cast<size_t>(-before_point), '0'), digits);
  if (count <= before_point)
    return fmt::format("{}{}{}.0", sign, digits, std::string(static_cast<size_t>(before_point - count), '0'));
  return fmt::format("{}{}.{}", sign, digits.substr(0, static_cast<size_t>(before_point)),
                     digits.substr(static_cast<size_t>(before_point)));
}

void AppendText(const Json& value, std::string* out) {
  if (value.is_array()) {
    out->push_back('[');
    for (const Json& item : value.array()) {
      if (&item != &value.array().front()) out->push_back(',');
      AppendText(item, out);
    }
    out->push_back(']');
  } else if (value.is_object()) {
    out->push_back('{');
    for (const Json::Member& member : value.object()) {
      if (&member != &value.object().front()) out->push_back(',');
      AppendJsonString(member.first, out);
      out->push_back(':');
      AppendText(member.second, out);
    }
    out->push_back('}');
  } else {
    out->append(value.is_double() ? NumberText(value.number()) : value.Dump());
  }
}

std::optional<std::string> JsonText(const Json& value) {
  std::string text;
  AppendText(value, &text);
  return text;
}

// A string without its quotes; a JSON null is null.
std::optional<std::string> PlainText(const Json& value) {
  if (value.is_null()) return std::nullopt;
  return value.is_string() ? value.str() : JsonText(value);
}

std::optional<int64_t> ArrayLength(const Json& value) {
  return value.is_array() ? static_cast<int64_t>(value.array().size()) : 0;
}

// f of what the path leads to; null for a text that is no JSON, and for a path that leads nowhere.
template <typename R, std::optional<R> (*f)(const Json&)>
Status Extract(Arguments arguments, size_t rows, Column* result) {
  std::optional<std::string> parsed;  // the text of `path`: mostly the same in all rows
  Path path;
  result->Reserve(rows);
  for (size_t i = 0; i < rows; ++i) {
    if (AnyNull(arguments, i)) {
      result->AppendNull();
      continue;
    }
    if (arguments.size() > 1 && (!parsed || *parsed != arguments[1]->str(i))) {
      HR_ASSIGN_OR_RETURN(path, ParsePath(arguments[1]->str(i)));
      parsed = arguments[1]->str(i);
    }
    const StatusOr<Json> document = Json::Parse(arguments[0]->str(i));
    const Json* const value = document.ok() ? Follow(*document, path) : nullptr;
    Cell<std::optional<R>>::Put(result, value == nullptr ? std::nullopt : f(*value));
  }
  return absl::OkStatus();
}

// The element at a place of an array.
template <std::optional<std::string> (*f)(const Json&)>
std::optional<std::string> ElementAt(string_view text, int64_t index) {
  const StatusOr<Json> document = Json::Parse(text);
  const Json* const value = document.ok() ? Follow(*document, {{"", index}}) : nullptr;
  return value == nullptr ? std::nullopt : f(*value);
}

Status CheckPath(std::span<const Value* const> arguments) {
  return arguments[1] == nullptr ? absl::OkStatus() : ParsePath(arguments[1]->str()).status();
}

ScalarFunction WithPath(string_view name, TypeId type, ScalarKernel kernel) {
  ScalarFunction function = {name, {kV, kV}, type, kernel};
  function.check = CheckPath;
  return function;
}

}  // namespace

std::vector<ScalarFunction> JsonFunctions() {
  return {
      WithPath("json_extract", kV, Extract<std::string, JsonText>),
      WithPath("json_extract_string", kV, Extract<std::string, PlainText>),
      WithPath("json_array_length", kB, Extract<int64_t, ArrayLength>),
      {"json_array_length", {kV}, kB, Extract<int64_t, ArrayLength>},
      {"json_extract", {kV, kB}, kV, Map<std::optional<std::string>, ElementAt<JsonText>, string_view, int64_t>},
      {"json_extract_string",
       {kV, kB},
       kV,
       Map<std::optional<std::string>, ElementAt<PlainText>, string_view, int64_t>},
      {"json_valid",
       {kV},
       TypeId::kBoolean,
       Map<bool, [](string_view text) { return Json::Parse(text).ok(); }, string_view>},
  };
}

}  // namespace headrace::functions
