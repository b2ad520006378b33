#include "warehouse/build.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/file.h"
#include "warehouse/release.h"
#include "warehouse/warehouse_testing.h"

namespace headrace {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr TimestampUs kNow = 1'000'000;

class BuildTest : public ::testing::Test {
 protected:
  BuildTest() : database_(MemoryDatabase()), connection_(ConnectTo(*database_)) {
    project_.name = "test";
    project_.root = folder_.path();
    options_.now = kNow;
  }

  void Add(Table table) {
    order_.push_back(table.name);
    project_.tables[table.name] = std::move(table);
  }
  void Add(SourceTable source) { project_.sources[source.FullName()] = std::move(source); }
  DataTest& AddTest(std::string name, TestKind kind, std::string table, std::string column) {
    DataTest test;
    test.name = std::move(name);
    test.kind = kind;
    test.table = std::move(table);
    test.column = std::move(column);
    test.where = {"tables/t.yml", 4, 11};
    project_.tests.push_back(std::move(test));
    return project_.tests.back();
  }
  StatusOr<BuildReport> TryBuild() { return Build(*database_, project_, order_, options_, output_); }
  BuildReport BuildOk() {
    StatusOr<BuildReport> report = TryBuild();
    EXPECT_TRUE(report.ok()) << report.status();
    return report.ok() ? *std::move(report) : BuildReport{};
  }
  std::string BuildError() {
    const Status status = TryBuild().status();
    EXPECT_FALSE(status.ok());
    return std::string(status.message());
  }
  std::string Query(std::string_view sql) { return Rows(*connection_, sql); }

