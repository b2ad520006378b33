#include "base/decimal.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "base/codec.h"
#include "base/json.h"
#include "base/nested.h"

namespace headrace {
namespace {

Int128 Units(std::string_view text, int scale) {
  return *ParseDecimal(text, DecimalOf(38, scale), /*exact=*/true);
}

TEST(DecimalType, EveryWidthAndScaleHasANameAndAList) {
  for (int width = 1; width <= kMaxDecimalWidth; ++width) {
    for (int scale = 0; scale <= width; ++scale) {
      const TypeId type = DecimalOf(width, scale);
      EXPECT_TRUE(IsDecimal(type) && HoldsBytes(type) && !IsList(type) && !IsMap(type));
      EXPECT_EQ(WidthOf(type), width);
      EXPECT_EQ(ScaleOf(type), scale);
      EXPECT_TRUE(IsList(ListOf(type)) && !IsMap(ListOf(type)) && !IsDecimal(ListOf(type)));
      EXPECT_EQ(ElementOf(ListOf(type)), type);
      EXPECT_EQ(*ParseTypeName(TypeName(type)), type);
      EXPECT_EQ(*ParseTypeName(TypeName(ListOf(type))), ListOf(type));
    }
  }
  EXPECT_EQ(TypeName(DecimalOf(18, 2)), "DECIMAL(18,2)");
  EXPECT_EQ(*ParseTypeName("numeric"), DecimalOf(18, 3));
  EXPECT_EQ(*ParseTypeName(" dec ( 5 )"), DecimalOf(5, 0));
  for (const char* none : {"decimal(39,2)", "decimal(0,0)", "decimal(2,3)", "decimal(2,-1)", "decimal(a)", "decimal(5",
                           "map(text, decimal(5,2))"}) {
    EXPECT_FALSE(ParseTypeName(none).ok()) << none;
  }
}

TEST(DecimalType, StandsInFilesWithItsWidthAndScale) {
  Column column(DecimalOf(9, 2));
  AppendDecimal(-125, &column);
  column.AppendNull();
  ByteWriter writer;
  writer.PutColumn(column);
  const std::string bytes = std::move(writer).Finish();
  EXPECT_EQ(bytes.substr(0, 3), "\x80\x09\x02");
  ByteReader reader(bytes);
  const StatusOr<Column> read = reader.GetColumn();
  ASSERT_TRUE(read.ok());
  EXPECT_EQ(read->type(), column.type());
  EXPECT_TRUE(read->GetValue(0).IdenticalTo(column.GetValue(0)) && read->IsNull(1));
  ByteReader damaged("\x80\x09\x0a");
  EXPECT_FALSE(damaged.GetType().ok());
  const Column list = DecodeList(ListOf(column.type()), EncodeList(column));
  EXPECT_EQ(list.GetValue(0).ToString(), "-1.25");
}

TEST(Decimal, BytesAreInTheOrderOfTheNumbers) {
  std::string before;
  for (const char* text : {"-99999999999999999999999999999999999999", "-256", "-1", "0", "1", "255", "256",
                           "99999999999999999999999999999999999999"}) {
    const Int128 units = Units(text, 0);
    EXPECT_EQ(DecodeDecimal(EncodeDecimal(units)), units);
    EXPECT_LT(before, EncodeDecimal(units)) << text;
    before = EncodeDecimal(units);
  }
  EXPECT_EQ(DecodeDecimal(""), 0);
}

TEST(Decimal, TextHasAllDigitsOfTheScale) {
  EXPECT_EQ(FormatDecimal(-5, 2), "-0.05");
  EXPECT_EQ(FormatDecimal(0, 2), "0.00");
  EXPECT_EQ(FormatDecimal(1250, 2), "12.50");
  EXPECT_EQ(FormatDecimal(-7, 0), "-7");
  EXPECT_EQ(FormatDecimal(Units("0.12345678901234567890123456789012345678", 38), 38),
            "0.12345678901234567890123456789012345678");
}

TEST(Decimal, ExactParsingTakesWhatTheTypeHoldsAndNoMore) {
  const TypeId type = DecimalOf(5, 2);
  const auto parse = [&](std::string_view text) { return ParseDecimal(text, type, /*exact=*/true); };
  EXPECT_EQ(*parse("12.5"), 1250);
  EXPECT_EQ(*parse("-999.99"), -99999);
  EXPECT_EQ(*parse("1.250"), 125);
  EXPECT_EQ(*parse("1e2"), 10000);
  EXPECT_EQ(*parse("1.25e-0"), 125);
  EXPECT_EQ(*parse(".5"), 50);
  EXPECT_EQ(*parse("0e99"), 0);
  EXPECT_EQ(Message(parse("1.255").status()), "1.255 has more than the 2 digits after the point of a DECIMAL(5,2)");
  EXPECT_EQ(Message(parse("1000").status()), "1000 does not fit a DECIMAL(5,2), which has 3 digits before the point");
  for (const char* bad : {"", "-", ".", "x", "1e", "1e99", "0.001", "1e-3", "nan", "1..2", "1 2"})
    EXPECT_FALSE(parse(bad).ok()) << bad;
}

TEST(Decimal, RoundingGoesHalfAwayFromZero) {
  const TypeId type = DecimalOf(5, 2);
  EXPECT_EQ(*ParseDecimal("1.005", type, /*exact=*/false), 101);
  EXPECT_EQ(*ParseDecimal("-1.005", type, /*exact=*/false), -101);
  EXPECT_EQ(*ParseDecimal("1.0049", type, /*exact=*/false), 100);
  EXPECT_FALSE(ParseDecimal("999.995", type, /*exact=*/false).ok());
  EXPECT_EQ(*Rescale(125, 2, 1), 13);
  EXPECT_EQ(*Rescale(-125, 2, 1), -13);
  EXPECT_EQ(*Rescale(124, 2, 1), 12);
  EXPECT_EQ(*Rescale(12, 1, 3), 1200);
  EXPECT_FALSE(Rescale(PowerOfTen(38) - 1, 0, 1).has_value());
  EXPECT_EQ(*DoubleToDecimal(0.125, type), 13);
  EXPECT_FALSE(DoubleToDecimal(1000, type).ok());
  EXPECT_FALSE(DoubleToDecimal(std::nan(""), type).ok());
}

TEST(Decimal, IsTheNearestDoubleUpTo53Bits) {
  EXPECT_EQ(DecimalToDouble(11, 1), 1.1);
  EXPECT_EQ(DecimalToDouble(-9007199254740993, 2), -90071992547409.93);
  EXPECT_EQ(DecimalToDouble(0, 38), 0.0);
}

// JSON: a number or a text, never through a double.
TEST(DecimalJson, ComesInDigitByDigit) {
  const TypeId type = DecimalOf(38, 10);
  for (const char* text : {"0.1", "-12345678901234567890.0123456789", "9007199254740993.5", "12", "1e3"}) {
    for (const std::string& document : {std::string(text), '"' + std::string(text) + '"'}) {
      const StatusOr<Json> json =
          Json::Parse(fmt::format("{{\"s\": \"1.5\\\"2\", \"i\": -3, \"v\": [7, {}]}}", document));
      ASSERT_TRUE(json.ok()) << json.status();
      const StatusOr<Value> value = FromJson(json->Find("v")->array()[1], type);
      ASSERT_TRUE(value.ok()) << value.status();
      EXPECT_EQ(DecodeDecimal(value->str()), Units(text, 10)) << text;
    }
  }
}

TEST(DecimalJson, RefusesWhatTheTypeDoesNotHold) {
  const TypeId type = DecimalOf(5, 2);
  EXPECT_EQ(Message(FromJson(*Json::Parse("1.255"), type).status()),
            "expected a number with at most 3 digits before the point and 2 after it, got 1.255");
  EXPECT_EQ(Message(FromJson(*Json::Parse("0.1000000000000000055"), type).status()),
            "expected a number with at most 3 digits before the point and 2 after it, got 0.1000000000000000055");
  for (const char* bad : {"1000", "true", "\"x\"", "[1]", "1e3", "\"NaN\""})
    EXPECT_FALSE(FromJson(*Json::Parse(bad), type).ok()) << bad;
  EXPECT_TRUE(FromJson(*Json::Parse("null"), type)->is_null());
}

TEST(DecimalJson, GoesOutWithAllDigits) {
  const auto text = [](Int128 units, TypeId type) { return ToJson(Value::Bytes(type, EncodeDecimal(units))).Dump(); };
  EXPECT_EQ(text(1250, DecimalOf(18, 2)), "12.50");
  EXPECT_EQ(text(-5, DecimalOf(18, 2)), "-0.05");
  EXPECT_EQ(text(Units("12345678901234567890.12", 2), DecimalOf(38, 2)), "12345678901234567890.12");
  EXPECT_EQ(text(7, DecimalOf(38, 0)), "7");
  EXPECT_EQ(text(PowerOfTen(20), DecimalOf(38, 0)), "\"100000000000000000000\"");  // no integer that Parse takes
}

TEST(DecimalJson, NumbersOfManyDigitsAreTheDoublesTheyWere) {
  const StatusOr<Json> json = Json::Parse("[0.1234567890123456789, 0.1]");
  ASSERT_TRUE(json.ok());
  EXPECT_EQ(json->array()[0].number(), 0.1234567890123456789);
  EXPECT_EQ(json->array()[0].kind(), "number");
  EXPECT_EQ(json->Dump(), "[0.1234567890123456789,0.1]");
}

}  // namespace
}  // namespace headrace
