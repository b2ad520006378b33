#include "kernel/tiles/group_read.h"

#include <algorithm>
#include <limits>
#include <numeric>
#include <tuple>

namespace headrace {
namespace {

bool IsAlone(const Window& window) {
  return window.rows || window.period;
}

// Windows of time that end at the same instant are nested; others stand alone.
bool Continues(const Window& last, const Window& window) {
  return !IsAlone(last) && !IsAlone(window) && last.offset_us == window.offset_us;
}

bool HoldTheSame(const Window& a, const Window& b) {
  return a.length_us == b.length_us && a.rows == b.rows && a.offset_us == b.offset_us && a.period == b.period;
}

// Those that are nested beside each other, the shorter first; those that stand alone last.
bool ComesBefore(const Window& a, const Window& b) {
  const auto place = [](const Window& window) {
    return std::tuple(IsAlone(window), window.offset_us,
                      window.length_us.value_or(std::numeric_limits<DurationUs>::max()));
  };
  return place(a) < place(b);
}

}  // namespace

size_t NumCells(const ViewProgram& program) {
  return program.is_latest_value() ? program.slots.size() : program.windows.size() * program.aggregates.size();
}

ViewCells AllCells(const ReadPlan& plan, size_t view, size_t begin) {
  ViewCells cells{view, std::vector<uint32_t>(NumCells(*plan.views()[view].program))};
  std::iota(cells.places.begin(), cells.places.end(), static_cast<uint32_t>(begin));
  return cells;
}

GroupRead::GroupRead(const ReadPlan& plan, std::span<const ViewCells> views) {
  std::vector<Asked> asked;
  for (const ViewCells& view : views) {
    const ViewProgram& program = *plan.views()[view.view].program;
    if (program.is_latest_value()) AddLatest(plan, view);
    const auto per_window = static_cast<ptrdiff_t>(program.aggregates.size());
    for (size_t i = 0; i < program.windows.size(); ++i) {
      const auto first = view.places.begin() + static_cast<ptrdiff_t>(i) * per_window;
      if (std::any_of(first, first + per_window, [](uint32_t place) { return place != kUnwantedCell; }))
        asked.push_back({&view, i, &program.windows[i]});
    }
  }
  std::stable_sort(asked.begin(), asked.end(),
                   [](const Asked& a, const Asked& b) { return ComesBefore(*a.window, *b.window); });
  AddChains(asked);
  for (const Asked& one : asked) AddFolds(plan, one);
}

void GroupRead::AddLatest(const ReadPlan& plan, const ViewCells& view) {
  const ReadPlan::View& of = plan.views()[view.view];
  Latest& latest = latest_.emplace_back(Latest{of.program, {}});
  for (size_t i = 0; i < of.slots.size(); ++i) {
    if (view.places[i] != kUnwantedCell) latest.cells.push_back({view.places[i], of.slots[i]});
  }
}

// `asked`: by ComesBefore.
void GroupRead::AddChains(std::span<Asked> asked) {
  for (Asked& one : asked) {
    const auto same = std::find_if(chains_.begin(), chains_.end(),
                                   [&](const Chain& chain) { return HoldTheSame(*chain.windows.back(), *one.window); });
    one.chain = static_cast<size_t>(same - chains_.begin());
    if (same == chains_.end()) {
      if (chains_.empty() || !Continues(*chains_.back().windows.back(), *one.window)) chains_.emplace_back();
      chains_.back().windows.push_back(one.window);
      one.chain = chains_.size() - 1;
    }
    one.place = chains_[one.chain].windows.size() - 1;
  }
}

void GroupRead::AddFolds(const ReadPlan& plan, const Asked& asked) {
  const ReadPlan::View& view = plan.views()[asked.view->view];
  const size_t first = asked.number * view.aggregates.size();
  std::vector<Fold>& folds = chains_[asked.chain].folds;
  for (size_t i = 0; i < plan.folds().size(); ++i) {
    Output output{asked.place, {}};
    for (const size_t aggregate : plan.folds()[i].aggregates) {
      const auto own = std::find(view.aggregates.begin(), view.aggregates.end(), aggregate);
      const auto number = static_cast<size_t>(own - view.aggregates.begin());
      output.places.push_back(own == view.aggregates.end() ? kUnwantedCell : asked.view->places[first + number]);
    }
    const bool any =
        std::any_of(output.places.begin(), output.places.end(), [](uint32_t place) { return place != kUnwantedCell; });
    if (!any) continue;
    auto fold = std::find_if(folds.begin(), folds.end(), [&](const Fold& f) { return f.fold == i; });
    if (fold == folds.end()) fold = folds.insert(fold, {i, {}});
    fold->outputs.push_back(std::move(output));
  }
}

}  // namespace headrace
