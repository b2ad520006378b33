// The area under the ROC curve, and each row's structural component of it.
#pragma once

#include <span>
#include <vector>

#include "base/status.h"

namespace headrace {

struct AucParts {
  double auc = 0;
  // Per positive, in order of the rows: the share of negatives it beats (ties half). Their mean is the AUC.
  std::vector<double> positives;
  // Per negative: the share of positives that beat it (ties half). Their mean is the AUC.
  std::vector<double> negatives;
};

// Labels 0 and 1, scores without NaN; O(n log n). kFailedPrecondition: a class has no row, or a score is NaN.
// V10(X_i) = (rank of X_i among all - rank among positives) / n, V01(Y_j) = 1 - (rank of Y_j among all - rank among
// negatives) / m, with mid-ranks for ties: Sun and Xu, IEEE Signal Processing Letters 21 (2014), 1389-1393.
StatusOr<AucParts> ComputeAuc(std::span<const double> labels, std::span<const double> scores);

}  // namespace headrace
