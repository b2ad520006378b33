// What aggregates give at and past their limits: rule 22's of exactness, and how many elements a list or map may have.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "kernel/aggregates/state.h"
#include "kernel/sweep.h"

namespace headrace {
namespace {

constexpr int64_t kMillion = 1'000'000;
constexpr int64_t kUsual = 77;         // the most frequent category
constexpr int64_t kUsualRows = 1'000;  // in all

// Slot 0 BIGINT, 1 the same as DOUBLE, 2 as VARCHAR.
ViewProgram Program() {
  ViewProgram program;
  for (const TypeId type : {TypeId::kBigint, TypeId::kDouble, TypeId::kVarchar})
    program.slots.push_back(Expression::Column(0, type, "slot"));
  Window window;
  window.suffix = "all";
  program.windows.push_back(window);
  return program;
}

void AddEvent(int64_t category, EventRows* events) {
  events->slots[0].AppendInt(category);
  events->slots[1].AppendDouble(static_cast<double>(category));
  events->slots[2].AppendString(std::to_string(category));
  const auto row = static_cast<int64_t>(events->event_time.size());
  events->event_time.push_back(row);
  events->available_at.push_back(row);
  events->retracted_at.push_back(EventRows::kNeverRetracted);
  events->ingest.push_back(row);
}

// Categories 0 ... n - 1, each once.
EventRows EventsOf(int64_t n) {
  EventRows events(Program());
  for (int64_t i = 0; i < n; ++i) AddEvent(i, &events);
  return events;
}

AggregateCall CallOf(std::string_view name, size_t slot, double parameter = 0) {
  const ViewProgram program = Program();
  const AggregateFunction& function = *FindAggregateFunction(name);
  AggregateCall call;
  call.kind = function.kind;
  call.argument = slot;
  call.argument_type = program.slots[slot].type;
  if (function.second != ArgumentRule::kNone) call.second = 2;
  call.parameter = function.parameter == ParameterRule::kNone ? function.fixed_parameter : parameter;
  call.result_type = ResultTypeOf(function, call.argument_type, TypeId::kVarchar);
  return call;
}

struct Answer {
  Value value;
  bool overflows = false;
};

Answer ResultOf(const AggregateState& state, const AggregateCall& call) {
  Column result(call.result_type);
  const bool overflows = state.AppendResult(kMillion, &result);
  return {result.GetValue(0), overflows};
}

Answer ResultOf(const AggregateCall& call, const EventsView& events) {
  const std::unique_ptr<AggregateState> state = MakeAggregateState(call);
  for (size_t row = 0; row < events.size(); ++row) state->Add(events, row);
  return ResultOf(*state, call);
}

const EventsView& MillionCategories() {
  static const EventRows rows = [] {
    EventRows made = EventsOf(kMillion);
    for (int64_t i = 1; i < kUsualRows; ++i) AddEvent(kUsual, &made);
    return made;
  }();
  static const EventsView events(rows);
  return events;
}

TEST(AggregateLimitsTest, OfAMillionCategoriesNoMapOrListIsMade) {
  for (const char* const name : {"count_by", "list_distinct", "sum_by", "max_by_category"}) {
    const Answer answer = ResultOf(CallOf(name, 0), MillionCategories());
    EXPECT_TRUE(answer.value.is_null()) << name;
    EXPECT_TRUE(answer.overflows) << name << " is not counted (rule 17)";
  }
}

TEST(AggregateLimitsTest, OfAMillionCategoriesTheFirstFewAreExact) {
  const EventsView& events = MillionCategories();
  for (const size_t slot : {0, 2}) {
    const AggregateCall call = CallOf("count_by", slot, 2);
    const Answer answer = ResultOf(call, events);
    EXPECT_FALSE(answer.overflows);
    EXPECT_EQ(answer.value.ToString(), "{0=1, 77=1000}");
  }
  const AggregateCall top = CallOf("top_k", 0, 3);
  EXPECT_EQ(ResultOf(top, events).value.ToString(), "[77, 0, 1]");
  EXPECT_EQ(ResultOf(CallOf("mode", 0), events).value.int64(), kUsual);
  const auto rows = static_cast<double>(events.size());
  EXPECT_EQ(ResultOf(CallOf("mode_ratio", 2), events).value.dbl(), kUsualRows / rows);
  const double alone = (kMillion - 1) / rows * std::log2(rows);
  const double usual = kUsualRows / rows * std::log2(rows / kUsualRows);
  EXPECT_NEAR(ResultOf(CallOf("entropy", 0), events).value.dbl(), alone + usual, 1e-9);
}

TEST(AggregateLimitsTest, AMillionDistinctValuesAreCountedWithinTheirError) {
  constexpr double kStandardError = 0.02;  // rule 22
  for (const size_t slot : {0, 1, 2}) {
    const int64_t count = ResultOf(CallOf("count_distinct", slot), MillionCategories()).value.int64();
    EXPECT_NEAR(static_cast<double>(count), kMillion, 3 * kStandardError * kMillion) << "slot " << slot;
    EXPECT_NE(count, kMillion) << "no estimate: the limit has no effect";
  }
}

TEST(AggregateLimitsTest, AMapComesBackWhenCategoriesLeaveTheWindow) {
  const AggregateCall call = CallOf("count_by", 0);
  const EventRows rows = EventsOf(static_cast<int64_t>(kMaxElements) + 1);
  const EventsView events(rows);
  const std::unique_ptr<AggregateState> state = MakeAggregateState(call);
  for (size_t row = 0; row < events.size(); ++row) state->Add(events, row);
  EXPECT_TRUE(ResultOf(*state, call).overflows);
  state->Subtract(events, 0);
  const Answer answer = ResultOf(*state, call);
  EXPECT_FALSE(answer.overflows);
  EXPECT_EQ(static_cast<size_t>(std::ranges::count(answer.value.ToString(), '=')), kMaxElements);
}

TEST(AggregateLimitsTest, HalvesOfAMillionCategoriesMergeToTheSameBytes) {
  const AggregateCall call = CallOf("count_distinct", 2);
  const EventsView& events = MillionCategories();
  const std::unique_ptr<AggregateState> whole = MakeAggregateState(call);
  const std::unique_ptr<AggregateState> odd = MakeAggregateState(call);
  const std::unique_ptr<AggregateState> even = MakeAggregateState(call);
  for (size_t row = 0; row < events.size(); ++row) {
    whole->Add(events, row);
    (row % 2 == 0 ? even : odd)->Add(events, row);
  }
  odd->Merge(*even);
  EXPECT_EQ(EncodeState(*odd), EncodeState(*whole));
}

TEST(AggregateLimitsTest, AnOfflineCellPastTheLimitIsCounted) {
  ViewProgram program = Program();
  program.aggregates.push_back(CallOf("count_by", 0));
  const EventRows rows = EventsOf(static_cast<int64_t>(kMaxElements) + 1);
  const EventsView events(rows);
  const TimestampUs times[] = {static_cast<TimestampUs>(kMaxElements), kMillion};
  FeatureCells cells(program);
  KeySweep(program).Run({events, 0, events.size(), times}, &cells);
  EXPECT_EQ(cells.overflows, 1);
}

TEST(AggregateLimitsTest, AViewSaysUpToWhereAnswersAreExact) {
  constexpr int64_t kValues = 5'000;  // beyond what is usual
  const EventRows rows = EventsOf(kValues);
  const EventsView events(rows);
  AggregateCall distinct = CallOf("count_distinct", 0);
  AggregateCall median = CallOf("median", 1);
  EXPECT_NE(ResultOf(distinct, events).value.int64(), kValues);
  EXPECT_NE(ResultOf(median, events).value.dbl(), 2'499.5);
  distinct.exact.distinct = median.exact.quantile_values = kValues;
  EXPECT_EQ(ResultOf(distinct, events).value.int64(), kValues);
  EXPECT_EQ(ResultOf(median, events).value.dbl(), 2'499.5);
  distinct.exact.distinct = median.exact.quantile_values = kValues - 1;
  EXPECT_NE(ResultOf(median, events).value.dbl(), 2'499.5);
  EXPECT_NE(ResultOf(distinct, events).value.int64(), kValues);
}

}  // namespace
}  // namespace headrace
