// What DuckDB cannot check: the functions that it does not have, deliberate departures, and what is refused with which
// words.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

#include "engine/expression_sql.h"
#include "kernel/compile/compile.h"
#include "kernel/functions/registry.h"
#include "warehouse/parser.h"

namespace headrace {
namespace {

using ::testing::HasSubstr;

const Schema& Columns() {
  static const Schema& columns =
      *new Schema{{"a", TypeId::kBigint}, {"x", TypeId::kDouble}, {"s", TypeId::kVarchar}, {"t", TypeId::kTimestamp}};
  return columns;
}

Compiled<RequestProgram> Compile(const std::string& expression) {
  const StatusOr<std::string> tree = SerializeSelect(fmt::format("SELECT {} AS r FROM request", expression));
  EXPECT_TRUE(tree.ok()) << expression << ": " << tree.status();
  return CompileRequestView("view", Columns(), {}, tree.value_or("{}"));
}

// The value of an expression without columns, as text; or "error: ...".
std::string ValueOf(const std::string& expression) {
  const Compiled<RequestProgram> compiled = Compile(expression);
  if (!compiled.ok()) return "not bound: " + compiled.errors[0].message;
  const StatusOr<Column> value = Evaluate(compiled.program.outputs[0], {}, 1);
  return value.ok() ? value->GetValue(0).ToString() : "error: " + std::string(Message(value.status()));
}

std::string ErrorOf(const std::string& expression) {
  const Compiled<RequestProgram> compiled = Compile(expression);
  return compiled.ok() ? "" : compiled.errors[0].message;
}

TEST(OwnFunctions, HashIsAPromise) {
  // Buckets of trained models depend on these numbers: a change of them is a new major version.
  EXPECT_EQ(ValueOf("hash(1)"), "4313594290653015691");
  EXPECT_EQ(ValueOf("hash('a')"), "4546295262729128066");
  EXPECT_EQ(ValueOf("hash(null)"), "7072322646937400941");
  EXPECT_EQ(ValueOf("hash('a', 1, true, date '2020-01-01')"), "4098536036320639543");
}

TEST(OwnFunctions, HashTellsTypesAndPlacesApartButNotZeros) {
  EXPECT_NE(ValueOf("hash(1)"), ValueOf("hash(1e0)"));
  EXPECT_NE(ValueOf("hash('a', 'b')"), ValueOf("hash('ab')"));
  EXPECT_NE(ValueOf("hash('ab', '')"), ValueOf("hash('a', 'b')"));
  EXPECT_EQ(ValueOf("hash(0e0)"), ValueOf("hash(-0e0)"));
  EXPECT_EQ(ValueOf("hash('nan'::double)"), ValueOf("hash('-nan'::double)"));
  EXPECT_EQ(ValueOf("hash(1) >= 0"), "true");
}

TEST(OwnFunctions, HashCrossIsABucketOfTheCombination) {
  EXPECT_EQ(ValueOf("hash_cross('a', 1, 1000)"), ValueOf("hash('a', 1) % 1000"));
  EXPECT_EQ(ValueOf("hash_cross(null, 1)"), "0");
  EXPECT_EQ(ValueOf("hash_cross('a', null::bigint)"), "null");
  EXPECT_THAT(ValueOf("hash_cross('a', 0)"), HasSubstr("error: hash_cross into 0 buckets"));
}

TEST(OwnFunctions, HaversineIsTheDistanceOnASphere) {
  EXPECT_EQ(ValueOf("round(haversine(52.5200, 13.4050, 48.8566, 2.3522), 3)"), "877.465");  // Berlin, Paris
  EXPECT_EQ(ValueOf("haversine(10, 20, 10, 20)"), "0.0");
  EXPECT_EQ(ValueOf("round(haversine(0, 0, 0, 180), 1)"), "20015.1");  // half of the equator
  EXPECT_EQ(ValueOf("haversine(90, 0, -90, 0) = haversine(0, 0, 0, 180)"), "true");
  EXPECT_EQ(ValueOf("haversine(1, 2, null, 4)"), "null");
  EXPECT_EQ(ValueOf("isnan(haversine(1, 2, 'nan'::double, 4))"), "true");
  EXPECT_THAT(ValueOf("haversine('inf'::double, 2, 3, 4)"), HasSubstr("error: haversine of Infinity"));
}

TEST(OwnFunctions, WidthBucketIsPostgresqls) {
  EXPECT_EQ(ValueOf("width_bucket(5.35, 0.024, 10.06, 5)"), "3");
  EXPECT_EQ(ValueOf("width_bucket(0, 0, 10, 5)"), "1");
  EXPECT_EQ(ValueOf("width_bucket(-1, 0, 10, 5)"), "0");
  EXPECT_EQ(ValueOf("width_bucket(10, 0, 10, 5)"), "6");
  EXPECT_EQ(ValueOf("width_bucket(9, 10, 0, 5)"), "1");
  EXPECT_EQ(ValueOf("width_bucket(0, 10, 0, 5)"), "6");
  EXPECT_EQ(ValueOf("width_bucket('nan'::double, 0, 10, 5)"), "6");
  EXPECT_EQ(ValueOf("width_bucket(0, -1e308, 1e308, 2)"), "2");
  EXPECT_THAT(ValueOf("width_bucket(1, 2, 2, 5)"), HasSubstr("error: "));
  EXPECT_THAT(ValueOf("width_bucket(1, 2, 3, 0)"), HasSubstr("error: "));
}

TEST(OwnFunctions, BucketiseCountsTheBoundsBelow) {
  EXPECT_EQ(ValueOf("bucketise(-1, 0, 10, 100)"), "0");
  EXPECT_EQ(ValueOf("bucketise(0, 0, 10, 100)"), "1");
  EXPECT_EQ(ValueOf("bucketise(99.9, 0, 10, 100)"), "2");
  EXPECT_EQ(ValueOf("bucketise('inf'::double, 0, 10, 100)"), "3");
  EXPECT_EQ(ValueOf("bucketise(null, 0)"), "null");
  EXPECT_THAT(ValueOf("bucketise(1, 10, 0)"), HasSubstr("does not ascend"));
}

TEST(OwnFunctions, OneHotIndexIsThePlaceInTheList) {
  EXPECT_EQ(ValueOf("one_hot_index('b', 'a', 'b')"), "2");
  EXPECT_EQ(ValueOf("one_hot_index('c', 'a', 'b')"), "0");
  EXPECT_EQ(ValueOf("one_hot_index(7, 5, null, 7)"), "3");
  EXPECT_EQ(ValueOf("one_hot_index(null, 'a')"), "null");
}

TEST(OwnFunctions, OneHotIsAListWithAOneInThePlace) {
  EXPECT_EQ(ValueOf("one_hot('b', ['a', 'b', null])"), "[0, 1, 0]");
  EXPECT_EQ(ValueOf("one_hot(null, ['a'])"), "[0]");
  EXPECT_EQ(ValueOf("one_hot(0.0, [-0.0, 1.5])"), "[1, 0]");
  EXPECT_EQ(ValueOf("list_sum(one_hot(3, [1, 2]))"), "0");
}

TEST(Departures, ASumOfAListThatLeaves64BitsIsRefused) {
  EXPECT_EQ(ValueOf("list_sum([9223372036854775807, 1, -1])"), "9223372036854775807");
  EXPECT_THAT(ValueOf("list_sum([9223372036854775807, 1])"), HasSubstr("does not fit a bigint"));
}

TEST(Departures, RoundingThatOverflowsIsRefused) {
  EXPECT_THAT(ValueOf("round(9223372036854775807, -5)"),
              HasSubstr("error: 9223372036854775807 rounded to -5 digits does not fit"));
}

TEST(Departures, ATextThatIsNoJsonIsNull) {
  EXPECT_EQ(ValueOf("json_extract_string('nope', '$.a')"), "null");
  EXPECT_EQ(ValueOf("json_array_length('')"), "null");
  EXPECT_EQ(ValueOf("json_extract('{\"a\": 1, \"a\": 2}', '$.a')"), "null");
}

TEST(Refusals, ABadConstantIsFoundWhenTheExpressionIsBound) {
  EXPECT_THAT(ErrorOf("regexp_matches(s, '(')"), HasSubstr("'(' is no regular expression"));
  EXPECT_THAT(ErrorOf("regexp_matches(s, 'a', 'z')"), HasSubstr("'z' is no option"));
  EXPECT_THAT(ErrorOf("regexp_matches(s, 'a', 'g')"), HasSubstr("regexp_replace only"));
  EXPECT_THAT(ErrorOf("timezone('Europe/Nowhere', t)"), HasSubstr("'Europe/Nowhere' is no time zone"));
  EXPECT_THAT(ErrorOf("timezone('../../etc/passwd', t)"), HasSubstr("is no time zone"));
  EXPECT_THAT(ErrorOf("timezone('localtime', t)"), HasSubstr("is no time zone"));
  EXPECT_THAT(ErrorOf("s ->> '$.a['"), HasSubstr("is no JSON path"));
  EXPECT_THAT(ErrorOf("s ->> '$.*'"), HasSubstr("wildcards"));
  EXPECT_THAT(ErrorOf("t + interval 'soon'"), HasSubstr("'soon' is no interval"));
  EXPECT_THAT(ErrorOf("a = 'twelve'"), HasSubstr("'twelve' is not a bigint"));
}

TEST(Refusals, ListsAreTakenApartBeforeTheyAreComparedCastOrHashed) {
  EXPECT_THAT(ErrorOf("[a] = [1]"), HasSubstr("= does not take (BIGINT[], BIGINT[])"));
  EXPECT_THAT(ErrorOf("[a]::varchar"), HasSubstr("a cast of a BIGINT[]"));
  EXPECT_THAT(ErrorOf("s || [a]"), HasSubstr("does not take"));
  EXPECT_THAT(ErrorOf("hash([a])"), HasSubstr("does not take"));
  EXPECT_THAT(ErrorOf("[a, s]"), HasSubstr("does not take"));
  EXPECT_THAT(ErrorOf("list_sum([s])"), HasSubstr("list_sum does not take (VARCHAR[])"));
}

TEST(Refusals, AnUnknownAggregateHasAHint) {
  const StatusOr<std::string> tree = SerializeSelect(
      "SELECT cuont_by(s) AS n, coutn(*) AS m, top_k(s) AS t, top_k(s, 0) AS z, "
      "count_by(s, 2, 'size') AS u FROM stream");
  ViewDefinition definition;
  definition.input = Columns();
  definition.entity = {"a"};
  definition.event_time = "t";
  definition.windows.emplace_back();
  const Compiled<ViewProgram> compiled = CompileView(definition, *tree);
  ASSERT_EQ(compiled.errors.size(), 5);
  EXPECT_THAT(compiled.errors[0].hint, HasSubstr("count_by"));
  EXPECT_THAT(compiled.errors[1].hint, HasSubstr("count"));
  EXPECT_THAT(compiled.errors[2].message, HasSubstr("top_k takes 2 arguments, not 1"));
  EXPECT_THAT(compiled.errors[3].message, HasSubstr("a whole number from 1 to 10000"));
  EXPECT_THAT(compiled.errors[4].message, HasSubstr("'key' or 'value'"));
}

TEST(Refusals, AnIntervalIsNoValueOfItsOwn) {
  EXPECT_THAT(ErrorOf("t - request_time"), HasSubstr("an interval is no value of its own"));
  EXPECT_THAT(ErrorOf("case when a > 0 then interval '1 day' end"), HasSubstr("an interval is no value of its own"));
  EXPECT_THAT(ErrorOf("abs(interval '1 day')"), HasSubstr("abs does not take an interval"));
  EXPECT_THAT(ErrorOf("interval '1 day' - t"), HasSubstr("does not take an interval"));
  EXPECT_THAT(ErrorOf("extract(week from t - request_time)"), HasSubstr("does not take an interval"));
  EXPECT_THAT(ErrorOf("t + interval '1 day' * x"), HasSubstr("not whole"));
}

TEST(Refusals, ATableHasNoFunctionsThatDuckDbLacks) {
  const StatusOr<std::string> tree = SerializeSelect("SELECT hash(s) AS h, timezone('UTC', t) AS z FROM stream");
  const RowWiseResult table = CompileRowWise(Columns(), *tree, {});
  ASSERT_EQ(table.compiled.errors.size(), 2);
  EXPECT_THAT(table.compiled.errors[0].message, HasSubstr("hash is a function of features"));
  EXPECT_THAT(table.compiled.errors[1].message, HasSubstr("column 'z' is a timestamp with time zone"));
}

TEST(Documentation, NamesEveryFunction) {
  std::ifstream file(HEADRACE_SOURCE_DIR "/docs/features.md");
  const std::string page((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  for (const std::string& name : KnownFunctionNames()) {
    // Escaped LIKE is documented with LIKE, whose SQL it is.
    if (name.ends_with("like_escape")) continue;
    EXPECT_TRUE(page.find("`" + name + "(") != std::string::npos || page.find("`" + name + "`") != std::string::npos)
        << "docs/features.md does not have " << name;
  }
  for (const std::string_view name : AggregateFunctionNames()) {
    if (name.ends_with("_star") || name == "count_distinct" || name == "first_n" || name == "last_n") continue;
    EXPECT_TRUE(page.find(fmt::format("`{}(", name)) != std::string::npos ||
                page.find(fmt::format("`{}`", name)) != std::string::npos)
        << "docs/features.md does not have " << name;
  }
}

TEST(Sql, ShowsOwnFunctionsByANameThatDuckDbDoesNotHave) {
  const Compiled<RequestProgram> compiled = Compile("hash(s)");
  EXPECT_EQ(ToSql(compiled.program.outputs[0], {"s"}), "headrace_hash(s)");
}

TEST(Extremes, TimeAtTheEndsOfTheRangeIsRefusedOrRight) {
  EXPECT_THAT(ValueOf("make_timestamp(9223372036854775807)"), HasSubstr("out of range"));
  EXPECT_THAT(ValueOf("make_timestamp(9223372036854775806) + interval '1 day'"), HasSubstr("out of range"));
  EXPECT_THAT(ValueOf("make_timestamp(9223372036854775806)::timestamptz at time zone 'Asia/Tokyo'"),
              HasSubstr("out of range"));
  EXPECT_THAT(ValueOf("make_timestamp(-9223372036854775806) at time zone 'Asia/Tokyo'"), HasSubstr("out of range"));
  EXPECT_EQ(ValueOf("hour(make_timestamp(9223372036854775806))"), "4");
  EXPECT_THAT(ValueOf("epoch(make_timestamp(9223372036854775806) - make_timestamp(-9223372036854775806))"),
              HasSubstr("do not fit"));
}

TEST(Regex, AHostilePatternTakesLinearTime) {
  EXPECT_EQ(ValueOf("regexp_matches(repeat('a', 5000), '(a+)+$b')"), "false");
  EXPECT_EQ(ValueOf("repeat('a', 5000) like repeat('%a', 50) || 'b'"), "false");
}

}  // namespace
}  // namespace headrace