  const TestFolder folder_;
  Project project_;
  std::vector<std::string> order_;
  BuildOptions options_;
  NullOutput output_;
  std::unique_ptr<Database> database_;
  std::unique_ptr<Connection> connection_;
};

TEST_F(BuildTest, TablesAndViewsOverSources) {
  folder_.Write("f.csv", "id,delay\n1,10\n2,20\n");
  Add(MakeSource("flights", "f.csv"));
  Add(MakeTable("clean", "select id, delay * 2 as delay from \"raw\".\"flights\" -- a comment", {"raw.flights"}));
  Add(MakeTable("summary", "select sum(delay) as total from \"clean\";", {"clean"}, Materialization::kView));
  const BuildReport report = BuildOk();
  EXPECT_TRUE(report.published);
  EXPECT_EQ(report.release, 1);
  ASSERT_EQ(report.tables.size(), 3u);
  EXPECT_EQ(report.tables[0].name, "raw.flights");
  EXPECT_EQ(report.tables[0].rows, 2);
  EXPECT_EQ(report.tables[2].kind, "view");
  EXPECT_EQ(Query("select total from summary"), "60\n");
  EXPECT_EQ(Query("select number, published_at from headrace.releases"), "1|1970-01-01T00:00:01Z\n");
  EXPECT_EQ(Query("select name, kind, num_rows from headrace.release_tables order by all"),
            "clean|table|2\nraw.flights|source|2\nsummary|view|null\n");
}

TEST_F(BuildTest, AFailingTestLeavesTheLastGoodRelease) {
  Add(MakeTable("t", "select 1 as a, 'first' as release"));
  AddTest("not_null_t_a", TestKind::kNotNull, "t", "a");
  EXPECT_TRUE(BuildOk().published);

  project_.tables["t"].sql = PlainSql("tables/t.sql", "select unnest([1, null, null]) as a, 'second' as release");
  Add(MakeTable("new_table", "select 1 as a"));
  const BuildReport failed = BuildOk();
  EXPECT_FALSE(failed.published);
  EXPECT_EQ(failed.release, 1);
  ASSERT_EQ(failed.tests.size(), 1u);
  EXPECT_EQ(failed.tests[0].failing_rows, 2);
  EXPECT_EQ(failed.tests[0].rejected, "rejected.\"not_null_t_a\"");
  EXPECT_EQ(failed.Outcome().code(), absl::StatusCode::kAborted);
  EXPECT_THAT(std::string(failed.Outcome().message()), HasSubstr("test not_null_t_a failed: 2 rows"));
  EXPECT_EQ(Query("from t"), "1|first\n");
  EXPECT_THAT(Query("from new_table"), StartsWith("error"));
  EXPECT_EQ(Query("from rejected.not_null_t_a"), "null|second\nnull|second\n");
  EXPECT_EQ(Query("select count(*) from headrace.releases"), "1\n");

  project_.tables["t"].sql = PlainSql("tables/t.sql", "select 1 as a, 'third' as release");
  const BuildReport good = BuildOk();
  EXPECT_TRUE(good.published);
  EXPECT_EQ(good.release, 2);
  EXPECT_EQ(Query("from t"), "1|third\n");
  EXPECT_THAT(Query("from rejected.not_null_t_a"), StartsWith("error"));
}

TEST_F(BuildTest, AnErrorLeavesTheLastGoodRelease) {
  Add(MakeTable("a", "select 1 as x"));
  Add(MakeTable("b", "select x from \"a\"", {"a"}));
  BuildOk();
  project_.tables["a"].sql = PlainSql("tables/a.sql", "select 2 as x");
  project_.tables["b"].sql = PlainSql("tables/b.sql", "select error('stop') as x from \"a\"");
  BuildError();
  EXPECT_EQ(Query("select a.x, b.x from a, b"), "1|1\n");
}

TEST_F(BuildTest, ReadersSeeTheOldReleaseUntilTheCommit) {
  Add(MakeTable("t", "select 1 as a"));
  BuildOk();
  // A reader that has begun goes on with what it saw, whatever is published meanwhile.
  ASSERT_TRUE(connection_->Execute("begin transaction").ok());
  EXPECT_EQ(Query("from t"), "1\n");
  project_.tables["t"].sql = PlainSql("tables/t.sql", "select 2 as a");
  EXPECT_TRUE(BuildOk().published);
  EXPECT_EQ(Query("from t"), "1\n");
  ASSERT_TRUE(connection_->Execute("commit").ok());
  EXPECT_EQ(Query("from t"), "2\n");
}

TEST_F(BuildTest, RejectedRowsAreLimitedAndCounted) {
  Add(MakeTable("t", "select null::bigint as a from range(5000)"));
  AddTest("nulls", TestKind::kNotNull, "t", "a");
  options_.rejected_row_limit = 100;
  EXPECT_EQ(BuildOk().tests[0].failing_rows, 5000);
  EXPECT_EQ(Query("select count(*) from rejected.nulls"), "100\n");
}

TEST_F(BuildTest, AnSqlErrorIsAtItsPlaceInTheUsersFile) {
  Add(MakeTable("t", "select\n  1 as a,\n  nosuch as b\nfrom range(3)"));
  const std::string error = BuildError();
  EXPECT_THAT(error, StartsWith("tables/t.sql:3:3: Referenced column \"nosuch\" not found"));
  project_.tables["t"].sql = PlainSql("tables/t.sql", "select 1 as a\nfrom (selec 1)");
  EXPECT_THAT(BuildError(), StartsWith("tables/t.sql:2:"));
  project_.tables["t"].sql = PlainSql("tables/t.sql", "select\n cast(s as int) as b from (values ('1'), ('x')) v(s)");
  EXPECT_THAT(BuildError(), StartsWith("tables/t.sql:2:2: Could not convert string 'x'"));
  project_.tables["t"].materialized = Materialization::kView;
  project_.tables["t"].sql = PlainSql("tables/t.sql", "select\n  nosuch as b\nfrom range(3)");
  EXPECT_THAT(BuildError(), StartsWith("tables/t.sql:2:3: Referenced column \"nosuch\" not found"));
}

TEST_F(BuildTest, ATableIsOneStatement) {
  Add(MakeTable("t", "select 1 as a; create table other as select 1 as a"));
  EXPECT_THAT(BuildError(), StartsWith("tables/t.sql"));
  EXPECT_THAT(Query("from other"), StartsWith("error"));
}

TEST_F(BuildTest, ATableMayBecomeAViewAndBack) {
  Add(MakeTable("t", "select 1 as a"));
  BuildOk();
  for (const Materialization kind : {Materialization::kView, Materialization::kTable}) {
    project_.tables["t"].materialized = kind;
    EXPECT_TRUE(BuildOk().published);
    EXPECT_EQ(Query("from t"), "1\n");
  }
}

TEST_F(BuildTest, AReservedSourceNameIsRefused) {
  SourceTable source = MakeSource("a", "a.csv");
  source.source = "History";
  Add(source);
  EXPECT_THAT(BuildError(), StartsWith("tables/sources.yml:7:9: source History.a: the name 'History' is reserved"));
}

TEST_F(BuildTest, ASelectionBuildsOnlyItsTablesAndTheirSources) {
  folder_.Write("a.csv", "x\n1\n");
  folder_.Write("b.csv", "x\n1\n");
  Add(MakeSource("a", "a.csv"));
  Add(MakeSource("b", "b.csv"));
  Add(MakeTable("ta", "select x from \"raw\".\"a\"", {"raw.a"}));
  Add(MakeTable("tb", "select x from \"raw\".\"b\"", {"raw.b"}));
  Add(MakeTable("both", "select x from \"ta\" union all select x from \"tb\"", {"ta", "tb"}));
  AddTest("only_tb", TestKind::kNotNull, "tb", "x");
  BuildOk();
  folder_.Write("a.csv", "x\n2\n");
  folder_.Write("b.csv", "x\n2\n");
  options_.select = {{"ta", "both"}};
  const BuildReport report = BuildOk();
  EXPECT_TRUE(report.published);
  EXPECT_EQ(report.tests.size(), 0u);
  EXPECT_EQ(report.tables.size(), 3u);
  EXPECT_EQ(Query("from \"both\" order by x"), "1\n2\n");
  EXPECT_EQ(Query("from raw.b"), "1\n");
}

// One row of each kind in every test: a value that fails, one that is good, and nulls.
struct BuiltInTestCase {
  TestKind kind;
  std::string good;
  std::string bad;
  int64_t failing_rows;
};

class BuiltInTest : public BuildTest, public ::testing::WithParamInterface<BuiltInTestCase> {};

TEST_P(BuiltInTest, PassesAndFails) {
  const BuiltInTestCase& given = GetParam();
  Add(MakeTable("parent", "select unnest(['x', 'y', null]) as id"));
  Add(MakeTable("child", fmt::format("select unnest({}::varchar[]) as id", given.good)));
  DataTest& test = AddTest("the_test", given.kind, "child", "id");
  test.accepted_values = {Value::Varchar("x"), Value::Varchar("it's")};
  test.to_relation = "parent";
  test.to_field = "id";
  const BuildReport passed = BuildOk();
  EXPECT_TRUE(passed.published) << passed.Outcome();
  project_.tables["child"].sql =
      PlainSql("tables/child.sql", fmt::format("select unnest({}::varchar[]) as id", given.bad));
  const BuildReport failed = BuildOk();
  EXPECT_FALSE(failed.published);
  EXPECT_EQ(failed.tests[0].failing_rows, given.failing_rows);
}

INSTANTIATE_TEST_SUITE_P(
    All, BuiltInTest,
    ::testing::Values(BuiltInTestCase{TestKind::kNotNull, "['x', '']", "['x', null, null]", 2},
                      BuiltInTestCase{TestKind::kUnique, "['x', 'y', null, null]", "['x', 'x', 'y', null, null]", 2},
                      BuiltInTestCase{TestKind::kAcceptedValues, "['x', 'it''s', null]", "['x', 'z', 'z', null]", 2},
                      BuiltInTestCase{TestKind::kRelationships, "['x', 'y', 'y', null]", "['x', 'z', null]", 1}));

TEST_F(BuildTest, ATestOfAnEmptyTablePasses) {
  Add(MakeTable("t", "select 1 as a where false"));
  for (const TestKind kind : {TestKind::kNotNull, TestKind::kUnique, TestKind::kAcceptedValues}) {
    AddTest(fmt::format("test_{}", static_cast<int>(kind)), kind, "t", "a");
  }
  EXPECT_TRUE(BuildOk().published);
}

TEST_F(BuildTest, AnSqlTestFailsWhenItGivesRows) {
  Add(MakeTable("t", "select 5 as a"));
  DataTest& test = AddTest("no_fives", TestKind::kSql, "", "");
  test.sql = PlainSql("tests/no_fives.sql", "select a, a, [a] as list from t where a = 5;\n");
  test.depends_on = {"t"};
  EXPECT_FALSE(BuildOk().published);
  EXPECT_EQ(Query("from rejected.no_fives"), "5|5|[5]\n");
  project_.tests[0].sql = PlainSql("tests/no_fives.sql", "select a from t where a = 6 -- none");
  EXPECT_TRUE(BuildOk().published);
  project_.tests[0].sql = PlainSql("tests/no_fives.sql", "select a\nfrom t where nosuch = 6");
  EXPECT_THAT(BuildError(), StartsWith("tests/no_fives.sql:2:14: Referenced column \"nosuch\""));
}

TEST_F(BuildTest, ABuiltInTestOnAColumnThatIsNotThereNamesItsPlace) {
  Add(MakeTable("t", "select 5 as a"));
  AddTest("bad", TestKind::kNotNull, "t", "nosuch");
  EXPECT_THAT(BuildError(), StartsWith("tables/t.yml:4:11: test bad: Referenced column"));
}

TEST_F(BuildTest, TheReleaseInstantNeverGoesBack) {
  Add(MakeTable("t", "select 5 as a"));
  BuildOk();
  options_.now = kNow - 500;
  EXPECT_EQ(BuildOk().published_at, kNow);
  const auto last = LastRelease(*connection_);
  ASSERT_TRUE(last.ok() && last->has_value());
  EXPECT_EQ((*last)->number, 2);
}

TEST_F(BuildTest, AStreamIsReadByTablesThroughItsHistory) {
  Add(MakeTable("backfill", "select i as id, make_timestamp(i * 1000000) as at, i * 1.5 as delay from range(3) t(i)"));
  SourceTable stream = MakeSource("arrivals");
  stream.stream = StreamSpec{};
  stream.stream->event_time = "at";
  stream.stream->event_id = "id";
  stream.stream->history_table = "backfill";
  stream.columns = {MakeColumn("id", TypeId::kBigint), MakeColumn("at", TypeId::kTimestamp),
                    MakeColumn("delay", TypeId::kDouble)};
  Add(stream);
  Add(MakeTable("late", "select id from \"raw\".\"arrivals\" where delay > 1", {"raw.arrivals"}));
  order_ = {"late", "backfill"};  // the stream brings its history's table with it, whatever the order says
  const BuildReport report = BuildOk();
  EXPECT_TRUE(report.published);
  EXPECT_EQ(Query("from late"), "1\n2\n");
  ASSERT_EQ(report.histories.size(), 1u);
  EXPECT_EQ(report.histories[0].added, 3);
}

TEST_F(BuildTest, AFileIsBuiltAndReopened) {
  const std::string path = folder_.path() + "/warehouse.duckdb";
  DatabaseOptions options;
  options.path = path;
  Add(MakeTable("t", "select i as a from range(100000) t(i)"));
  {
    StatusOr<std::unique_ptr<Database>> database = Database::Open(options);
    ASSERT_TRUE(database.ok()) << database.status();
    for (int i = 0; i < 3; ++i) ASSERT_TRUE(Build(**database, project_, order_, options_, output_).ok());
    EXPECT_EQ(Database::Open(options).status().code(), absl::StatusCode::kOk);  // the same process may open it again
    SourceTable source = MakeSource("a", "a.csv");
    source.source = "warehouse";
    Add(source);
    EXPECT_THAT(std::string(Build(**database, project_, order_, options_, output_).status().message()),
                HasSubstr("'warehouse' is reserved"));
  }
  StatusOr<std::unique_ptr<Database>> again = Database::Open(options);
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(Rows(*ConnectTo(**again), "select max(number) from headrace.releases"), "3\n");
  EXPECT_EQ(Rows(*ConnectTo(**again), "select sum(a) from t"), "4999950000\n");
}

}  // namespace
}  // namespace headrace
