// How the reads of views over the same events are computed: made once, shared by all keys and all threads.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "kernel/event_group.h"
#include "kernel/packed_events.h"
#include "kernel/tiles/folder.h"

namespace headrace {

// The folds of all aggregates of a group's views; what two views both want is one fold.
class ReadPlan {
 public:
  struct View {
    const ViewProgram* program;      // over the plan's slots
    std::vector<size_t> slots;       // of each of its own slots: the plan's
    std::vector<size_t> aggregates;  // of each of its own aggregates: the plan's
  };

  // The group must outlive the plan. Small tiles are for tests.
  explicit ReadPlan(const EventGroup& group, const TileSizes& sizes = {});
  // Of one view by itself, which must outlive the plan.
  explicit ReadPlan(const ViewProgram& program, const TileSizes& sizes = {});

  const PackedEvents::SlotTypes& slots() const { return slots_; }
  const TileSizes& sizes() const { return sizes_; }
  std::span<const FoldOf> folds() const { return folds_; }
  std::span<const View> views() const { return views_; }

 private:
  void Add(const ViewProgram& program, std::vector<size_t> slots);

  const TileSizes sizes_;
  PackedEvents::SlotTypes slots_;
  std::vector<View> views_;
  std::vector<AggregateCall> aggregates_;  // of all views, each once
  std::vector<FoldOf> folds_;
};

}  // namespace headrace
