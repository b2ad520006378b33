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

// A state whose Merge knows the other's type: states are only merged with those of the same call.
template <typename Derived>
class MergeableState : public AggregateState {
 public:
  void Merge(const AggregateState& other) final {
    static_cast<Derived*>(this)->MergeSame(static_cast<const Derived&>(other));
  }
};

}  // namespace headrace::aggregates
