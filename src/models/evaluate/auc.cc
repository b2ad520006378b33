#include "models/evaluate/auc.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numeric>

namespace headrace {

StatusOr<AucParts> ComputeAuc(std::span<const double> labels, std::span<const double> scores) {
  const size_t n = labels.size();
  if (std::ranges::any_of(scores, [](double s) { return std::isnan(s); })) {
    return FailedPrecondition("auc: a score is NaN");
  }
  const auto num_positives = static_cast<size_t>(std::ranges::count(labels, 1.0));
  const size_t num_negatives = n - num_positives;
  if (num_positives == 0 || num_negatives == 0) {
    return FailedPrecondition("auc: the rows have one class only ({} of 1, {} of 0)", num_positives, num_negatives);
  }
  std::vector<uint32_t> order(n);
  std::iota(order.begin(), order.end(), 0u);
  std::ranges::sort(order, [&](uint32_t a, uint32_t b) { return scores[a] < scores[b]; });

  // Per row, the share of the other class below it, ties half. (The difference of the two mid-ranks is just that
  // count.)
  std::vector<double> below(n);
  size_t positives_below = 0, negatives_below = 0;
  for (size_t begin = 0; begin < n;) {
    size_t end = begin, positives = 0;
    for (; end < n && scores[order[end]] == scores[order[begin]]; ++end) positives += labels[order[end]] == 1.0 ? 1 : 0;
    const size_t negatives = end - begin - positives;
    for (size_t i = begin; i < end; ++i) {
      const bool positive = labels[order[i]] == 1.0;
      const double count = positive ? static_cast<double>(negatives_below) + 0.5 * static_cast<double>(negatives)
                                    : static_cast<double>(positives_below) + 0.5 * static_cast<double>(positives);
      below[order[i]] = count / static_cast<double>(positive ? num_negatives : num_positives);
    }
    positives_below += positives;
    negatives_below += negatives;
    begin = end;
  }

  AucParts parts;
  for (size_t row = 0; row < n; ++row) {
    if (labels[row] == 1.0) {
      parts.positives.push_back(below[row]);
    } else {
      parts.negatives.push_back(1.0 - below[row]);
    }
  }
  parts.auc = std::accumulate(parts.positives.begin(), parts.positives.end(), 0.0) / static_cast<double>(num_positives);
  return parts;
}

}  // namespace headrace
