// How many rows a commit takes of large requests, so that small ones behind it do not wait for long.
//
// A commit is work, which grows with its rows, and a sync, which does not. As long as small requests come, its rows are
// bounded to kWorkUs of work, by what the last commits took a row; where a sync takes longer than that, to the work of
// a sync's time: else the committer would mostly wait for the disk. Without small requests nobody gains by the bound,
// and many rows in one commit cost the least: a tenth less processor time a row than at the bound, measured with
// batches of 1,000. Not thread-safe.
#pragma once

#include <cstddef>

#include "base/time.h"

namespace headrace {

class CommitPace {
 public:
  static constexpr DurationUs kWorkUs = 2000;
  static constexpr size_t kMinRows = 500;    // whatever it takes: below it the fixed costs of a commit are most of it
  static constexpr int kQuietCommits = 256;  // without a small request: no more of them are expected

  struct Commit {
    size_t rows = 0;
    bool small = false;      // it had small requests
    DurationUs work_us = 0;  // without the sync
    DurationUs sync_us = 0;
  };

  explicit CommitPace(size_t max_rows) : max_rows_(max_rows) {}

  size_t rows() const;  // kMinRows to max_rows, or max_rows where that is less
  void Add(const Commit& commit);

 private:
  const size_t max_rows_;
  int quiet_commits_ = kQuietCommits;  // since the last one with a small request
  double us_per_row_ = 0;              // averages, the last commits counting most; 0: nothing is known
  double sync_us_ = 0;
};

}  // namespace headrace
