// naive = sweep = online state, for random programs and random awkward events: ties, nulls, NaN, -0, late, retracted.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>

#include "base/decimal.h"
#include "kernel/key_events.h"
#include "kernel/naive.h"
#include "kernel/sweep.h"

namespace headrace {
namespace {

class Generator {
 public:
  explicit Generator(uint64_t seed)
      : random_(seed),
        tame_doubles_(Chance(50)),
        lateness_(static_cast<Lateness>(Below(3))),
        calendar_(static_cast<size_t>(Below(8))),
        step_us_(Chance(50) ? 1 : 17 * 60 * kUsPerSecond) {}

  int64_t Below(int64_t n) { return static_cast<int64_t>(random_() % static_cast<uint64_t>(n)); }
  bool Chance(int percent) { return Below(100) < percent; }

  double AwkwardDouble() {
    if (tame_doubles_) return Chance(5) ? -0.0 : static_cast<double>(Below(2001) - 1000) / 8;
    constexpr double kInfinity = std::numeric_limits<double>::infinity();
    switch (Below(14)) {
      case 0:
        return -0.0;
      case 1:
        return 1e308;
      case 2:
        return -1e308;
      case 3:
        return 5e-324;
      case 4:
        return Chance(10) ? kInfinity : 0.1;
      case 5:
        return Chance(10) ? std::nan("") : -0.1;
      default:
        return std::ldexp(static_cast<double>(Below(2001) - 1000), static_cast<int>(Below(60)) - 30);
    }
  }
  Value Cell(TypeId type) {
    if (Chance(15)) return Value::Null();
    if (IsDecimal(type)) {  // few of them leave 38 digits when they are summed
      const Int128 units = Chance(10) ? PowerOfTen(kMaxDecimalWidth) - 1 - Below(3) : Below(41) - 20;
      return Value::Bytes(type, EncodeDecimal(Chance(50) ? units : -units));
    }
    if (type == TypeId::kDouble) return Value::Double(AwkwardDouble());
    if (type == TypeId::kVarchar)
      return Value::Varchar(std::string(static_cast<size_t>(Below(3)), static_cast<char>('a' + Below(3))));
    if (type == TypeId::kBoolean) return Value::Boolean(Chance(50));
    return Value::Integer(type, Chance(5) ? std::numeric_limits<int64_t>::max() : Below(21) - 10);
  }

  // Instants and lengths in steps: the first are of a microsecond about 1970, or of so long about another change of a
  // calendar that its periods end among them.
  TimestampUs At(int64_t step) const { return origin_us_ + Span(step); }
  DurationUs Span(int64_t steps) const { return steps * step_us_; }

  Window CalendarWindow() {
    struct Calendar {
      const char* zone;
      const char* about;  // clocks change, or a month ends
    };
    static constexpr Calendar kCalendars[] = {{"UTC", "1970-01-01T00:00:00Z"},
                                              {"UTC", "1900-02-28T23:00:00Z"},
                                              {"America/New_York", "2024-11-03T06:00:00Z"},
                                              {"America/New_York", "2024-03-10T07:00:00Z"},
                                              {"America/Sao_Paulo", "2018-11-04T03:00:00Z"},
                                              {"America/Havana", "2024-11-03T05:00:00Z"},
                                              {"America/St_Johns", "2010-11-07T02:31:00Z"},
                                              {"Asia/Kathmandu", "1985-12-31T18:30:00Z"}};
    const Calendar& calendar = kCalendars[calendar_];
    const char* units[] = {"hour", "day", "week", "month", "quarter", "year"};
    Window window;
    window.period.emplace(*ParseCalendarUnit(units[Below(6)]), calendar.zone, *LoadTimeZone(calendar.zone));
    if (step_us_ != 1) origin_us_ = *ParseTimestamp(calendar.about) - Span(50);
    return window;
  }

