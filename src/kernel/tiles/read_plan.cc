#include "kernel/tiles/read_plan.h"

#include <algorithm>
#include <limits>
#include <numeric>
#include <tuple>

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

ViewRead::ViewRead(const ReadPlan& plan, size_t view, const std::vector<bool>* wanted) : view_(&plan.views()[view]) {
  const size_t per_window = program().aggregates.size();
  num_cells_ = program().is_latest_value() ? program().slots.size() : program().windows.size() * per_window;
  for (const size_t number : WantedWindows(wanted)) {
    const Window& window = program().windows[number];
    if (chains_.empty() || !Continues(chains_.back(), window)) chains_.emplace_back();
    chains_.back().windows.push_back(&window);
    chains_.back().cells.push_back(number * per_window);
  }
  for (Chain& chain : chains_) {
    const auto is_wanted = [&](size_t aggregate) {
      return wanted == nullptr || std::any_of(chain.cells.begin(), chain.cells.end(),
                                              [&](size_t cell) { return (*wanted)[cell + aggregate]; });
    };
    for (size_t i = 0; i < plan.folds().size(); ++i) {
      Fold fold{i, {}};
      bool any = false;
      for (const size_t aggregate : plan.folds()[i].aggregates) {
        const auto own = std::find(view_->aggregates.begin(), view_->aggregates.end(), aggregate);
        const auto number = static_cast<size_t>(own - view_->aggregates.begin());
        const bool reads = own != view_->aggregates.end() && is_wanted(number);
        fold.places.push_back(reads ? static_cast<uint32_t>(number) : FoldOutput::kUnwanted);
        any |= reads;
      }
      if (any) chain.folds.push_back(std::move(fold));
    }
  }
}

// Windows of time that end at the same instant are nested; others stand alone.
bool ViewRead::Continues(const Chain& chain, const Window& window) {
  const Window& last = *chain.windows.back();
  return !last.rows && !last.period && !window.rows && !window.period && last.offset_us == window.offset_us;
}

// By number, those that are nested beside each other, the shorter first.
std::vector<size_t> ViewRead::WantedWindows(const std::vector<bool>* wanted) const {
  const std::vector<Window>& windows = program().windows;
  const size_t per_window = program().aggregates.size();
  std::vector<size_t> numbers;
  for (size_t i = 0; i < windows.size(); ++i) {
    const auto is_wanted = [&](size_t aggregate) { return (*wanted)[i * per_window + aggregate]; };
    bool any = wanted == nullptr;
    for (size_t aggregate = 0; !any && aggregate < per_window; ++aggregate) any = is_wanted(aggregate);
    if (any) numbers.push_back(i);
  }
  const auto place = [&](size_t i) {
    const Window& window = windows[i];
    const bool alone = window.rows || window.period;
    return std::tuple(alone, window.offset_us, window.length_us.value_or(std::numeric_limits<DurationUs>::max()));
  };
  std::stable_sort(numbers.begin(), numbers.end(), [&](size_t a, size_t b) { return place(a) < place(b); });
  return numbers;
}

}  // namespace headrace
