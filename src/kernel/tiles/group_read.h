// What is read of some views of a group at one instant: worked out once, answered by KeyEvents::Read.
//
// Views that read the same events mostly ask alike: a window that several of them have is found once, windows of time
// that end at the same instant are folded as one chain, each from where the shorter one stopped, and an aggregate that
// several of them want is folded once.
//
//   view a: sum over 1h, 7d     chain: 1h < 24h < 7d     sum:   1h -> a, 24h -> b, 7d -> a and b
//   view b: sum, max over 24h, 7d                        max:   24h -> b, 7d -> b
#pragma once

#include <span>
#include <vector>

#include "kernel/tiles/read_plan.h"

namespace headrace {

// How many cells a view has: those of FeatureCells, in that order.
size_t NumCells(const ViewProgram& program);

// What is read of one view.
struct ViewCells {
  size_t view = 0;               // of the plan
  std::vector<uint32_t> places;  // of each of its cells, among those of the read; kUnwantedCell: it is not computed
};

// The cells of a view side by side, from `begin` on.
ViewCells AllCells(const ReadPlan& plan, size_t view, size_t begin = 0);

class GroupRead {
 public:
  // The plan must outlive it.
  GroupRead(const ReadPlan& plan, std::span<const ViewCells> views);
  // All of one view, from the first cell on.
  GroupRead(const ReadPlan& plan, size_t view) : GroupRead(plan, std::vector<ViewCells>{AllCells(plan, view)}) {}

 private:
  friend class KeyEvents;
  // A cell of a latest-value view, and the slot that it is.
  struct LatestCell {
    size_t cell;
    size_t slot;
  };
  struct Latest {
    const ViewProgram* program;
    std::vector<LatestCell> cells;
  };
  // One of the plan's, with outputs [begin, end).
  struct Fold {
    size_t fold;
    size_t begin;
    size_t end;
  };
  // Windows of which each holds all that the one before it does, and folds [begin, end) over them.
  struct Chain {
    std::vector<const Window*> windows;
    size_t begin = 0;
    size_t end = 0;
  };
  // A window that a view wants something of.
  struct Asked {
    const ViewCells* view;
    size_t number;  // among the view's windows
    const Window* window;
    // Where it is answered.
    size_t chain = 0;
    size_t place = 0;
  };
  void AddLatest(const ReadPlan& plan, const ViewCells& view);
  void AddChains(std::span<Asked> asked);
  void AddFolds(const ReadPlan& plan, std::span<const Asked> asked, size_t chain);
  bool AddOutput(const ReadPlan& plan, const FoldOf& fold, const Asked& asked);

  std::vector<Latest> latest_;
  std::vector<Chain> chains_;
  // In the order in which a read goes through them: the processor has them at hand.
  std::vector<Fold> folds_;
  std::vector<FoldInput::Output> outputs_;
  std::vector<uint32_t> places_;
};

}  // namespace headrace
