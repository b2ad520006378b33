#include "warehouse/sources.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "warehouse/schema_objects.h"
#include "warehouse/warehouse_testing.h"

namespace headrace {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class SourcesTest : public ::testing::Test {
 protected:
  SourcesTest() : database_(MemoryDatabase()), connection_(ConnectTo(*database_)) {
    project_.root = folder_.path();
    EXPECT_TRUE(CreateBookkeeping(*connection_).ok());
  }

  StatusOr<SourceLoad> Load(const SourceTable& source, bool full_refresh = false) {
    return LoadSource(*connection_, project_, source, full_refresh, /*now=*/0);
  }
  std::string LoadError(const SourceTable& source) {
    const Status status = Load(source).status();
    EXPECT_FALSE(status.ok());
    return std::string(status.message());
  }
  // Loads, then gives the rows.
  std::string LoadedRows(const SourceTable& source, std::string_view order = "") {
    const StatusOr<SourceLoad> load = Load(source);
    if (!load.ok()) return "error: " + std::string(load.status().message());
    return Rows(*connection_, fmt::format("from raw.{} {}", source.name, order));
  }
  void Copy(std::string_view sql, const std::string& file, std::string_view options) {
    const Status status =
        connection_->Execute(fmt::format("copy ({}) to '{}/{}' ({})", sql, folder_.path(), file, options));
    EXPECT_TRUE(status.ok()) << status;
  }

  const TestFolder folder_;
  Project project_;
  std::unique_ptr<Database> database_;
  std::unique_ptr<Connection> connection_;
};

TEST_F(SourcesTest, EveryKindOfFile) {
  constexpr std::string_view kRows = "select 1 as a, 'x' as b union all select 2, 'y' order by a";
  Copy(kRows, "f.csv", "format csv, header");
  Copy(kRows, "g.csv.gz", "format csv, header, compression gzip");
  Copy(kRows, "h.csv.zst", "format csv, header, compression zstd");
  Copy(kRows, "f.parquet", "format parquet");
  Copy(kRows, "f.ndjson", "format json");
  Copy(kRows, "g.json.gz", "format json, compression gzip");
  Copy(kRows, "h.jsonl.zst", "format json, compression zstd");
  folder_.Write("array.json", R"([{"a": 1, "b": "x"}, {"a": 2, "b": "y"}])");
  folder_.Write("f.tsv", "a\tb\n1\tx\n2\ty\n");
  for (const char* file :
       {"f.csv", "g.csv.gz", "h.csv.zst", "f.parquet", "f.ndjson", "g.json.gz", "h.jsonl.zst", "array.json", "f.tsv"}) {
    EXPECT_EQ(LoadedRows(MakeSource("t", file)), "1|x\n2|y\n") << file;
  }
}

TEST_F(SourcesTest, ReaderOptionsAreDuckDbs) {
  folder_.Write("a.csv", "a;b\n1;NA\nNA;y\n");
  SourceTable source = MakeSource("t", "a.csv");
  source.options = {{"nullstr", "'NA'"}, {"delim", "';'"}};
  EXPECT_EQ(LoadedRows(source), "1|null\nnull|y\n");
}

TEST_F(SourcesTest, AGlobIsTheUnionOfItsFilesInTheOrderOfTheirNames) {
  folder_.Write("data/b.csv", "x,y\n3,three\n4,four\n");
  folder_.Write("data/a.csv", "y,x\none,1\ntwo,2\n");
  folder_.Write("data/B.csv", "x,z\n0,zero\n");
  EXPECT_EQ(LoadedRows(MakeSource("t", "data/*.csv")),
            "0|zero|null\n1|null|one\n2|null|two\n3|null|three\n4|null|four\n");
  const auto files = FindFiles(*connection_, project_, MakeSource("t", "data/*.csv"));
  ASSERT_TRUE(files.ok());
  EXPECT_THAT(*files, ElementsAre("data/B.csv", "data/a.csv", "data/b.csv"));
}

TEST_F(SourcesTest, DeclaredTypesAreApplied) {
  folder_.Write("a.csv", "id,at,day,price,ok,code\n1,2013-01-01T00:00:00+01:00,2013-01-01,1,true,007\n");
  SourceTable source = MakeSource("t", "a.csv");
  source.columns = {MakeColumn("id", TypeId::kBigint),  MakeColumn("at", TypeId::kTimestamp),
                    MakeColumn("day", TypeId::kDate),   MakeColumn("price", TypeId::kDouble),
                    MakeColumn("ok", TypeId::kBoolean), MakeColumn("code", TypeId::kVarchar)};
  EXPECT_EQ(LoadedRows(source), "1|2012-12-31T23:00:00Z|2013-01-01|1.0|true|007\n");
  const StatusOr<Schema> schema = connection_->Describe("from raw.t");
  ASSERT_TRUE(schema.ok());
  EXPECT_EQ(schema->at(1), (Field{"at", TypeId::kTimestamp}));
}

TEST_F(SourcesTest, DeclaredTypesAreAppliedToJsonAndParquet) {
  folder_.Write("a.ndjson", R"({"id": 9007199254740993, "at": "2013-01-01T00:00:00+01:00", "other": [1]})");
  Copy("select 7.0::double as id, timestamp_ns '2013-01-01 00:00:00' as at, 1 as other", "a.parquet", "format parquet");
  SourceTable source = MakeSource("t", "a.ndjson");
  source.columns = {MakeColumn("id", TypeId::kBigint), MakeColumn("at", TypeId::kTimestamp)};
  EXPECT_EQ(LoadedRows(source), "9007199254740993|2012-12-31T23:00:00Z|[1]\n");
  source.location = "a.parquet";
  EXPECT_EQ(LoadedRows(source), "7|2013-01-01T00:00:00Z|1\n");
}

TEST_F(SourcesTest, ADeclaredTypeNeverChangesAValueSilently) {
  SourceTable source = MakeSource("t", "a.csv");
  source.columns = {MakeColumn("id", TypeId::kBigint)};
  for (const char* value : {"1.5", "abc", "9223372036854775808"}) {
    folder_.Write("a.csv", fmt::format("id,b\n1,1\n{},2\n", value));
    EXPECT_THAT(LoadError(source), HasSubstr(fmt::format("column \"id\": {} is not a BIGINT", value)));
  }
  source.location = "a.ndjson";
  folder_.Write("a.ndjson", "{\"id\": 1}\n{\"id\": 1.5}\n");
  EXPECT_THAT(LoadError(source), HasSubstr("column \"id\": 1.5 is not a BIGINT"));
  source.location = "a.parquet";
  Copy("select 1.5::double as id", "a.parquet", "format parquet");
  EXPECT_THAT(LoadError(source), HasSubstr("column \"id\": 1.5 is not a BIGINT"));
}

TEST_F(SourcesTest, Rule14_NanosecondsOfADeclaredTimestampAreRefused) {
  Copy("select '2013-01-01 00:00:00.000000001'::timestamp_ns as at", "a.parquet", "format parquet");
  SourceTable source = MakeSource("t", "a.parquet");
  source.columns = {MakeColumn("at", TypeId::kTimestamp)};
  EXPECT_THAT(LoadError(source), HasSubstr("is not a TIMESTAMP in whole microseconds"));
}

TEST_F(SourcesTest, AMissingFileIsNamedWithItsPlaceInTheYaml) {
  const Status status = Load(MakeSource("t", "data/nosuch.csv")).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(status.message()),
              StartsWith("tables/sources.yml:7:9: source raw.t: the file 'data/nosuch.csv' does not exist"));
  EXPECT_THAT(LoadError(MakeSource("t", "data/*.csv")), HasSubstr("no file matches 'data/*.csv'"));
}

