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
  for (size_t chain = 0; chain < chains_.size(); ++chain) AddFolds(plan, asked, chain);
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

void GroupRead::AddFolds(const ReadPlan& plan, std::span<const Asked> asked, size_t chain) {
  chains_[chain].begin = folds_.size();
  for (size_t i = 0; i < plan.folds().size(); ++i) {
    Fold fold{i, outputs_.size(), 0};
    for (const Asked& one : asked) {
      if (one.chain == chain && AddOutput(plan, plan.folds()[i], one)) fold.end = outputs_.size();
    }
    if (fold.end > fold.begin) folds_.push_back(fold);
  }
  chains_[chain].end = folds_.size();
}

// False: nothing of the fold is wanted.
bool GroupRead::AddOutput(const ReadPlan& plan, const FoldOf& fold, const Asked& asked) {
  const std::vector<size_t>& of_view = plan.views()[asked.view->view].aggregates;
  const size_t first = asked.number * of_view.size();
  std::vector<uint32_t> places;
  for (const size_t aggregate : fold.aggregates) {
    const auto own = std::find(of_view.begin(), of_view.end(), aggregate);
    const auto number = static_cast<size_t>(own - of_view.begin());
    places.push_back(own == of_view.end() ? kUnwantedCell : asked.view->places[first + number]);
  }
  if (std::all_of(places.begin(), places.end(), [](uint32_t place) { return place == kUnwantedCell; })) return false;
  outputs_.push_back({static_cast<uint32_t>(asked.place), static_cast<uint32_t>(places_.size())});
  places_.insert(places_.end(), places.begin(), places.end());
  return true;
}

}  // namespace headrace
