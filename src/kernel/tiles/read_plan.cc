#include "kernel/tiles/read_plan.h"

#include <algorithm>
#include <numeric>

namespace headrace {

ReadPlan::ReadPlan(const EventGroup& group, const TileSizes& sizes) : sizes_(sizes) {
  for (const Expression& slot : group.events.slots) slots_.push_back(slot.type);
  for (const EventGroup::Member& member : group.members) Add(member.program, member.slot_of);
  folds_ = MakeFolders(aggregates_, slots_);
}

ReadPlan::ReadPlan(const ViewProgram& program, const TileSizes& sizes) : sizes_(sizes) {
  for (const Expression& slot : program.slots) slots_.push_back(slot.type);
  std::vector<size_t> slots(program.slots.size());
  std::iota(slots.begin(), slots.end(), 0);
  Add(program, std::move(slots));
  folds_ = MakeFolders(aggregates_, slots_);
}

void ReadPlan::Add(const ViewProgram& program, std::vector<size_t> slots) {
  View& view = views_.emplace_back(View{&program, std::move(slots), {}});
  // A view that has an aggregate twice has two of the plan's: each has one place among its cells.
  const auto is_taken = [&](size_t i) {
    return std::find(view.aggregates.begin(), view.aggregates.end(), i) != view.aggregates.end();
  };
  for (const AggregateCall& call : program.aggregates) {
    size_t i = 0;
    while (i < aggregates_.size() && (aggregates_[i] != call || is_taken(i))) ++i;
    if (i == aggregates_.size()) aggregates_.push_back(call);
    view.aggregates.push_back(i);
  }
}

}  // namespace headrace
