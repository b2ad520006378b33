#include "kernel/aggregates/log_product.h"

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

namespace mp = boost::multiprecision;

double ProductOf(const std::vector<double>& factors) {
  LogProduct product;
  for (const double factor : factors) product.Multiply(factor);
  return product.Round();
}

uint64_t Bits(double v) {
  return std::bit_cast<uint64_t>(v);
}

// Of the finite doubles but 0, all exponents alike; `spread` bounds them.
double RandomDouble(std::mt19937_64& random, int spread) {
  const int exponent = static_cast<int>(random() % static_cast<uint64_t>(2 * spread + 1)) - spread;
  const double significand = 1 + std::ldexp(static_cast<double>(random() >> 12), -52);
  return std::ldexp(random() % 2 == 0 ? significand : -significand, exponent);
}

TEST(LogProductTest, LogarithmsAreThoseOfAnotherLibrary) {
  using Precise = mp::cpp_bin_float_100;
  const Precise ln2 = log(Precise(2));
  std::mt19937_64 random(1);
  std::vector<uint64_t> significands = {uint64_t{1} << 52, (uint64_t{1} << 52) + 1, (uint64_t{1} << 53) - 1};
  for (int i = 0; i < 5'000; ++i) significands.push_back((uint64_t{1} << 52) | (random() >> 12));
  // About the steps of the tables.
  for (uint64_t i = 0; i < 128; ++i) {
    const uint64_t step = (uint64_t{1} << 52) + (i << 45);
    significands.insert(significands.end(), {step, step + 1, step + (uint64_t{1} << 45) - 1});
  }
  Precise largest = 0;
  for (const uint64_t significand : significands) {
    const Precise expected = ldexp(log(ldexp(Precise(significand), -52)) / ln2, 120);
    const Precise ours(mp::int128_t(static_cast<mp::int128_t>(Log2OfSignificand(significand))));
    largest = std::max<Precise>(largest, abs(ours - expected));
  }
  EXPECT_LE(static_cast<double>(largest), 64);
  EXPECT_GT(static_cast<double>(largest), 0);
  EXPECT_EQ(Log2OfSignificand(uint64_t{1} << 52), 0);
}

TEST(LogProductTest, AProductThatIsADoubleIsExact) {
  EXPECT_EQ(ProductOf({}), 1);
  EXPECT_EQ(ProductOf({2, 3, 5}), 30);
  EXPECT_EQ(ProductOf({-7, 11, 13, -17, 1}), 17017);
  EXPECT_EQ(ProductOf({0.1}), 0.1);
  EXPECT_EQ(ProductOf({5e-324}), 5e-324);
  EXPECT_EQ(ProductOf({std::numeric_limits<double>::max()}), std::numeric_limits<double>::max());
  EXPECT_EQ(ProductOf({-4503599627370497.0}), -4503599627370497.0);
  EXPECT_EQ(ProductOf({0.1, 1e300, 10, 1e-300, 1e300, 1e-300}), ProductOf({0.1, 10, 1e300, 1e300, 1e-300, 1e-300}));
  std::vector<double> factors(30, 3.0);
  EXPECT_EQ(ProductOf(factors), 205891132094649.0);
}

TEST(LogProductTest, OthersAreRoundedOnce) {
  std::mt19937_64 random(2);
  for (int round = 0; round < 2'000; ++round) {
    std::vector<double> factors(1 + random() % 40);
    for (double& factor : factors) factor = RandomDouble(random, 20);
    using Precise = mp::number<mp::cpp_bin_float<4096, mp::digit_base_2>>;
    Precise product = 1;
    for (const double factor : factors) product *= factor;  // exact: 40 times 53 bits
    EXPECT_EQ(Bits(ProductOf(factors)), Bits(static_cast<double>(product)));
  }
}

TEST(LogProductTest, OrderAndGroupingDoNotMatterAndFactorsCanBeTakenOut) {
  std::mt19937_64 random(3);
  for (int round = 0; round < 500; ++round) {
    std::vector<double> factors(1 + random() % 60);
    for (double& factor : factors) factor = RandomDouble(random, 1000);
    if (round % 5 == 0) factors.push_back(0.0);
    if (round % 7 == 0) factors.push_back(-std::numeric_limits<double>::infinity());
    if (round % 11 == 0) factors.push_back(std::nan(""));
    const double expected = ProductOf(factors);
    std::shuffle(factors.begin(), factors.end(), random);
    LogProduct parts[2];
    for (const double factor : factors) parts[random() % 2].Multiply(factor);
    const std::vector<double> extra = {RandomDouble(random, 1000), 0.0, std::nan(""), -1.5,
                                       std::numeric_limits<double>::infinity()};
    for (const double factor : extra) parts[0].Multiply(factor);
    parts[0].Merge(parts[1]);
    for (const double factor : extra) parts[0].Divide(factor);
    EXPECT_EQ(Bits(parts[0].Round()), Bits(expected));
  }
}

TEST(LogProductTest, WhatIsNotFiniteAndZeros) {
  const double infinity = std::numeric_limits<double>::infinity();
  EXPECT_TRUE(std::isnan(ProductOf({1, std::nan("")})));
  EXPECT_TRUE(std::isnan(ProductOf({0, infinity})));
  EXPECT_EQ(ProductOf({-infinity, 2}), -infinity);
  EXPECT_EQ(ProductOf({-infinity, -2}), infinity);
  EXPECT_EQ(Bits(ProductOf({-0.0, 2})), Bits(-0.0));
  EXPECT_EQ(Bits(ProductOf({-0.0, -2})), Bits(0.0));
  EXPECT_EQ(ProductOf({1e300, 1e300}), infinity);
  EXPECT_EQ(ProductOf({1e-300, -1e-300}), 0);
  const double huge = std::ldexp(1.5, 1000);
  EXPECT_EQ(ProductOf({huge, huge, 1 / std::ldexp(1.0, 1000)}), 1.5 * huge);  // nothing overflows on the way
}

}  // namespace
}  // namespace headrace
