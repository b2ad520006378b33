#include "warehouse/sql_output.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "warehouse/sql_error.h"
#include "warehouse/warehouse_testing.h"

namespace headrace {
namespace {

class TextOutput : public Output {
 public:
  void Print(std::string_view text) override { text_ += text; }
  void Note(std::string_view) override {}
  void Progress(std::string_view, int64_t, int64_t) override {}
  const std::string& text() const { return text_; }

 private:
  std::string text_;
};

class SqlOutputTest : public ::testing::Test {
 protected:
  SqlOutputTest() : database_(MemoryDatabase()), connection_(ConnectTo(*database_)) {}

  std::string Run(std::string_view sql, SqlFormat format, int64_t max_rows = 1000) {
    TextOutput output;
    SqlOutputOptions options;
    options.format = format;
    options.max_rows = max_rows;
    const StatusOr<int64_t> rows = RunSql(*connection_, sql, options, output);
    return rows.ok() ? output.text() : "error: " + std::string(rows.status().message());
  }

  std::unique_ptr<Database> database_;
  std::unique_ptr<Connection> connection_;
};

TEST_F(SqlOutputTest, ATableIsAligned) {
  EXPECT_EQ(Run("select * from (values (1, 'é', 0.5), (20, null, -1)) t(id, name, x)", SqlFormat::kTable),
            "id  name     x\n"
            "--  ----  ----\n"
            " 1  é      0.5\n"
            "20  null  -1.0\n"
            "(2 rows)\n");
}

TEST_F(SqlOutputTest, ALongTableIsCut) {
  EXPECT_EQ(Run("select i from range(5000) t(i)", SqlFormat::kTable, 2),
            "i\n-\n0\n1\n(the first 2 rows; csv, json and parquet give all)\n");
}

TEST_F(SqlOutputTest, NoRowsIsStillATable) {
  EXPECT_EQ(Run("select 1 as a where false", SqlFormat::kTable), "a\n-\n(0 rows)\n");
}

TEST_F(SqlOutputTest, CsvTellsNullFromEmptyText) {
  EXPECT_EQ(Run("select * from (values ('a,b', null, 1), ('', 'say \"hi\"', 2)) t(x, y, \"n,m\")", SqlFormat::kCsv),
            "x,y,\"n,m\"\n\"a,b\",,1\n\"\",\"say \"\"hi\"\"\",2\n");
}

TEST_F(SqlOutputTest, JsonFollowsTheRulesOfSemantics) {
  EXPECT_EQ(Run("select 'nan'::double as a, -0.0::double as b, 9007199254740993 as c, timestamp '2013-01-01' as d, "
                "null as e, "
                "[1, 2] as f, true as g",
                SqlFormat::kJson),
            "[{\"a\": \"NaN\", \"b\": -0.0, \"c\": 9007199254740993, \"d\": \"2013-01-01T00:00:00Z\", \"e\": null, "
            "\"f\": [1,2], \"g\": true}]\n");
  EXPECT_EQ(Run("select i from range(2) t(i)", SqlFormat::kJson), "[{\"i\": 0},\n {\"i\": 1}]\n");
  EXPECT_EQ(Run("select 1 as a where false", SqlFormat::kJson), "[]\n");
}

TEST_F(SqlOutputTest, ManyRowsAreAllThere) {
  const std::string text = Run("select i from range(100000) t(i)", SqlFormat::kCsv);
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 100'001);
}

TEST_F(SqlOutputTest, ParquetGoesToAFile) {
  const TestFolder folder;
  SqlOutputOptions options;
  options.format = SqlFormat::kParquet;
  TextOutput output;
  EXPECT_FALSE(RunSql(*connection_, "select 1 as a", options, output).ok());
  options.path = folder.path() + "/a.parquet";
  const auto rows = RunSql(*connection_, "select [1] as a;", options, output);
  ASSERT_TRUE(rows.ok()) << rows.status();
  EXPECT_EQ(Rows(*connection_, fmt::format("from '{}'", options.path)), "[1]\n");
}

TEST_F(SqlOutputTest, StatementsThatWriteAreRefused) {
  EXPECT_THAT(Run("create table t as select 1 as a", SqlFormat::kTable), ::testing::HasSubstr("read-only"));
  EXPECT_THAT(Run("select 1; select 2", SqlFormat::kTable), ::testing::StartsWith("error"));
  EXPECT_EQ(Run("describe select 1 as a", SqlFormat::kCsv).substr(0, 12), "column_name,");
}

TEST_F(SqlOutputTest, AnErrorKeepsItsOffset) {
  TextOutput output;
  EXPECT_EQ(SqlErrorOffset(RunSql(*connection_, "select nosuch", {}, output).status()), 7u);
}

}  // namespace
}  // namespace headrace
