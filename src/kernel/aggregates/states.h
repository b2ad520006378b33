// The makers of each group of states; state.cc chooses among them.
#pragma once

#include "kernel/aggregates/state.h"

namespace headrace::aggregates {

std::unique_ptr<AggregateState> MakeCountState(const AggregateCall& call);
std::unique_ptr<AggregateState> MakeSumState(const AggregateCall& call);
std::unique_ptr<AggregateState> MakeExtremeState(const AggregateCall& call);
std::unique_ptr<AggregateState> MakeMomentState(const AggregateCall& call);
std::unique_ptr<AggregateState> MakeBitState(const AggregateCall& call);
std::unique_ptr<AggregateState> MakeValueCountState(const AggregateCall& call);
std::unique_ptr<AggregateState> MakeCategoryState(const AggregateCall& call);
std::unique_ptr<AggregateState> MakeQuantileState(const AggregateCall& call);
std::unique_ptr<AggregateState> MakeSequenceState(const AggregateCall& call);

// Of MakeMergedState, with the answers of MakeValueCountState (of count(distinct)) and of MakeQuantileState.
std::unique_ptr<AggregateState> MakeDistinctState(const AggregateCall& call);
std::unique_ptr<AggregateState> MakeMergedQuantileState(const AggregateCall& call);
// Of MakeSlidingState: with the answers of MakeSequenceState (of product and ew_avg), which they give without the
// events.
std::unique_ptr<AggregateState> MakeProductState(const AggregateCall& call);
std::unique_ptr<AggregateState> MakeEwAvgState(const AggregateCall& call);

// Whether a null argument is a value of its own (rules 20, 21).
bool NullIsValue(AggregateKind kind);

// A state whose Merge knows the other's type: states are only merged with those of the same call.
template <typename Derived>
class MergeableState : public AggregateState {
 public:
  StateForm form() const final { return Derived::kForm; }
  void Merge(const AggregateState& other) final {
    static_cast<Derived*>(this)->MergeSame(static_cast<const Derived&>(other));
  }
};

// A state that is never written (MakeSlidingState, MakeMergedState).
template <typename Derived>
class UnwrittenState : public MergeableState<Derived> {
 public:
  static constexpr StateForm kForm = StateForm::kUnwritten;
  void Encode(ByteWriter*) const final {}
  Status Decode(ByteReader*) final { return Internal("a state that is never written"); }
};

// A number of rows, which is not negative.
inline Status GetRows(ByteReader* in, int64_t* rows) {
  HR_RETURN_IF_ERROR(in->GetI64(rows));
  return *rows < 0 ? DataLoss("{} rows", *rows) : absl::OkStatus();
}

}  // namespace headrace::aggregates
