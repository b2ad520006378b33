// What a read may take from a tile: only events that are known, and not retracted.
#include <gtest/gtest.h>

#include "kernel/key_events.h"

namespace headrace {
namespace {

// count(*) and sum of a bigint, over all events.
ViewProgram CountAndSum() {
  ViewProgram program;
  program.entity = {{"k", TypeId::kBigint}};
  program.slots = {Expression::Column(0, TypeId::kBigint, "x")};
  AggregateCall count;
  AggregateCall sum;
  sum.kind = AggregateKind::kSum;
  sum.argument = 0;
  program.aggregates = {count, sum};
  program.windows.emplace_back();
  return program;
}

class EventTilesTest : public ::testing::Test {
 protected:
  static constexpr int64_t kEvents = 100;

  // Event i happens at i, has the value i, and is known when it happens.
  EventRows Events() const {
    EventRows events(program_);
    for (int64_t i = 0; i < kEvents; ++i) {
      events.keys[0].AppendInt(1);
      events.slots[0].AppendInt(i);
      events.event_time.push_back(i);
      events.available_at.push_back(i);
      events.retracted_at.push_back(EventRows::kNeverRetracted);
      events.ingest.push_back(i);
    }
    return events;
  }

  // count(*) and sum at `t`, read from tiles of four events, of eight, of sixteen ...
  std::pair<int64_t, int64_t> Read(const EventRows& events, TimestampUs t) const {
    KeyEvents state(plan_);
    state.Restore(events);
    Cells cells(2);
    state.Read(GroupRead(plan_, 0), t, &cells);
    return {cells.Int(0), cells.Int(1)};
  }

  const ViewProgram program_ = CountAndSum();
  const ReadPlan plan_{program_, {.block_rows = 4, .fan_out = 2}};
  static constexpr int64_t kSum = kEvents * (kEvents - 1) / 2;
};

TEST_F(EventTilesTest, AnEventThatIsNotKnownYetIsInNoTileThatIsUsed) {
  EventRows events = Events();
  events.available_at[37] = 500;
  EXPECT_EQ(Read(events, 499), std::pair(kEvents - 1, kSum - 37));
  EXPECT_EQ(Read(events, 500), std::pair(kEvents, kSum));
}

TEST_F(EventTilesTest, ARetractedEventIsInNoTileThatIsUsed) {
  EventRows events = Events();
  events.retracted_at[37] = 500;
  EXPECT_EQ(Read(events, 499), std::pair(kEvents, kSum));
  EXPECT_EQ(Read(events, 500), std::pair(kEvents - 1, kSum - 37));
}

TEST_F(EventTilesTest, EventsThatAreNotKnownTakeNoPlaceAmongTheLastRows) {
  ViewProgram program = CountAndSum();
  program.windows[0].rows = 30;
  const ReadPlan plan(program, {.block_rows = 4, .fan_out = 2});
  EventRows events = Events();
  for (const size_t unknown : {80, 81, 90}) events.available_at[unknown] = 500;
  KeyEvents state(plan);
  state.Restore(events);
  EXPECT_EQ(state.SourceRows(program, 499, 0).size(), 30u);
  EXPECT_EQ(state.SourceRows(program, 499, 0).front(), 67u);
  EXPECT_EQ(state.SourceRows(program, 500, 0).front(), 70u);
}

// Every piece that may be a tile is one: what is read raw is less than two blocks.
TEST_F(EventTilesTest, OnlyTheEdgesAreReadEventByEvent) {
  const EventRows rows = Events();
  const EventsView events(rows);
  const EventTiles tiles(plan_, events);
  for (size_t begin = 0; begin < 40; ++begin) {
    for (size_t end = begin; end <= events.size(); ++end) {
      Pieces pieces;
      tiles.FindPieces(events, begin, end, 1000, &pieces);
      size_t next = begin;
      size_t raw = 0;
      for (const Piece& piece : pieces) {
        EXPECT_EQ(piece.begin, next);
        next = piece.end;
        if (!piece.is_tile()) raw += piece.end - piece.begin;
      }
      EXPECT_EQ(next, end);
      EXPECT_LT(raw, 2 * plan_.sizes().block_rows);
      EXPECT_LE(pieces.size(), 2 + 2 * 5u);  // of at most two tiles a level
    }
  }
}

}  // namespace
}  // namespace headrace