  // One key of bigint; slots of every type; aggregates of every kind over them, some filtered.
  ViewProgram Program(bool latest) {
    ViewProgram program;
    program.entity = {{"k", TypeId::kBigint}};
    for (const TypeId type :
         {TypeId::kBigint, TypeId::kDouble, TypeId::kVarchar, TypeId::kBoolean, DecimalOf(kMaxDecimalWidth, 2)}) {
      program.slots.push_back(Expression::Column(0, type, "slot"));
    }
    if (latest) {
      if (Chance(70)) program.ttl_us = Span(1 + Below(40));
      return program;
    }
    if (Chance(40)) program.exact = {1 + Below(8), 1 + Below(8)};
    for (const std::string_view name : AggregateFunctionNames()) {
      for (size_t slot = 0; slot < program.slots.size(); ++slot)
        AddAggregate(*FindAggregateFunction(name), slot, &program);
    }
    AddWindows(&program);
    return program;
  }

  // Some are nested.
  void AddWindows(ViewProgram* program) {
    program->windows.clear();
    for (int64_t i = 1 + Below(5); i > 0; --i) {
      Window window;
      if (Chance(80)) window.length_us = Span(1 + Below(40));
      if (Chance(30)) window.offset_us = Span(1 + Below(20));
      if (window.offset_us == 0 && Chance(40)) window.rows = 1 + Below(6);
      program->windows.push_back(window);
    }
    program->windows.push_back(CalendarWindow());
  }

  // Another view of the same events: slots and aggregates in another order, not all of them, other windows among which
  // may be one of the first view's.
  ViewProgram Sibling(const ViewProgram& program) {
    ViewProgram sibling = program;
    const size_t slots = program.slots.size();
    std::rotate(sibling.slots.begin(), sibling.slots.begin() + 2, sibling.slots.end());
    if (program.is_latest_value()) {
      if (sibling.ttl_us) *sibling.ttl_us += Span(Below(10));
      return sibling;
    }
    std::erase_if(sibling.aggregates, [&](const AggregateCall&) { return Chance(50); });
    std::shuffle(sibling.aggregates.begin(), sibling.aggregates.end(), random_);
    for (AggregateCall& call : sibling.aggregates) {
      for (std::optional<size_t>* slot : {&call.argument, &call.second, &call.filter}) {
        if (*slot) *slot = (**slot + slots - 2) % slots;
      }
    }
    sibling.outputs.clear();
    for (const AggregateCall& call : sibling.aggregates)
      sibling.outputs.push_back(Expression::Column(sibling.outputs.size(), call.result_type, ""));
    AddWindows(&sibling);
    if (Chance(60)) sibling.windows.push_back(program.windows[static_cast<size_t>(Below(program.windows.size()))]);
    return sibling;
  }

  // Tiles as they come, or so small that few events have many levels of them.
  TileSizes Sizes() {
    if (Chance(20)) return {};
    return {static_cast<size_t>(1 + Below(4)), static_cast<size_t>(2 + Below(2))};
  }

  EventRows Events(const ViewProgram& program, size_t count) {
    EventRows events(program);
    for (size_t i = 0; i < count; ++i) {
      const TimestampUs event_time = At(Below(100));
      events.keys[0].Append(Chance(5) ? Value::Null() : Value::Bigint(Below(2)));
      for (Column& slot : events.slots) slot.Append(Cell(slot.type()));
      events.event_time.push_back(event_time);
      const TimestampUs available_at = event_time + Span(Delay());
      events.available_at.push_back(available_at);
      const bool retracted = lateness_ == Lateness::kAny && Chance(20);
      events.retracted_at.push_back(retracted ? available_at + Span(Below(50)) : EventRows::kNeverRetracted);
      events.ingest.push_back(static_cast<int64_t>(i));
    }
    return events;
  }

 private:
  static bool GivesMap(const AggregateFunction& function) {
    return IsMap(ResultTypeOf(function, TypeId::kBigint, TypeId::kBigint));
  }

  void AddAggregate(const AggregateFunction& function, size_t slot, ViewProgram* program) {
    const TypeId type = program->slots[slot].type;
    if (!Accepts(function.argument, type)) return;
    if (IsDecimal(type) && GivesMap(function)) return;
    AggregateCall call;
    call.kind = function.kind;
    if (function.argument != ArgumentRule::kNone) call.argument = slot;
    if (function.second != ArgumentRule::kNone)
      call.second = function.second == ArgumentRule::kDouble ? slot : Below(3);
    if (Chance(40)) call.filter = 3;
    call.argument_type = type;
    call.parameter = function.fixed_parameter;
    if (function.parameter == ParameterRule::kFraction) call.parameter = 0.25;
    if (function.parameter == ParameterRule::kPositiveCount) call.parameter = 2;
    if (function.parameter == ParameterRule::kDuration) call.parameter = 5;
    if (function.parameter == ParameterRule::kShortCount) call.parameter = 3;
    if (function.parameter == ParameterRule::kLag) call.parameter = 2;
    if (function.parameter == ParameterRule::kTopCategories) call.parameter = static_cast<double>(Below(4));
    call.by_key = Chance(50);
    call.exact = program->exact;
    call.result_type = ResultTypeOf(function, type, call.second ? program->slots[*call.second].type : type);
    program->outputs.push_back(Expression::Column(program->aggregates.size(), call.result_type, ""));
    program->aggregates.push_back(call);
  }

