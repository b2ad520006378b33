#include "kernel/functions/registry.h"

#include <algorithm>
#include <array>

#include "kernel/functions/decimal.h"
#include "kernel/functions/support.h"

namespace headrace {
namespace {

const std::vector<ScalarFunction>& AllFunctions() {
  static const std::vector<ScalarFunction>* const kAll = [] {
    auto* all = new std::vector<ScalarFunction>();
    for (auto subject : {functions::ArithmeticFunctions, functions::BucketFunctions, functions::CalendarFunctions,
                         functions::ComparisonFunctions, functions::GeographyFunctions, functions::HashFunctions,
                         functions::IntervalFunctions, functions::JsonFunctions, functions::MathematicsFunctions,
                         functions::NestedFunctions, functions::PatternFunctions, functions::SimilarityFunctions,
                         functions::TemporalFunctions, functions::TextFunctions, functions::TimeZoneFunctions}) {
      for (ScalarFunction& function : subject()) all->push_back(std::move(function));
    }
    return all;
  }();
  return *kAll;
}

// Widenings needed to pass an argument of type `from`; nullopt if it cannot be passed.
std::optional<int> WideningCost(std::optional<TypeId> from, TypeId to) {
  if (!from || *from == to) return 0;
  if (*from == TypeId::kBigint && to == TypeId::kDouble) return 1;
  if (IsDecimal(*from) && to == TypeId::kDouble) return 1;
  if (IsList(*from) && IsDecimal(ElementOf(*from)) && to == ListOf(TypeId::kDouble)) return 1;
  if (*from == TypeId::kDate && to == TypeId::kTimestamp) return 1;
  return std::nullopt;
}

std::optional<int> OverloadCost(const ScalarFunction& function, std::span<const std::optional<TypeId>> arguments) {
  const size_t declared = function.arguments.size();
  if (function.any_types) {
    const auto is_nested = [](std::optional<TypeId> type) { return type && IsNested(*type); };
    if (arguments.size() <= declared || std::any_of(arguments.begin(), arguments.end(), is_nested)) return std::nullopt;
    arguments = arguments.last(declared);
  }
  if (function.variadic ? arguments.size() < declared : arguments.size() != declared) return std::nullopt;
  int total = 0;
  for (size_t i = 0; i < arguments.size(); ++i) {
    const std::optional<int> cost = WideningCost(arguments[i], function.arguments[std::min(i, declared - 1)]);
    if (!cost) return std::nullopt;
    total += *cost;
  }
  return total;
}

}  // namespace

const ScalarFunction* FindFunction(std::string_view name, const std::vector<std::optional<TypeId>>& arguments) {
  const ScalarFunction* best = nullptr;
  int best_cost = 0;
  for (const ScalarFunction& function : AllFunctions()) {
    if (function.name != name) continue;
    const std::optional<int> cost = OverloadCost(function, arguments);
    if (cost && (best == nullptr || *cost < best_cost)) {
      best = &function;
      best_cost = *cost;
    }
  }
  return best;
}

std::string_view CanonicalName(std::string_view name) {
  static constexpr std::pair<std::string_view, std::string_view> kAliases[] = {
      {"**", "power"},
      {"->>", "json_extract_string"},
      {"@", "abs"},
      {"^", "power"},
      {"^@", "starts_with"},
      {"add", "+"},
      {"array_contains", "list_contains"},
      {"array_extract", "list_extract"},
      {"array_has", "list_contains"},
      {"array_indexof", "list_position"},
      {"array_length", "length"},
      {"array_position", "list_position"},
      {"element_at", "map_extract_value"},
      {"list_element", "list_extract"},
      {"list_has", "list_contains"},
      {"list_indexof", "list_position"},
      {"ceiling", "ceil"},
      {"char_length", "length"},
      {"character_length", "length"},
      {"dayofmonth", "day"},
      {"dow", "dayofweek"},
      {"editdist3", "levenshtein"},
      {"instr", "strpos"},
      {"json_extract_path", "json_extract"},
      {"json_extract_path_text", "json_extract_string"},
      {"lcase", "lower"},
      {"len", "length"},
      {"mismatches", "hamming"},
      {"mod", "%"},
      {"multiply", "*"},
      {"position", "strpos"},
      {"pow", "power"},
      {"prefix", "starts_with"},
      {"substr", "substring"},
      {"subtract", "-"},
      {"suffix", "ends_with"},
      {"ucase", "upper"},
      {"weekday", "dayofweek"},
      {"weekofyear", "week"},
  };
  const auto* const it =
      std::find_if(std::begin(kAliases), std::end(kAliases), [&](const auto& alias) { return alias.first == name; });
  return it == std::end(kAliases) ? name : it->second;
}

std::string_view CanonicalUnit(std::string_view unit) {
  static constexpr std::array<std::string_view, 7> kUnits[] = {
      {"year", "years", "yr", "yrs", "y"},
      {"month", "months", "mon", "mons"},
      {"day", "days", "d", "dayofmonth"},
      {"decade", "decades", "dec", "decs"},
      {"century", "centuries", "cent", "c"},
      {"millennium", "millenniums", "millennia", "millenium", "mil", "mils"},
      {"microsecond", "microseconds", "us", "usec", "usecs", "usecond", "useconds"},
      {"millisecond", "milliseconds", "ms", "msec", "msecs", "msecond", "mseconds"},
      {"second", "seconds", "sec", "secs", "s"},
      {"minute", "minutes", "min", "mins", "m"},
      {"hour", "hours", "hr", "hrs", "h"},
      {"week", "weeks", "w", "weekofyear"},
      {"quarter", "quarters"},
      {"dayofweek", "dow", "weekday"},
      {"dayofyear", "doy"},
  };
  for (const auto& spellings : kUnits) {
    if (!unit.empty() && std::find(spellings.begin(), spellings.end(), unit) != spellings.end())
      return *spellings.begin();
  }
  return unit;
}

bool IsKnownFunction(std::string_view name) {
  return std::any_of(AllFunctions().begin(), AllFunctions().end(),
                     [&](const ScalarFunction& f) { return f.name == name; });
}

bool IsOwnFunction(std::string_view name) {
  return std::any_of(AllFunctions().begin(), AllFunctions().end(),
                     [&](const ScalarFunction& f) { return f.name == name && f.own; });
}

bool IsVolatileFunction(std::string_view name) {
  static constexpr std::string_view kVolatile[] = {"current_date",
                                                   "current_time",
                                                   "current_timestamp",
                                                   "gen_random_uuid",
                                                   "get_current_timestamp",
                                                   "nextval",
                                                   "now",
                                                   "random",
                                                   "today",
                                                   "transaction_timestamp",
                                                   "uuid"};
  return std::find(std::begin(kVolatile), std::end(kVolatile), name) != std::end(kVolatile);
}

std::vector<std::string> KnownFunctionNames() {
  std::vector<std::string> names;
  for (const ScalarFunction& function : AllFunctions()) {
    // Those with a blank or operators stand for other spellings.
    const bool is_word =
        function.name.find_first_not_of("abcdefghijklmnopqrstuvwxyz_0123456789") == std::string_view::npos;
    if (is_word && function.name != "not" && function.name != "add_interval") names.emplace_back(function.name);
  }
  names.insert(names.end(), {"coalesce", "date_add", "date_diff", "date_part", "date_trunc", "nullif"});
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names;
}

std::optional<TypeId> CommonType(TypeId a, TypeId b) {
  if (a != b && (IsDecimal(a) || IsDecimal(b))) {
    const std::optional<TypeId> decimal_a = DecimalArgument{a}.AsDecimal();
    const std::optional<TypeId> decimal_b = DecimalArgument{b}.AsDecimal();
    if (decimal_a && decimal_b) return CommonDecimal(*decimal_a, *decimal_b);
  }
  if (WideningCost(a, b)) return b;
  if (WideningCost(b, a)) return a;
  return std::nullopt;
}

}  // namespace headrace
