#include "base/nested.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/codec.h"
#include "base/json.h"

namespace headrace {
namespace {

Column Texts(const std::vector<Value>& values) {
  Column column(TypeId::kVarchar);
  for (const Value& value : values) column.Append(value);
  return column;
}

TEST(NestedTest, EveryTypeHasANumberANameAndItsParts) {
  for (const TypeId element : kScalarTypes) {
    EXPECT_EQ(ElementOf(ListOf(element)), element);
    EXPECT_TRUE(IsList(ListOf(element)) && !IsMap(ListOf(element)) && IsTypeId(static_cast<uint32_t>(ListOf(element))));
    EXPECT_EQ(*ParseTypeName(TypeName(ListOf(element))), ListOf(element));
    for (const TypeId key : kScalarTypes) {
      const TypeId map = MapOf(key, element);
      EXPECT_EQ(KeyOf(map), key);
      EXPECT_EQ(ElementOf(map), element);
      EXPECT_TRUE(IsMap(map) && !IsList(map) && IsTypeId(static_cast<uint32_t>(map)));
      EXPECT_EQ(*ParseTypeName(TypeName(map)), map);
    }
  }
  EXPECT_EQ(TypeName(MapOf(TypeId::kVarchar, TypeId::kDouble)), "MAP(VARCHAR, DOUBLE)");
  EXPECT_EQ(*ParseTypeName("map( text , int )"), MapOf(TypeId::kVarchar, TypeId::kBigint));
  EXPECT_FALSE(ParseTypeName("int[][]").ok());
  EXPECT_FALSE(ParseTypeName("map(int)").ok());
  EXPECT_EQ(256 - 6 - 6 - 36, [] {
    int others = 0;
    for (int i = 0; i < 256; ++i) others += IsTypeId(static_cast<uint32_t>(i)) ? 0 : 1;
    return others;
  }());
}

TEST(NestedTest, ListsAndMapsComeBackWithTheirNullsAndBits) {
  const Column texts = Texts({Value::Varchar(""), Value::Null(), Value::Varchar("ä")});
  const Column back = DecodeList(ListOf(TypeId::kVarchar), EncodeList(texts));
  ASSERT_EQ(back.size(), 3U);
  for (size_t i = 0; i < 3; ++i) EXPECT_TRUE(back.GetValue(i).IdenticalTo(texts.GetValue(i)));
  const MapEntries map = DecodeMap(MapOf(TypeId::kVarchar, TypeId::kDouble),
                                   EncodeMap(Texts({Value::Varchar("a")}), Column::Doubles({-0.0})));
  EXPECT_EQ(map.keys.str(0), "a");
  EXPECT_TRUE(std::signbit(map.values.doubles()[0]));
}

TEST(NestedTest, DamagedBytesAreTheEmptyListOrMap) {
  const std::string good = EncodeMap(Texts({Value::Varchar("a"), Value::Varchar("b")}), Column::Doubles({1, 2}));
  const TypeId type = MapOf(TypeId::kVarchar, TypeId::kDouble);
  for (size_t size = 0; size < good.size(); ++size) {
    const MapEntries map = DecodeMap(type, std::string_view(good).substr(0, size));
    EXPECT_EQ(map.keys.size(), map.values.size());
    EXPECT_EQ(map.keys.size(), 0U);
  }
  EXPECT_EQ(DecodeList(ListOf(TypeId::kBigint), good).size(), 0U);  // of another type
}

TEST(NestedTest, JsonIsAnArrayOrAnObjectBothWays) {
  struct Case {
    TypeId type;
    std::string json;
  };
  for (const Case& c : std::vector<Case>{{ListOf(TypeId::kDouble), R"([1.5,null,"NaN",-0.0])"},
                                         {ListOf(TypeId::kTimestamp), R"(["2013-12-01T10:00:00Z"])"},
                                         {ListOf(TypeId::kVarchar), "[]"},
                                         {MapOf(TypeId::kBigint, TypeId::kVarchar), R"({"-3":"a","20":null})"},
                                         {MapOf(TypeId::kDouble, TypeId::kBigint), R"({"-1.5":1,"NaN":2})"},
                                         {MapOf(TypeId::kBoolean, TypeId::kBoolean), R"({"false":true,"true":null})"},
                                         {MapOf(TypeId::kDate, TypeId::kBigint), R"({"2013-12-01":7})"}}) {
    const StatusOr<Value> value = FromJson(*Json::Parse(c.json), c.type);
    ASSERT_TRUE(value.ok()) << value.status();
    EXPECT_EQ(ToJson(*value).Dump(), c.json);
  }
  // Keys ascend, whatever came.
  EXPECT_EQ(FromJson(*Json::Parse(R"({"10":1,"9":2})"), MapOf(TypeId::kBigint, TypeId::kBigint))->ToString(),
            "{9=2, 10=1}");
  EXPECT_FALSE(FromJson(*Json::Parse(R"({"a":1})"), MapOf(TypeId::kBigint, TypeId::kBigint)).ok());
  EXPECT_FALSE(FromJson(*Json::Parse(R"([1.5])"), ListOf(TypeId::kBigint)).ok());
  EXPECT_FALSE(FromJson(*Json::Parse("1"), ListOf(TypeId::kBigint)).ok());
}

}  // namespace
}  // namespace headrace
