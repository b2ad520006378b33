#include "kernel/aggregates/state.h"

#include "kernel/aggregates/states.h"

namespace headrace {
namespace {

constexpr uint8_t kStateVersion = 1;

}  // namespace

bool aggregates::NullIsValue(AggregateKind kind) {
  using K = AggregateKind;
  return kind == K::kFirst || kind == K::kLast || kind == K::kNthLast || kind == K::kFirstList || kind == K::kLastList;
}

bool Contributes(const AggregateCall& call, const EventsView& rows, size_t row) {
  if (call.filter) {
    const ColumnView& filter = rows.slots[*call.filter];
    if (filter.IsNull(row) || filter.ints()[row] == 0) return false;
  }
  if (aggregates::NullIsValue(call.kind)) return true;
  return !(call.argument && rows.slots[*call.argument].IsNull(row)) &&
         !(call.second && rows.slots[*call.second].IsNull(row));
}

std::string EncodeState(const AggregateState& state) {
  ByteWriter out;
  out.PutU8(kStateVersion);
  out.PutU8(static_cast<uint8_t>(state.form()));
  state.Encode(&out);
  return std::move(out).Finish();
}

StatusOr<std::unique_ptr<AggregateState>> DecodeState(const AggregateCall& call, std::string_view bytes) {
  ByteReader in(bytes);
  uint8_t version = 0;
  uint8_t form = 0;
  HR_RETURN_IF_ERROR(in.GetU8(&version));
  HR_RETURN_IF_ERROR(in.GetU8(&form));
  std::unique_ptr<AggregateState> state = MakeAggregateState(call);
  if (version != kStateVersion) return DataLoss("a state of version {}, not {}", version, kStateVersion);
  if (form != static_cast<uint8_t>(state->form()))
    return DataLoss("a state of form {} where {} was looked for", form, static_cast<int>(state->form()));
  HR_RETURN_IF_ERROR(state->Decode(&in));
  if (!in.AtEnd()) return DataLoss("bytes behind a state's end");
  return state;
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

std::unique_ptr<AggregateState> MakeSlidingState(const AggregateCall& call) {
  using K = AggregateKind;
  if (call.kind == K::kProduct) return aggregates::MakeProductState(call);
  if (call.kind == K::kEwAvg) return aggregates::MakeEwAvgState(call);
  return MakeAggregateState(call);
}

std::unique_ptr<AggregateState> MakeMergedState(const AggregateCall& call) {
  using K = AggregateKind;
  if (call.kind == K::kCountDistinct) return aggregates::MakeDistinctState(call);
  if (call.kind == K::kQuantileCont || call.kind == K::kQuantileDisc || call.kind == K::kMad)
    return aggregates::MakeMergedQuantileState(call);
  return MakeSlidingState(call);
}

}  // namespace headrace
