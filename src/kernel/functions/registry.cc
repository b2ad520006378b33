#include "kernel/functions/registry.h"

#include <algorithm>

#include "kernel/functions/support.h"

namespace headrace {
namespace {

const std::vector<ScalarFunction>& AllFunctions() {
  static const std::vector<ScalarFunction>* const kAll = [] {
    auto* all = new std::vector<ScalarFunction>();
    for (auto subject : {functions::ArithmeticFunctions, functions::ComparisonFunctions, functions::TemporalFunctions,
                         functions::TextFunctions}) {
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
  if (*from == TypeId::kDate && to == TypeId::kTimestamp) return 1;
  return std::nullopt;
}

std::optional<int> OverloadCost(const ScalarFunction& function, const std::vector<std::optional<TypeId>>& arguments) {
  const size_t declared = function.arguments.size();
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

bool IsKnownFunction(std::string_view name) {
  return std::any_of(AllFunctions().begin(), AllFunctions().end(), [&](const ScalarFunction& f) { return f.name == name; });
}

bool IsVolatileFunction(std::string_view name) {
  static constexpr std::string_view kVolatile[] = {
      "current_date", "current_time", "current_timestamp", "gen_random_uuid", "get_current_timestamp", "nextval", "now", "random",
      "today", "transaction_timestamp", "uuid"};
  return std::find(std::begin(kVolatile), std::end(kVolatile), name) != std::end(kVolatile);
}

std::vector<std::string> KnownFunctionNames() {
  std::vector<std::string> names;
  for (const ScalarFunction& function : AllFunctions()) {
    const bool is_word = function.name.find_first_not_of("abcdefghijklmnopqrstuvwxyz_0123456789") == std::string_view::npos;
    if (is_word && function.name != "not") names.emplace_back(function.name);
  }
  names.insert(names.end(), {"coalesce", "date_diff", "date_part", "date_trunc", "nullif"});
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names;
}

std::optional<TypeId> CommonType(TypeId a, TypeId b) {
  if (WideningCost(a, b)) return b;
  if (WideningCost(b, a)) return a;
  return std::nullopt;
}

}  // namespace headrace
