#include "monitoring/ledger.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <filesystem>
#include <limits>
#include <thread>

#include "base/file.h"

namespace headrace {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;

class LedgerTest : public ::testing::Test {
 protected:
  LedgerTest() {
    std::string name = fs::temp_directory_path() / "headrace-ledger-XXXXXX";
    folder_ = ::mkdtemp(name.data());
    warehouse_ = OpenDatabase();
    options_.folder = folder_ + "/predictions";
    options_.flush_interval = 3600 * kUsPerSecond;  // tests flush when they mean to
  }
  ~LedgerTest() override {
    ledger_.reset();
    abandoned_.clear();
    warehouse_.reset();
    fs::remove_all(folder_);
  }

  std::unique_ptr<Database> OpenDatabase() {
    DatabaseOptions options;
    options.path = folder_ + "/warehouse.duckdb";
    options.threads = 2;
    StatusOr<std::unique_ptr<Database>> database = Database::Open(options);
    EXPECT_TRUE(database.ok()) << database.status();
    return std::move(database).value();
  }
  void OpenLedger() {
    StatusOr<std::unique_ptr<Ledger>> ledger = Ledger::Open(options_, *warehouse_);
    ASSERT_TRUE(ledger.ok()) << ledger.status();
    ledger_ = std::move(ledger).value();
  }
  // The process dies with the journal as it is now: the running ledger must have no part in what follows, so its
  // journal is copied away, and the copy is what a new ledger finds.
  void Kill() {
    const std::string copy = folder_ + "/after-kill-" + std::to_string(kills_++);
    fs::copy(options_.folder, copy, fs::copy_options::recursive);
    abandoned_.push_back(std::move(ledger_));
    options_.folder = copy;
  }
  // The rows as text: values apart by '|', one row a line.
  std::string Query(const std::string& sql) {
    StatusOr<std::unique_ptr<Connection>> connection = warehouse_->Connect();
    EXPECT_TRUE(connection.ok());
    const StatusOr<RecordBatch> rows = (*connection)->QueryAll(sql);
    if (!rows.ok()) return std::string(Message(rows.status()));
    std::string result;
    for (size_t row = 0; row < rows->num_rows; ++row) {
      for (size_t i = 0; i < rows->columns.size(); ++i) {
        result += (i > 0 ? "|" : "") + rows->columns[i].GetValue(row).ToString();
      }
      result += '\n';
    }
    return result;
  }

