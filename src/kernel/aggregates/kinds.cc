#include "kernel/aggregates/kinds.h"

#include <algorithm>

namespace headrace {
namespace {

using A = ArgumentRule;
using K = AggregateKind;
using P = ParameterRule;
using R = ResultRule;

constexpr AggregateFunction kFunctions[] = {
    {"count_star", K::kCountStar, A::kNone, A::kNone, R::kBigint},
    {"count", K::kCount, A::kAny, A::kNone, R::kBigint},
    {"sum", K::kSum, A::kNumber, A::kNone, R::kSum},
    {"avg", K::kAvg, A::kNumber, A::kNone, R::kDouble},
    {"mean", K::kAvg, A::kNumber, A::kNone, R::kDouble},
    {"min", K::kMin},
    {"max", K::kMax},
    {"product", K::kProduct, A::kDouble, A::kNone, R::kDouble},

    {"var_samp", K::kVarSamp, A::kDouble, A::kNone, R::kDouble},
    {"variance", K::kVarSamp, A::kDouble, A::kNone, R::kDouble},
    {"var_pop", K::kVarPop, A::kDouble, A::kNone, R::kDouble},
    {"stddev_samp", K::kStddevSamp, A::kDouble, A::kNone, R::kDouble},
    {"stddev", K::kStddevSamp, A::kDouble, A::kNone, R::kDouble},
    {"stddev_pop", K::kStddevPop, A::kDouble, A::kNone, R::kDouble},
    {"skewness", K::kSkewness, A::kDouble, A::kNone, R::kDouble},
    {"kurtosis", K::kKurtosis, A::kDouble, A::kNone, R::kDouble},
    {"covar_samp", K::kCovarSamp, A::kDouble, A::kDouble, R::kDouble},
    {"covar_pop", K::kCovarPop, A::kDouble, A::kDouble, R::kDouble},
    {"corr", K::kCorr, A::kDouble, A::kDouble, R::kDouble},
    {"regr_count", K::kRegrCount, A::kDouble, A::kDouble, R::kBigint},
    {"regr_slope", K::kRegrSlope, A::kDouble, A::kDouble, R::kDouble},
    {"regr_intercept", K::kRegrIntercept, A::kDouble, A::kDouble, R::kDouble},
    {"regr_r2", K::kRegrR2, A::kDouble, A::kDouble, R::kDouble},

    {"bool_and", K::kBoolAnd, A::kBoolean, A::kNone, R::kBoolean},
    {"bool_or", K::kBoolOr, A::kBoolean, A::kNone, R::kBoolean},
    {"bit_and", K::kBitAnd, A::kBigint, A::kNone, R::kBigint},
    {"bit_or", K::kBitOr, A::kBigint, A::kNone, R::kBigint},
    {"bit_xor", K::kBitXor, A::kBigint, A::kNone, R::kBigint},

    {"count_distinct", K::kCountDistinct, A::kAny, A::kNone, R::kBigint},
    {"approx_count_distinct", K::kCountDistinct, A::kAny, A::kNone, R::kBigint},
    {"mode", K::kMode},
    {"mode_ratio", K::kModeRatio, A::kAny, A::kNone, R::kDouble},
    {"entropy", K::kEntropy, A::kAny, A::kNone, R::kDouble},
    {"list_distinct", K::kListDistinct, A::kAny, A::kNone, R::kList},
    {"top_k", K::kTopK, A::kAny, A::kNone, R::kList, P::kShortCount},
    {"count_by", K::kCountBy, A::kAny, A::kNone, R::kCountByValue, P::kTopCategories},
    {"histogram", K::kCountBy, A::kAny, A::kNone, R::kCountByValue},
    {"ratio_by", K::kRatioBy, A::kAny, A::kNone, R::kRatioByValue, P::kTopCategories},
    {"median", K::kQuantileCont, A::kDouble, A::kNone, R::kDouble, P::kNone, 0.5},
    {"quantile_cont", K::kQuantileCont, A::kDouble, A::kNone, R::kDouble, P::kFraction},
    {"approx_quantile", K::kQuantileCont, A::kDouble, A::kNone, R::kDouble, P::kFraction},
    {"quantile_disc", K::kQuantileDisc, A::kNumber, A::kNone, R::kArgument, P::kFraction},
    {"quantile", K::kQuantileDisc, A::kNumber, A::kNone, R::kArgument, P::kFraction},
    {"mad", K::kMad, A::kDouble, A::kNone, R::kDouble},

    {"sum_by", K::kSumBy, A::kNumber, A::kAny, R::kByCategory, P::kTopCategories},
    {"avg_by", K::kAvgBy, A::kNumber, A::kAny, R::kDoubleByCategory, P::kTopCategories},
    {"min_by_category", K::kMinByCategory, A::kAny, A::kAny, R::kByCategory, P::kTopCategories},
    {"max_by_category", K::kMaxByCategory, A::kAny, A::kAny, R::kByCategory, P::kTopCategories},

    {"first", K::kFirst},
    {"last", K::kLast},
    {"nth_last", K::kNthLast, A::kAny, A::kNone, R::kArgument, P::kPositiveCount},
    {"lag", K::kNthLast, A::kAny, A::kNone, R::kArgument, P::kLag, 2},
    {"first_n", K::kFirstList, A::kAny, A::kNone, R::kList, P::kShortCount},
    {"last_n", K::kLastList, A::kAny, A::kNone, R::kList, P::kShortCount},
    {"arg_min", K::kArgMin, A::kAny, A::kAny},
    {"min_by", K::kArgMin, A::kAny, A::kAny},
    {"arg_max", K::kArgMax, A::kAny, A::kAny},
    {"max_by", K::kArgMax, A::kAny, A::kAny},
    {"ew_avg", K::kEwAvg, A::kDouble, A::kNone, R::kDouble, P::kDuration},
    {"rate", K::kRate, A::kDouble, A::kNone, R::kDouble},
    {"drawdown", K::kDrawdown, A::kDouble, A::kNone, R::kDouble},
    {"seconds_since_last", K::kSecondsSinceLast, A::kNone, A::kNone, R::kDouble},
    {"seconds_since_nth_last", K::kSecondsSinceNthLast, A::kNone, A::kNone, R::kDouble, P::kPositiveCount},
    {"count_days", K::kCountDays, A::kNone, A::kNone, R::kBigint},
    {"longest_gap", K::kLongestGap, A::kNone, A::kNone, R::kDouble},
    {"sessions", K::kSessions, A::kNone, A::kNone, R::kBigint, P::kDuration},
};

}  // namespace

const AggregateFunction* FindAggregateFunction(std::string_view name) {
  const auto* const it = std::find_if(std::begin(kFunctions), std::end(kFunctions),
                                      [&](const AggregateFunction& f) { return f.name == name; });
  return it == std::end(kFunctions) ? nullptr : it;
}

bool Accepts(ArgumentRule rule, TypeId type) {
  switch (rule) {
    case ArgumentRule::kNone:
    case ArgumentRule::kAny:
      return true;
    case ArgumentRule::kNumber:
      return type == TypeId::kBigint || type == TypeId::kDouble || IsDecimal(type);
    case ArgumentRule::kDouble:
      return type == TypeId::kDouble;
    case ArgumentRule::kBoolean:
      return type == TypeId::kBoolean;
    case ArgumentRule::kBigint:
      return type == TypeId::kBigint;
  }
  return false;
}

TypeId ResultTypeOf(const AggregateFunction& function, TypeId argument, TypeId second) {
  switch (function.result) {
    case ResultRule::kBigint:
      return TypeId::kBigint;
    case ResultRule::kDouble:
      return TypeId::kDouble;
    case ResultRule::kBoolean:
      return TypeId::kBoolean;
    case ResultRule::kArgument:
      return argument;
    case ResultRule::kSum:
      return IsDecimal(argument) ? DecimalOf(kMaxDecimalWidth, ScaleOf(argument)) : argument;
    case ResultRule::kList:
      return ListOf(argument);
    case ResultRule::kCountByValue:
      return MapOf(argument, TypeId::kBigint);
    case ResultRule::kRatioByValue:
      return MapOf(argument, TypeId::kDouble);
    case ResultRule::kByCategory:
      return MapOf(second, argument);
    case ResultRule::kDoubleByCategory:
      return MapOf(second, TypeId::kDouble);
  }
  return TypeId::kBigint;
}

std::vector<std::string_view> AggregateFunctionNames() {
  std::vector<std::string_view> names;
  for (const AggregateFunction& function : kFunctions) names.push_back(function.name);
  return names;
}

}  // namespace headrace
