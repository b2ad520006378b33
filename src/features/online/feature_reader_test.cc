#include "features/online/feature_reader.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "kernel/naive.h"
#include "online_store/memory/memory_store.h"

namespace headrace {
namespace {

AggregateCall Call(AggregateKind kind, std::optional<size_t> argument, TypeId type) {
  AggregateCall call;
  call.kind = kind;
  call.argument = argument;
  call.argument_type = call.result_type = type;
  return call;
}

// Over events (k, m, t, x, s), by k, or by k and m.
ViewProgram MakeView(const std::string& name, bool by_both) {
  ViewProgram program;
  program.name = name;
  program.input = {{"k", TypeId::kBigint},
                   {"m", TypeId::kVarchar},
                   {"t", TypeId::kTimestamp},
                   {"x", TypeId::kDouble},
                   {"s", TypeId::kVarchar}};
  program.entity = {{"k", TypeId::kBigint}};
  program.keys = {Expression::Column(0, TypeId::kBigint, "k")};
  if (by_both) {
    program.entity.push_back({"m", TypeId::kVarchar});
    program.keys.push_back(Expression::Column(1, TypeId::kVarchar, "m"));
  }
  program.event_time = Expression::Column(2, TypeId::kTimestamp, "t");
  program.slots = {Expression::Column(3, TypeId::kDouble, "x"), Expression::Column(4, TypeId::kVarchar, "s")};
  return program;
}

ViewProgram Latest(const std::string& name) {
  ViewProgram program = MakeView(name, /*by_both=*/false);
  program.features = {{"x", TypeId::kDouble}, {"s", TypeId::kVarchar}};
  return program;
}

// Outputs that are an aggregate, that share one, and, if there shall be one, that is no aggregate.
ViewProgram Windowed(const std::string& name, bool by_both, bool computes, const std::vector<DurationUs>& windows) {
  ViewProgram program = MakeView(name, by_both);
  program.aggregates = {Call(AggregateKind::kCountStar, {}, TypeId::kBigint),
                        Call(AggregateKind::kSum, 0, TypeId::kDouble), Call(AggregateKind::kLast, 1, TypeId::kVarchar)};
  for (const size_t aggregate : {1, 0, 2, 1, 2}) {
    const TypeId type = program.aggregates[aggregate].result_type;
    program.outputs.push_back(Expression::Column(aggregate, type, ""));
  }
  if (computes) program.outputs.push_back(Expression::Constant(Value::Bigint(5), TypeId::kBigint));
  for (const DurationUs length_us : windows) program.windows.emplace_back().length_us = length_us;
  for (size_t i = 0; i < program.outputs.size(); ++i) {
    program.output_fields.push_back({fmt::format("f{}", i), program.outputs[i].type});
    for (size_t window = 0; window < windows.size(); ++window)
      program.features.push_back({fmt::format("f{}_{}", i, window), program.outputs[i].type});
  }
  return program;
}

// Reads one event view's feature, and a field of the request.
RequestProgram OfRequest() {
  RequestProgram program;
  program.name = "r";
  program.input = {{"asked", TypeId::kVarchar}, {"read.f0_0", TypeId::kDouble}};
  program.outputs = {Expression::Column(1, TypeId::kDouble, ""), Expression::Column(0, TypeId::kVarchar, "")};
  program.features = {{"total", TypeId::kDouble}, {"asked", TypeId::kVarchar}};
  program.feature_inputs = {"read.f0_0"};
  return program;
}

class FeatureReaderTest : public ::testing::Test {
 protected:
  static constexpr size_t kEvents = 300;
  static constexpr TimestampUs kEnd = 1000;

  FeatureReaderTest() {
    auto catalog = std::make_shared<ViewCatalog>();
    for (ViewProgram& view :
         std::vector<ViewProgram>{Windowed("a", false, false, {100, 40}), Windowed("b", false, false, {40, 300}),
                                  Windowed("both", true, false, {250}), Windowed("computes", false, true, {100, 250}),
                                  Windowed("read", true, false, {100}), Latest("latest"), Latest("latest_too")}) {
      definition_.views.push_back({view.name, "s.e", "1", "1", "h"});
      catalog->events.emplace(view.name, std::move(view));
    }
    catalog->requests.emplace("r", OfRequest());
    definition_.streams["s.e"] = {"s.e", MakeView("", false).input, "t", "", 0, false, {}};
    definition_.catalog = catalog;
    MakeEvents();
    set_ = MakeViewSet(definition_, kEnd, store_);
    for (const ViewSet::Group& group : set_->groups) Insert(*group.state);
  }

  int64_t Below(int64_t n) { return static_cast<int64_t>(random_() % static_cast<uint64_t>(n)); }
  Value Text(int64_t choices) {
    return Below(9) == 0 ? Value::Null() : Value::Bytes(TypeId::kVarchar, fmt::format("t\u00e9xt {}", Below(choices)));
  }

  void MakeEvents() {
    events_ = RecordBatch(MakeView("", false).input);
    for (size_t i = 0; i < kEvents; ++i) {
      times_.push_back(static_cast<TimestampUs>(i) * kEnd / static_cast<TimestampUs>(kEvents));
      events_.columns[0].Append(Below(20) == 0 ? Value::Null() : Value::Bigint(Below(5)));
      events_.columns[1].Append(Text(3));
      events_.columns[2].AppendInt(times_.back());
      events_.columns[3].Append(Below(9) == 0 ? Value::Null() : Value::Double(static_cast<double>(Below(1000)) / 7));
      events_.columns[4].Append(Text(50));
      ingest_.push_back(static_cast<int64_t>(i));
    }
    events_.num_rows = kEvents;
  }

