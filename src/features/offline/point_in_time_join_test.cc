// The join equals the naive reference, whatever the threads, the order of the scan, lateness and retractions.
#include "features/offline/point_in_time_join.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <numeric>
#include <random>
#include <thread>

#include "kernel/naive.h"

namespace headrace {
namespace {

enum class Lateness { kNone, kSome, kRetracted };

struct History {
  RecordBatch input{Schema{{"k", TypeId::kBigint},
                           {"t", TypeId::kTimestamp},
                           {"v", TypeId::kDouble},
                           {"s", TypeId::kVarchar},
                           {"n", TypeId::kBigint},
                           {"x", TypeId::kDouble},
                           {"y", TypeId::kVarchar}}};
  std::vector<TimestampUs> available_at;
  std::vector<TimestampUs> retracted_at;
  std::vector<int64_t> ingest;
};

class PointInTimeJoinTest : public ::testing::Test {
 protected:
  int64_t Below(int64_t n) { return static_cast<int64_t>(random_() % static_cast<uint64_t>(n)); }

  // `spread`: how far an event's instant may lie from the order in which events came; 0: they came in order.
  History MakeHistory(size_t rows, int64_t keys, int64_t spread, Lateness lateness) {
    History history;
    for (size_t i = 0; i < rows; ++i) {
      const auto instant = static_cast<TimestampUs>(i / 3) + (spread > 0 ? Below(spread) : 0);
      history.input.columns[0].Append(Below(50) == 0 ? Value::Null() : Value::Bigint(Below(keys) * (1 + keys / 100)));
      history.input.columns[1].Append(Value::Timestamp(instant));
      history.input.columns[2].Append(Below(9) == 0 ? Value::Null()
                                                    : Value::Double(static_cast<double>(Below(1000)) / 7));
      history.input.columns[3].Append(Below(9) == 0 ? Value::Null() : Value::Varchar(std::to_string(Below(30))));
      history.input.columns[4].Append(Value::Bigint(Below(100) - 50));
      history.input.columns[5].Append(Below(3) == 0 ? Value::Null() : Value::Double(1.5));
      history.input.columns[6].Append(Below(3) == 0 ? Value::Null() : Value::Varchar("y"));
      const bool late = lateness != Lateness::kNone && Below(4) == 0;
      history.available_at.push_back(instant + (late ? Below(200) : 0));
      const bool gone = lateness == Lateness::kRetracted && Below(5) == 0;
      history.retracted_at.push_back(gone ? history.available_at.back() + Below(500) : EventRows::kNeverRetracted);
      history.ingest.push_back(static_cast<int64_t>(i));
    }
    history.input.num_rows = rows;
    return history;
  }

  static ViewProgram MakeProgram(bool latest) {
    ViewProgram program;
    program.name = "view";
    program.input = History().input.schema;
    program.entity = {{"k", TypeId::kBigint}};
    program.keys = {Expression::Column(0, TypeId::kBigint, "k")};
    program.event_time = Expression::Column(1, TypeId::kTimestamp, "t");
    program.slots = {Expression::Column(2, TypeId::kDouble, "v"), Expression::Column(3, TypeId::kVarchar, "s"),
                     Expression::Column(4, TypeId::kBigint, "n")};
    if (latest) {
      program.ttl_us = 300;
      program.features = {{"v", TypeId::kDouble}, {"s", TypeId::kVarchar}, {"n", TypeId::kBigint}};
      return program;
    }
    // Of these two only nulls matter: they are counted.
    program.slots.push_back(Expression::Column(5, TypeId::kDouble, "x"));
    program.slots.push_back(Expression::Column(6, TypeId::kVarchar, "y"));
    program.windows = {{100, std::nullopt, 0, "a"}, {1000, std::nullopt, 0, "b"}};
    const auto add = [&](AggregateKind kind, std::optional<size_t> slot, TypeId argument, TypeId result) {
      AggregateCall call;
      call.kind = kind;
      call.argument = slot;
      call.argument_type = argument;
      call.result_type = result;
      program.outputs.push_back(Expression::Column(program.aggregates.size(), result, ""));
      program.aggregates.push_back(call);
      for (const Window& window : program.windows)
        program.features.push_back({std::to_string(program.aggregates.size()) + window.suffix, result});
    };
    add(AggregateKind::kCountStar, std::nullopt, TypeId::kBigint, TypeId::kBigint);
    add(AggregateKind::kSum, 0, TypeId::kDouble, TypeId::kDouble);
    add(AggregateKind::kMin, 1, TypeId::kVarchar, TypeId::kVarchar);
    add(AggregateKind::kMax, 2, TypeId::kBigint, TypeId::kBigint);
    add(AggregateKind::kCount, 3, TypeId::kDouble, TypeId::kBigint);
    add(AggregateKind::kCount, 4, TypeId::kVarchar, TypeId::kBigint);
    add(AggregateKind::kCount, 1, TypeId::kVarchar, TypeId::kBigint);
    return program;
  }

