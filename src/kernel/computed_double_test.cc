#include "kernel/computed_double.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstdint>

#include "kernel/functions/support.h"

namespace headrace {
namespace {

const double kNan = std::numeric_limits<double>::quiet_NaN();
const double kOtherNan = std::copysign(std::bit_cast<double>(std::bit_cast<uint64_t>(kNan) | 77), -1.0);
const double kInfinity = std::numeric_limits<double>::infinity();

TEST(ComputedDoubleTest, ThereIsOneNan) {
  EXPECT_EQ(std::bit_cast<uint64_t>(ComputedDouble(kOtherNan)), std::bit_cast<uint64_t>(kNan));
  EXPECT_EQ(std::bit_cast<uint64_t>(ComputedDouble(-0.0)), std::bit_cast<uint64_t>(-0.0));
  EXPECT_EQ(std::bit_cast<uint64_t>(AggregatedDouble(-0.0)), std::bit_cast<uint64_t>(0.0));
  EXPECT_EQ(AggregatedDouble(-kInfinity), -kInfinity);
}

TEST(ComputedDoubleTest, ArithmeticOfColumnsGivesIt) {
  const std::vector<double> awkward = {kNan, kOtherNan, kInfinity, -kInfinity, 0.0, -0.0, 1.5};
  std::vector<double> left, right;
  for (const double a : awkward) {
    for (const double b : awkward) {
      left.push_back(a);
      right.push_back(b);
    }
  }
  const Column a = Column::Doubles(left), b = Column::Doubles(right);
  const Column* const arguments[] = {&a, &b};
  int checked = 0;
  for (const ScalarFunction& function : functions::ArithmeticFunctions()) {
    if (function.result != TypeId::kDouble) continue;
    const std::span<const Column* const> taken(arguments, function.arguments.size());
    Column result(TypeId::kDouble);
    ASSERT_TRUE(function.kernel(taken, left.size(), &result).ok());
    for (const double v : result.doubles()) {
      if (std::isnan(v)) EXPECT_EQ(std::bit_cast<uint64_t>(v), std::bit_cast<uint64_t>(kNan)) << function.name;
    }
    ++checked;
  }
  EXPECT_GE(checked, 8);
}

}  // namespace
}  // namespace headrace
