// The average of values that each weigh 2^(-age / half_life): the same for every order, and values can be taken out
// again.
//
// Only the weights' ratio matters, so that an event's weight hangs on its own instant alone: 2^(event_time /
// half_life), as whole half-lives since 1970, h, and a factor 2^(part of one) in [1, 2) that is rounded to a double.
// The sums of weights and of weights times values are exact (ScaledSum), one pair for each 64 half-lives:
//
//   group g = floor(h / 64)      sums of 2^(h - 64 g) * factor, and of that times the value
//
// and so is their quotient, which is rounded once. Values of some 1,000 half-lives before the newest weigh nothing.
#pragma once

#include <cstdint>
#include <map>

#include "base/time.h"
#include "kernel/aggregates/scaled_sum.h"

namespace headrace {

class DecayedAverage {
 public:
  // `half_life_us` is positive.
  explicit DecayedAverage(DurationUs half_life_us) : half_life_us_(half_life_us) {}

  void Add(TimestampUs event_time, double value) { Accumulate(event_time, value, +1); }
  void Subtract(TimestampUs event_time, double value) { Accumulate(event_time, value, -1); }  // which was added before
  void Merge(const DecayedAverage& other);                                                    // of the same half-life

  // IEEE's answer with NaN and infinities, however old; NaN of no values.
  double Round() const;

 private:
  static constexpr int kGroupHalfLives = 64;
  static constexpr int kGroups = 16;  // those that count, the newest among them

  struct Group {
    int64_t values = 0;
    ScaledSum weights;
    ScaledSum weighted;
  };

  void Accumulate(TimestampUs event_time, double value, int sign);

  DurationUs half_life_us_;
  std::map<int64_t, Group> groups_;  // of finite values; none is empty
  int64_t nans_ = 0;
  int64_t positive_infinities_ = 0;
  int64_t negative_infinities_ = 0;
};

}  // namespace headrace
