#include "features/online/commit_pace.h"

#include <gtest/gtest.h>

namespace headrace {
namespace {

CommitPace After(size_t max_rows, size_t rows, DurationUs work_us, DurationUs sync_us) {
  CommitPace pace(max_rows);
  for (int i = 0; i < 200; ++i) pace.Add({rows, true, work_us, sync_us});
  return pace;
}

TEST(CommitPaceTest, TakesAllBeforeAnythingIsKnown) {
  EXPECT_EQ(CommitPace(20'000).rows(), 20'000u);
}

TEST(CommitPaceTest, TakesTheRowsOfTheWorkThatACommitMayBe) {
  EXPECT_EQ(After(20'000, 5000, 10'000, 500).rows(), static_cast<size_t>(CommitPace::kWorkUs / 2));
}

TEST(CommitPaceTest, WorksAsLongAsTheSyncTakes) {
  EXPECT_EQ(After(20'000, 5000, 5000, 8000).rows(), 8000u);
}

TEST(CommitPaceTest, CommitsOfFewRowsSayNothingOfTheCostOfARow) {
  CommitPace pace = After(20'000, 5000, 10'000, 500);
  const size_t before = pace.rows();
  for (int i = 0; i < 200; ++i) pace.Add({1, true, 300, 500});
  EXPECT_EQ(pace.rows(), before);
}

TEST(CommitPaceTest, WithoutSmallRequestsThereIsNoBound) {
  CommitPace pace = After(20'000, 5000, 10'000, 500);
  for (int i = 1; i < CommitPace::kQuietCommits; ++i) pace.Add({5000, false, 10'000, 500});
  EXPECT_LT(pace.rows(), 20'000u);
  pace.Add({5000, false, 10'000, 500});
  EXPECT_EQ(pace.rows(), 20'000u);
  pace.Add({5001, true, 10'000, 500});
  EXPECT_LT(pace.rows(), 20'000u);
}

TEST(CommitPaceTest, StaysWithinItsBounds) {
  EXPECT_EQ(After(20'000, 1000, 1'000'000, 0).rows(), CommitPace::kMinRows);
  EXPECT_EQ(After(20'000, 1000, 1, 0).rows(), 20'000u);
  EXPECT_EQ(After(100, 100, 1'000'000, 0).rows(), 100u);
}

}  // namespace
}  // namespace headrace