  std::string folder_;
  std::unique_ptr<Database> warehouse_;
  LedgerOptions options_;
  std::unique_ptr<Ledger> ledger_;
  int kills_ = 0;
  // Never flushed again by their own doing: their interval is an hour. Closed only at the end of the test.
  std::vector<std::unique_ptr<Ledger>> abandoned_;
};

std::shared_ptr<const Schema> Features(Schema schema) {
  return std::make_shared<const Schema>(std::move(schema));
}

Prediction MakePrediction(std::string id, double value = 0.5) {
  static const auto& features = *new std::shared_ptr<const Schema>(Features({{"v.a", TypeId::kDouble}}));
  Prediction p;
  p.id = std::move(id);
  p.time = 1'000'000;
  p.model = "late";
  p.version = 3;
  p.alias = "champion";
  p.request_json = R"({"carrier": "UA"})";
  p.features = features;
  p.values = {Value::Double(value)};
  p.value = value;
  p.latency_us = 42;
  p.definitions = "abc";
  return p;
}

Status AppendOne(Ledger& ledger, const Prediction& p) {
  return ledger.Append(std::span(&p, 1));
}

TEST_F(LedgerTest, APredictionIsInItsTableAfterAFlush) {
  OpenLedger();
  ASSERT_TRUE(AppendOne(*ledger_, MakePrediction("p1")).ok());
  EXPECT_GT(ledger_->waiting_bytes(), 0u);
  ASSERT_TRUE(ledger_->Flush().ok());
  EXPECT_EQ(ledger_->waiting_bytes(), 0u);
  EXPECT_EQ(
      Query("select * from ledger.late"),
      "p1|1970-01-01T00:00:01Z|3|champion||{\"carrier\": \"UA\"}|0.5|null|42|abc|null|null|1970-01-01T00:00:00Z|0.5\n");
}

TEST_F(LedgerTest, TheBackgroundFlushesWithoutBeingAsked) {
  options_.flush_interval = 10'000;
  OpenLedger();
  ASSERT_TRUE(AppendOne(*ledger_, MakePrediction("p1")).ok());
  while (ledger_->waiting_bytes() > 0) std::this_thread::sleep_for(std::chrono::milliseconds(5));
  EXPECT_EQ(Query("select id from ledger.late"), "p1\n");
  EXPECT_TRUE(ledger_->last_flush_status().ok());
}

TEST_F(LedgerTest, ManyWaitingBytesAreFlushedBeforeTheInterval) {
  options_.flush_bytes = 1;
  OpenLedger();
  ASSERT_TRUE(AppendOne(*ledger_, MakePrediction("p1")).ok());
  while (ledger_->waiting_bytes() > 0) std::this_thread::sleep_for(std::chrono::milliseconds(5));
}

TEST_F(LedgerTest, CloseFlushesAndEndsWriting) {
  OpenLedger();
  ASSERT_TRUE(AppendOne(*ledger_, MakePrediction("p1")).ok());
  ASSERT_TRUE(ledger_->Close().ok());
  EXPECT_EQ(Query("select id from ledger.late"), "p1\n");
  EXPECT_TRUE(absl::IsFailedPrecondition(AppendOne(*ledger_, MakePrediction("p2"))));
}

TEST_F(LedgerTest, ValuesKeepTheirBits) {
  OpenLedger();
  const std::vector<double> doubles = {-0.0, 0.1, std::numeric_limits<double>::denorm_min(),
                                       std::numeric_limits<double>::max(), -std::numeric_limits<double>::infinity()};
  for (size_t i = 0; i < doubles.size(); ++i) {
    Prediction p = MakePrediction(fmt::format("p{}", i), doubles[i]);
    p.class_values = {doubles[i], 1.0 / 3};
    ASSERT_TRUE(AppendOne(*ledger_, p).ok());
  }
  for (size_t i = 0; i < doubles.size(); ++i) {
    const StatusOr<LedgerRow> row = ledger_->FindPrediction(fmt::format("p{}", i));
    ASSERT_TRUE(row.ok()) << row.status();
    const auto bits = [](double v) { return std::bit_cast<uint64_t>(v); };
    EXPECT_EQ(bits(row->prediction.value), bits(doubles[i]));
    EXPECT_EQ(bits(row->prediction.values[0].dbl()), bits(doubles[i]));
    EXPECT_EQ(bits(row->prediction.class_values[0]), bits(doubles[i]));
    EXPECT_EQ(row->prediction.class_values[1], 1.0 / 3);
  }
}

TEST_F(LedgerTest, EveryTypeAndNullComesBackFromJournalAndTable) {
  OpenLedger();
  Prediction p = MakePrediction("p1", std::numeric_limits<double>::quiet_NaN());
  p.features = Features({{"v.b", TypeId::kBoolean},
                         {"v.i", TypeId::kBigint},
                         {"v.d", TypeId::kDouble},
                         {"v.s", TypeId::kVarchar},
                         {"v.day", TypeId::kDate},
                         {"v.t", TypeId::kTimestamp},
                         {"v.null", TypeId::kVarchar}});
  p.values = {Value::Boolean(true),  Value::Bigint(std::numeric_limits<int64_t>::min()),
              Value::Double(-0.0),   Value::Varchar("it's é, and longer than twelve bytes"),
              Value::Date(-719'162), Value::Timestamp(1'385'892'000'123'456),
              Value::Null()};
  p.replay = "r1";
  ASSERT_TRUE(AppendOne(*ledger_, p).ok());
  Kill();
  OpenLedger();
  const StatusOr<LedgerRow> row = ledger_->FindPrediction("p1");
  ASSERT_TRUE(row.ok()) << row.status();
  EXPECT_EQ(*row->prediction.features, *p.features);
  for (size_t i = 0; i < p.values.size(); ++i) {
    EXPECT_TRUE(row->prediction.values[i].IdenticalTo(p.values[i])) << row->prediction.values[i].ToString();
  }
  EXPECT_TRUE(std::isnan(row->prediction.value));
  EXPECT_EQ(row->prediction.replay, "r1");
  EXPECT_EQ(row->prediction.model, "late");
  EXPECT_FALSE(row->label);
}

TEST_F(LedgerTest, WhatTheTablesCouldNotHoldIsRefusedAtOnce) {
  OpenLedger();
  const auto refused = [&](auto change) {
    Prediction p = MakePrediction("p1");
    change(p);
    const std::vector<Prediction> both = {MakePrediction("good"), p};
    return absl::IsInvalidArgument(ledger_->Append(both));
  };
  EXPECT_TRUE(refused([](Prediction& p) { p.values = {}; }));
  EXPECT_TRUE(refused([](Prediction& p) { p.values = {Value::Bigint(1)}; }));
  EXPECT_TRUE(refused([](Prediction& p) { p.id = ""; }));
  EXPECT_TRUE(refused([](Prediction& p) { p.request_json = "\xff"; }));
  EXPECT_TRUE(refused([](Prediction& p) { p.request_json = "\xed\xa0\x80"; }));
  EXPECT_TRUE(refused([](Prediction& p) { p.request_json = "\xe2\x82"; }));
  EXPECT_TRUE(refused([](Prediction& p) { p.time = kMaxTimestampUs; }));
  ASSERT_TRUE(ledger_->Flush().ok());
  const StatusOr<std::vector<std::string>> models = ledger_->Models();
  ASSERT_TRUE(models.ok());
  EXPECT_TRUE(models->empty());
}

TEST_F(LedgerTest, AKilledProcessLosesNothingThatWasAcknowledged) {
  OpenLedger();
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(AppendOne(*ledger_, MakePrediction(fmt::format("p{}", i))).ok());
  Kill();
  OpenLedger();
  EXPECT_EQ(Query("select count(*), count(distinct id) from ledger.late"), "100|100\n");
}

TEST_F(LedgerTest, WhatWasFlushedIsNotAppliedAgain) {
  OpenLedger();
  ASSERT_TRUE(AppendOne(*ledger_, MakePrediction("p1")).ok());
  ASSERT_TRUE(ledger_->Flush().ok());
  ASSERT_TRUE(AppendOne(*ledger_, MakePrediction("p2")).ok());
  Kill();  // the journal still holds both records: they are committed, but not dropped
  OpenLedger();
  EXPECT_EQ(Query("select id from ledger.late order by id"), "p1\np2\n");
  ASSERT_TRUE(AppendOne(*ledger_, MakePrediction("p3")).ok());
  Kill();
  OpenLedger();
  EXPECT_EQ(Query("select id from ledger.late order by id"), "p1\np2\np3\n");
}

TEST_F(LedgerTest, RowsKeepTheOrderOfTheirAcknowledgement) {
  OpenLedger();
  for (int i = 0; i < 50; ++i) {
    ASSERT_TRUE(AppendOne(*ledger_, MakePrediction(fmt::format("p{}", 99 - i))).ok());
    if (i % 7 != 0) continue;
    EXPECT_TRUE(ledger_->Flush().ok());
  }
  const StatusOr<std::unique_ptr<LedgerScan>> scan = ledger_->Scan("late");
  ASSERT_TRUE(scan.ok()) << scan.status();
  int row = 0;
  while (true) {
    const StatusOr<std::optional<RecordBatch>> batch = (*scan)->Next();
    ASSERT_TRUE(batch.ok());
    if (!*batch) break;
    for (size_t i = 0; i < (*batch)->num_rows; ++i)
      EXPECT_EQ((*batch)->columns[0].str(i), fmt::format("p{}", 99 - row++));
  }
  EXPECT_EQ(row, 50);
}

TEST_F(LedgerTest, ThreadsAppendAtOnceWhileTheBackgroundFlushes) {
  options_.flush_interval = 1000;
  options_.segment_bytes = 10'000;
  OpenLedger();
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 250; ++i) {
        const std::vector<Prediction> two = {MakePrediction(fmt::format("{}-{}-a", t, i)),
                                             MakePrediction(fmt::format("{}-{}-b", t, i))};
        EXPECT_TRUE(ledger_->Append(two).ok());
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  ASSERT_TRUE(ledger_->Flush().ok());
  EXPECT_EQ(Query("select count(*), count(distinct id) from ledger.late"), "2000|2000\n");
  int segments = 0;
  for (const auto& entry : fs::directory_iterator(options_.folder)) segments += entry.path().extension() == ".journal";
  EXPECT_EQ(segments, 1);
}

TEST_F(LedgerTest, TooMuchWaitingIsRefusedAndWhatWasAcceptedStays) {
  options_.max_waiting_bytes = 1000;
  OpenLedger();
  Status status;
  int accepted = 0;
  while ((status = AppendOne(*ledger_, MakePrediction(fmt::format("p{}", accepted)))).ok()) ++accepted;
  EXPECT_TRUE(absl::IsResourceExhausted(status)) << status;
  EXPECT_GT(accepted, 0);
  ASSERT_TRUE(ledger_->Flush().ok());
  EXPECT_EQ(Query("select count(*) from ledger.late"), fmt::format("{}\n", accepted));
  EXPECT_TRUE(AppendOne(*ledger_, MakePrediction("more")).ok());
}

TEST_F(LedgerTest, LabelsJoinBeforeAndAfterTheFlush) {
  OpenLedger();
  ASSERT_TRUE(AppendOne(*ledger_, MakePrediction("flushed")).ok());
  ASSERT_TRUE(ledger_->Flush().ok());
  ASSERT_TRUE(AppendOne(*ledger_, MakePrediction("waiting")).ok());
  const std::vector<Label> labels = {{"flushed", 1, 5'000'000}, {"waiting", -0.0, 6'000'000}, {"nobody's", 1, 0}};
  const StatusOr<LabelCounts> counts = ledger_->AddLabels("late", labels);
  ASSERT_TRUE(counts.ok()) << counts.status();
  EXPECT_EQ(counts->joined, 2);
  EXPECT_EQ(counts->unknown, 1);
  EXPECT_THAT(counts->unknown_ids, ElementsAre("nobody's"));
  ASSERT_TRUE(ledger_->Flush().ok());
  EXPECT_EQ(Query("select id, label, label_known_at from ledger.late order by id"),
            "flushed|1.0|1970-01-01T00:00:05Z\nwaiting|-0.0|1970-01-01T00:00:06Z\n");
}

TEST_F(LedgerTest, ALaterLabelReplacesTheEarlierOne) {
  OpenLedger();
  ASSERT_TRUE(AppendOne(*ledger_, MakePrediction("p1")).ok());
  for (const double v : {1.0, 2.0, 3.0}) {
    const Label label = {"p1", v, static_cast<TimestampUs>(v)};
    ASSERT_TRUE(ledger_->AddLabels("late", std::span(&label, 1)).ok());
  }
  const StatusOr<LedgerRow> row = ledger_->FindPrediction("p1");
  ASSERT_TRUE(row.ok()) << row.status();
  EXPECT_EQ(row->label, 3.0);
  EXPECT_EQ(row->label_known_at, 3);
}

TEST_F(LedgerTest, ALabelIsOfItsModel) {
  OpenLedger();
  ASSERT_TRUE(AppendOne(*ledger_, MakePrediction("p1")).ok());
  const Label label = {"p1", 1, 0};
  for (int flushed = 0; flushed < 2; ++flushed) {
    const StatusOr<LabelCounts> counts = ledger_->AddLabels("other", std::span(&label, 1));
    ASSERT_TRUE(counts.ok()) << counts.status();
    EXPECT_EQ(counts->unknown, 1);
    ASSERT_TRUE(ledger_->Flush().ok());
  }
}

TEST_F(LedgerTest, AcknowledgedLabelsSurviveAKill) {
  OpenLedger();
  ASSERT_TRUE(AppendOne(*ledger_, MakePrediction("p1")).ok());
  const Label label = {"p1", 1, 7};
  ASSERT_TRUE(ledger_->AddLabels("late", std::span(&label, 1)).ok());
  Kill();
  OpenLedger();
  EXPECT_EQ(Query("select label from ledger.late"), "1.0\n");
}

TEST_F(LedgerTest, NewFeaturesGetColumnsAndOldRowsStay) {
  OpenLedger();
  ASSERT_TRUE(AppendOne(*ledger_, MakePrediction("old", 1)).ok());
  ASSERT_TRUE(ledger_->Flush().ok());
  Prediction p = MakePrediction("new", 2);
  p.version = 4;
  p.features = Features({{"w.b", TypeId::kVarchar}, {"v.a", TypeId::kDouble}});
  p.values = {Value::Varchar("x"), Value::Double(3)};
  ASSERT_TRUE(AppendOne(*ledger_, MakePrediction("between", 4)).ok());
  ASSERT_TRUE(AppendOne(*ledger_, p).ok());
  ASSERT_TRUE(ledger_->Flush().ok());
  EXPECT_EQ(Query(R"(select id, "v.a", "w.b" from ledger.late)"), "old|1.0|null\nbetween|4.0|null\nnew|3.0|x\n");
}

TEST_F(LedgerTest, AFeatureOfANewTypeOrCaseGetsAColumnOfItsOwn) {
  OpenLedger();
  ASSERT_TRUE(AppendOne(*ledger_, MakePrediction("p1", 1)).ok());
  Prediction p = MakePrediction("p2");
  p.version = 4;
  p.features = Features({{"v.a", TypeId::kBigint}, {"V.A", TypeId::kBoolean}, {"V.a", TypeId::kDouble}});
  p.values = {Value::Bigint((int64_t{1} << 53) + 1), Value::Boolean(true), Value::Double(2)};
  for (int i = 0; i < 2; ++i) {
    p.id = fmt::format("p{}", i + 2);
    ASSERT_TRUE(AppendOne(*ledger_, p).ok());
    ASSERT_TRUE(ledger_->Flush().ok());
  }
  EXPECT_EQ(Query(R"(select "v.a", "v.a::BIGINT", "V.A::BOOLEAN", "V.a::DOUBLE" from ledger.late)"),
            "1.0|null|null|null\nnull|9007199254740993|true|2.0\nnull|9007199254740993|true|2.0\n");
  LedgerFilter filter;
  filter.version = 4;
  filter.features = *p.features;
  const auto scan = ledger_->Scan("late", filter);
  ASSERT_TRUE(scan.ok()) << scan.status();
  const StatusOr<std::optional<RecordBatch>> batch = (*scan)->Next();
  ASSERT_TRUE(batch.ok() && *batch);
  EXPECT_EQ((*batch)->num_rows, 2u);
  EXPECT_EQ((*batch)->columns[LedgerColumns().size()].ints()[0], (int64_t{1} << 53) + 1);
}

TEST_F(LedgerTest, AScanTakesOneReplayOrVersion) {
  OpenLedger();
  for (int i = 0; i < 6; ++i) {
    Prediction p = MakePrediction(fmt::format("p{}", i));
    p.version = i % 2;
    p.replay = i < 3 ? "" : "it's r1";
    ASSERT_TRUE(AppendOne(*ledger_, p).ok());
  }
  const auto rows = [&](const LedgerFilter& filter) -> size_t {
    const auto scan = ledger_->Scan("late", filter);
    EXPECT_TRUE(scan.ok()) << scan.status();
    size_t count = 0;
    while (true) {
      const StatusOr<std::optional<RecordBatch>> batch = (*scan)->Next();
      if (!batch.ok() || !*batch) return count;
      count += (*batch)->num_rows;
    }
  };
  EXPECT_EQ(rows({}), 6u);
  EXPECT_EQ(rows({.replay = ""}), 3u);
  EXPECT_EQ(rows({.replay = "it's r1", .version = 1}), 2u);
  EXPECT_TRUE(absl::IsNotFound(ledger_->Scan("nothing").status()));
  EXPECT_TRUE(absl::IsNotFound(ledger_->Scan("late", {.features = Schema{{"v.b", TypeId::kDouble}}}).status()));
}

TEST_F(LedgerTest, APredictionIsFoundOverAllModels) {
  OpenLedger();
  Prediction p = MakePrediction("other's");
  p.model = R"(odd "name")";
  ASSERT_TRUE(AppendOne(*ledger_, MakePrediction("p1")).ok());
  ASSERT_TRUE(AppendOne(*ledger_, p).ok());
  const StatusOr<LedgerRow> row = ledger_->FindPrediction("other's");
  ASSERT_TRUE(row.ok()) << row.status();
  EXPECT_EQ(row->prediction.model, R"(odd "name")");
  EXPECT_TRUE(absl::IsNotFound(ledger_->FindPrediction("none").status()));
  const StatusOr<std::vector<std::string>> models = ledger_->Models();
  ASSERT_TRUE(models.ok());
  EXPECT_THAT(*models, ElementsAre("late", R"(odd "name")"));
}

TEST_F(LedgerTest, AJournalBehindItsTablesGoesOnAfterThem) {
  OpenLedger();
  const std::string before = folder_ + "/before";
  ASSERT_TRUE(AppendOne(*ledger_, MakePrediction("p1")).ok());
  fs::copy(options_.folder, before, fs::copy_options::recursive);
  ASSERT_TRUE(AppendOne(*ledger_, MakePrediction("p2")).ok());
  ASSERT_TRUE(ledger_->Close().ok());
  options_.folder = before;  // the machine died: the tables are synced, the journal lost its end
  OpenLedger();
  ASSERT_TRUE(AppendOne(*ledger_, MakePrediction("p3")).ok());
  Kill();
  OpenLedger();
  EXPECT_EQ(Query("select id from ledger.late"), "p1\np2\np3\n");
}

TEST_F(LedgerTest, AnotherJournalsPositionIsNotTaken) {
  OpenLedger();
  ASSERT_TRUE(AppendOne(*ledger_, MakePrediction("p1")).ok());
  ASSERT_TRUE(ledger_->Close().ok());
  options_.folder = folder_ + "/another";
  OpenLedger();
  ASSERT_TRUE(AppendOne(*ledger_, MakePrediction("p2")).ok());
  Kill();
  OpenLedger();
  EXPECT_EQ(Query("select id from ledger.late"), "p1\np2\n");
}

TEST_F(LedgerTest, OneLedgerAtATimeHasAJournal) {
  OpenLedger();
  EXPECT_TRUE(absl::IsUnavailable(Ledger::Open(options_, *warehouse_).status()));
}

}  // namespace
}  // namespace headrace
