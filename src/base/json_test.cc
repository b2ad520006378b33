#include "base/json.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace headrace {
namespace {

std::string RoundTrip(std::string_view text) {
  const auto json = Json::Parse(text);
  return json.ok() ? json->Dump() : "error: " + std::string(json.status().message());
}

TEST(Json, WritesWhatItRead) {
  for (const char* text :
       {"null", "true", "-12", "0.5", "\"\"", "[]", "{}", "[1,[2,{\"a\":null}]]", "{\"b\":1,\"a\":[true]}",
        "9223372036854775807", "-9223372036854775808", "\"ä\\\"\\\\\\n\""}) {
    EXPECT_EQ(RoundTrip(text), text);
  }
}

TEST(Json, KeepsIntegersApartFromDoubles) {
  EXPECT_TRUE(Json::Parse("1")->is_integer());
  EXPECT_TRUE(Json::Parse("1.0")->is_double());
  EXPECT_TRUE(Json::Parse("1e2")->is_double());
  EXPECT_EQ(RoundTrip("1.0"), "1.0");
  EXPECT_EQ(RoundTrip("-0.0"), "-0.0");
}

TEST(Json, RefusesWhatItCannotHold) {
  EXPECT_EQ(RoundTrip("9223372036854775808"), "error: 9223372036854775808 is outside 64 bits");
  EXPECT_EQ(RoundTrip("{\"a\":1,\"a\":2}"), "error: the key 'a' stands twice in one object");
  for (const char* text : {"", "[1", "{\"a\"}", "nul", "1 2", "\"\xff\"", "99999999999999999999999", "1e999"}) {
    EXPECT_FALSE(Json::Parse(text).ok()) << text;
  }
}

TEST(Json, RefusesNestingThatCouldExhaustTheStack) {
  EXPECT_FALSE(Json::Parse(std::string(100000, '[') + std::string(100000, ']')).ok());
}

TEST(Json, WritesNumbersThatJsonLacksAsTexts) {
  EXPECT_EQ(Json(std::nan("")).Dump(), "\"NaN\"");
  EXPECT_EQ(Json(std::numeric_limits<double>::infinity()).Dump(), "\"Infinity\"");
  EXPECT_EQ(Json(-std::numeric_limits<double>::infinity()).Dump(), "\"-Infinity\"");
}

TEST(Json, EscapesControlCharacters) {
  EXPECT_EQ(Json(std::string("\x01\t\0", 3)).Dump(), "\"\\u0001\\t\\u0000\"");
}

TEST(Json, IndentsForPeople) {
  EXPECT_EQ(Json::Parse("{\"a\":[1,2],\"b\":{}}")->DumpPretty(),
            "{\n  \"a\": [\n    1,\n    2\n  ],\n  \"b\": {}\n}\n");
}

TEST(ParseLines, SkipsEmptyLinesAndNamesABadOne) {
  EXPECT_EQ(Json::ParseLines("{\"a\":1}\n\n  \n2\n")->size(), 2u);
  EXPECT_EQ(Json::ParseLines("1\r\n2")->size(), 2u);
  EXPECT_TRUE(Json::ParseLines("")->empty());
  const auto bad = Json::ParseLines("1\n\n{");
  ASSERT_FALSE(bad.ok());
  EXPECT_EQ(std::string(bad.status().message()).substr(0, 7), "line 3:");
}

TEST(Json, FindsMembersAndSaysWhichIsMissing) {
  const Json json = *Json::Parse("{\"a\":\"x\",\"n\":3}");
  EXPECT_EQ(*json.GetString("a"), "x");
  EXPECT_EQ(*json.GetInteger("n"), 3);
  EXPECT_EQ(json.Find("b"), nullptr);
  EXPECT_EQ(Json(1).Find("a"), nullptr);
  EXPECT_EQ(std::string(json.GetString("n").status().message()), "'n' must be a string");
}

struct ValueCase {
  TypeId type;
  std::string json;
  std::string expected;  // Value::ToString(), or "" for an error
};
class FromJsonTest : public ::testing::TestWithParam<ValueCase> {};

TEST_P(FromJsonTest, TakesWhatTheTypeHolds) {
  const auto value = FromJson(*Json::Parse(GetParam().json), GetParam().type);
  EXPECT_EQ(value.ok() ? value->ToString() : "", GetParam().expected) << GetParam().json;
}

INSTANTIATE_TEST_SUITE_P(Values, FromJsonTest,
                         ::testing::ValuesIn(std::vector<ValueCase>{
                             {TypeId::kBigint, "12", "12"},
                             {TypeId::kBigint, "\"12\"", ""},
                             {TypeId::kBigint, "1.5", ""},
                             {TypeId::kBigint, "1e2", ""},
                             {TypeId::kBigint, "true", ""},
                             {TypeId::kBigint, "null", "null"},
                             {TypeId::kDouble, "1", "1.0"},
                             {TypeId::kDouble, "1.5", "1.5"},
                             {TypeId::kDouble, "-0.0", "-0.0"},
                             {TypeId::kDouble, "\"NaN\"", "NaN"},
                             {TypeId::kDouble, "\"-Infinity\"", "-Infinity"},
                             {TypeId::kDouble, "\"1\"", ""},
                             {TypeId::kBoolean, "false", "false"},
                             {TypeId::kBoolean, "0", ""},
                             {TypeId::kVarchar, "\"\"", ""},
                             {TypeId::kVarchar, "\"a\"", "a"},
                             {TypeId::kVarchar, "1", ""},
                             {TypeId::kDate, "\"2013-12-01\"", "2013-12-01"},
                             {TypeId::kDate, "\"2013-12-01T10:00:00Z\"", ""},
                             {TypeId::kDate, "1", ""},
                             {TypeId::kTimestamp, "\"2013-12-01T10:00:00\"", "2013-12-01T10:00:00Z"},
                             {TypeId::kTimestamp, "1385892000000000", "2013-12-01T10:00:00Z"},
                             {TypeId::kTimestamp, "1.5", ""}}));

TEST(FromJson, SaysWhatWasExpectedAndWhatCame) {
  EXPECT_EQ(std::string(FromJson(Json("12"), TypeId::kBigint).status().message()),
            "expected a whole number without fraction or exponent, got \"12\"");
}

TEST(ToJson, WritesValuesSoThatTheyAreReadBack) {
  for (const Value& v : {Value(), Value::Boolean(true), Value::Bigint(int64_t{1} << 60), Value::Double(-0.0),
                         Value::Double(NAN), Value::Varchar("\"x\""), Value::Date(-1), Value::Timestamp(1)}) {
    const Json json = *Json::Parse(ToJson(v).Dump());
    EXPECT_TRUE(FromJson(json, v.type())->IdenticalTo(v)) << v.ToString();
  }
}

}  // namespace
}  // namespace headrace
