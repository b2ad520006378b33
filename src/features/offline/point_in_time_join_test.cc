// The join equals the naive reference, whatever the threads, the order of the scan, lateness and retractions.
#include "features/offline/point_in_time_join.h"

#include <gtest/gtest.h>

#include <algorithm>
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
                           {"n", TypeId::kBigint}}};
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

  // Stretches of the history, shuffled, given to `threads` threads.
  EventScan ScanOf(const History& history, size_t stretch, int threads) {
    std::vector<size_t> begins;
    for (size_t begin = 0; begin < history.input.num_rows; begin += stretch) begins.push_back(begin);
    std::shuffle(begins.begin(), begins.end(), random_);
    return [&history, begins, stretch, threads](const ViewProgram&, const std::function<EventSink()>& make_sink) {
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

  StatusOr<std::vector<Column>> Join(const ViewProgram& program, const LabelRows& labels, const EventScan& scan,
                                     int threads) {
    FeaturePlan plan;
    plan.event_views = {&program};
    plan.entities = program.entity;
    for (size_t i = 0; i < program.features.size(); ++i) {
      plan.outputs.push_back({"view." + program.features[i].name, program.features[i].type});
      plan.places.push_back({false, 0, i});
    }
    NullOutput output;
    return PointInTimeJoin(plan, labels, scan, {threads, true}, &report_, output);
  }

  void ExpectAllEqual(const ViewProgram& program, const History& history, const LabelRows& labels) {
    for (const int threads : {1, 3}) {
      for (const size_t stretch : {size_t{1000}, size_t{100'000}}) {
        report_ = {};
        const auto found = Join(program, labels, ScanOf(history, stretch, threads), threads);
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

TEST_F(PointInTimeJoinTest, NoLabelRowsAndNoEventsAreNoError) {
  const History none = MakeHistory(0, 5, 0, Lateness::kNone);
  ExpectAllEqual(MakeProgram(false), none, MakeLabels(20, 5, 100));
  const History history = MakeHistory(100, 5, 0, Lateness::kNone);
  ExpectAllEqual(WithLast(MakeProgram(false)), history, MakeLabels(0, 5, 100));
}

TEST_F(PointInTimeJoinTest, BatchesThatOverlapInIngestionOrderAreRefused) {
  const History history = MakeHistory(1000, 5, 0, Lateness::kNone);
  const EventScan twice = [&](const ViewProgram&, const std::function<EventSink()>& make_sink) -> Status {
    HR_RETURN_IF_ERROR(Give(history, 0, 600, make_sink()));
    return Give(history, 500, 1000, make_sink());
  };
  EXPECT_FALSE(Join(MakeProgram(false), MakeLabels(20, 5, 100), twice, 1).ok());
}

}  // namespace
}  // namespace headrace
