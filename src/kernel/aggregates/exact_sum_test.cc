#include "kernel/aggregates/exact_sum.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include "kernel/aggregates/rounding.h"

namespace headrace {
namespace {

double SumOf(const std::vector<double>& values) {
  ExactSum sum;
  for (const double v : values) sum.Add(v);
  return sum.Round();
}

// Shewchuk's growing expansion, as in Python's math.fsum: an independent exact sum, for values that do not overflow.
double ExpansionSum(const std::vector<double>& values) {
  std::vector<double> partials;
  for (double x : values) {
    size_t kept = 0;
    for (double y : partials) {
      if (std::fabs(x) < std::fabs(y)) std::swap(x, y);
      const double high = x + y;
      const double low = y - (high - x);
      if (low != 0) partials[kept++] = low;
      x = high;
    }
    partials.resize(kept);
    partials.push_back(x);
  }
  double high = 0;
  size_t n = partials.size();
  double low = 0;
  while (n > 0) {
    const double x = high;
    const double y = partials[--n];
    high = x + y;
    low = y - (high - x);
    if (low != 0) break;
  }
  if (n > 0 && ((low < 0 && partials[n - 1] < 0) || (low > 0 && partials[n - 1] > 0))) {
    const double y = low * 2;
    const double x = high + y;
    if (y == x - high) high = x;
  }
  return high;
}

std::vector<double> RandomValues(std::mt19937_64& random, size_t count, int exponent_range) {
  std::vector<double> values;
  for (size_t i = 0; i < count; ++i) {
    const double significand = static_cast<double>(random() >> 11) * (random() % 2 == 0 ? 1 : -1);
    values.push_back(std::ldexp(significand, static_cast<int>(random() % (2 * exponent_range)) - exponent_range - 52));
    if (random() % 4 == 0) values.push_back(-values[random() % values.size()]);
  }
  return values;
}

TEST(ExactSumTest, Rule17SumsThatCancelAreExact) {
  EXPECT_EQ(SumOf({1e308, 1e308, -1e308}), 1e308);
  EXPECT_EQ(SumOf({1e16, 1, -1e16}), 1);
  EXPECT_EQ(SumOf({5e-324, 1e300, -1e300}), 5e-324);
  EXPECT_EQ(SumOf({1e308, 1e308}), std::numeric_limits<double>::infinity());
}

TEST(ExactSumTest, Rule16AZeroSumIsPositive) {
  EXPECT_FALSE(std::signbit(SumOf({-0.0, -0.0})));
  EXPECT_FALSE(std::signbit(SumOf({-1.5, 1.5})));
}

TEST(ExactSumTest, TiesRoundToEven) {
  EXPECT_EQ(SumOf({9007199254740992.0, 1.0}), 9007199254740992.0);
  EXPECT_EQ(SumOf({9007199254740992.0, 3.0}), 9007199254740996.0);
  EXPECT_EQ(SumOf({9007199254740992.0, 1.0, 5e-324}), 9007199254740994.0);
}

TEST(ExactSumTest, Rule18NanAndInfinitiesAsIeeeAndRemovable) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  ExactSum sum;
  sum.Add(2.5);
  sum.Add(kInfinity);
  EXPECT_EQ(sum.Round(), kInfinity);
  sum.Add(-kInfinity);
  EXPECT_TRUE(std::isnan(sum.Round()));
  sum.Subtract(-kInfinity);
  sum.Subtract(kInfinity);
  EXPECT_EQ(sum.Round(), 2.5);
}

TEST(ExactSumTest, AgreesWithExpansionsInAnyOrderAndGrouping) {
  std::mt19937_64 random(7);
  for (int round = 0; round < 400; ++round) {
    std::vector<double> values = RandomValues(random, 1 + random() % 200, round % 2 == 0 ? 40 : 900);
    const double expected = ExpansionSum(values) + 0.0;
    std::shuffle(values.begin(), values.end(), random);
    ExactSum left;
    ExactSum right;
    for (size_t i = 0; i < values.size(); ++i) (i % 3 == 0 ? left : right).Add(values[i]);
    right.Add(1e250);
    left.Merge(right);
    left.Subtract(1e250);
    EXPECT_EQ(std::bit_cast<uint64_t>(left.Round()), std::bit_cast<uint64_t>(expected)) << "round " << round;
  }
}

TEST(ExactSumTest, CarriesPropagateWithoutChangingTheValue) {
  ExactSum sum;
  ExactSum doubled;
  doubled.Add(-1.0 / 3);
  for (int i = 0; i < 40; ++i) {
    ExactSum copy = doubled;
    doubled.Merge(copy);  // 2^40 additions in all: carries must be propagated on the way
  }
  EXPECT_EQ(doubled.Round(), std::ldexp(-1.0 / 3, 40));
}

// In long double a quotient of 64-bit integers is rounded twice, so the check is against 128-bit arithmetic.
double QuotientReference(__int128 numerator, uint64_t n) {
  const bool negative = numerator < 0;
  unsigned __int128 magnitude = negative ? -numerator : numerator;
  if (magnitude == 0) return 0;
  int exponent = 0;
  while (magnitude < (static_cast<unsigned __int128>(1) << 126)) {
    magnitude <<= 1;
    --exponent;
  }
  unsigned __int128 quotient = magnitude / n;
  bool sticky = magnitude % n != 0;
  while (quotient >= (static_cast<unsigned __int128>(1) << 54)) {
    sticky |= (quotient & 1) != 0;
    quotient >>= 1;
    ++exponent;
  }
  auto significand = static_cast<uint64_t>(quotient);
  const bool half = (significand & 1) != 0;
  significand >>= 1;
  if (half && (sticky || (significand & 1) != 0)) ++significand;
  const double result = std::ldexp(static_cast<double>(significand), exponent + 1);
  return negative ? -result : result;
}

TEST(ExactSumTest, QuotientsAreRoundedOnce) {
  std::mt19937_64 random(11);
  for (int round = 0; round < 20000; ++round) {
    const uint64_t n = 1 + random() % (uint64_t{1} << (1 + random() % 40));
    const int64_t a = static_cast<int64_t>(random()) >> (random() % 60);
    const int64_t b = static_cast<int64_t>(random()) >> (random() % 60);
    const __int128 total = static_cast<__int128>(a) * (1 + static_cast<int64_t>(random() % 1000)) + b;
    EXPECT_EQ(RoundQuotientToDouble(total, 0, n), QuotientReference(total, n)) << a << " " << b << " / " << n;
    ExactSum sum;  // the same integers, as doubles that are exact
    sum.Add(std::ldexp(static_cast<double>(a >> 11), 11));
    sum.Add(static_cast<double>(b >> 11));
    const __int128 exact = (static_cast<__int128>(a >> 11) << 11) + (b >> 11);
    EXPECT_EQ(sum.RoundQuotient(n), QuotientReference(exact, n));
  }
}

TEST(ExactSumTest, QuotientOfHugeAndTinySums) {
  ExactSum huge;
  huge.Add(1.7e308);
  huge.Add(1.7e308);
  EXPECT_EQ(huge.RoundQuotient(2), 1.7e308);
  ExactSum tiny;
  tiny.Add(5e-324);
  tiny.Add(5e-324);
  tiny.Add(5e-324);
  EXPECT_EQ(tiny.RoundQuotient(2), 1e-323);  // 1.5 units, ties to even
}

}  // namespace
}  // namespace headrace
