// The aggregate functions of feature views: their names, arguments and results. What each computes:
// kernel/aggregates/state.h.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "base/value.h"

namespace headrace {

enum class AggregateKind : uint8_t {
  kCountStar,
  kCount,
  kSum,
  kAvg,
  kMin,
  kMax,
  kProduct,
  // Of power sums.
  kVarSamp,
  kVarPop,
  kStddevSamp,
  kStddevPop,
  kSkewness,
  kKurtosis,
  kCovarSamp,
  kCovarPop,
  kCorr,
  kRegrCount,
  kRegrSlope,
  kRegrIntercept,
  kRegrR2,
  // Of counts per bit or truth value.
  kBoolAnd,
  kBoolOr,
  kBitAnd,
  kBitOr,
  kBitXor,
  // Of counts per value.
  kCountDistinct,
  kMode,
  kModeRatio,
  kEntropy,
  kQuantileCont,
  kQuantileDisc,
  kMad,
  // Of the events in the order.
  kFirst,
  kLast,
  kNthLast,
  kArgMin,
  kArgMax,
  kEwAvg,
  kRate,
  kDrawdown,
  kSecondsSinceLast,
  kSecondsSinceNthLast,
  kCountDays,
  kLongestGap,
  kSessions,
};

// What a function takes as its argument, and what it gives.
enum class ArgumentRule : uint8_t { kNone, kAny, kNumber, kDouble, kBoolean, kBigint };
enum class ResultRule : uint8_t { kBigint, kDouble, kBoolean, kArgument };
// What stands after the arguments as a constant.
enum class ParameterRule : uint8_t { kNone, kFraction, kPositiveCount, kDuration };

struct AggregateFunction {
  std::string_view name;  // lower case; several names may have one kind
  AggregateKind kind;
  ArgumentRule argument = ArgumentRule::kAny;
  ArgumentRule second = ArgumentRule::kNone;  // covar_*, corr, regr_*: x; arg_*: what is compared
  ResultRule result = ResultRule::kArgument;
  ParameterRule parameter = ParameterRule::kNone;
  double fixed_parameter = 0;  // of names that stand for a parameter, as median does
};

// nullptr if there is none of that name (in lower case). count(distinct x) is called "count_distinct".
const AggregateFunction* FindAggregateFunction(std::string_view name);
std::vector<std::string_view> AggregateFunctionNames();

}  // namespace headrace
