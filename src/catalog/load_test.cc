#include "catalog/load.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>

#include "catalog/graph.h"
#include "catalog/testing/project_folder.h"

namespace headrace {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::UnorderedElementsAre;

constexpr char kSources[] = R"(
version: 2
sources:
  - name: raw
    loaded_at_field: at
    tables:
      - name: weather
        description: Hourly reports.
        location: "{{ var('folder', 'data') }}/weather.csv"
        options: {nullstr: NA, skip: 2, header: true, delim: ';', quote: '1', nulls: [a, b''c], columns: {x: INT}}
        load: incremental
        columns:
          - {name: temp, data_type: double, description: Fahrenheit.}
          - name: origin
            data_tests: [not_null]
      - name: arrivals
        freshness: {warn_after: {count: 12, period: hour}}
        stream: {history: backfill, event_time: t, event_id: id, delay: 1h, id_retention: 7d, unknown: ignore}
        columns:
          - {name: t, data_type: timestamp}
          - {name: id, data_type: bigint}
)";

Project MustLoad(const ProjectFolder& folder, const std::map<std::string, Json>& vars = {}) {
  StatusOr<Project> project = LoadProject(folder.path(), vars);
  EXPECT_TRUE(project.ok()) << project.status();
  return project.ok() ? *std::move(project) : Project();
}

TEST(LoadProject, ReadsTheFlightsExampleWithoutComplaint) {
  const auto result = ReadProject(HEADRACE_SOURCE_DIR "/examples/flights");
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_TRUE(ToStatus(result->diagnostics).ok()) << ToStatus(result->diagnostics);
  const Project& project = result->project;
  EXPECT_EQ(project.name, "flights");
  EXPECT_EQ(project.views.at("carrier_recent").from, "raw.arrivals");
  EXPECT_THAT(project.views.at("route_recent").entity, ElementsAre("origin", "dest"));
  EXPECT_EQ(project.views.at("trip").kind, ViewKind::kRequest);
  EXPECT_EQ(project.sources.at("raw.arrivals").stream->history_table, "arrivals_backfill");
  EXPECT_EQ(TableGraph(project).order().size(), project.tables.size() + project.sources.size());
}