  Arrivals ArrivalsOfEvents() const { return {false, times_, {}, ingest_}; }

  void Insert(GroupState& state) {
    const ViewProgram& program = state.group().events;
    std::vector<const Column*> columns;
    for (const Field& field : program.input) columns.push_back(events_.Find(field.name));
    state.Insert(*EventBatch::Prepare(program, columns, kEvents, ArrivalsOfEvents()));
  }

  // Keys, and instants, of which some are null.
  void Ask(const FeaturePlan& plan, size_t rows) {
    entities_ = RecordBatch(Schema(plan.entities));
    request_ = RecordBatch(Schema(plan.request_fields));
    instants_ = Column(TypeId::kTimestamp);
    for (size_t row = 0; row < rows; ++row) {
      for (Column& part : entities_.columns)
        part.Append(part.type() == TypeId::kVarchar ? Text(4)
                    : Below(9) == 0                 ? Value::Null()
                                                    : Value::Bigint(Below(6)));
      for (Column& field : request_.columns) field.Append(Text(9));
      instants_.Append(Below(12) == 0 ? Value::Null() : Value::Timestamp(kEnd / 2 + Below(kEnd / 2)));
    }
    entities_.num_rows = request_.num_rows = rows;
  }

  // What each view computes by itself, row by row, put together.
  std::vector<Column> Expected(const FeaturePlan& plan) {
    std::vector<std::vector<Column>> features;
    for (const ViewProgram* program : plan.event_views) {
      const EventRows rows = *PrepareEvents(*program, events_, ArrivalsOfEvents());
      std::vector<Column>& of_view = features.emplace_back();
      for (const Field& feature : program->features) of_view.emplace_back(feature.type);
      std::vector<Column> parts;
      for (const Field& part : program->entity) parts.push_back(*entities_.Find(part.name));
      for (size_t row = 0; row < instants_.size(); ++row) {
        std::string key;
        const bool whole = EncodeKey(parts, row, &key) && !instants_.IsNull(row);
        const std::optional<TimestampUs> t =
            instants_.IsNull(row) ? std::nullopt : std::optional(instants_.ints()[row]);
        const std::vector<Value> values = *NaiveFeatures(*program, rows, whole ? std::optional(key) : std::nullopt, t);
        for (size_t i = 0; i < values.size(); ++i) of_view[i].Append(values[i]);
      }
    }
    return *AssembleFeatures(plan, std::move(features), request_, instants_, instants_.size());
  }

  void ExpectTheSame(const std::vector<std::string>& wanted) {
    const StatusOr<FeaturePlan> plan = PlanFeatures(*definition_.catalog, wanted);
    ASSERT_TRUE(plan.ok()) << plan.status();
    Ask(*plan, static_cast<size_t>(1 + Below(40)));
    int64_t overflows = 0;
    const StatusOr<FeatureTable> table =
        FeatureReader(*set_, *plan).Read(*plan, entities_, request_, instants_, &overflows);
    ASSERT_TRUE(table.ok()) << table.status();
    const std::vector<Column> expected = Expected(*plan);
    ASSERT_EQ(table->num_rows(), instants_.size());
    ASSERT_EQ(table->num_columns(), expected.size());
    for (size_t output = 0; output < expected.size(); ++output) {
      const Column column = table->GetColumn(output);
      for (size_t row = 0; row < instants_.size(); ++row) {
        const Value value = expected[output].GetValue(row);
        EXPECT_TRUE(value.IdenticalTo(table->GetValue(row, output)) && value.IdenticalTo(column.GetValue(row)))
            << plan->outputs[output].name << ", row " << row << ": " << table->GetValue(row, output).ToString()
            << " for " << value.ToString();
      }
    }
  }

  std::mt19937_64 random_{11};
  MemoryStore store_;
  OnlineDefinition definition_;
  std::shared_ptr<ViewSet> set_;
  RecordBatch events_;
  std::vector<TimestampUs> times_;
  std::vector<int64_t> ingest_;
  RecordBatch entities_;
  RecordBatch request_;
  Column instants_{TypeId::kTimestamp};
};

TEST_F(FeatureReaderTest, ViewsOfTheSameEventsAreOneGroup) {
  EXPECT_EQ(set_->groups.size(), 3u);  // by one key, by both, and of latest values
  EXPECT_EQ(set_->places.at("a").group, set_->places.at("computes").group);
}

TEST_F(FeatureReaderTest, GivesWhatViewsComputeByThemselves) {
  std::vector<std::string> all;
  for (const std::string& view : definition_.catalog->ViewNames()) {
    for (const Field& feature : *definition_.catalog->FeaturesOf(view)) all.push_back(view + "." + feature.name);
  }
  ExpectTheSame(all);
  for (int round = 0; round < 300; ++round) {
    std::shuffle(all.begin(), all.end(), random_);
    ExpectTheSame({all.begin(), all.begin() + 1 + Below(static_cast<int64_t>(all.size()))});
  }
}

}  // namespace
}  // namespace headrace
