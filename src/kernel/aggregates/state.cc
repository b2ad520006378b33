#include "kernel/aggregates/state.h"

#include "kernel/aggregates/states.h"

namespace headrace {
namespace {

bool NullIsValue(AggregateKind kind) {
  return kind == AggregateKind::kFirst || kind == AggregateKind::kLast || kind == AggregateKind::kNthLast ||
         kind == AggregateKind::kFirstList || kind == AggregateKind::kLastList;
}

}  // namespace

bool Contributes(const AggregateCall& call, const EventRows& rows, size_t row) {
  if (call.filter) {
    const Column& filter = rows.slots[*call.filter];
    if (filter.IsNull(row) || filter.ints()[row] == 0) return false;
  }
  if (NullIsValue(call.kind)) return true;
  return !(call.argument && rows.slots[*call.argument].IsNull(row)) &&
         !(call.second && rows.slots[*call.second].IsNull(row));
}

std::unique_ptr<AggregateState> MakeAggregateState(const AggregateCall& call) {
  using K = AggregateKind;
  switch (call.kind) {
    case K::kCountStar:
    case K::kCount:
    case K::kRegrCount:
      return aggregates::MakeCountState(call);
    case K::kSum:
    case K::kAvg:
      return aggregates::MakeSumState(call);
    case K::kMin:
    case K::kMax:
      return aggregates::MakeExtremeState(call);
    case K::kVarSamp:
    case K::kVarPop:
    case K::kStddevSamp:
    case K::kStddevPop:
    case K::kSkewness:
    case K::kKurtosis:
    case K::kCovarSamp:
    case K::kCovarPop:
    case K::kCorr:
    case K::kRegrSlope:
    case K::kRegrIntercept:
    case K::kRegrR2:
      return aggregates::MakeMomentState(call);
    case K::kBoolAnd:
    case K::kBoolOr:
    case K::kBitAnd:
    case K::kBitOr:
    case K::kBitXor:
      return aggregates::MakeBitState(call);
    case K::kCountDistinct:
    case K::kMode:
    case K::kModeRatio:
    case K::kEntropy:
    case K::kListDistinct:
    case K::kTopK:
    case K::kCountBy:
    case K::kRatioBy:
      return aggregates::MakeValueCountState(call);
    case K::kSumBy:
    case K::kAvgBy:
    case K::kMinByCategory:
    case K::kMaxByCategory:
      return aggregates::MakeCategoryState(call);
    case K::kQuantileCont:
    case K::kQuantileDisc:
    case K::kMad:
      return aggregates::MakeQuantileState(call);
    default:
      return aggregates::MakeSequenceState(call);
  }
}

}  // namespace headrace
