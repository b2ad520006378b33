#include "kernel/aggregates/decayed_average.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <boost/multiprecision/cpp_bin_float.hpp>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

namespace headrace {
namespace {

struct Event {
  TimestampUs at;
  double value;
};

constexpr DurationUs kHourUs = 3600 * kUsPerSecond;
constexpr TimestampUs kNow = 20'000 * kUsPerDay;

double AverageOf(const std::vector<Event>& events, DurationUs half_life) {
  DecayedAverage average(half_life);
  for (const Event& event : events) average.Add(event.at, event.value);
  return average.Round();
}

uint64_t Bits(double v) {
  return std::bit_cast<uint64_t>(v);
}

// By its definition, in 1,000 bits.
double ByDefinition(const std::vector<Event>& events, DurationUs half_life) {
  using Precise =
      boost::multiprecision::number<boost::multiprecision::cpp_bin_float<1000, boost::multiprecision::digit_base_2>>;
  Precise weighted = 0;
  Precise weights = 0;
  for (const Event& event : events) {
    const Precise weight = exp(log(Precise(2)) * (Precise(event.at) - Precise(kNow)) / Precise(half_life));
    weights += weight;
    weighted += weight * Precise(event.value);
  }
  return static_cast<double>(Precise(weighted / weights));
}

std::vector<Event> RandomEvents(std::mt19937_64& random, size_t most, DurationUs within) {
  std::vector<Event> events(1 + random() % most);
  for (Event& event : events) {
    event.at = kNow - static_cast<int64_t>(random() % static_cast<uint64_t>(within));
    event.value = std::ldexp(static_cast<double>(random() % 2'000'001), static_cast<int>(random() % 20)) - 1e6;
  }
  return events;
}

TEST(DecayedAverageTest, IsThatOfItsDefinition) {
  std::mt19937_64 random(1);
  for (int round = 0; round < 60; ++round) {
    const DurationUs half_life = round % 3 == 0 ? kHourUs : round % 3 == 1 ? 7 * kUsPerDay + 1 : 13;
    const std::vector<Event> events = RandomEvents(random, 30, half_life * (round % 2 == 0 ? 200 : 3));
    double magnitude = 0;
    for (const Event& event : events) magnitude = std::max(magnitude, std::fabs(event.value));
    EXPECT_NEAR(AverageOf(events, half_life), ByDefinition(events, half_life), 1e-14 * magnitude);
  }
}

TEST(DecayedAverageTest, EqualValuesHaveThatAverage) {
  std::mt19937_64 random(2);
  for (const double value : {0.1, -3.7e300, 5e-300, 1e-320, 0.0, std::numeric_limits<double>::max()}) {
    std::vector<Event> events = RandomEvents(random, 50, 100 * kHourUs);
    for (Event& event : events) event.value = value;
    // Below 2^-1022 a product with a weight has less than all its bits.
    EXPECT_NEAR(AverageOf(events, kHourUs), value, std::fabs(value) < 1e-307 ? 1e-323 : 0) << value;
  }
}

TEST(DecayedAverageTest, OrderAndGroupingDoNotMatterAndValuesCanBeTakenOut) {
  std::mt19937_64 random(3);
  const double infinity = std::numeric_limits<double>::infinity();
  for (int round = 0; round < 300; ++round) {
    std::vector<Event> events = RandomEvents(random, 60, 300 * kHourUs);
    for (Event& event : events) event.value *= std::ldexp(1, static_cast<int>(random() % 1900) - 950);
    if (round % 10 == 0) events.push_back({kNow - 5000 * kHourUs, infinity});
    const double expected = AverageOf(events, kHourUs);
    std::shuffle(events.begin(), events.end(), random);
    DecayedAverage parts[2] = {DecayedAverage(kHourUs), DecayedAverage(kHourUs)};
    for (const Event& event : events) parts[random() % 2].Add(event.at, event.value);
    const std::vector<Event> extra = {{kNow, 1e300}, {kNow + 999 * kHourUs, 7}, {kNow, std::nan("")}, {0, -infinity}};
    for (const Event& event : extra) parts[0].Add(event.at, event.value);
    parts[0].Merge(parts[1]);
    for (const Event& event : extra) parts[0].Subtract(event.at, event.value);
    EXPECT_EQ(Bits(parts[0].Round()), Bits(expected));
  }
}

TEST(DecayedAverageTest, OldValuesWeighLittleAndAtLastNothing) {
  EXPECT_EQ(AverageOf({{kNow, 1}, {kNow - kHourUs, 4}}, kHourUs), 2);  // (1 + 4 / 2) / (1 + 1 / 2)
  EXPECT_EQ(AverageOf({{kNow, 0}, {kNow - 900 * kHourUs, std::ldexp(1, 1000)}}, kHourUs), std::ldexp(1, 100));
  EXPECT_EQ(AverageOf({{kNow, 0}, {kNow - 1024 * kHourUs, std::ldexp(1, 1000)}}, kHourUs), 0);
  // However long ago the newest is, and before 1970.
  EXPECT_EQ(AverageOf({{-kNow, 3}, {-kNow - kHourUs, 6}}, kHourUs), 4);
}

TEST(DecayedAverageTest, WhatIsNotFinite) {
  const double infinity = std::numeric_limits<double>::infinity();
  EXPECT_EQ(AverageOf({{kNow, 1}, {0, infinity}}, 1), infinity);
  EXPECT_EQ(AverageOf({{kNow, -infinity}, {0, 1}}, 1), -infinity);
  EXPECT_TRUE(std::isnan(AverageOf({{kNow, -infinity}, {0, infinity}}, 1)));
  EXPECT_TRUE(std::isnan(AverageOf({{kNow, 1}, {0, std::nan("")}}, 1)));
}

}  // namespace
}  // namespace headrace
