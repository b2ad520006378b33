#include "warehouse/database.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cmath>
#include <filesystem>
#include <limits>
#include <thread>

#include "base/decimal.h"
#include "base/file.h"
#include "base/nested.h"
#include "warehouse/appender.h"
#include "warehouse/sql_error.h"
#include "warehouse/warehouse_testing.h"

namespace headrace {
namespace {

using ::testing::HasSubstr;

class DatabaseTest : public ::testing::Test {
 protected:
  DatabaseTest() : database_(MemoryDatabase()), connection_(ConnectTo(*database_)) {}

  Value One(std::string_view sql) {
    const StatusOr<Value> value = connection_->QueryValue(sql);
    EXPECT_TRUE(value.ok()) << sql << ": " << value.status();
    return value.ok() ? *value : Value::Null();
  }
  Status Error(std::string_view sql) { return connection_->QueryValue(sql).status(); }
  void ExpectValue(std::string_view sql, const Value& expected) {
    const Value value = One(sql);
    EXPECT_TRUE(value.IdenticalTo(expected)) << sql << " gave " << value.ToString() << ", not " << expected.ToString();
  }

  std::unique_ptr<Database> database_;
  std::unique_ptr<Connection> connection_;
};

TEST_F(DatabaseTest, EveryIntegerTypeIsBigint) {
  for (const char* type : {"tinyint", "smallint", "integer", "bigint", "hugeint"}) {
    ExpectValue(fmt::format("select cast(-7 as {})", type), Value::Bigint(-7));
  }
  for (const char* type : {"utinyint", "usmallint", "uinteger", "ubigint", "uhugeint"}) {
    ExpectValue(fmt::format("select cast(200 as {})", type), Value::Bigint(200));
  }
  ExpectValue("select (-9223372036854775808)::hugeint", Value::Bigint(std::numeric_limits<int64_t>::min()));
}

TEST_F(DatabaseTest, IntegersBeyond64BitsAreAnErrorThatNamesTheColumn) {
  for (const char* sql :
       {"select 9223372036854775808::ubigint as big", "select 9223372036854775808::hugeint as big",
        "select (-9223372036854775809)::hugeint as big", "select 9223372036854775808::uhugeint as big"}) {
    EXPECT_THAT(std::string(Error(sql).message()), HasSubstr("column 'big'")) << sql;
  }
}

Value Decimal(int width, int scale, std::string_view text) {
  const TypeId type = DecimalOf(width, scale);
  return Value::Bytes(type, EncodeDecimal(*ParseDecimal(text, type, /*exact=*/true)));
}

TEST_F(DatabaseTest, DecimalsOfEveryWidthKeepTheirDigits) {
  ExpectValue("select 1.1::decimal(4, 1)", Decimal(4, 1, "1.1"));
  ExpectValue("select -0.07::decimal(9, 2)", Decimal(9, 2, "-0.07"));
  ExpectValue("select 12345678.9::decimal(18, 6)", Decimal(18, 6, "12345678.9"));
  ExpectValue("select '-1234567890123456789.0123456789'::decimal(38, 10)",
              Decimal(38, 10, "-1234567890123456789.0123456789"));
  ExpectValue("select [1.25, null]::decimal(4, 2)[]", Value::Bytes(ListOf(DecimalOf(4, 2)), EncodeList([] {
                                                                     Column elements(DecimalOf(4, 2));
                                                                     elements.Append(Decimal(4, 2, "1.25"));
                                                                     elements.AppendNull();
                                                                     return elements;
                                                                   }())));
}

TEST_F(DatabaseTest, DecimalsAreParameters) {
  const Value value = Decimal(38, 10, "-1234567890123456789.0123456789");
  const StatusOr<RecordBatch> rows = connection_->QueryAll("select ?", std::span(&value, 1));
  ASSERT_TRUE(rows.ok()) << rows.status();
  EXPECT_TRUE(rows->columns[0].GetValue(0).IdenticalTo(value)) << rows->columns[0].GetValue(0).ToString();
}

TEST_F(DatabaseTest, AppendedDecimalsOfEveryWidthComeBack) {
  RecordBatch batch(
      {{"a", DecimalOf(4, 1)}, {"b", DecimalOf(9, 2)}, {"c", DecimalOf(18, 6)}, {"d", DecimalOf(38, 10)}});
  for (const char* text : {"1.1", "-0.1", "999", "0"}) {
    for (Column& column : batch.columns) {
      AppendDecimal(*ParseDecimal(text, column.type(), /*exact=*/true), &column);
    }
  }
  for (Column& column : batch.columns) column.AppendNull();
  batch.num_rows = 5;
  ASSERT_TRUE(connection_->Execute(fmt::format("create table decimals ({})", ColumnDefinitions(batch.schema))).ok());
  StatusOr<std::unique_ptr<Appender>> appender = Appender::Create(*connection_, "", "decimals");
  ASSERT_TRUE(appender.ok());
  ASSERT_TRUE((*appender)->Append(batch).ok());
  ASSERT_TRUE((*appender)->Close().ok());
  const StatusOr<RecordBatch> rows = connection_->QueryAll("from decimals");
  ASSERT_TRUE(rows.ok()) << rows.status();
  EXPECT_EQ(rows->schema, batch.schema);
  for (size_t i = 0; i < 4; ++i) {
    for (size_t row = 0; row < 5; ++row)
      EXPECT_TRUE(rows->columns[i].GetValue(row).IdenticalTo(batch.columns[i].GetValue(row)));
  }
}

TEST_F(DatabaseTest, DoublesKeepTheirBits) {
  ExpectValue("select '-0.0'::double", Value::Double(-0.0));
  ExpectValue("select 'infinity'::double", Value::Double(std::numeric_limits<double>::infinity()));
  EXPECT_TRUE(std::isnan(One("select 'nan'::double").dbl()));
  ExpectValue("select 1.5::float", Value::Double(1.5));
}

TEST_F(DatabaseTest, TextTypes) {
  ExpectValue("select 'short'", Value::Varchar("short"));
  ExpectValue("select 'a text that is longer than twelve bytes, é'",
              Value::Varchar("a text that is longer than twelve bytes, é"));
  ExpectValue("select 'b'::enum('a', 'b')", Value::Varchar("b"));
  ExpectValue("select '01234567-89ab-cdef-8123-456789abcdef'::uuid",
              Value::Varchar("01234567-89ab-cdef-8123-456789abcdef"));
  ExpectValue("select 'ff234567-89ab-cdef-8123-456789abcdef'::uuid",
              Value::Varchar("ff234567-89ab-cdef-8123-456789abcdef"));
  ExpectValue("select null", Value::Null());
}

TEST_F(DatabaseTest, Rule14_TimesBecomeMicrosecondsInUtc) {
  const Value expected = Value::Timestamp(1'000'000);
  for (const char* type : {"timestamp", "timestamp_s", "timestamp_ms", "timestamp_ns", "timestamptz"}) {
    ExpectValue(fmt::format("select '1970-01-01 00:00:01'::{}", type), expected);
  }
  ExpectValue("select '1970-01-01 01:00:01+01:00'::timestamptz", expected);
  ExpectValue("select date '1970-01-03'", Value::Date(2));
  ExpectValue("select true", Value::Boolean(true));
}

TEST_F(DatabaseTest, Rule14_InfinityAndPartsOfAMicrosecondAreRefused) {
  for (const char* sql :
       {"select 'infinity'::timestamp as t", "select '-infinity'::timestamptz as t", "select 'infinity'::date as t",
        "select '1970-01-01 00:00:00.000000001'::timestamp_ns as t"}) {
    EXPECT_THAT(std::string(Error(sql).message()), HasSubstr("column 't'")) << sql;
  }
}

TEST_F(DatabaseTest, NullsOfEveryTypeHoldZero) {
  const StatusOr<RecordBatch> rows = connection_->QueryAll(
      "select case when i = 1 then i end as a, case when i = 1 then i::double end as b, "
      "case when i = 1 then 'x' end as c from range(3) t(i)");
  ASSERT_TRUE(rows.ok()) << rows.status();
  for (const Column& column : rows->columns) {
    EXPECT_TRUE(column.IsNull(0) && !column.IsNull(1) && column.IsNull(2));
  }
  EXPECT_EQ(rows->columns[0].ints()[2], 0);
  EXPECT_EQ(rows->columns[1].doubles()[2], 0);
  EXPECT_EQ(rows->columns[2].str(2), "");
}

TEST_F(DatabaseTest, OtherTypesAreRefusedOrRendered) {
  EXPECT_THAT(std::string(Error("select [[1, 2]] as list").message()), HasSubstr("column 'list'"));
  const StatusOr<RecordBatch> rows =
      connection_->QueryAll("select [[1, 2]] as x, 5 as y, interval 3 day as x; ", {}, {.render_other_types = true});
  ASSERT_TRUE(rows.ok()) << rows.status();
  EXPECT_EQ(rows->schema, (Schema{{"x", TypeId::kVarchar}, {"y", TypeId::kBigint}, {"x", TypeId::kVarchar}}));
  EXPECT_EQ(rows->columns[0].str(0), "[[1, 2]]");
  EXPECT_EQ(rows->columns[2].str(0), "3 days");
}

TEST_F(DatabaseTest, ListsAndMapsOfOurTypesAreRead) {
  const StatusOr<RecordBatch> rows = connection_->QueryAll(
      "select * from (values ([1, null, 3], map(['b', 'a'], [0.5, null])), (null, map([]::varchar[], []::double[])), "
      "([], null)) as t(l, m)");
  ASSERT_TRUE(rows.ok()) << rows.status();
  EXPECT_EQ(rows->schema[0].type, ListOf(TypeId::kBigint));
  EXPECT_EQ(rows->schema[1].type, MapOf(TypeId::kVarchar, TypeId::kDouble));
  EXPECT_EQ(rows->columns[0].GetValue(0).ToString(), "[1, null, 3]");
  EXPECT_EQ(rows->columns[1].GetValue(0).ToString(), "{a=null, b=0.5}");  // keys ascend
  EXPECT_TRUE(rows->columns[0].IsNull(1));
  EXPECT_EQ(rows->columns[1].GetValue(1).ToString(), "{}");
  EXPECT_EQ(rows->columns[0].GetValue(2).ToString(), "[]");
}

TEST_F(DatabaseTest, ErrorsKeepDuckDbsWordsAndTheByteOffset) {
  const Status status = Error("select 'é', nosuch from range(3)");
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), HasSubstr("Referenced column \"nosuch\" not found"));
  EXPECT_EQ(SqlErrorOffset(status), 13u);
  EXPECT_EQ(SqlErrorOffset(Error("selec 1")), 0u);
  EXPECT_EQ(SqlErrorOffset(Error("select cast(s as int) from (values ('1'), ('b')) t(s)")), 7u);
}

