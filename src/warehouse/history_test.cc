#include "warehouse/history.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "warehouse/schema_objects.h"
#include "warehouse/warehouse_testing.h"

namespace headrace {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

class HistoryTest : public ::testing::Test {
 protected:
  HistoryTest() : database_(MemoryDatabase()), connection_(ConnectTo(*database_)) {
    project_.root = folder_.path();
    EXPECT_TRUE(CreateBookkeeping(*connection_).ok());
  }
  void Execute(std::string_view sql) {
    const Status status = connection_->Execute(sql);
    EXPECT_TRUE(status.ok()) << sql << ": " << status;
  }
  std::string Query(std::string_view sql) { return Rows(*connection_, sql); }

  const TestFolder folder_;
  Project project_;
  std::unique_ptr<Database> database_;
  std::unique_ptr<Connection> connection_;
};

class StreamHistoryTest : public HistoryTest {
 protected:
  StreamHistoryTest() {
    source_ = MakeSource("arrivals", "h.csv");
    source_.stream = StreamSpec{};
    source_.stream->event_time = "at";
    source_.columns = {MakeColumn("id", TypeId::kBigint), MakeColumn("at", TypeId::kTimestamp),
                       MakeColumn("v", TypeId::kVarchar)};
  }
  StatusOr<HistoryReport> Take(bool full_refresh = false) {
    return TakeStreamHistory(*connection_, project_, source_, /*release=*/1, full_refresh, nullptr);
  }
  HistoryReport TakeOk(bool full_refresh = false) {
    StatusOr<HistoryReport> report = Take(full_refresh);
    EXPECT_TRUE(report.ok()) << report.status();
    return report.ok() ? *std::move(report) : HistoryReport{};
  }
  // id, seconds of event time and of availability, in ingestion order.
  std::string Log() {
    return Query(
        "select _ingest, id, epoch(_event_time)::bigint, epoch(_available_at)::bigint, v, _retracted_at "
        "from history.\"raw.arrivals\" order by _ingest");
  }
  SourceTable source_;
};

TEST_F(StreamHistoryTest, Rule2_AvailabilityIsTheEventTimeByDefault) {
  folder_.Write("h.csv", "id,at,v,extra\n7,1970-01-01 00:00:09,a,x\n8,1970-01-01 00:00:05,b,x\n");
  const HistoryReport report = TakeOk();
  EXPECT_EQ(report.added, 2);
  EXPECT_EQ(Log(), "0|7|9|9|a|null\n1|8|5|5|b|null\n");
  EXPECT_EQ(Query("from raw.arrivals"), "7|1970-01-01T00:00:09Z|a\n8|1970-01-01T00:00:05Z|b\n");
}

TEST_F(StreamHistoryTest, Rule2_AvailabilityIsTheEventTimeAndTheDelay) {
  folder_.Write("h.csv", "id,at,v\n7,1970-01-01 00:00:09,a\n");
  source_.stream->delay_us = 60 * kUsPerSecond;
  TakeOk();
  EXPECT_EQ(Log(), "0|7|9|69|a|null\n");
}

TEST_F(StreamHistoryTest, Rule2And7_AvailabilityIsTheDeclaredColumnAndANullInItTheEventTime) {
  folder_.Write("h.csv", "id,at,v,received\n7,1970-01-01 00:00:09,a,1970-01-01 00:01:00\n8,1970-01-01 00:00:05,b,\n");
  source_.stream->available_at = "received";
  TakeOk();
  EXPECT_EQ(Log(), "0|7|9|60|a|null\n1|8|5|5|b|null\n");
}

TEST_F(StreamHistoryTest, Rule3_IngestionOrderIsByFileNameThenRow) {
  folder_.Write("h/b.csv", "id,at,v\n3,1970-01-01 00:00:01,c\n");
  folder_.Write("h/a.csv", "id,at,v\n2,1970-01-01 00:00:03,a\n1,1970-01-01 00:00:02,b\n");
  folder_.Write("h/B.csv", "id,at,v\n0,1970-01-01 00:00:04,z\n");
  source_.location = "h/*.csv";
  TakeOk();
  EXPECT_EQ(Query("select _ingest, id from history.\"raw.arrivals\" order by 1"), "0|0\n1|2\n2|1\n3|3\n");
}

// As a build takes it: DuckDB numbers the rows of a table that is not committed from far beyond 0.
TEST_F(StreamHistoryTest, Rule3_IngestionOrderBeginsAtZeroWithinATransaction) {
  folder_.Write("h.csv", "id,at,v\n5,1970-01-01 00:00:03,a\n4,1970-01-01 00:00:02,b\n3,1970-01-01 00:00:01,c\n");
  Execute("begin transaction");
  TakeOk();
  Execute("commit");
  EXPECT_EQ(Query("select _ingest, id from history.\"raw.arrivals\" order by 1"), "0|5\n1|4\n2|3\n");
}

TEST_F(StreamHistoryTest, Rule3_IngestionOrderIsThatOfALargeFile) {
  std::string text = "id,at,v\n";
  for (int64_t i = 0; i < 300'000; ++i)
    text += fmt::format("{},1970-01-01 00:00:01,some text to make the file larger\n", (i * 7919) % 300'000);
  folder_.Write("h.csv", text);
  EXPECT_EQ(TakeOk().rows, 300'000);
  EXPECT_EQ(Query("select count(*) from history.\"raw.arrivals\" where id <> (_ingest * 7919) % 300000"), "0\n");
}

TEST_F(StreamHistoryTest, Rule3And8_IngestionOrderOfALargeFileHasNoGapsWhereRowsAreNoEvents) {
  Execute(
      fmt::format("copy (select (i - i % 10 // 9)::bigint as id, case when i % 1000 <> 7 then "
                  "make_timestamp(i * 1000) end as at, i::varchar as v from range(500000) t(i)) to '{}'",
                  folder_.path() + "/h.parquet"));
  source_.location = "h.parquet";
  source_.stream->event_id = "id";
  const HistoryReport report = TakeOk();
  EXPECT_EQ(report.null_event_times, 500);
  EXPECT_EQ(report.duplicates, 50'000);
  EXPECT_EQ(report.rows, 449'500);
  EXPECT_EQ(Query("select min(_ingest), max(_ingest), count(distinct _ingest), bool_and(v::bigint % 10 <> 9), "
                  "bool_and(_ingest = rowid) from history.\"raw.arrivals\""),
            "0|449499|449500|true|true\n");
  EXPECT_EQ(Query("select count(*) from (select v::bigint > lag(v::bigint) over (order by _ingest) as later from "
                  "history.\"raw.arrivals\") where not later"),
            "0\n");
}

TEST_F(StreamHistoryTest, Rule7_ARowWithoutEventTimeIsNoEventAndUsesUpNoId) {
  folder_.Write("h.csv", "id,at,v\n7,,lost\n7,1970-01-01 00:00:09,kept\n8,,lost\n");
  source_.stream->event_id = "id";
  const HistoryReport report = TakeOk();
  EXPECT_EQ(report.null_event_times, 2);
  EXPECT_EQ(report.duplicates, 0);
  EXPECT_EQ(Log(), "0|7|9|9|kept|null\n");
}

TEST_F(StreamHistoryTest, Rule8_OfARepeatedIdTheFirstWinsAndANullIdIsNeverRepeated) {
  folder_.Write("h.csv",
                "id,at,v\n7,1970-01-01 00:00:09,first\n,1970-01-01 00:00:01,n1\n7,1970-01-01 00:00:01,second\n"
                ",1970-01-01 00:00:01,n2\n");
  source_.stream->event_id = "id";
  const HistoryReport report = TakeOk();
  EXPECT_EQ(report.duplicates, 1);
  EXPECT_EQ(Log(), "0|7|9|9|first|null\n1|null|1|1|n1|null\n2|null|1|1|n2|null\n");
}

TEST_F(StreamHistoryTest, Rule11_AHistoryIsTakenOnceAndALaterChangeReported) {
  folder_.Write("h.csv", "id,at,v\n7,1970-01-01 00:00:09,a\n");
  TakeOk();
  const HistoryReport same = TakeOk();
  EXPECT_EQ(same.note, "");
  EXPECT_EQ(same.added, 0);
  folder_.Write("h.csv", "id,at,v\n7,1970-01-01 00:00:09,changed\n");
  EXPECT_THAT(TakeOk().note, HasSubstr("has changed since it was taken"));
  EXPECT_EQ(Log(), "0|7|9|9|a|null\n");
  EXPECT_EQ(TakeOk(/*full_refresh=*/true).added, 1);
  EXPECT_EQ(Log(), "0|7|9|9|changed|null\n");
  EXPECT_EQ(TakeOk().note, "");
}

TEST_F(StreamHistoryTest, Rule14_AnInfiniteTimeIsRefused) {
  Execute("create table h as select 1 as id, 'infinity'::timestamp as at, 'x' as v");
  source_.stream->history_table = "h";
  EXPECT_THAT(std::string(Take().status().message()),
              StartsWith("tables/sources.yml:7:9: stream raw.arrivals: column 'at' is infinite in 1 rows"));
}

TEST_F(StreamHistoryTest, ATableIsAHistoryInItsRowOrder) {
  Execute(
      "create table h as select i as id, (100 - i) || '' as v, make_timestamp(5) as at from range(100) t(i) order by i "
      "desc");
  source_.stream->history_table = "h";
  TakeOk();
  EXPECT_EQ(Query("select count(*) from history.\"raw.arrivals\" where id <> 99 - _ingest"), "0\n");
}

TEST_F(StreamHistoryTest, AViewIsAHistoryToo) {
  Execute("create view h as select i as id, 'x' as v, make_timestamp(5) as at from range(3) t(i)");
  source_.stream->history_table = "h";
  EXPECT_EQ(TakeOk().rows, 3);
}

TEST_F(StreamHistoryTest, ValuesThatDoNotFitTheDeclaredTypeAreRefused) {
  Execute("create table h as select 1.5 as id, 'x' as v, make_timestamp(5) as at");
  source_.stream->history_table = "h";
  EXPECT_THAT(std::string(Take().status().message()), HasSubstr("column \"id\": 1.5 is not a BIGINT"));
}

TEST_F(StreamHistoryTest, AStreamWithoutHistoryIsEmpty) {
  source_.location = "";
  source_.stream->event_id = "id";
  EXPECT_EQ(TakeOk().rows, 0);
  EXPECT_EQ(Log(), "");
  EXPECT_EQ(Query("from raw.arrivals"), "");
  EXPECT_EQ(TakeOk().note, "");
}

TEST_F(StreamHistoryTest, AColumnThatTheHistoryHasNotIsNamed) {
  folder_.Write("h.csv", "id,at\n7,1970-01-01 00:00:09\n");
  source_.columns[2].where.line = 12;
  EXPECT_THAT(std::string(Take().status().message()), StartsWith("tables/sources.yml:12:1: "));
  Execute("create table h as select 1 as id, 'x' as v");
  source_.stream->history_table = "h";
  EXPECT_THAT(std::string(Take().status().message()), HasSubstr("its history has no column 'at'"));
}

TEST_F(StreamHistoryTest, OtherDeclaredColumnsNeedAFullRefresh) {
  folder_.Write("h.csv", "id,at,v,w\n7,1970-01-01 00:00:09,a,1\n");
  TakeOk();
  source_.columns.push_back(MakeColumn("w", TypeId::kDouble));
  EXPECT_EQ(Take().status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(TakeOk(/*full_refresh=*/true).rows, 1);
}

class BatchHistoryTest : public HistoryTest {
 protected:
  BatchHistoryTest() {
    spec_.view = "weather";
    spec_.table = "w";
    spec_.columns = {"k", "x"};
    spec_.event_time = "at";
  }
  // The table becomes `values` (k, x, seconds of event time), published at `second`.
  HistoryReport Publish(std::string_view values, int64_t second) {
    Execute(fmt::format(
        "create or replace table w as select k, x::double as x, make_timestamp((s * 1000000)::bigint) as at, "
        "make_timestamp(((s + 3) * 1000000)::bigint) as known from (values {}) t(k, x, s)",
        values));
    StatusOr<HistoryReport> report = UpdateBatchHistory(*connection_, spec_, ++release_, second * kUsPerSecond);
    EXPECT_TRUE(report.ok()) << report.status();
    return report.ok() ? *std::move(report) : HistoryReport{};
  }
  // _ingest, k, x, event, available, retracted (seconds), release.
  std::string Log() {
    return Query(
        "select _ingest, k, x, epoch(_event_time)::bigint, epoch(_available_at)::bigint, "
        "epoch(_retracted_at)::bigint, _release from history.\"view:weather\" order by _ingest");
  }
  BatchHistorySpec spec_;
  int64_t release_ = 0;
};

TEST_F(BatchHistoryTest, Rule2_TheFirstReleaseTakesTheEventTime) {
  const HistoryReport report = Publish("('b', 1, 10), ('a', 2, 5)", 1000);
  EXPECT_EQ(report.added, 2);
  EXPECT_EQ(Log(), "0|b|1.0|10|10|null|1\n1|a|2.0|5|5|null|1\n");
}

TEST_F(BatchHistoryTest, Rule2_TheFirstReleaseTakesTheDeclaredColumnOrTheDelay) {
  spec_.available_at = "known";
  Publish("('a', 1, 10)", 1000);
  EXPECT_EQ(Log(), "0|a|1.0|10|13|null|1\n");
  spec_.view = "other";
  spec_.available_at = "";
  spec_.delay_us = 60 * kUsPerSecond;
  Publish("('a', 1, 10)", 1000);
  EXPECT_EQ(Query("select epoch(_available_at)::bigint from history.\"view:other\""), "70\n");
}

TEST_F(BatchHistoryTest, Rule2_ARowThatIsNewLaterIsAvailableFromThatPublishing) {
  spec_.available_at = "known";
  Publish("('a', 1, 10)", 1000);
  const HistoryReport report = Publish("('a', 1, 10), ('b', 2, 20)", 2000);
  EXPECT_EQ(report.added, 1);
  EXPECT_EQ(report.retracted, 0);
  EXPECT_EQ(Log(), "0|a|1.0|10|13|null|1\n1|b|2.0|20|2000|null|2\n");
}

TEST_F(BatchHistoryTest, Rule2_WithDelayALaterRowHasTheGreaterOfBoth) {
  spec_.delay_us = 60 * kUsPerSecond;
  Publish("('a', 1, 10)", 1000);
  Publish("('a', 1, 10), ('b', 2, 20), ('c', 3, 1990)", 2000);
  EXPECT_EQ(Log(), "0|a|1.0|10|70|null|1\n1|b|2.0|20|2000|null|2\n2|c|3.0|1990|2050|null|2\n");
}

TEST_F(BatchHistoryTest, Rule3_NewRowsStandInTheOrderOfTheirReleaseAndPlace) {
  Publish("('a', 1, 10)", 1000);
  Publish("('z', 1, 30), ('a', 1, 10), ('y', 1, 20)", 2000);
  EXPECT_EQ(Query("select _ingest, k from history.\"view:weather\" order by 1"), "0|a\n1|z\n2|y\n");
}

TEST_F(BatchHistoryTest, ARowThatIsGoneOrChangedIsRetracted) {
  Publish("('a', 1, 10), ('b', 2, 20)", 1000);
  const HistoryReport report = Publish("('b', 3, 20)", 2000);
  EXPECT_EQ(report.added, 1);
  EXPECT_EQ(report.retracted, 2);
  EXPECT_EQ(report.rows, 3);
  EXPECT_EQ(Log(), "0|a|1.0|10|10|2000|1\n1|b|2.0|20|20|2000|1\n2|b|3.0|20|2000|null|2\n");
}

TEST_F(BatchHistoryTest, Rule9_ReleasesAreComparedAsMultisetsAndTheNewestGoesFirst) {
  Publish("('a', 1, 10), ('a', 1, 10)", 1000);
  EXPECT_EQ(Publish("('a', 1, 10), ('a', 1, 10), ('a', 1, 10)", 2000).added, 1);
  const HistoryReport report = Publish("('a', 1, 10)", 3000);
  EXPECT_EQ(report.retracted, 2);
  EXPECT_EQ(report.added, 0);
  EXPECT_EQ(Log(), "0|a|1.0|10|10|null|1\n1|a|1.0|10|10|3000|1\n2|a|1.0|10|2000|3000|2\n");
}

TEST_F(BatchHistoryTest, Rule9_ARowThatComesBackIsANewEvent) {
  Publish("('a', 1, 10), ('b', 1, 10)", 1000);
  Publish("('b', 1, 10)", 2000);
  Publish("('a', 1, 10), ('b', 1, 10)", 3000);
  EXPECT_EQ(Log(), "0|a|1.0|10|10|2000|1\n1|b|1.0|10|10|null|1\n2|a|1.0|10|3000|null|3\n");
}

TEST_F(BatchHistoryTest, Rule9_OnlyTheColumnsThatTheViewReadsAreCompared) {
  spec_.columns = {"k"};
  Publish("('a', 1, 10)", 1000);
  const HistoryReport report = Publish("('a', 99, 10)", 2000);
  EXPECT_EQ(report.added + report.retracted, 0);
}

TEST_F(BatchHistoryTest, Rule16_NullsNansAndZerosAreEqualToThemselves) {
  constexpr std::string_view kFirst = "(null, 'nan'::double, 10), ('z', '0.0'::double, 10), ('n', null, 10)";
  constexpr std::string_view kAgain = "('n', null, 10), ('z', '-0.0'::double, 10), (null, '-nan'::double, 10)";
  Publish(kFirst, 1000);
  const HistoryReport report = Publish(kAgain, 2000);
  EXPECT_EQ(report.added, 0);
  EXPECT_EQ(report.retracted, 0);
  // They can go, too.
  EXPECT_EQ(Publish("('q', 1, 10)", 3000).retracted, 3);
  EXPECT_EQ(Query("select count(*) from history.\"view:weather\" where _retracted_at is null"), "1\n");
}

TEST_F(BatchHistoryTest, Rule7_ARowWithoutEventTimeIsNoEvent) {
  const HistoryReport first = Publish("('a', 1, 10), ('b', 1, null)", 1000);
  EXPECT_EQ(first.null_event_times, 1);
  EXPECT_EQ(first.rows, 1);
  const HistoryReport second = Publish("('a', 1, 10), ('b', 2, null)", 2000);
  EXPECT_EQ(second.added + second.retracted, 0);
  EXPECT_EQ(second.null_event_times, 1);
}

TEST_F(BatchHistoryTest, OtherColumnsStartTheHistoryAgain) {
  Publish("('a', 1, 10)", 1000);
  spec_.columns = {"k"};
  const HistoryReport report = Publish("('a', 1, 10)", 2000);
  EXPECT_THAT(report.note, HasSubstr("starts again"));
  EXPECT_EQ(report.added, 1);
  EXPECT_EQ(Query("select k, epoch(_available_at)::bigint from history.\"view:weather\""), "a|10\n");
}

TEST_F(BatchHistoryTest, ManyRowsAndAFewThatChange) {
  Execute(
      "create table w as select i % 100 as k, (i // 10)::double as x, make_timestamp(i // 5) as at from range(200000) "
      "t(i)");
  ASSERT_TRUE(UpdateBatchHistory(*connection_, spec_, 1, 0).ok());
  Execute(
      "create or replace table w as select * from w where k <> 7 or x <> 1230 union all select * from w where k = 8 "
      "and x = 200 "
      "union all select 8, 200, make_timestamp(1001)");
  const Value removed =
      connection_
          ->QueryValue("select 200000 - count(*) filter (where _retracted_at is null) from history.\"view:weather\"")
          .value();
  EXPECT_EQ(removed.int64(), 0);
  const StatusOr<HistoryReport> report = UpdateBatchHistory(*connection_, spec_, 2, kUsPerSecond);
  ASSERT_TRUE(report.ok()) << report.status();
  // What is live is the table again, as a multiset.
  EXPECT_EQ(Query("select count(*) from (select k, x, w.at from w except all select k, x, _event_time from "
                  "history.\"view:weather\" "
                  "where _retracted_at is null)"),
            "0\n");
  EXPECT_EQ(
      Query("select (select count(*) from w) - count(*) from history.\"view:weather\" where _retracted_at is null"),
      "0\n");
  EXPECT_EQ(
      Query("select count(*), count(distinct _ingest), max(_ingest) + 1 - count(*) from history.\"view:weather\""),
      fmt::format("{0}|{0}|0\n", report->rows));
}

TEST_F(BatchHistoryTest, AColumnThatTheTableHasNotIsNamed) {
  Execute("create table w as select 1 as k, make_timestamp(1) as at");
  EXPECT_THAT(std::string(UpdateBatchHistory(*connection_, spec_, 1, 0).status().message()),
              HasSubstr("feature view weather: w has no column 'x'"));
}

TEST_F(BatchHistoryTest, AScanIsInIngestionOrderAndMayBeARange) {
  Execute("create table w as select i as k, i::double as x, make_timestamp(1000000 - i) as at from range(100000) t(i)");
  ASSERT_TRUE(UpdateBatchHistory(*connection_, spec_, 1, 0).ok());
  HistoryQuery query;
  query.history = ViewHistoryName("weather");
  query.columns = {"x", "_ingest", "_event_time"};
  query.ingest_from = 50'000;
  query.ingest_until = 60'000;
  const StatusOr<std::unique_ptr<ResultStream>> stream = ScanHistory(*connection_, query);
  ASSERT_TRUE(stream.ok()) << stream.status();
  EXPECT_EQ((*stream)->schema(),
            (Schema{{"x", TypeId::kDouble}, {"_ingest", TypeId::kBigint}, {"_event_time", TypeId::kTimestamp}}));
  int64_t next = 50'000;
  while (true) {
    const StatusOr<std::optional<RecordBatch>> batch = (*stream)->Next();
    ASSERT_TRUE(batch.ok()) << batch.status();
    if (!batch->has_value()) break;
    for (const int64_t ingest : (**batch).columns[1].ints()) ASSERT_EQ(ingest, next++);
  }
  EXPECT_EQ(next, 60'000);
}

TEST_F(BatchHistoryTest, ADataVersionChangesWithTheRowsOnly) {
  const auto version = [&] {
    const StatusOr<DataVersion> v = HistoryVersion(*connection_, ViewHistoryName("weather"));
    EXPECT_TRUE(v.ok()) << v.status();
    return fmt::format("{} {} {}", v->rows, v->max_ingest, v->hash);
  };
  Publish("('a', 1, 10), ('b', 2, 20)", 1000);
  const std::string first = version();
  EXPECT_THAT(first, StartsWith("2 1 "));
  Publish("('b', 2, 20), ('a', 1, 10)", 2000);
  EXPECT_EQ(version(), first);
  Publish("('a', 1, 10)", 3000);
  EXPECT_NE(version(), first);
  EXPECT_THAT(version(), StartsWith("2 1 "));
}

TEST_F(BatchHistoryTest, WhetherTheTimesSayAnythingIsRecordedByTheBuildThatChangesThem) {
  const std::string name = ViewHistoryName("weather");
  const auto times = [&] {
    const StatusOr<HistoryTimes> recorded = RecordedTimes(*connection_, name);
    EXPECT_TRUE(recorded.ok()) << recorded.status();
    return fmt::format("late {}, retracted {}", recorded->any_late, recorded->any_retracted);
  };
  const std::string unknown = "late true, retracted true";
  EXPECT_EQ(times(), unknown);
  const auto publish = [&](std::string_view values, int64_t second) {
    Publish(values, second);
    EXPECT_TRUE(RecordHistoryVersion(*connection_, name).ok());
  };
  publish("('a', 1, 10)", 1000);
  EXPECT_EQ(times(), "late false, retracted false");
  publish("('a', 1, 10), ('b', 2, 20)", 2000);
  EXPECT_EQ(times(), "late true, retracted false");
  publish("('b', 2, 20)", 3000);
  EXPECT_EQ(times(), unknown);
  // As an earlier Headrace wrote it, before the first build of this one and after.
  Execute("update headrace.history_versions set late = null, retracted = 0");
  EXPECT_EQ(times(), unknown);
  Execute("alter table headrace.history_versions drop column late");
  EXPECT_EQ(times(), unknown);
}

TEST_F(BatchHistoryTest, TheVersionAtACutIsTheOneThatWasThereUnlessOldRowsChanged) {
  const std::string name = ViewHistoryName("weather");
  const auto text = [](const StatusOr<DataVersion>& v) {
    EXPECT_TRUE(v.ok()) << v.status();
    return fmt::format("{} {} {}", v->rows, v->max_ingest, v->hash);
  };
  Publish("('a', 1, 10), ('b', 2, 20), ('c', 3, 30)", 1000);
  Publish("('a', 1, 10), ('b', 2, 20)", 2000);
  const std::string then = text(HistoryVersion(*connection_, name));
  const auto at_cut = [&](int64_t retracted_until) {
    return text(HistoryVersionAt(*connection_, name, {2, retracted_until * kUsPerSecond}));
  };
  EXPECT_EQ(at_cut(2000), then);
  Publish("('b', 2, 20), ('d', 4, 40)", 3000);
  EXPECT_NE(text(HistoryVersion(*connection_, name)), then);
  EXPECT_EQ(at_cut(2000), then);
  EXPECT_NE(at_cut(3000), then);  // a retraction that came later
  EXPECT_NE(at_cut(1000), then);  // one too few
  Execute("update history.\"view:weather\" set x = x + 1 where _ingest = 0");
  EXPECT_NE(at_cut(2000), then);
}

TEST_F(BatchHistoryTest, ChangesAreFoundByTheirNumberAndTheirRetraction) {
  Publish("('a', 1, 10), ('b', 2, 20)", 1000);
  Publish("('b', 2, 20), ('c', 3, 30)", 2000);
  const auto keys = [&](HistoryQuery query) {
    query.history = ViewHistoryName("weather");
    query.columns = {"k"};
    StatusOr<std::unique_ptr<ResultStream>> stream = ScanHistory(*connection_, query);
    EXPECT_TRUE(stream.ok()) << stream.status();
    std::string text;
    while (true) {
      const auto batch = (*stream)->Next();
      EXPECT_TRUE(batch.ok());
      if (!batch.ok() || !*batch) return text;
      for (size_t row = 0; row < (*batch)->num_rows; ++row) text += (*batch)->columns[0].str(row);
    }
  };
  HistoryQuery query;
  query.ingest_from = 2;
  EXPECT_EQ(keys(query), "c");
  query = {};
  query.retracted_after = 1000 * kUsPerSecond;
  EXPECT_EQ(keys(query), "a");
  query.retracted_after = 2000 * kUsPerSecond;
  EXPECT_EQ(keys(query), "");
  query = {};
  query.event_time_from = 20 * kUsPerSecond;
  EXPECT_EQ(keys(query), "bc");
}

}  // namespace
}  // namespace headrace
