#include "catalog/template/template.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "catalog/template/call.h"
#include "catalog/template/error.h"

namespace headrace::jinja {
namespace {

Globals TestGlobals() {
  Globals globals;
  globals["twice"] = MakeFunction("twice", [](const CallSite& site) -> StatusOr<Value> {
    HR_ASSIGN_OR_RETURN(const auto arguments, BindArguments(site, {"text"}, 1));
    HR_ASSIGN_OR_RETURN(const std::string text, TextArgument(*arguments[0], site.function));
    return Value(text + text);
  });
  globals["people"] = Value(
      Value::List{Value(Value::Dict{{"name", "Ann"}, {"age", 30}}), Value(Value::Dict{{"name", "Bob"}, {"age", 5}})});
  return globals;
}

// The rendered text, or "error: ...".
std::string Text(std::string_view source) {
  const StatusOr<Rendered> rendered = Render(source, TestGlobals());
  return rendered.ok() ? rendered->text : "error: " + std::string(rendered.status().message());
}

struct TemplateCase {
  std::string source;
  std::string text;
};

class RenderTest : public ::testing::TestWithParam<TemplateCase> {};

TEST_P(RenderTest, GivesWhatJinjaGives) {
  EXPECT_EQ(Text(GetParam().source), GetParam().text) << GetParam().source;
}

INSTANTIATE_TEST_SUITE_P(Literals, RenderTest,
                         ::testing::ValuesIn(std::vector<TemplateCase>{
                             {"plain { text } % #", "plain { text } % #"},
                             {"{{ 'a' }}{{ \"b\" }}", "ab"},
                             {"{{ 'it\\'s' }}{{ 'a\\nb' }}{{ '\\d' }}", "it'sa\nb\\d"},
                             {"{{ 'a' 'b' }}", "ab"},
                             {"{{ 12 }} {{ 1_000 }} {{ 1.5 }} {{ 1e3 }} {{ 2.0 }}", "12 1000 1.5 1000.0 2.0"},
                             {"{{ true }} {{ False }} {{ none }}", "True False None"},
                             {"{{ [1, 'a', [none]] }}", "[1, 'a', [None]]"},
                             {"{{ {'a': 1, 'b': [2]} }}", "{'a': 1, 'b': [2]}"},
                             {"{{ (1, 2) }} {{ 1, 2 }} {{ () }}", "[1, 2] [1, 2] []"},
                             {"{{ [\"it's\"] }}", "[\"it's\"]"},
                             {"{{ {'a': {'b': 1}}}}", "{'a': {'b': 1}}"},
                             {"{{ '}}' }}", "}}"}}));

INSTANTIATE_TEST_SUITE_P(
    Operators, RenderTest,
    ::testing::ValuesIn(std::vector<TemplateCase>{
        {"{{ 1 + 2 * 3 - 4 }}", "3"},
        {"{{ 7 / 2 }} {{ 7 // 2 }} {{ -7 // 2 }} {{ -7 % 3 }} {{ 2 ** 10 }}", "3.5 3 -4 2 1024"},
        {"{{ 2 ** -1 }} {{ 7.5 // 2 }} {{ 1 + 0.5 }}", "0.5 3.0 1.5"},
        {"{{ 'a' ~ 1 ~ none }}", "a1None"},
        {"{{ 'a' + 'b' }} {{ [1] + [2] }} {{ 'ab' * 3 }}", "ab [1, 2] ababab"},
        {"{{ 1 < 2 <= 2 }} {{ 1 < 2 > 3 }}", "True False"},
        {"{{ 1 == 1.0 }} {{ 'a' != 'b' }} {{ [1, 2] == [1, 2] }} {{ {'a': 1} == {'a': 1} }}", "True True True True"},
        {"{{ 'b' in 'abc' }} {{ 4 not in [1, 2] }} {{ 'k' in {'k': 1} }}", "True True True"},
        {"{{ not true or true and false }}", "False"},
        {"{{ '' or 'x' }} {{ 'y' and 'z' }}", "x z"},
        {"{{ 1 if false else 2 }} {{ 1 if true }}{{ 1 if false }}", "2 1"},
        {"{{ -3 }} {{ - 3 + 5 }} {{ +3 }}", "-3 2 3"},
        {"{{ 9223372036854775807 }}", "9223372036854775807"},
        {"{{ -9223372036854775807 - 1 }}", "-9223372036854775808"},
        {"{{ (-9223372036854775807 - 1) // -1 }}",
         "error: the result of '//' does not fit 64 bits in '(-9223372036854775807 - 1) // -1'"},
        {"{{ [1,2,3][1] }} {{ [1,2,3][-1] }} {{ {'a': 5}['a'] }} {{ {'a': 5}.a }} {{ 'abc'[0] }}", "2 3 5 5 a"}}));

INSTANTIATE_TEST_SUITE_P(
    Tags, RenderTest,
    ::testing::ValuesIn(std::vector<TemplateCase>{
        {"{% set a = 1 %}{{ a }}", "1"},
        {"{% set a, b = [1, 2] %}{{ b }}{{ a }}", "21"},
        {"{% set a %}x{{ 1 }}y{% endset %}{{ a }}", "x1y"},
        {"{% if 0 %}a{% elif '' %}b{% else %}c{% endif %}", "c"},
        {"{% if missing %}a{% else %}b{% endif %}", "b"},
        {"{% for x in [1, 2, 3] %}{{ x }}{% if not loop.last %},{% endif %}{% endfor %}", "1,2,3"},
        {"{% for x in 'ab' %}{{ loop.index }}{{ loop.index0 }}{{ loop.first }}{{ loop.length }}{{ x }} {% endfor %}",
         "10True2a 21False2b "},
        {"{% for k, v in {'a': 1, 'b': 2}.items() %}{{ k }}={{ v }};{% endfor %}", "a=1;b=2;"},
        {"{% for k in {'a': 1} %}{{ k }}{% endfor %}", "a"},
        {"{% for x in [] %}a{% else %}none{% endfor %}", "none"},
        {"{% for p in people %}{{ p.name }}{% endfor %}", "AnnBob"},
        {"{% set x = 1 %}{% for y in [2] %}{% set x = y %}{{ x }}{% endfor %}{{ x }}", "21"},
        {"{% for x in [1] %}{% for y in [2] %}{{ loop.index }}{{ x }}{{ y }}{% endfor %}{% endfor %}", "112"},
        {"{{ twice('ab') }}{{ twice(text='c') }}", "ababcc"},
        {"{# a {{ b }} {% c %} #}d", "d"},
        {"a\n", "a"},
        {"a\n\n", "a\n"}}));

INSTANTIATE_TEST_SUITE_P(Whitespace, RenderTest,
                         ::testing::ValuesIn(std::vector<TemplateCase>{
                             {"a \n {{- 1 -}} \n b", "a1b"},
                             {"a {%- if true -%} b {%- endif -%} c", "abc"},
                             {"a {#- x -#} b", "ab"},
                             {"a {#-#} b", "ab"},
                             {"a {{ 1 -}} b", "a 1b"},
                             {"a {{ 1 +}} b", "a 1 b"},
                             {"select\n{% for x in [1, 2] -%}\n  a{{ x }},\n{% endfor -%}\nb",
                              "select\na1,\na2,\nb"}}));

INSTANTIATE_TEST_SUITE_P(
    FiltersTestsAndMethods, RenderTest,
    ::testing::ValuesIn(std::vector<TemplateCase>{
        {"{{ ' a ' | trim }}{{ 'b' | upper }}{{ 'C' | lower }}{{ 'dE' | capitalize }}", "aBcDe"},
        {"{{ [1, 2] | length }}{{ 'äb' | length }}{{ {'a': 1} | count }}", "221"},
        {"{{ [1, 'a'] | join(', ') }} {{ [1, 2] | join }}", "1, a 12"},
        {"{{ x | default('d') }} {{ '' | default('e', true) }} {{ 1 | d(2) }}", "d e 1"},
        {"{{ 'ab' | list }} {{ 'abab' | replace('a', 'x') }}", "['a', 'b'] xbxb"},
        {"{{ people | map(attribute='name') | join('+') }} {{ ['a'] | map('upper') | first }}", "Ann+Bob A"},
        {"{{ {'a': [1, none, 1.5, 'x']} | tojson }}", "{\"a\":[1,null,1.5,\"x\"]}"},
        {"{{ [3, 1, 2] | sort | join }} {{ [1, 2, 1] | unique | join }} {{ [1, 2] | last }}", "123 12 2"},
        {"{{ '12' | int + 1 }} {{ 'x' | int }} {{ 2.9 | int }} {{ 5 | string ~ 'a' }}", "13 0 2 5a"},
        {"{{ -1 | string ~ 'x' }}", "-1x"},
        {"{{ x is defined }} {{ 1 is number }} {{ none is none }} {{ 'a' is not string }} {{ [] is sequence }}",
         "False True True False True"},
        {"{{ 'a,b'.split(',') }} {{ ' a  b '.split() }} {{ '-'.join(['a', 'b']) }}", "['a', 'b'] ['a', 'b'] a-b"},
        {"{{ 'abc'.startswith('ab') }} {{ 'A'.lower() }} {{ ' x '.strip() }} {{ 'aa'.replace('a', 'b') }}",
         "True a x bb"},
        {"{{ {'a': 1}.get('b', 2) }} {{ {'a': 1}.get('b') }} {{ {'a': 1}.keys() }}", "2 None ['a']"}}));

TEST(Render, MapsEachByteToWhereItCameFrom) {
  const std::string source = "select\n  {% for c in ['a', 'b'] %}{{ twice(c) }}, {% endfor %}\nfrom t";
  const auto rendered = Render(source, TestGlobals());
  ASSERT_TRUE(rendered.ok()) << rendered.status();
  EXPECT_EQ(rendered->text, "select\n  aa, bb, \nfrom t");
  RenderedSql sql{.file = "tables/x.sql", .source = source, .sql = rendered->text, .segments = rendered->segments};
  EXPECT_EQ(sql.PositionOf(0).ToString(), "tables/x.sql:1:1");
  EXPECT_EQ(sql.PositionOf(sql.sql.find("aa")).ToString(), "tables/x.sql:2:28");
  EXPECT_EQ(sql.PositionOf(sql.sql.find("aa") + 1).ToString(), "tables/x.sql:2:28");
  EXPECT_EQ(sql.PositionOf(sql.sql.find("bb")).ToString(), "tables/x.sql:2:28");
  EXPECT_EQ(sql.PositionOf(sql.sql.find(", bb")).ToString(), "tables/x.sql:2:42");
  EXPECT_EQ(sql.PositionOf(sql.sql.find("from t") + 5).ToString(), "tables/x.sql:3:6");
  EXPECT_EQ(sql.PositionOf(sql.sql.size()).ToString(), "tables/x.sql:3:7");
}

TEST(Render, StopsALoopOfLoops) {
  const auto rendered = Render(
      "{% set l = 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa' * 20 %}"
      "{% for a in l %}{% for b in l %}{% for c in l %}{{ a }}{% endfor %}{% endfor %}{% endfor %}",
      {});
  EXPECT_TRUE(absl::IsResourceExhausted(rendered.status())) << rendered.status();
}

TEST(Render, StopsATextThatDoubles) {
  std::string source = "{% set s = 'ab' %}";
  for (int i = 0; i < 60; ++i) source += "{% set s = s ~ s %}";
  EXPECT_TRUE(absl::IsResourceExhausted(Render(source, {}).status()));
}

TEST(Render, StopsAListThatDoubles) {
  std::string source = "{% set a = [1] %}{% set b = [1] %}";
  for (int i = 0; i < 60; ++i) source += "{% set a = [a, a] %}{% set b = [b, b] %}";
  EXPECT_TRUE(absl::IsResourceExhausted(Render(source + "{{ a }}", {}).status()));
  EXPECT_TRUE(absl::IsResourceExhausted(Render(source + "{{ a == b }}", {}).status()));
  EXPECT_TRUE(absl::IsResourceExhausted(Render(source + "{{ a | tojson }}", {}).status()));
}

// Long chains and deep nesting are refused before they can exhaust the stack.
TEST(Render, RefusesWhatNestsTooDeeply) {
  const auto repeat = [](std::string_view text, int n) {
    std::string result;
    for (int i = 0; i < n; ++i) result += text;
    return result;
  };
  for (const std::string& expression :
       {repeat("(", 100000) + "1", repeat("not ", 100000) + "1", repeat("-", 100000) + "1",
        "1" + repeat(" + 1", 100000), "1" + repeat(" if 1", 100000), "a" + repeat(".a", 100000),
        "a" + repeat("|trim", 100000), repeat("[", 100000), repeat("1 if 1 else ", 100000) + "1",
        "1" + repeat(" ~ 1", 100000), repeat("1 ** ", 100000) + "1"}) {
    EXPECT_FALSE(Render("{{ " + expression + " }}", {}).ok()) << expression.substr(0, 20);
  }
  EXPECT_FALSE(Render(repeat("{% if 1 %}", 100000), {}).ok());
  EXPECT_FALSE(Render(repeat("{% for a in [1] %}", 100000), {}).ok());
}

TEST(Render, RefusesListsThatNestWithoutEnd) {
  std::string source = "{% set a = [] %}";
  for (int i = 0; i < 100000; ++i) source += "{% set a = [a] %}";
  EXPECT_FALSE(Render(source + "{{ a }}", {}).ok());
}

// Any prefix of a template is a template or an error, never a crash.
TEST(Render, SurvivesEveryPrefixAndEveryMissingByte) {
  const std::string source =
      "{%- set xs = ['a', {'b': 1.5e3}] -%}{# c #}{% for k, v in {'a': (1, 2)}.items() %}{{ k ~ v[0] | string }}"
      "{% if not loop.last and xs[1].b >= 2 is defined %}{{ 'x' if k in 'ab' else \"y\\\"\" }}{% elif 1 %}{% else %}{% "
      "endif %}{% endfor %}";
  ASSERT_TRUE(Render(source, TestGlobals()).ok()) << Render(source, TestGlobals()).status();
  for (size_t i = 0; i < source.size(); ++i) {
    (void)Render(std::string_view(source).substr(0, i), TestGlobals()).ok();
    (void)Render(source.substr(0, i) + source.substr(i + 1), TestGlobals()).ok();
  }
}

TEST(Evaluate, GivesTheValueOfOneExpression) {
  EXPECT_EQ(Evaluate("1 + 1", {})->integer(), 2);
  EXPECT_EQ(Evaluate("{'a': [1]}.a[0]", {})->integer(), 1);
  EXPECT_FALSE(Evaluate("1 2", {}).ok());
  EXPECT_FALSE(Evaluate("", {}).ok());
  EXPECT_EQ(OffsetOf(Evaluate("1 + )", {}).status()), 4u);
}

}  // namespace
}  // namespace headrace::jinja