TEST_F(DatabaseTest, ErrorsCarryTheirKind) {
  EXPECT_EQ(Error("from 'no/such.csv'").code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(Error("select error('stop')").message(), "stop");
}

TEST_F(DatabaseTest, AnErrorInTheMiddleOfAStreamIsReported) {
  const auto stream =
      connection_->Query("select case when i = 900000 then error('late') else i::varchar end from range(1000000) t(i)");
  ASSERT_TRUE(stream.ok()) << stream.status();
  Status status;
  while (status.ok()) {
    const StatusOr<std::optional<RecordBatch>> batch = (*stream)->Next();
    status = batch.status();
    ASSERT_TRUE(!batch.ok() || batch->has_value());
  }
  EXPECT_THAT(std::string(status.message()), HasSubstr("late"));
}

TEST_F(DatabaseTest, StreamsKeepTheOrderOfAnOrderedQuery) {
  const auto stream = connection_->Query("select i from range(200000) t(i) order by i desc");
  ASSERT_TRUE(stream.ok());
  int64_t expected = 199999;
  while (true) {
    const StatusOr<std::optional<RecordBatch>> batch = (*stream)->Next();
    ASSERT_TRUE(batch.ok());
    if (!batch->has_value()) break;
    for (const int64_t v : (**batch).columns[0].ints()) ASSERT_EQ(v, expected--);
  }
  EXPECT_EQ(expected, -1);
}

TEST_F(DatabaseTest, ParametersOfEveryType) {
  const std::vector<Value> parameters = {Value::Bigint(7), Value::Double(-0.0),  Value::Varchar("it's"),
                                         Value::Null(),    Value::Boolean(true), Value::Timestamp(1'500),
                                         Value::Date(3)};
  const StatusOr<RecordBatch> rows = connection_->QueryAll("select ?::bigint, ?, ?, ?::bigint, ?, ?, ?", parameters);
  ASSERT_TRUE(rows.ok()) << rows.status();
  for (size_t i = 0; i < parameters.size(); ++i) {
    EXPECT_TRUE(rows->columns[i].GetValue(0).IdenticalTo(parameters[i])) << i;
  }
  EXPECT_FALSE(connection_->QueryAll("select ?", {}).ok());
}

TEST_F(DatabaseTest, DescribeGivesTypesWithoutRunning) {
  const StatusOr<Schema> schema = connection_->Describe("select 1::hugeint as a, error('not run') as b, 1.5 as c");
  ASSERT_TRUE(schema.ok()) << schema.status();
  EXPECT_EQ(schema->at(0), (Field{"a", TypeId::kBigint}));
  EXPECT_EQ(schema->at(2), (Field{"c", DecimalOf(2, 1)}));
}

TEST_F(DatabaseTest, ATransactionThatIsNotCommittedLeavesNothing) {
  {
    StatusOr<Transaction> transaction = Transaction::Begin(*connection_);
    ASSERT_TRUE(transaction.ok());
    ASSERT_TRUE(connection_->Execute("create table t as select 1 as a").ok());
  }
  EXPECT_FALSE(Error("select * from t").ok());
  StatusOr<Transaction> read_only = Transaction::Begin(*connection_, /*read_only=*/true);
  EXPECT_FALSE(connection_->Execute("create table t as select 1 as a").ok());
}

TEST_F(DatabaseTest, InterruptEndsALongStatement) {
  std::atomic<bool> done = false;
  std::thread interrupter([&] {
    while (!done) {
      connection_->Interrupt();
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
  });
  const Status status =
      Error("select count(*) from range(1000000) a, range(1000000) b where a.range % 7 = b.range % 5");
  done = true;
  interrupter.join();
  EXPECT_EQ(status.code(), absl::StatusCode::kCancelled) << status;
}

TEST_F(DatabaseTest, ExtensionsAreNotLoadedOnTheirOwn) {
  EXPECT_FALSE(Error("from 'https://example.invalid/a.csv'").ok());
  ExpectValue("select value from duckdb_settings() where name = 'autoload_known_extensions'", Value::Varchar("false"));
}

TEST_F(DatabaseTest, AFileThatIsNoDatabaseIsNamed) {
  const TestFolder folder;
  const std::string path = folder.Write("broken.duckdb", std::string(20000, 'x'));
  DatabaseOptions options;
  options.path = path;
  const Status status = Database::Open(options).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("broken.duckdb"));
}

TEST_F(DatabaseTest, AppenderTakesEveryTypeAndManyRows) {
  const Schema schema = {{"a", TypeId::kBigint}, {"b", TypeId::kDouble},    {"c", TypeId::kVarchar},
                         {"d", TypeId::kDate},   {"e", TypeId::kTimestamp}, {"f", TypeId::kBoolean}};
  ASSERT_TRUE(connection_->Execute(fmt::format("create table t ({})", ColumnDefinitions(schema))).ok());
  RecordBatch batch(schema);
  for (int64_t i = 0; i < 5000; ++i) {
    const bool null = i % 3 == 0;
    batch.columns[0].Append(null ? Value::Null() : Value::Bigint(i));
    batch.columns[1].Append(null ? Value::Null() : Value::Double(i == 1 ? -0.0 : i / 3.0));
    batch.columns[2].Append(null ? Value::Null() : Value::Varchar(fmt::format("a value of row {}", i)));
    batch.columns[3].Append(null ? Value::Null() : Value::Date(i));
    batch.columns[4].Append(null ? Value::Null() : Value::Timestamp(i * 1000));
    batch.columns[5].Append(null ? Value::Null() : Value::Boolean(i % 2 == 0));
  }
  batch.num_rows = 5000;
  StatusOr<std::unique_ptr<Appender>> appender = Appender::Create(*connection_, "", "t");
  ASSERT_TRUE(appender.ok()) << appender.status();
  ASSERT_TRUE((*appender)->Append(batch).ok());
  ASSERT_TRUE((*appender)->Append(batch).ok());
  ASSERT_TRUE((*appender)->Close().ok());

  const StatusOr<RecordBatch> rows = connection_->QueryAll("from t");
  ASSERT_TRUE(rows.ok()) << rows.status();
  ASSERT_EQ(rows->num_rows, 10000u);
  for (size_t row = 0; row < rows->num_rows; ++row) {
    for (size_t i = 0; i < schema.size(); ++i) {
      ASSERT_TRUE(rows->columns[i].GetValue(row).IdenticalTo(batch.columns[i].GetValue(row % 5000))) << row << " " << i;
    }
  }
}

TEST_F(DatabaseTest, AppendingToATableThatIsNotThereIsAnError) {
  EXPECT_FALSE(Appender::Create(*connection_, "", "nosuch").ok());
}

}  // namespace
}  // namespace headrace