  static ViewProgram WithLast(ViewProgram program) {
    AggregateCall call;
    call.kind = AggregateKind::kLast;
    call.argument = 1;
    call.argument_type = call.result_type = TypeId::kVarchar;
    program.outputs.push_back(Expression::Column(program.aggregates.size(), TypeId::kVarchar, ""));
    program.aggregates.push_back(call);
    for (const Window& window : program.windows) program.features.push_back({"last" + window.suffix, TypeId::kVarchar});
    return program;
  }

  LabelRows MakeLabels(size_t rows, int64_t keys, int64_t until) {
    LabelRows labels;
    labels.entities = RecordBatch({{"k", TypeId::kBigint}});
    for (size_t i = 0; i < rows; ++i) {
      labels.entities.columns[0].Append(Below(20) == 0 ? Value::Null()
                                                       : Value::Bigint(Below(keys + 3) * (1 + keys / 100)));
      labels.times.Append(Below(20) == 0 ? Value::Null() : Value::Timestamp(Below(until + 100)));
    }
    labels.num_rows = labels.entities.num_rows = labels.request.num_rows = rows;
    return labels;
  }

  using ScanFunction = std::function<Status(const std::function<EventSink()>& make_sink)>;

  // One history, which all views read.
  class Source : public EventSource {
   public:
    explicit Source(ScanFunction scan) : scan_(std::move(scan)) {}
    std::string HistoryOf(const ViewProgram&) const override { return "history"; }
    StatusOr<int64_t> RowsOf(const ViewProgram&) override { return 0; }
    Status Scan(std::span<const ViewProgram* const>, const std::function<EventSink()>& make_sink) override {
      ++scans;
      return scan_(make_sink);
    }
    int scans = 0;

   private:
    ScanFunction scan_;
  };

  // Stretches of the history, shuffled, given to `threads` threads.
  ScanFunction ScanOf(const History& history, size_t stretch, int threads) {
    std::vector<size_t> begins;
    for (size_t begin = 0; begin < history.input.num_rows; begin += stretch) begins.push_back(begin);
    std::shuffle(begins.begin(), begins.end(), random_);
    return [&history, begins, stretch, threads](const std::function<EventSink()>& make_sink) {
      std::vector<EventSink> sinks;
      for (int i = 0; i < threads; ++i) sinks.push_back(make_sink());
      std::vector<Status> outcomes(static_cast<size_t>(threads));
      const auto run = [&](size_t thread) {
        for (size_t i = thread; i < begins.size(); i += sinks.size()) {
          Status status =
              Give(history, begins[i], std::min(begins[i] + stretch, history.input.num_rows), sinks[thread]);
          if (!status.ok()) outcomes[thread] = std::move(status);
        }
      };
      std::vector<std::thread> workers;
      for (size_t thread = 0; thread < sinks.size(); ++thread) workers.emplace_back(run, thread);
      for (std::thread& worker : workers) worker.join();
      for (const Status& outcome : outcomes) HR_RETURN_IF_ERROR(outcome);
      return absl::OkStatus();
    };
  }

  static Status Give(const History& history, size_t begin, size_t end, const EventSink& sink) {
    std::vector<uint32_t> rows(end - begin);
    std::iota(rows.begin(), rows.end(), static_cast<uint32_t>(begin));
    RecordBatch batch;
    batch.schema = history.input.schema;
    batch.num_rows = rows.size();
    for (const Column& column : history.input.columns) batch.columns.push_back(column.Take(rows));
    const auto part = [&](const std::vector<int64_t>& values) { return std::span(values).subspan(begin, end - begin); };
    return sink(batch, {false, part(history.available_at), part(history.retracted_at), part(history.ingest)});
  }

