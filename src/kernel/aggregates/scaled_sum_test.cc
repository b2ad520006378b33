#include "kernel/aggregates/scaled_sum.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>

namespace headrace {
namespace {

struct All {
  template <typename Visit>
  void ForEach(size_t begin, size_t end, const Visit& visit) const {
    for (size_t row = begin; row < end; ++row) visit(row);
  }
};

uint64_t BitsOf(double v) {
  return std::bit_cast<uint64_t>(v);
}

// The same bits as ExactSum, of values added in pieces that are then merged.
void ExpectExact(const std::vector<double>& values, std::mt19937_64& random) {
  ExactSum exact;
  for (const double v : values) exact.Add(v);
  ScaledSum parts[3];
  const uint64_t longest = random() % 4 == 0 ? values.size() : 20;
  for (size_t begin = 0; begin < values.size();) {
    const size_t end = std::min<size_t>(values.size(), begin + 1 + random() % longest);
    parts[random() % 3].AddRows(values, begin, end, All());
    begin = end;
  }
  parts[0].Merge(parts[1]);
  parts[0].Merge(parts[2]);
  EXPECT_EQ(BitsOf(parts[0].RoundQuotient(1)), BitsOf(exact.Round()));
  EXPECT_EQ(BitsOf(parts[0].RoundQuotient(values.size())), BitsOf(exact.RoundQuotient(values.size())));
}

TEST(ScaledSum, IsTheExactSumOfAnyDoubles) {
  std::mt19937_64 random(1);
  for (int round = 0; round < 2'000; ++round) {
    // From a few exponents, which fit, to all of them.
    const int exponents = 1 << (random() % 11);
    std::vector<double> values(1 + random() % (round % 10 == 0 ? 1'000 : 100));
    for (double& v : values) {
      const auto significand = static_cast<double>(static_cast<int64_t>(random()) >> 11);
      v = std::ldexp(significand, static_cast<int>(random() % static_cast<uint64_t>(exponents)) - exponents / 2 - 40);
    }
    ExpectExact(values, random);
  }
}

TEST(ScaledSum, IsExactWithExtremesAndWhatIsNotFinite) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  std::mt19937_64 random(2);
  const std::vector<double> some = {0.0,     -0.0,  5e-324, -5e-324, 1e308,     1.7976931348623157e308,
                                    -1e-300, 0.1,   1.0,    3.0,     -1e308,    -1.7976931348623157e308,
                                    1e-310,  2e200, -2e200, 1e16,    kInfinity, std::nan("")};
  for (int round = 0; round < 2'000; ++round) {
    const size_t choices = round % 2 == 0 ? some.size() - 2 : some.size();
    std::vector<double> values(1 + random() % 60);
    for (double& v : values) v = some[random() % choices];
    ExpectExact(values, random);
  }
}

// Around the greatest distance from the first value that one pass takes, where its sum is the longest, too.
TEST(ScaledSum, IsExactAtTheEdgesOfOnePass) {
  std::mt19937_64 random(3);
  for (int round = 0; round < 2'000; ++round) {
    const int first = static_cast<int>(random() % 2046) - 1022;
    std::vector<double> values(1 + random() % 1'000, std::ldexp(1.0, first));
    const double sign = random() % 2 == 0 ? 1 : -1;
    const int distance = static_cast<int>(random() % 4) + 29;  // 31 fits
    for (size_t i = 1; i < values.size(); ++i) {
      const double longest = std::nextafter(2.0, 0.0);  // all bits of the significand
      values[i] =
          sign * std::ldexp(longest, std::clamp(first + (random() % 8 == 0 ? -distance : distance), -1074, 1023));
    }
    ExpectExact(values, random);
  }
}

// The integer outgrows its bits by additions alone.
TEST(ScaledSum, SpillsWhatNoLongerFits) {
  ScaledSum sum;
  ExactSum exact;
  for (int i = 0; i < 100; ++i) {
    sum.Add((static_cast<__int128>(1) << 125) - 1 - i, -3 * i);
    exact.AddInteger((static_cast<__int128>(1) << 125) - 1 - i, -3 * i);
  }
  EXPECT_EQ(BitsOf(sum.RoundQuotient(7)), BitsOf(exact.RoundQuotient(7)));
}

}  // namespace
}  // namespace headrace
