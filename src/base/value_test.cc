#include "base/value.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>
#include <random>

namespace headrace {
namespace {

TEST(ParseTypeName, ReadsSqlsSpellingsInAnyCase) {
  EXPECT_EQ(*ParseTypeName("bigint"), TypeId::kBigint);
  EXPECT_EQ(*ParseTypeName("Int"), TypeId::kBigint);
  EXPECT_EQ(*ParseTypeName("text"), TypeId::kVarchar);
  EXPECT_EQ(*ParseTypeName("FLOAT8"), TypeId::kDouble);
  EXPECT_EQ(*ParseTypeName("timestamp with time zone"), TypeId::kTimestamp);
  EXPECT_EQ(*ParseTypeName("bool"), TypeId::kBoolean);
  EXPECT_EQ(*ParseTypeName("date"), TypeId::kDate);
}

TEST(ParseTypeName, NamesTheTypesInItsError) {
  const auto type = ParseTypeName("quaternion");
  ASSERT_FALSE(type.ok());
  EXPECT_EQ(std::string(type.status().message()),
            "'quaternion' is not a type: use boolean, bigint, double, decimal(p,s), varchar, date or timestamp");
}

TEST(TypeName, IsReadBackToTheSameType) {
  for (const TypeId type :
       {TypeId::kBoolean, TypeId::kBigint, TypeId::kDouble, TypeId::kVarchar, TypeId::kDate, TypeId::kTimestamp}) {
    EXPECT_EQ(*ParseTypeName(TypeName(type)), type);
  }
}

TEST(Value, IsIdenticalOnlyInTypeAndBits) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  EXPECT_TRUE(Value::Double(nan).IdenticalTo(Value::Double(nan)));
  EXPECT_FALSE(Value::Double(nan).IdenticalTo(Value::Double(-nan)));
  EXPECT_FALSE(Value::Double(0.0).IdenticalTo(Value::Double(-0.0)));
  EXPECT_TRUE(Value::Null().IdenticalTo(Value()));
  EXPECT_FALSE(Value::Null().IdenticalTo(Value::Bigint(0)));
  EXPECT_FALSE(Value::Bigint(1).IdenticalTo(Value::Boolean(true)));
  EXPECT_FALSE(Value::Bigint(1).IdenticalTo(Value::Double(1)));
  EXPECT_TRUE(Value::Varchar("a").IdenticalTo(Value::Varchar("a")));
}

TEST(Value, IsShownForPeople) {
  EXPECT_EQ(Value().ToString(), "null");
  EXPECT_EQ(Value::Boolean(true).ToString(), "true");
  EXPECT_EQ(Value::Bigint(-12).ToString(), "-12");
  EXPECT_EQ(Value::Double(0.5).ToString(), "0.5");
  EXPECT_EQ(Value::Varchar("it's").ToString(), "it's");
  EXPECT_EQ(Value::Date(-1).ToString(), "1969-12-31");
  EXPECT_EQ(Value::Timestamp(0).ToString(), "1970-01-01T00:00:00Z");
}

TEST(FormatDouble, KeepsWholeNumbersApartFromIntegers) {
  EXPECT_EQ(FormatDouble(0.0), "0.0");
  EXPECT_EQ(FormatDouble(-0.0), "-0.0");
  EXPECT_EQ(FormatDouble(12), "12.0");
  EXPECT_EQ(FormatDouble(0.1), "0.1");
  EXPECT_EQ(FormatDouble(1e300), "1e+300");
  EXPECT_EQ(FormatDouble(NAN), "NaN");
  EXPECT_EQ(FormatDouble(-INFINITY), "-Infinity");
}

TEST(FormatDouble, IsReadBackToTheSameBits) {
  std::mt19937_64 random(7);
  for (int i = 0; i < 10000; ++i) {
    const double v = std::bit_cast<double>(random());
    if (!std::isfinite(v)) continue;
    ASSERT_EQ(std::bit_cast<uint64_t>(std::strtod(FormatDouble(v).c_str(), nullptr)), std::bit_cast<uint64_t>(v));
  }
}

}  // namespace
}  // namespace headrace
