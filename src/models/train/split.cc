#include "models/train/split.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace headrace {
namespace {

struct Bounds {
  TimestampUs train_until = kMaxTimestampUs;
  TimestampUs validate_until = kMaxTimestampUs;
};

// The first instant that is no longer in the first `share` of the rows, in the order of time.
TimestampUs Boundary(std::span<const TimestampUs> ordered, double share) {
  const auto position = static_cast<size_t>(std::llround(share * static_cast<double>(ordered.size())));
  if (position == 0) return kMinTimestampUs;
  if (position >= ordered.size()) return kMaxTimestampUs;
  const auto end = std::upper_bound(ordered.begin(), ordered.end(), ordered[position - 1]);
  return end == ordered.end() ? kMaxTimestampUs : *end;
}

StatusOr<Bounds> BoundsOf(const ModelRecipe& recipe, std::span<const double> labels,
                          std::span<const TimestampUs> times) {
  if (recipe.fractions.empty()) {
    if (!recipe.train_until)
      return InvalidArgument("model {}: its split names neither instants nor fractions", recipe.name);
    return Bounds{*recipe.train_until, recipe.validate_until.value_or(*recipe.train_until)};
  }
  std::vector<TimestampUs> ordered;
  for (size_t row = 0; row < times.size(); ++row) {
    if (!std::isnan(labels[row])) ordered.push_back(times[row]);
  }
  std::ranges::sort(ordered);
  return Bounds{Boundary(ordered, recipe.fractions[0]),
                Boundary(ordered, recipe.fractions[0] + (recipe.fractions.size() > 1 ? recipe.fractions[1] : 0))};
}

}  // namespace

StatusOr<Split> SplitByTime(const ModelRecipe& recipe, std::span<const double> labels,
                            std::span<const TimestampUs> times) {
  if (labels.size() != times.size()) {
    return InvalidArgument("model {}: {} labels, but {} times", recipe.name, labels.size(), times.size());
  }
  HR_ASSIGN_OR_RETURN(const Bounds bounds, BoundsOf(recipe, labels, times));
  Split split;
  for (uint32_t row = 0; row < labels.size(); ++row) {
    if (std::isnan(labels[row])) {
      ++split.without_label;
    } else if (times[row] < bounds.train_until) {
      split.train.push_back(row);
    } else if (times[row] < bounds.validate_until) {
      split.validation.push_back(row);
    } else {
      split.test.push_back(row);
    }
  }
  if (split.train.empty()) {
    return FailedPrecondition("model {}: the training part has no labelled rows (of {} rows, {} are without a label)",
                              recipe.name, labels.size(), split.without_label);
  }
  return split;
}

}  // namespace headrace
