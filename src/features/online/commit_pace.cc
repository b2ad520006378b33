#include "features/online/commit_pace.h"

#include <algorithm>

namespace headrace {
namespace {

constexpr double kWeight = 1.0 / 16;  // of the last commit in the averages

void Blend(double value, double* average) {
  *average += *average == 0 ? value : kWeight * (value - *average);
}

}  // namespace

size_t CommitPace::rows() const {
  const size_t least = std::min(kMinRows, max_rows_);
  if (us_per_row_ <= 0 || quiet_commits_ >= kQuietCommits) return max_rows_;
  const double rows = std::max<double>(kWorkUs, sync_us_) / us_per_row_;
  return rows >= static_cast<double>(max_rows_) ? max_rows_ : std::max(least, static_cast<size_t>(rows));
}

void CommitPace::Add(const Commit& commit) {
  quiet_commits_ = commit.small ? 0 : std::min(quiet_commits_ + 1, kQuietCommits);
  Blend(static_cast<double>(commit.sync_us), &sync_us_);
  // Of a few rows most is the commit's own.
  if (commit.rows >= std::min(kMinRows, max_rows_))
    Blend(static_cast<double>(commit.work_us) / static_cast<double>(commit.rows), &us_per_row_);
}

}  // namespace headrace
