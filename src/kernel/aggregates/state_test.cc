// The encoding of states against contracts/aggregate_states.txt, which every version must read.
#include "kernel/aggregates/state.h"

#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <limits>
#include <map>

#include "absl/strings/escaping.h"
#include "base/decimal.h"

namespace headrace {
namespace {

constexpr TimestampUs kHourUs = 3600 * kUsPerSecond;

// Slot 0 BIGINT, 1 DOUBLE, 2 VARCHAR, 3 BOOLEAN, 4 DECIMAL(18,2).
ViewProgram Program() {
  ViewProgram program;
  for (const TypeId type : {TypeId::kBigint, TypeId::kDouble, TypeId::kVarchar, TypeId::kBoolean, DecimalOf(18, 2)}) {
    program.slots.push_back(Expression::Column(0, type, "slot"));
  }
  return program;
}

EventRows GoldenEvents() {
  const int64_t bigints[] = {3, -7, 3, std::numeric_limits<int64_t>::max(), 0};
  const double doubles[] = {0.1, -0.0, 1e300, std::nan(""), 0.1};
  const char* const texts[] = {"b", "", "ä", "b", "a"};
  const int64_t cents[] = {10, -725, 10, 999'999'999'999'999'999, 0};
  EventRows events(Program());
  for (size_t i = 0; i < 5; ++i) {
    events.slots[0].AppendInt(bigints[i]);
    events.slots[1].AppendDouble(doubles[i]);
    events.slots[2].AppendString(texts[i]);
    events.slots[3].AppendInt(i % 2);
    AppendDecimal(cents[i], &events.slots[4]);
    events.event_time.push_back(static_cast<TimestampUs>(i) * kHourUs);
    events.available_at.push_back(static_cast<TimestampUs>(i) * kHourUs + 1);
    events.retracted_at.push_back(EventRows::kNeverRetracted);
    events.ingest.push_back(static_cast<int64_t>(i));
  }
  // A null for those to whom it is a value.
  for (Column& slot : events.slots) slot.AppendNull();
  events.event_time.push_back(5 * kHourUs);
  events.available_at.push_back(5 * kHourUs);
  events.retracted_at.push_back(EventRows::kNeverRetracted);
  events.ingest.push_back(5);
  return events;
}

double ParameterFor(const AggregateFunction& function) {
  switch (function.parameter) {
    case ParameterRule::kFraction:
      return 0.25;
    case ParameterRule::kPositiveCount:
    case ParameterRule::kShortCount:
      return 2;
    case ParameterRule::kDuration:
      return static_cast<double>(kHourUs);
    default:
      return function.fixed_parameter;
  }
}

// "sum(DOUBLE)" -> its call.
std::map<std::string, AggregateCall> GoldenCalls() {
  std::map<std::string, AggregateCall> calls;
  const ViewProgram program = Program();
  for (const std::string_view name : AggregateFunctionNames()) {
    const AggregateFunction& function = *FindAggregateFunction(name);
    for (size_t slot = 0; slot < program.slots.size(); ++slot) {
      const TypeId type = program.slots[slot].type;
      if (!Accepts(function.argument, type) || (function.argument == ArgumentRule::kNone && slot > 0)) continue;
      if (IsDecimal(type) && IsMap(ResultTypeOf(function, TypeId::kBigint, TypeId::kBigint))) continue;
      AggregateCall call;
      call.kind = function.kind;
      if (function.argument != ArgumentRule::kNone) call.argument = slot;
      if (function.second != ArgumentRule::kNone) call.second = function.second == ArgumentRule::kDouble ? 1 : 2;
      call.argument_type = type;
      call.parameter = ParameterFor(function);
      call.result_type = ResultTypeOf(function, type, call.second == 2U ? TypeId::kVarchar : TypeId::kDouble);
      calls[fmt::format("{}({})", name, call.argument ? TypeName(type) : "")] = call;
    }
  }
  return calls;
}

std::string Hex(std::string_view bytes) {
  return absl::BytesToHexString(ToAbsl(bytes));
}

std::string ResultText(const AggregateState& state, const AggregateCall& call) {
  Column result(call.result_type);
  state.AppendResult(10 * kHourUs, &result);
  return result.GetValue(0).ToString();
}

struct Golden {
  std::string bytes;
  std::string result;
};

// call | bytes | result at 10:00
std::map<std::string, Golden> ReadGolden() {
  std::map<std::string, Golden> golden;
  std::ifstream file(HEADRACE_SOURCE_DIR "/contracts/aggregate_states.txt");
  for (std::string line; std::getline(file, line);) {
    if (line.empty() || line[0] == '#') continue;
    const size_t first = line.find(" | ");
    const size_t second = line.find(" | ", first + 3);
    golden[line.substr(0, first)] = {absl::HexStringToBytes(line.substr(first + 3, second - first - 3)),
                                     line.substr(second + 3)};
  }
  return golden;
}

TEST(AggregateStateTest, BytesAndResultsAreThoseOfTheContract) {
  const EventRows rows = GoldenEvents();
  const EventsView events(rows);
  const std::map<std::string, Golden> golden = ReadGolden();
  for (const auto& [name, call] : GoldenCalls()) {
    const std::unique_ptr<AggregateState> state = MakeAggregateState(call);
    for (size_t row = events.size(); row-- > 0;) {
      if (Contributes(call, events, row)) state->Add(events, row);
    }
    const auto it = golden.find(name);
    if (it == golden.end()) {
      ADD_FAILURE() << "contracts/aggregate_states.txt lacks:\n"
                    << name << " | " << Hex(EncodeState(*state)) << " | " << ResultText(*state, call);
      continue;
    }
    EXPECT_EQ(Hex(EncodeState(*state)), Hex(it->second.bytes)) << name;
    const StatusOr<std::unique_ptr<AggregateState>> read = DecodeState(call, it->second.bytes);
    ASSERT_TRUE(read.ok()) << name << ": " << read.status();
    EXPECT_EQ(ResultText(**read, call), it->second.result) << name;
  }
}

TEST(AggregateStateTest, OtherVersionsAndFormsAreRefused) {
  const AggregateCall call;
  std::string bytes = EncodeState(*MakeAggregateState(call));
  bytes[0] = 2;
  EXPECT_EQ(Message(DecodeState(call, bytes).status()), "a state of version 2, not 1");
  bytes[0] = 1;
  bytes[1] = 5;
  EXPECT_EQ(Message(DecodeState(call, bytes).status()), "a state of form 5 where 1 was looked for");
  bytes[1] = 1;
  EXPECT_EQ(Message(DecodeState(call, bytes + "x").status()), "bytes behind a state's end");
}

}  // namespace
}  // namespace headrace
