// Training, validation and test parts by time: what is tested comes after what was learned.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/status.h"
#include "base/time.h"
#include "catalog/project.h"

namespace headrace {

// Row indices of each part, ascending. Every row with a label is in exactly one part.
struct Split {
  std::vector<uint32_t> train;
  std::vector<uint32_t> validation;
  std::vector<uint32_t> test;
  size_t without_label = 0;  // rows in no part: their label is NaN
};

// By the recipe's instants: train < train_until <= validation < validate_until <= test (no validate_until: no
// validation part). Or by its fractions of the labelled rows in the order of time; rows of one instant stay together,
// in the earlier part. kInvalidArgument: the sizes differ. kFailedPrecondition: the training part is empty.
StatusOr<Split> SplitByTime(const ModelRecipe& recipe, std::span<const double> labels,
                            std::span<const TimestampUs> times);

}  // namespace headrace
