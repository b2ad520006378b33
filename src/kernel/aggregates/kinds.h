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
  kListDistinct,
  kTopK,
  kCountBy,
  kRatioBy,
  kQuantileCont,
  kQuantileDisc,
  kMad,
  // Of the values of each category.
  kSumBy,
  kAvgBy,
  kMinByCategory,
  kMaxByCategory,
  // Of the events in the order.
  kFirst,
  kLast,
  kNthLast,
  kFirstList,
  kLastList,
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
enum class ResultRule : uint8_t {
  kBigint,
  kDouble,
  kBoolean,
  kArgument,
  kSum,               // as the argument; of decimals with all 38 digits
  kList,              // of arguments
  kCountByValue,      // a map from values of the argument to bigints
  kRatioByValue,      // ... to doubles
  kByCategory,        // a map from values of the second argument to ones of the first
  kDoubleByCategory,  // ... to doubles
};
// What stands after the arguments as a constant.
enum class ParameterRule : uint8_t {
  kNone,
  kFraction,
  kPositiveCount,
  kLag,            // may be left out; else kPositiveCount: so many events before the last
  kShortCount,     // the length of a list: 1 to kMaxElements
  kTopCategories,  // may be left out; else kShortCount, and then 'key' or 'value' may follow
  kDuration,
};

// Elements of a list, categories of a map. A map that would have more is null, and counted (rule 17).
constexpr size_t kMaxElements = 10'000;

// Up to where answers are exact that are then approximate (rule 22). A view may set both; its version knows them.
struct ExactLimits {
  int64_t distinct = 4'096;         // different values: count(distinct)
  int64_t quantile_values = 1'024;  // values: quantiles, median, mad
  bool operator==(const ExactLimits&) const = default;
};

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

// Whether an argument of this type needs no cast. kNone takes any, as there is none.
bool Accepts(ArgumentRule rule, TypeId type);

// The type of what `function` gives for arguments of these types.
TypeId ResultTypeOf(const AggregateFunction& function, TypeId argument, TypeId second);

}  // namespace headrace