  // In order, late by a constant, or anything: the sweep takes another way for each.
  enum class Lateness { kNone, kConstant, kAny };
  int64_t Delay() {
    if (lateness_ == Lateness::kNone) return 0;
    if (lateness_ == Lateness::kConstant) return 7;
    return Chance(60) ? 0 : Below(60) - 15;
  }

  std::mt19937_64 random_;
  const bool tame_doubles_;  // their sums fit into 128 bits
  const Lateness lateness_;
  const size_t calendar_;
  const DurationUs step_us_;
  TimestampUs origin_us_ = 0;
};

std::string KeyOf(int64_t key) {
  std::vector<Column> parts;
  parts.push_back(Column::Integers(TypeId::kBigint, {key}));
  std::string encoded;
  EncodeKey(parts, 0, &encoded);
  return encoded;
}

std::vector<uint32_t> RowsOfKey(const EventRows& events, int64_t key) {
  std::vector<uint32_t> rows;
  for (uint32_t row = 0; row < events.size(); ++row) {
    if (!events.keys[0].IsNull(row) && events.keys[0].ints()[row] == key) rows.push_back(row);
  }
  return rows;
}

void ExpectIdentical(const std::vector<Value>& expected, const std::vector<Column>& columns, size_t row,
                     const std::string& where) {
  ASSERT_EQ(expected.size(), columns.size());
  for (size_t i = 0; i < expected.size(); ++i) {
    const Value actual = columns[i].GetValue(row);
    EXPECT_TRUE(expected[i].IdenticalTo(actual))
        << where << ", feature " << i << ": naive " << expected[i].ToString() << ", got " << actual.ToString();
  }
}

// Of the plan's first view.
void Read(const KeyEvents& state, const ReadPlan& plan, TimestampUs t, FeatureCells* cells) {
  Cells row(NumCells(*plan.views()[0].program));
  cells->overflows += state.Read(GroupRead(plan, 0), t, &row);
  cells->AppendRow(row);
}

void CheckAgreement(int seed) {
  Generator generator(static_cast<uint64_t>(seed));
  const ViewProgram program = generator.Program(/*latest=*/seed % 3 == 0);
  const EventRows events =
      generator.Events(program, static_cast<size_t>(generator.Below(generator.Chance(10) ? 600 : 60)));
  std::vector<TimestampUs> times;
  for (int i = 0; i < 25; ++i) times.push_back(generator.At(generator.Below(170) - 10));
  std::sort(times.begin(), times.end());

  for (const int64_t key : {0, 1}) {
    std::vector<uint32_t> rows = RowsOfKey(events, key);
    const ReadPlan plan(program, generator.Sizes());
    KeyEvents online(plan);
    const EventsView view(events);
    for (const uint32_t row : rows) online.Insert(view, row);  // in processing order, which is not the order
    std::sort(rows.begin(), rows.end(), [&](uint32_t a, uint32_t b) { return ComesBefore(events, a, events, b); });
    const EventRows sorted = events.Take(rows);
    FeatureCells swept(program);
    KeySweep(program).Run({EventsView(sorted), 0, sorted.size(), times}, &swept);
    const StatusOr<std::vector<Column>> swept_features = FinishFeatures(program, std::move(swept));
    ASSERT_TRUE(swept_features.ok());
    FeatureCells read(program);
    for (const TimestampUs t : times) Read(online, plan, t, &read);
    const StatusOr<std::vector<Column>> read_features = FinishFeatures(program, std::move(read));
    ASSERT_TRUE(read_features.ok());
    for (size_t i = 0; i < times.size(); ++i) {
      const StatusOr<std::vector<Value>> naive = NaiveFeatures(program, events, KeyOf(key), times[i]);
      ASSERT_TRUE(naive.ok());
      ExpectIdentical(*naive, *swept_features, i, fmt::format("sweep at {}", times[i]));
      ExpectIdentical(*naive, *read_features, i, fmt::format("online at {}", times[i]));
    }
  }
}

FeatureCells CellsOf(const ViewProgram& view, const Cells& cells, size_t begin) {
  FeatureCells of_view(view);
  of_view.AppendRow(cells, begin);
  return of_view;
}

// The features of a view whose cells begin at `begin` are the naive ones.
void ExpectNaive(const ViewProgram& view, const EventRows& events, TimestampUs t, const Cells& cells, size_t begin,
                 const std::string& where) {
  const StatusOr<std::vector<Value>> naive = NaiveFeatures(view, events, KeyOf(0), t);
  ASSERT_TRUE(naive.ok());
  ExpectIdentical(*naive, *FinishFeatures(view, CellsOf(view, cells, begin)), 0, where);
}

// Of one read of all the views some cells are wanted: they are what a read of everything has, the others stay null.
void CheckWantedCells(Generator& generator, const ReadPlan& plan, const KeyEvents& state, TimestampUs t,
                      const std::vector<ViewCells>& all, const Cells& everything) {
  std::vector<ViewCells> some = all;
  for (ViewCells& view : some) {
    const int percent = 40 * static_cast<int>(generator.Below(3));
    for (uint32_t& place : view.places) place = generator.Chance(percent) ? place : kUnwantedCell;
  }
  Cells wanted(everything.size());
  state.Read(GroupRead(plan, some), t, &wanted);
  for (size_t i = 0; i < all.size(); ++i) {
    const ViewProgram& program = *plan.views()[all[i].view].program;
    const FeatureCells expected = CellsOf(program, everything, all[i].places[0]);
    const FeatureCells actual = CellsOf(program, wanted, all[i].places[0]);
    for (size_t cell = 0; cell < all[i].places.size(); ++cell) {
      const Value value = actual.columns[cell].GetValue(0);
      const bool is_wanted = some[i].places[cell] != kUnwantedCell;
      const Value same = is_wanted ? expected.columns[cell].GetValue(0) : Value::Null();
      EXPECT_TRUE(value.IdenticalTo(same)) << "view " << i << ", cell " << cell;
    }
  }
}

// Views of the same events share them, and one read answers them all: each as if it were alone.
void CheckSharing(int seed) {
  Generator generator(static_cast<uint64_t>(seed) + 5000);
  ViewProgram first = generator.Program(/*latest=*/seed % 3 == 0);
  // Where a slot comes from is what makes it the same as another's.
  for (size_t i = 0; i < first.slots.size(); ++i) {
    first.slots[i].column = i;
    first.input.push_back({fmt::format("c{}", i), first.slots[i].type});
  }
  const ViewProgram second = generator.Sibling(first);
  const ViewProgram third = generator.Sibling(first);
  const ViewProgram* const views[] = {&first, &second, &third};
  const std::vector<EventGroup> groups = GroupByEvents(views, first.input);
  ASSERT_EQ(groups.size(), 1u);
  ASSERT_EQ(groups[0].events.slots.size(), first.slots.size());
  const ReadPlan shared(groups[0], generator.Sizes());
  const EventRows rows = generator.Events(first, 50);
  const EventsView events(rows);
  KeyEvents state(shared);
  for (const uint32_t row : RowsOfKey(rows, 0)) state.Insert(events, row);

  std::vector<ViewCells> all;
  std::vector<EventRows> own;  // of each view, with its slots
  size_t num_cells = 0;
  for (size_t i = 0; i < std::size(views); ++i) {
    all.push_back(AllCells(shared, i, num_cells));
    num_cells += NumCells(*views[i]);
    own.push_back(rows);
    for (size_t slot = 0; slot < rows.slots.size(); ++slot)
      own[i].slots[slot] = rows.slots[groups[0].members[i].slot_of[slot]];
  }
  const GroupRead read(shared, all);
  for (int n = 0; n < 10; ++n) {
    const TimestampUs t = generator.At(generator.Below(170) - 10);
    Cells cells(num_cells);
    state.Read(read, t, &cells);
    for (size_t i = 0; i < std::size(views); ++i)
      ExpectNaive(*views[i], own[i], t, cells, all[i].places[0], fmt::format("view {} at {}", i, t));
    CheckWantedCells(generator, shared, state, t, all, cells);
  }
}

// ForgetsFrom is not too late, and where nothing but the view's reach counts, not too early either.
void Forget(const ViewProgram& program, TimestampUs horizon, KeyEvents* state) {
  const TimestampUs from = state->ForgetsFrom();
  const size_t before = state->size();
  state->Forget(horizon);
  if (horizon < from) {
    EXPECT_EQ(state->size(), before) << "horizon " << horizon << ", said " << from;
  } else if (std::none_of(program.windows.begin(), program.windows.end(), [](const Window& w) { return w.rows; }) &&
             !program.is_latest_value() && program.Reach()) {
    EXPECT_LT(state->size(), before) << "horizon " << horizon << ", said " << from;
  }
}

// Events come and old ones are forgotten in turn: what is left answers as if nothing had been forgotten.
void CheckForgetting(int seed) {
  Generator generator(static_cast<uint64_t>(seed) + 1000);
  ViewProgram program = generator.Program(/*latest=*/seed % 3 == 0);
  // Often without the calendar's window, which reaches far.
  if (seed % 3 == 1 && program.windows.size() > 1) program.windows.pop_back();
  const EventRows events = generator.Events(program, generator.Chance(30) ? 200 : 50);
  const ReadPlan plan(program);
  const ReadPlan tiled(program, generator.Sizes());
  KeyEvents whole(plan);
  KeyEvents forgetful(tiled);
  TimestampUs horizon = generator.At(-100);
  const EventsView view(events);
  for (const uint32_t row : RowsOfKey(events, 0)) {
    whole.Insert(view, row);
    forgetful.Insert(view, row);
    if (!generator.Chance(5)) continue;
    horizon = std::max(horizon, generator.At(generator.Below(100)));
    Forget(program, horizon, &forgetful);
  }
  horizon = std::max(horizon, generator.At(generator.Below(150)));
  Forget(program, horizon, &forgetful);
  KeyEvents restored(tiled);
  restored.Restore(forgetful.rows().Rows());
  for (TimestampUs t = horizon; t < horizon + generator.Span(40); t += generator.Span(3)) {
    FeatureCells expected(program);
    Read(whole, plan, t, &expected);
    for (const KeyEvents* state : {&forgetful, &restored}) {
      FeatureCells actual(program);
      Read(*state, tiled, t, &actual);
      for (size_t i = 0; i < expected.columns.size(); ++i) {
        EXPECT_TRUE(expected.columns[i].GetValue(0).IdenticalTo(actual.columns[i].GetValue(0)))
            << "at " << t << ", column " << i;
      }
    }
  }
}

Value ResultOf(const AggregateState& state, const AggregateCall& call) {
  Column result(call.result_type);
  state.AppendResult(1000, &result);
  return result.GetValue(0);
}

void CheckMerging(int seed) {
  Generator generator(static_cast<uint64_t>(seed) + 2000);
  const ViewProgram program = generator.Program(/*latest=*/false);
  const EventRows rows = generator.Events(program, 40);
  const EventsView events(rows);
  for (const AggregateCall& call : program.aggregates) {
    const std::unique_ptr<AggregateState> whole = MakeAggregateState(call);
    std::vector<std::unique_ptr<AggregateState>> parts;
    for (int i = 0; i < 4; ++i) parts.push_back(MakeAggregateState(call));
    for (size_t row = 0; row < events.size(); ++row) {
      if (!Contributes(call, events, row)) continue;
      whole->Add(events, row);
      parts[static_cast<size_t>(generator.Below(4))]->Add(events, row);
    }
    for (const size_t part : {2, 0, 1}) parts[3]->Merge(*parts[part]);
    EXPECT_TRUE(ResultOf(*whole, call).IdenticalTo(ResultOf(*parts[3], call)));
    EXPECT_EQ(EncodeState(*whole), EncodeState(*parts[3])) << "equal states have equal bytes";
  }
}

// The states of tiles answer as all others do, in whatever pieces the rows come.
void CheckMergedStates(int seed) {
  Generator generator(static_cast<uint64_t>(seed) + 4000);
  const ViewProgram program = generator.Program(/*latest=*/false);
  const EventRows rows = generator.Events(program, 40);
  const EventsView events(rows);
  for (const AggregateCall& call : program.aggregates) {
    const std::unique_ptr<AggregateState> whole = MakeAggregateState(call);
    std::vector<std::unique_ptr<AggregateState>> parts;
    for (int i = 0; i < 4; ++i) parts.push_back(MakeMergedState(call));
    for (size_t row = 0; row < events.size(); ++row) {
      if (!Contributes(call, events, row)) continue;
      whole->Add(events, row);
      parts[static_cast<size_t>(generator.Below(4))]->Add(events, row);
    }
    for (const size_t part : {2, 0, 1}) {
      parts[3]->Merge(*parts[part]);
      parts[part]->Add(events, 0);  // is not seen by what it was merged into
    }
    const Value expected = ResultOf(*whole, call);
    const Value actual = ResultOf(*parts[3], call);
    EXPECT_TRUE(expected.IdenticalTo(actual)) << expected.ToString() << ", of pieces " << actual.ToString();
  }
}

// A state that was written and read goes on as the one that was written: rows come and go, in any order.
void CheckRestoring(int seed) {
  Generator generator(static_cast<uint64_t>(seed) + 3000);
  const ViewProgram program = generator.Program(/*latest=*/false);
  const EventRows rows = generator.Events(program, 40);
  const EventsView events(rows);
  for (const AggregateCall& call : program.aggregates) {
    const bool evicts = call.kind != AggregateKind::kMin && call.kind != AggregateKind::kMax;
    std::unique_ptr<AggregateState> state = MakeAggregateState(call);
    const std::unique_ptr<AggregateState> expected = MakeAggregateState(call);
    std::vector<size_t> added;
    for (size_t row = 0; row < events.size(); ++row) {
      if (!Contributes(call, events, row)) continue;
      state->Add(events, row);
      added.push_back(row);
      if (!generator.Chance(20)) continue;
      StatusOr<std::unique_ptr<AggregateState>> restored = DecodeState(call, EncodeState(*state));
      ASSERT_TRUE(restored.ok()) << restored.status();
      state = *std::move(restored);
      if (!evicts) continue;
      const size_t at = static_cast<size_t>(generator.Below(static_cast<int64_t>(added.size())));
      state->Subtract(events, added[at]);
      added.erase(added.begin() + static_cast<ptrdiff_t>(at));
    }
    for (size_t i = added.size(); i-- > 0;) expected->Add(events, added[i]);
    EXPECT_TRUE(ResultOf(*expected, call).IdenticalTo(ResultOf(*state, call)));
    EXPECT_EQ(EncodeState(*expected), EncodeState(*state));
    const std::string bytes = EncodeState(*state);
    // Cut short: anywhere in a small state, of a large one at some places.
    for (size_t size = 0; size < bytes.size();
         size += bytes.size() < 200 ? 1 : 1 + static_cast<size_t>(generator.Below(40)))
      EXPECT_FALSE(DecodeState(call, std::string_view(bytes).substr(0, size)).ok());
  }
}

// Runs `check` for many seeds; a failure names its seed.
void ForManySeeds(void (*check)(int)) {
  for (int seed = 0; seed < 300; ++seed) {
    SCOPED_TRACE(fmt::format("seed {}", seed));
    check(seed);
    if (::testing::Test::HasFailure()) return;
  }
}

TEST(KernelProperty, NaiveSweepAndOnlineStateAgreeBitForBit) {
  ForManySeeds(CheckAgreement);
}
TEST(KernelProperty, ForgettingChangesNoReadAtOrAfterTheHorizon) {
  ForManySeeds(CheckForgetting);
}
TEST(KernelProperty, ViewsOfTheSameEventsAnswerAsIfAlone) {
  ForManySeeds(CheckSharing);
}
TEST(KernelProperty, MergedPartsEqualTheWhole) {
  ForManySeeds(CheckMerging);
}

TEST(KernelProperty, StatesOfTilesAnswerAsTheOthers) {
  ForManySeeds(CheckMergedStates);
}

TEST(KernelProperty, RestoredStatesGoOnAsTheyWere) {
  ForManySeeds(CheckRestoring);
}

}  // namespace
}  // namespace headrace