TEST(LoadProject, ReadsOnlineSettings) {
  const ProjectFolder folder;
  folder.Write("headrace.yml",
               "name: test\nonline: {fsync: every 10ms, id_retention: 7d, keep: 90d, future_skew: 1h,\n"
               "         verify: 7 rows every 1m, checkpoint: 2m, export: {every: 10m, size: 16MB}}\n");
  const OnlineSettings online = MustLoad(folder).online;
  EXPECT_EQ(online.fsync, (FsyncPolicy{FsyncPolicy::When::kEvery, 10'000}));
  EXPECT_EQ(online.id_retention_us, 7 * kUsPerDay);
  EXPECT_EQ(online.keep_us, 90 * kUsPerDay);
  EXPECT_EQ(online.future_skew_us, 3600 * kUsPerSecond);
  EXPECT_EQ(online.verify, (VerifyRate{7, 60 * kUsPerSecond}));
  EXPECT_EQ(online.checkpoint_every_us, 120 * kUsPerSecond);
  EXPECT_EQ(online.export_settings.every_us, 600 * kUsPerSecond);
  EXPECT_EQ(online.export_settings.size_bytes, 16'000'000);
}

TEST(LoadProject, OnlineSettingsHaveDefaults) {
  const OnlineSettings online = MustLoad(ProjectFolder()).online;
  EXPECT_EQ(online.fsync.when, FsyncPolicy::When::kAlways);
  EXPECT_EQ(online.id_retention_us, 30 * kUsPerDay);
  EXPECT_EQ(online.keep_us, std::nullopt);
  EXPECT_EQ(online.future_skew_us, kUsPerDay);
  EXPECT_EQ(online.export_settings.every_us, kUsPerDay);
  EXPECT_EQ(online.export_settings.size_bytes, 64'000'000);
}

TEST(ParseFsyncPolicy, KnowsThreePolicies) {
  EXPECT_EQ(*ParseFsyncPolicy("always"), (FsyncPolicy{FsyncPolicy::When::kAlways, 0}));
  EXPECT_EQ(*ParseFsyncPolicy("every 2s"), (FsyncPolicy{FsyncPolicy::When::kEvery, 2 * kUsPerSecond}));
  EXPECT_EQ(*ParseFsyncPolicy("os"), (FsyncPolicy{FsyncPolicy::When::kNever, 0}));
  EXPECT_FALSE(ParseFsyncPolicy("every").ok());
  EXPECT_FALSE(ParseFsyncPolicy("10ms").ok());
}

TEST(ParseVerifyRate, KnowsARateAndOff) {
  EXPECT_EQ(*ParseVerifyRate("200 rows every 5m"), VerifyRate());
  EXPECT_EQ(ParseVerifyRate("off")->rows, 0);
  for (const std::string_view text :
       {"", "200", "200 rows", "0 rows every 5m", "-1 rows every 5m", "5m", "1 rows every"})
    EXPECT_FALSE(ParseVerifyRate(text).ok()) << text;
}

TEST(LoadProject, ReadsSourcesAndStreams) {
  const ProjectFolder folder({{"tables/s.yml", kSources}, {"tables/backfill.sql", "select 1"}});
  const Project project = MustLoad(folder);
  const SourceTable& weather = project.sources.at("raw.weather");
  EXPECT_EQ(weather.location, "data/weather.csv");
  EXPECT_EQ(weather.where.ToString(), "tables/s.yml:7:15");
  EXPECT_THAT(weather.options, UnorderedElementsAre(Pair("nullstr", "'NA'"), Pair("skip", "2"), Pair("header", "true"),
                                                    Pair("delim", "';'"), Pair("quote", "'1'"),
                                                    Pair("nulls", "['a', 'b''''c']"), Pair("columns", "{'x': 'INT'}")));
  EXPECT_TRUE(weather.incremental);
  EXPECT_EQ(weather.loaded_at_field, "at");
  EXPECT_EQ(weather.columns[0].type, TypeId::kDouble);
  EXPECT_EQ(weather.columns[1].type, std::nullopt);
  const SourceTable& arrivals = project.sources.at("raw.arrivals");
  EXPECT_EQ(arrivals.freshness.Dump(), R"({"warn_after":{"count":12,"period":"hour"}})");
  ASSERT_TRUE(arrivals.stream.has_value());
  EXPECT_EQ(arrivals.stream->event_id, "id");
  EXPECT_EQ(arrivals.stream->delay_us, 3600 * kUsPerSecond);
  EXPECT_EQ(arrivals.stream->id_retention_us, 7 * kUsPerDay);
  EXPECT_TRUE(arrivals.stream->ignore_unknown);
  EXPECT_THAT(TableGraph(project).order(), ElementsAre("backfill", "raw.arrivals", "raw.weather"));
}

TEST(LoadProject, ReadsTablesTheirConfigAndWhatTheyRead) {
  const ProjectFolder folder(
      {{"headrace.yml", "name: test\ndefaults: {materialized: view}\n"},
       {"tables/s.yml", kSources},
       {"tables/backfill.sql", "{{ config(materialized='table', tags=['a', 'b']) }}select 1"},
       {"tables/deep/folder/report.sql",
        "select * from {{ ref('backfill') }} join {{ source('raw', 'weather') }} using (a) join {{ ref('backfill') }} "
        "using (b)"},
       {"tables/t.yml",
        "models:\n  - name: backfill\n    description: Old.\n    config: {materialized: view, tags: c}\n"}});
  const Project project = MustLoad(folder);
  const Table& backfill = project.tables.at("backfill");
  EXPECT_EQ(backfill.materialized, Materialization::kTable);  // the SQL's word wins over the YAML's
  EXPECT_THAT(backfill.tags, ElementsAre("a", "b", "c"));
  EXPECT_EQ(backfill.description, "Old.");
  EXPECT_EQ(backfill.sql.sql, "select 1");
  const Table& report = project.tables.at("report");
  EXPECT_EQ(report.materialized, Materialization::kView);
  EXPECT_THAT(report.depends_on, ElementsAre("backfill", "raw.weather"));
  EXPECT_EQ(report.sql.sql, R"(select * from "backfill" join "raw"."weather" using (a) join "backfill" using (b))");
  EXPECT_EQ(report.sql.PositionOf(report.sql.sql.find("using (b)")).ToString(), "tables/deep/folder/report.sql:1:110");
}

TEST(LoadProject, ReadsDataTestsInEveryOneOfDbtsForms) {
  const ProjectFolder folder({{"tables/s.yml", kSources},
                              {"tables/backfill.sql", "select 1"},
                              {"tables/fct.sql", "select 1"},
                              {"tests/no_loss.sql", "select * from {{ ref('fct') }}, {{ source('raw', 'weather') }}"},
                              {"tables/t.yml", R"(
models:
  - name: fct
    tests:
      - unique: {column_name: id}
    columns:
      - name: status
        tests:
          - not_null
          - accepted_values: {values: [a, 1, '2', true, 0.5]}
          - accepted_values:
              name: numbers
              arguments: {values: ['1', '2'], quote: false}
        data_tests:
          - relationships: {to: ref('backfill'), field: id}
          - relationships:
              arguments: {to: "{{ source('raw', 'weather') }}", field: id}
          - not_null
)"}});
  const Project project = MustLoad(folder);
  std::vector<std::string> names;
  for (const DataTest& test : project.tests) names.push_back(test.name);
  EXPECT_THAT(names, ElementsAre("source_not_null_raw_weather_origin", "not_null_fct_status",
                                 "accepted_values_fct_status", "numbers", "relationships_fct_status__id__backfill",
                                 "relationships_fct_status__id__raw_weather", "not_null_fct_status_2", "unique_fct_id",
                                 "no_loss"));
  std::vector<std::string> values;
  for (const Value& v : project.tests[2].accepted_values)
    values.push_back(fmt::format("{} {}", TypeName(v.type()), v.ToString()));
  EXPECT_THAT(values, ElementsAre("VARCHAR a", "BIGINT 1", "VARCHAR 2", "BOOLEAN true", "DOUBLE 0.5"));
  EXPECT_EQ(project.tests[3].accepted_values[0].type(), TypeId::kBigint);
  EXPECT_EQ(project.tests[4].to_relation, "backfill");
  EXPECT_THAT(project.tests[5].depends_on, ElementsAre("fct", "raw.weather"));
  EXPECT_THAT(project.tests[8].depends_on, ElementsAre("fct", "raw.weather"));
}

TEST(LoadProject, ReadsFeatureViews) {
  const ProjectFolder folder(
      {{"tables/s.yml", kSources},
       {"tables/backfill.sql", "select 1"},
       {"features/recent.sql",
        "{{ config(entity=['a', 'b'], event_time='t', windows=['1h', '10 rows within 7d'], available_at='u') }}\n"
        "select count(*) as n from {{ source('raw', 'arrivals') }}"},
       {"features/x/latest.sql",
        "{{ config(entity='a', event_time='t', ttl='2d', delay='1h') }} select x from {{ ref('backfill') }}"},
       {"features/trip.sql",
        "{{ config(kind='request', request={'distance': 'double', 'at': 'timestamp'}) }} select distance from request"},
       {"features/f.yml",
        "feature_views:\n  - {name: recent, description: D, owner: O, features: [{name: n, description: N}]}\n"}});
  const Project project = MustLoad(folder);
  const FeatureView& recent = project.views.at("recent");
  EXPECT_EQ(recent.from, "raw.arrivals");
  EXPECT_THAT(recent.entity, ElementsAre("a", "b"));
  EXPECT_EQ(recent.available_at, "u");
  EXPECT_EQ(recent.windows[1].suffix, "10_rows_within_7d");
  EXPECT_EQ(recent.owner, "O");
  EXPECT_EQ(recent.feature_descriptions.at("n"), "N");
  EXPECT_EQ(recent.config_where.ToString(), "features/recent.sql:1:4");
  const FeatureView& latest = project.views.at("latest");
  EXPECT_EQ(latest.ttl_us, 2 * kUsPerDay);
  EXPECT_EQ(latest.delay_us, 3600 * kUsPerSecond);
  EXPECT_THAT(latest.windows, IsEmpty());
  const FeatureView& trip = project.views.at("trip");
  EXPECT_EQ(trip.from, "request");
  EXPECT_EQ(trip.request, (Schema{{"distance", TypeId::kDouble}, {"at", TypeId::kTimestamp}}));
}

TEST(LoadProject, ReadsModelRecipes) {
  const ProjectFolder folder(
      {{"tables/asked.sql", "select 1"},
       {"features/v.sql", "{{ config(entity='k', event_time='t') }} select x from {{ ref('asked') }}"},
       {"models/late.yml", R"(
name: late
task: binary
labels: {table: asked, time: at, label: late, known_at: known, entities: {k: carrier}}
features: [v.*, v.x]
split: {train_until: 2013-09-01, validate_until: 2013-11-01 12:00}
algorithm: external
command: [python3, train.py]
params: {num_leaves: 63, learning_rate: 0.05, boosting: dart}
tune: {trials: 30, metric: auc, params: {num_leaves: [15, 255], learning_rate: {log: [0.01, 0.3]}}}
evaluate: {metrics: [auc, log_loss], slices: [carrier]}
promote: {alias: best, when: never}
)"},
       {"models/other.yml",
        "name: other\ntask: regression\nlabels: {table: data/labels.parquet, time: t, label: y}\n"
        "features: [v.x]\nsplit: {fractions: [0.7, 0.15, 0.15]}\nalgorithm: linear_regression\n"}});
  const Project project = MustLoad(folder);
  const ModelRecipe& late = project.models.at("late");
  EXPECT_EQ(late.label_table, "asked");
  EXPECT_THAT(late.entities, ElementsAre(Pair("k", "carrier")));
  EXPECT_THAT(late.features, ElementsAre("v.*", "v.x"));
  EXPECT_EQ(late.features_where[1].ToString(), "models/late.yml:5:17");
  EXPECT_EQ(late.train_until, *ParseTimestamp("2013-09-01"));
  EXPECT_EQ(late.validate_until, *ParseTimestamp("2013-11-01T12:00:00Z"));
  EXPECT_EQ(late.algorithm, Algorithm::kExternal);
  EXPECT_THAT(late.command, ElementsAre("python3", "train.py"));
  EXPECT_EQ(late.params.at("num_leaves").integer(), 63);
  EXPECT_EQ(late.params.at("boosting").str(), "dart");
  EXPECT_EQ(late.tune.Find("trials")->integer(), 30);
  EXPECT_THAT(late.metrics, ElementsAre("auc", "log_loss"));
  EXPECT_EQ(late.promote_alias, "best");
  EXPECT_EQ(late.promote_when, PromoteWhen::kNever);
  const ModelRecipe& other = project.models.at("other");
  EXPECT_EQ(other.algorithm, Algorithm::kLinearRegression);
  EXPECT_THAT(other.fractions, ElementsAre(0.7, 0.15, 0.15));
  EXPECT_TRUE(other.tune.is_null());
  EXPECT_EQ(other.promote_when, PromoteWhen::kBetter);
}

TEST(LoadProject, LetsOverridesWinOverTheVarsOfTheProject) {
  const ProjectFolder folder(
      {{"headrace.yml", "name: test\nvars: {a: 1, b: x}\n"},
       {"tables/t.sql",
        "select {{ var('a') }}, '{{ var('b') }}', {{ var('c', 3) }}, {{ env_var('HEADRACE_NONE', 4) }}"}});
  EXPECT_EQ(MustLoad(folder).tables.at("t").sql.sql, "select 1, 'x', 3, 4");
  EXPECT_EQ(MustLoad(folder, {{"a", Json(2.5)}, {"c", Json("y")}}).tables.at("t").sql.sql, "select 2.5, 'x', y, 4");
}

TEST(LoadProject, GivesAllErrorsAsOneStatus) {
  const ProjectFolder folder({{"tables/a.sql", "select {{ x }}"}, {"tables/b.sql", "select {{ y }}"}});
  const auto project = LoadProject(folder.path());
  EXPECT_TRUE(absl::IsInvalidArgument(project.status()));
  EXPECT_THAT(std::string(project.status().message()),
              AllOf(HasSubstr("tables/a.sql:1:11"), HasSubstr("tables/b.sql:1:11")));
}

TEST(LoadProject, SkipsHiddenFilesAndOtherFiles) {
  const ProjectFolder folder({{"tables/.hidden.sql", "{{"},
                              {"tables/.git/x.sql", "{{"},
                              {"tables/notes.md", "{{"},
                              {".headrace/y.sql", "{{"}});
  EXPECT_THAT(MustLoad(folder).tables, IsEmpty());
}

TEST(LoadProject, SaysWhatToDoWhereThereIsNoProject) {
  const ProjectFolder folder;
  std::filesystem::remove(folder.path() + "/headrace.yml");
  EXPECT_THAT(std::string(LoadProject(folder.path()).status().message()),
              HasSubstr("has no headrace.yml; `headrace init "));
  EXPECT_THAT(std::string(LoadProject(folder.path() + "/none").status().message()), HasSubstr("is not a folder"));
  folder.Write("dbt_project.yml", "name: x");
  EXPECT_THAT(std::string(LoadProject(folder.path()).status().message()), HasSubstr("dbt projects are not supported"));
  EXPECT_TRUE(absl::IsNotFound(LoadProject(folder.path()).status()));
}

TEST(LoadProject, GivesTheRootAsAnAbsoluteFolder) {
  const ProjectFolder folder;
  EXPECT_EQ(LoadProject(folder.path() + "/./")->root, folder.path());
}

}  // namespace
}  // namespace headrace
