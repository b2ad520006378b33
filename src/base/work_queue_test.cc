#include "base/work_queue.h"

#include <gtest/gtest.h>

#include <future>
#include <memory>
#include <stdexcept>

namespace headrace {
namespace {

TEST(WorkQueue, OneThreadDoesTheWorkInOrderAndAllOfItBeforeTheEnd) {
  std::vector<int> done;
  {
    WorkQueue queue(1);
    for (int i = 0; i < 100; ++i) queue.Add([&done, i] { done.push_back(i); });
  }
  ASSERT_EQ(done.size(), 100U);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(done[static_cast<size_t>(i)], i);
}

TEST(WorkQueue, OnePieceDoesNotWaitForAnother) {
  std::promise<void> second;
  bool first = false;
  {
    WorkQueue queue(2);
    queue.Add([&] {
      second.get_future().wait();
      first = true;
    });
    queue.Add([&] { second.set_value(); });
  }
  EXPECT_TRUE(first);
}

TEST(WorkQueue, WorkThatThrowsLetsGoOfWhatItHeldAndTheNextIsDone) {
  std::promise<void> done;
  auto held = std::make_shared<int>(1);
  const std::weak_ptr<int> seen = held;
  {
    WorkQueue queue(1);
    queue.Add([held = std::move(held)] { throw std::runtime_error("no"); });
    queue.Add([&] { done.set_value(); });
    done.get_future().wait();
    EXPECT_TRUE(seen.expired());
  }
}

}  // namespace
}  // namespace headrace