  static void ExpectNaive(const ViewProgram& program, const History& history, const LabelRows& labels,
                          const std::vector<Column>& found) {
    const auto events =
        PrepareEvents(program, history.input, {false, history.available_at, history.retracted_at, history.ingest});
    ASSERT_TRUE(events.ok()) << events.status();
    for (size_t row = 0; row < labels.num_rows; ++row) {
      std::string key;
      const bool has_key = EncodeKey(labels.entities.columns, row, &key) && !labels.times.IsNull(row);
      const auto values =
          NaiveFeatures(program, *events, has_key ? std::optional(key) : std::nullopt, labels.times.ints()[row]);
      ASSERT_TRUE(values.ok()) << values.status();
      for (size_t i = 0; i < values->size(); ++i) {
        ASSERT_TRUE(found[i].GetValue(row).IdenticalTo((*values)[i]))
            << "row " << row << ", feature " << program.features[i].name << ": " << found[i].GetValue(row).ToString()
            << ", not " << (*values)[i].ToString();
      }
    }
  }

  // All features of views of one history, called "NAME.feature".
  static FeaturePlan PlanOf(const std::vector<const ViewProgram*>& programs) {
    FeaturePlan plan;
    plan.event_views = programs;
    plan.entities = programs[0]->entity;
    for (size_t view = 0; view < programs.size(); ++view) {
      for (size_t i = 0; i < programs[view]->features.size(); ++i) {
        const Field& feature = programs[view]->features[i];
        plan.outputs.push_back({programs[view]->name + "." + feature.name, feature.type});
        plan.places.push_back({false, view, i});
      }
    }
    return plan;
  }

  StatusOr<std::vector<Column>> Join(const ViewProgram& program, const LabelRows& labels, const ScanFunction& scan,
                                     const JoinOptions& options) {
    NullOutput output;
    Source source(scan);
    return PointInTimeJoin(PlanOf({&program}), labels, source, options, &report_, output);
  }

  static JoinOptions Threads(int threads) {
    JoinOptions options;
    options.threads = threads;
    return options;
  }

  static void ExpectSame(const std::vector<Column>& a, const std::vector<Column>& b) {
    ASSERT_EQ(a.size(), b.size());
    for (size_t i = 0; i < a.size(); ++i) {
      ASSERT_EQ(a[i].size(), b[i].size());
      for (size_t row = 0; row < a[i].size(); ++row)
        ASSERT_TRUE(a[i].GetValue(row).IdenticalTo(b[i].GetValue(row))) << "column " << i << ", row " << row;
    }
  }

