#include "kernel/aggregates/decimal_sum.h"

#include <gtest/gtest.h>

namespace headrace {
namespace {

double Average(std::initializer_list<Int128> units, uint64_t n, int scale) {
  DecimalSum sum;
  for (const Int128 v : units) sum.Add(v);
  return sum.RoundQuotient(n, scale);
}

TEST(DecimalSumTest, AverageIsTheExactQuotientRoundedOnce) {
  EXPECT_EQ(Average({1}, 3, 0), 1.0 / 3);
  EXPECT_EQ(Average({-1}, 3, 0), -1.0 / 3);
  EXPECT_EQ(Average({0}, 3, 2), 0.0);
  EXPECT_EQ(Average({9007199254740993}, 1, 0), 9007199254740992.0);   // a tie goes to even
  EXPECT_EQ(Average({90071992547409931}, 1, 1), 9007199254740994.0);  // just above it
  EXPECT_EQ(Average({-90071992547409931}, 1, 1), -9007199254740994.0);
  const Int128 most = PowerOfTen(38) - 1;
  EXPECT_EQ(Average({most, most, most, most}, 4, 2), 1e36);
  EXPECT_EQ(Average({most}, 1, 38), 1.0);
  EXPECT_EQ(Average({1}, uint64_t{1} << 53, 38), 1e-38 / 0x1p53);
}

TEST(DecimalSumTest, WhatLeaves128BitsComesBack) {
  const Int128 most = PowerOfTen(38) - 1;
  DecimalSum sum;
  for (int i = 0; i < 1000; ++i) sum.Add(most);
  EXPECT_FALSE(sum.Units().has_value());
  DecimalSum negative;
  for (int i = 0; i < 1001; ++i) negative.Subtract(most);
  sum.Merge(negative);
  EXPECT_EQ(*sum.Units(), -most);
  sum.Subtract(1);
  EXPECT_FALSE(sum.Units().has_value());
}

TEST(DecimalSumTest, IsTheSameAfterBytes) {
  DecimalSum sum;
  for (int i = 0; i < 5; ++i) sum.Subtract(PowerOfTen(38) - 1);
  ByteWriter writer;
  sum.Encode(&writer);
  const std::string bytes = std::move(writer).Finish();
  ByteReader reader(bytes);
  DecimalSum read;
  ASSERT_TRUE(read.Decode(&reader).ok());
  EXPECT_EQ(read.RoundQuotient(5, 0), -1e38);
}

}  // namespace
}  // namespace headrace