TEST_F(SourcesTest, AnUnknownExtensionIsRefused) {
  folder_.Write("a.txt", "x");
  EXPECT_THAT(LoadError(MakeSource("t", "a.txt")), StartsWith("tables/sources.yml:7:9: source raw.t: 'a.txt'"));
}

TEST_F(SourcesTest, ADeclaredColumnThatTheFileHasNotIsAnErrorAtTheColumn) {
  folder_.Write("a.csv", "arr_delay,b\n1,2\n");
  SourceTable source = MakeSource("t", "a.csv");
  source.columns = {MakeColumn("arr_dely", TypeId::kDouble, 12)};
  const std::string error = LoadError(source);
  EXPECT_THAT(error, StartsWith("tables/sources.yml:12:1: source raw.t: 'a.csv' has no column 'arr_dely'"));
  EXPECT_THAT(error, HasSubstr("did you mean 'arr_delay'?"));
}

TEST_F(SourcesTest, ABadLineOfACsvFileIsReportedWithItsFileAndLine) {
  folder_.Write("a.csv", "a,b\n1,2\n3,oops\n");
  SourceTable source = MakeSource("t", "a.csv");
  source.columns = {MakeColumn("b", TypeId::kDouble)};
  const std::string error = LoadError(source);
  EXPECT_EQ(error,
            "tables/sources.yml:7:9: source raw.t: 'a.csv': CSV Error on Line: 3; Original Line: 3,oops; "
            "Error when converting column \"b\". Could not convert string \"oops\" to 'DOUBLE'");
  folder_.Write("d/1.csv", "a,b\n1,2\n");
  folder_.Write("d/2.csv", "a,b\n1,oops\n");
  source.location = "d/*.csv";
  EXPECT_THAT(LoadError(source), HasSubstr("'d/2.csv'"));
}

TEST_F(SourcesTest, AFullLoadReplacesTheTable) {
  folder_.Write("a.csv", "a\n1\n2\n");
  EXPECT_EQ(LoadedRows(MakeSource("t", "a.csv")), "1\n2\n");
  folder_.Write("a.csv", "a,b\n3,4\n");
  EXPECT_EQ(LoadedRows(MakeSource("t", "a.csv")), "3|4\n");
}

TEST_F(SourcesTest, AnIncrementalLoadTakesEachFileOnce) {
  SourceTable source = MakeSource("t", "d/*.csv");
  source.incremental = true;
  folder_.Write("d/1.csv", "a,b\n1,x\n");
  EXPECT_EQ(LoadedRows(source), "1|x\n");
  folder_.Write("d/2.csv", "b,a\ny,2\n");
  folder_.Write("d/1.csv", "a,b\n100,changed\n");
  EXPECT_EQ(LoadedRows(source), "1|x\n2|y\n");
  const StatusOr<SourceLoad> nothing_new = Load(source);
  ASSERT_TRUE(nothing_new.ok());
  EXPECT_EQ(nothing_new->new_files, 0);
  EXPECT_EQ(nothing_new->rows, 2);
  const StatusOr<SourceLoad> refreshed = Load(source, /*full_refresh=*/true);
  ASSERT_TRUE(refreshed.ok());
  EXPECT_EQ(Rows(*connection_, "from raw.t"), "100|changed\n2|y\n");
}

TEST_F(SourcesTest, ASourceThatBecomesIncrementalIsLoadedAfresh) {
  SourceTable source = MakeSource("t", "d/*.csv");
  folder_.Write("d/1.csv", "a\n1\n");
  EXPECT_EQ(LoadedRows(source), "1\n");
  source.incremental = true;
  EXPECT_EQ(LoadedRows(source), "1\n");
}

}  // namespace
}  // namespace headrace
