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

// What is read of one view: its cells are those of FeatureCells, in that order.
class ViewRead {
 public:
  // `wanted`, by cell: those that are computed, the others stay null. Without it all are.
  ViewRead(const ReadPlan& plan, size_t view, const std::vector<bool>* wanted = nullptr);

  const ViewProgram& program() const { return *view_->program; }
  size_t num_cells() const { return num_cells_; }

 private:
  friend class KeyEvents;
  struct Fold {
    size_t fold;                   // of the plan
    std::vector<uint32_t> places;  // of its aggregates (FoldOutput)
  };
  // Windows of which each holds all that the one before it does, and the folds over them.
  struct Chain {
    std::vector<const Window*> windows;
    std::vector<size_t> cells;  // where each begins
    std::vector<Fold> folds;
  };
  static bool Continues(const Chain& chain, const Window& window);
  std::vector<size_t> WantedWindows(const std::vector<bool>* wanted) const;

  const ReadPlan::View* view_;
  size_t num_cells_;
  std::vector<Chain> chains_;
};

}  // namespace headrace