  void ExpectAllEqual(const ViewProgram& program, const History& history, const LabelRows& labels) {
    for (const int threads : {1, 3}) {
      for (const size_t stretch : {size_t{1000}, size_t{100'000}}) {
        report_ = {};
        const auto found = Join(program, labels, ScanOf(history, stretch, threads), Threads(threads));
        ASSERT_TRUE(found.ok()) << found.status();
        EXPECT_EQ(report_.events_read, static_cast<int64_t>(history.input.num_rows));
        ExpectNaive(program, history, labels, *found);
      }
    }
  }

  std::mt19937_64 random_{20240611};
  JoinReport report_;
};

TEST_F(PointInTimeJoinTest, WindowsOfEventsInOrderAreThoseOfTheReference) {
  const History history = MakeHistory(20'000, 5, /*spread=*/0, Lateness::kNone);
  ExpectAllEqual(MakeProgram(false), history, MakeLabels(150, 5, 7000));
  EXPECT_EQ(report_.leaking_cells, 0);
}

TEST_F(PointInTimeJoinTest, WindowsOfEventsOutOfOrderAreThoseOfTheReference) {
  const History history = MakeHistory(6000, 200, /*spread=*/400, Lateness::kNone);
  ExpectAllEqual(WithLast(MakeProgram(false)), history, MakeLabels(150, 200, 2400));
}

TEST_F(PointInTimeJoinTest, LateEventsAreThoseOfTheReference) {
  const History history = MakeHistory(6000, 20, /*spread=*/100, Lateness::kSome);
  ExpectAllEqual(WithLast(MakeProgram(false)), history, MakeLabels(150, 20, 2200));
  EXPECT_GT(report_.leaking_cells, 0);
}

TEST_F(PointInTimeJoinTest, RetractedEventsAreThoseOfTheReference) {
  const History history = MakeHistory(6000, 20, /*spread=*/50, Lateness::kRetracted);
  ExpectAllEqual(MakeProgram(false), history, MakeLabels(150, 20, 2200));
  ExpectAllEqual(MakeProgram(true), history, MakeLabels(150, 20, 2200));
}

TEST_F(PointInTimeJoinTest, LatestValuesAreThoseOfTheReference) {
  const History history = MakeHistory(20'000, 300, /*spread=*/30, Lateness::kSome);
  ExpectAllEqual(MakeProgram(true), history, MakeLabels(300, 300, 7000));
}

// Of such views events that nobody asks for are overwritten, as their values have a fixed width.
TEST_F(PointInTimeJoinTest, LatestValuesOfFixedWidthAreThoseOfTheReference) {
  ViewProgram program = MakeProgram(true);
  program.slots.erase(program.slots.begin() + 1);
  program.features.erase(program.features.begin() + 1);
  for (const Lateness lateness : {Lateness::kNone, Lateness::kSome, Lateness::kRetracted}) {
    for (const int64_t spread : {0, 40}) {
      const History history = MakeHistory(20'000, 30, spread, lateness);
      const LabelRows labels = MakeLabels(300, 30, 7000);
      ExpectAllEqual(program, history, labels);
      JoinOptions options = Threads(1);
      options.memory_bytes = 1;
      options.spill_folder = ::testing::TempDir() + "point_in_time_join";
      const auto spilled = Join(program, labels, ScanOf(history, 7000, 1), options);
      ASSERT_TRUE(spilled.ok()) << spilled.status();
      ExpectNaive(program, history, labels, *spilled);
    }
  }
}

TEST_F(PointInTimeJoinTest, NoLabelRowsAndNoEventsAreNoError) {
  const History none = MakeHistory(0, 5, 0, Lateness::kNone);
  ExpectAllEqual(MakeProgram(false), none, MakeLabels(20, 5, 100));
  const History history = MakeHistory(100, 5, 0, Lateness::kNone);
  ExpectAllEqual(WithLast(MakeProgram(false)), history, MakeLabels(0, 5, 100));
}

TEST_F(PointInTimeJoinTest, BatchesThatOverlapInIngestionOrderAreRefused) {
  const History history = MakeHistory(1000, 5, 0, Lateness::kNone);
  const ScanFunction twice = [&](const std::function<EventSink()>& make_sink) -> Status {
    HR_RETURN_IF_ERROR(Give(history, 0, 600, make_sink()));
    return Give(history, 500, 1000, make_sink());
  };
  EXPECT_FALSE(Join(MakeProgram(false), MakeLabels(20, 5, 100), twice, Threads(1)).ok());
}

TEST_F(PointInTimeJoinTest, ViewsOfOneHistoryAreReadInOneScanAndAreAsAlone) {
  const History history = MakeHistory(6000, 200, /*spread=*/100, Lateness::kRetracted);
  const LabelRows labels = MakeLabels(300, 200, 2400);
  ViewProgram windows = WithLast(MakeProgram(false));
  ViewProgram latest = MakeProgram(true);
  ViewProgram some = MakeProgram(true);  // rows that are not null, by another key
  windows.name = "windows";
  latest.name = "latest";
  some.name = "some";
  some.keys = {Expression::Column(4, TypeId::kBigint, "n")};
  some.input = {{"n", TypeId::kBigint}, {"t", TypeId::kTimestamp}, {"v", TypeId::kDouble}};
  some.keys = {Expression::Column(0, TypeId::kBigint, "n")};
  some.slots = {Expression::Column(2, TypeId::kDouble, "v")};
  some.features = {{"v", TypeId::kDouble}};
  const FeaturePlan plan = PlanOf({&windows, &latest, &some});
  NullOutput output;
  Source source(ScanOf(history, 500, 3));
  const auto together = PointInTimeJoin(plan, labels, source, Threads(3), &report_, output);
  ASSERT_TRUE(together.ok()) << together.status();
  EXPECT_EQ(source.scans, 1);
  std::vector<Column> alone;
  for (const ViewProgram* program : plan.event_views) {
    History seen = history;
    if (program == &some) {
      seen.input.columns = {history.input.columns[4], history.input.columns[1], history.input.columns[2]};
      seen.input.schema = some.input;
    }
    const auto found = Join(*program, labels, ScanOf(seen, 500, 1), Threads(1));
    ASSERT_TRUE(found.ok()) << found.status();
    ExpectNaive(*program, seen, labels, *found);
    alone.insert(alone.end(), found->begin(), found->end());
  }
  ExpectSame(*together, alone);
}

TEST_F(PointInTimeJoinTest, WithoutMemoryAllGoesThroughTheFileAndIsTheSame) {
  for (const Lateness lateness : {Lateness::kNone, Lateness::kRetracted}) {
    const History history = MakeHistory(60'000, 4, /*spread=*/50, lateness);
    const LabelRows labels = MakeLabels(500, 4, 22'000);
    const ViewProgram program = WithLast(MakeProgram(false));
    const auto in_memory = Join(program, labels, ScanOf(history, 1000, 1), Threads(2));
    ASSERT_TRUE(in_memory.ok()) << in_memory.status();
    EXPECT_EQ(report_.spilled_bytes, 0);
    JoinOptions options = Threads(2);
    options.memory_bytes = 1;
    options.spill_folder = ::testing::TempDir() + "point_in_time_join";
    const auto spilled = Join(program, labels, ScanOf(history, 1000, 1), options);
    ASSERT_TRUE(spilled.ok()) << spilled.status();
    EXPECT_GT(report_.spilled_bytes, 1'000'000);
    ExpectSame(*spilled, *in_memory);
    EXPECT_TRUE(std::filesystem::is_empty(options.spill_folder));
  }
}

TEST_F(PointInTimeJoinTest, AFullDiskIsAnErrorThatSaysWhatToDo) {
  const History history = MakeHistory(60'000, 4, 0, Lateness::kNone);
  const LabelRows labels = MakeLabels(20, 4, 22'000);
  JoinOptions options = Threads(1);
  options.memory_bytes = 1;
  options.spill_folder = ::testing::TempDir() + "point_in_time_join_full";
  // A file may not grow beyond the limit: to write() that is as a disk that is full.
  struct rlimit before = {};
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  const struct rlimit small = {1'000'000, before.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &small), 0);
  const auto found = Join(MakeProgram(false), labels, ScanOf(history, 1000, 1), options);
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &before), 0);
  std::signal(SIGXFSZ, handler);
  ASSERT_FALSE(found.ok());
  EXPECT_EQ(found.status().code(), absl::StatusCode::kResourceExhausted);
  EXPECT_NE(Message(found.status()).find("the disk is full"), std::string_view::npos) << found.status();
  EXPECT_NE(Message(found.status()).find("--memory"), std::string_view::npos) << found.status();
  EXPECT_TRUE(std::filesystem::is_empty(options.spill_folder));
}

TEST_F(PointInTimeJoinTest, BatchesPutTogetherAreAllRows) {
  const History history = MakeHistory(6000, 30, /*spread=*/50, Lateness::kSome);
  const LabelRows labels = MakeLabels(1000, 30, 2200);
  const ViewProgram program = WithLast(MakeProgram(false));
  const FeaturePlan plan = PlanOf({&program});
  const auto at_once = Join(program, labels, ScanOf(history, 1000, 1), Threads(2));
  ASSERT_TRUE(at_once.ok()) << at_once.status();
  const std::vector<int64_t> nulls = report_.null_cells;
  for (const size_t memory : {size_t{0}, size_t{1}}) {
    JoinOptions options = Threads(2);
    options.batch_rows = 77;
    options.memory_bytes = memory;
    options.spill_folder = ::testing::TempDir() + "point_in_time_join";
    NullOutput output;
    Source source(ScanOf(history, 1000, 1));
    const auto joined = JoinedFeatures::Join(plan, labels, source, options, output);
    ASSERT_TRUE(joined.ok()) << joined.status();
    EXPECT_EQ((*joined)->num_batches(), 13U);
    std::vector<Column> together;
    for (const Field& field : plan.outputs) together.emplace_back(field.type);
    for (size_t batch = 0; batch < (*joined)->num_batches(); ++batch) {
      const auto columns = (*joined)->Next();
      ASSERT_TRUE(columns.ok()) << columns.status();
      for (size_t i = 0; i < together.size(); ++i) together[i].AppendColumn((*columns)[i]);
    }
    ExpectSame(together, *at_once);
    EXPECT_EQ((*joined)->report().null_cells, nulls);
  }
}

TEST_F(PointInTimeJoinTest, AKeyWithMostEventsIsSharedByThreads) {
  const History history = MakeHistory(250'000, 1, /*spread=*/20, Lateness::kSome);
  LabelRows labels = MakeLabels(60, 1, 84'000);
  const ViewProgram program = WithLast(MakeProgram(false));
  const auto one = Join(program, labels, ScanOf(history, 5000, 1), Threads(1));
  const auto three = Join(program, labels, ScanOf(history, 5000, 3), Threads(3));
  ASSERT_TRUE(one.ok() && three.ok());
  ExpectNaive(program, history, labels, *one);
  ExpectSame(*one, *three);
}

}  // namespace
}  // namespace headrace
