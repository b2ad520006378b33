// Packed rows hold what was put into them, bit for bit, whatever came between: late rows, nulls, texts, retractions,
// rows that were forgotten. The reference is a plain vector of rows.
#include "kernel/packed_events.h"

#include <gtest/gtest.h>

#include <random>

#include "base/decimal.h"

namespace headrace {
namespace {

struct Row {
  TimestampUs event_time;
  TimestampUs available_at;
  TimestampUs retracted_at;
  int64_t ingest;
  std::vector<Value> slots;
};

class PackedEventsTest : public ::testing::Test {
 protected:
  Value RandomValue(TypeId type, int nulls_in_100) {
    if (static_cast<int>(random_() % 100) < nulls_in_100) return Value::Null();
    const auto number = static_cast<int64_t>(random_());
    if (type == TypeId::kDouble) return Value::Double(random_() % 4 == 0 ? -0.0 : std::bit_cast<double>(number));
    if (type == TypeId::kVarchar)
      return Value::Varchar(std::string(random_() % 3 == 0 ? 0 : random_() % 70, 'x') + "\xC3\xA9");
    if (IsDecimal(type)) return Value::Bytes(type, EncodeDecimal(number));
    return Value::Integer(type, type == TypeId::kBoolean ? number & 1 : number);
  }

  Row RandomRow(int nulls_in_100, int retracted_in_100) {
    Row row;
    row.event_time = static_cast<TimestampUs>(random_());
    row.available_at = static_cast<TimestampUs>(random_());
    const bool retracted = static_cast<int>(random_() % 100) < retracted_in_100;
    row.retracted_at = retracted ? static_cast<TimestampUs>(random_() % 1000) : EventRows::kNeverRetracted;
    row.ingest = static_cast<int64_t>(random_());
    for (const TypeId type : types_) row.slots.push_back(RandomValue(type, nulls_in_100));
    return row;
  }

  EventRows ToRows(const std::vector<Row>& rows) const {
    EventRows result;
    for (const TypeId type : types_) result.slots.emplace_back(type);
    for (const Row& row : rows) {
      result.event_time.push_back(row.event_time);
      result.available_at.push_back(row.available_at);
      result.retracted_at.push_back(row.retracted_at);
      result.ingest.push_back(row.ingest);
      for (size_t i = 0; i < types_.size(); ++i) result.slots[i].Append(row.slots[i]);
    }
    return result;
  }

  void ExpectSame(const PackedEvents& packed, const std::vector<Row>& rows) const {
    ASSERT_EQ(packed.size(), rows.size());
    const EventsView view = packed.view();
    const EventRows copy = packed.Rows();
    for (size_t row = 0; row < rows.size(); ++row) {
      EXPECT_EQ(view.event_time[row], rows[row].event_time);
      EXPECT_EQ(view.available_at[row], rows[row].available_at);
      EXPECT_EQ(view.RetractedAt(row), rows[row].retracted_at);
      EXPECT_EQ(view.ingest[row], rows[row].ingest);
      EXPECT_EQ(packed.PlaceOf(row), std::tuple(rows[row].event_time, rows[row].available_at, rows[row].ingest));
      EXPECT_EQ(copy.retracted_at[row], rows[row].retracted_at);
      for (size_t i = 0; i < types_.size(); ++i) {
        EXPECT_TRUE(view.slots[i].GetValue(row).IdenticalTo(rows[row].slots[i])) << "row " << row << ", slot " << i;
        EXPECT_TRUE(copy.slots[i].GetValue(row).IdenticalTo(rows[row].slots[i])) << "row " << row << ", slot " << i;
      }
    }
  }

  std::mt19937_64 random_{7};
  PackedEvents::SlotTypes types_ = {TypeId::kDouble, TypeId::kVarchar, TypeId::kBigint, TypeId::kBoolean,
                                    DecimalOf(kMaxDecimalWidth, 2)};
};

TEST_F(PackedEventsTest, HoldsWhatWasPutIn) {
  for (int round = 0; round < 60; ++round) {
    const int nulls = round % 3 == 0 ? 0 : 10;
    const int retracted = round % 4 == 0 ? 20 : 0;
    PackedEvents packed(types_);
    std::vector<Row> rows;
    for (int step = 0; step < 80; ++step) {
      if (random_() % 12 == 0 && !rows.empty()) {
        const size_t gone = random_() % (rows.size() + 1);
        packed.EraseFront(gone);
        rows.erase(rows.begin(), rows.begin() + static_cast<ptrdiff_t>(gone));
      } else {
        // What comes late or is null for the first time changes the form of all that is there.
        const Row row = RandomRow(step < 20 ? 0 : nulls, step < 10 ? 0 : retracted);
        const size_t position = random_() % 3 == 0 ? random_() % (rows.size() + 1) : rows.size();
        const EventRows source = ToRows({RandomRow(5, 5), row});
        packed.Insert(position, EventsView(source), 1);
        rows.insert(rows.begin() + static_cast<ptrdiff_t>(position), row);
      }
      ExpectSame(packed, rows);
      if (HasFailure()) return;
    }
  }
}

TEST_F(PackedEventsTest, TextsOfForgottenRowsAreGivenBack) {
  types_ = {TypeId::kVarchar};
  PackedEvents packed(types_);
  const std::string text(1'000, 't');
  size_t most = 0;
  for (int64_t i = 0; i < 1'000; ++i) {
    EventRows source;
    source.slots.emplace_back(TypeId::kVarchar);
    source.slots[0].AppendString(text);
    source.event_time = source.available_at = source.ingest = {i};
    packed.Insert(packed.size(), EventsView(source), 0);
    if (packed.size() > 10) packed.EraseFront(1);
    most = std::max(most, packed.HeapBytes());
  }
  EXPECT_EQ(packed.view().slots[0].str(0), text);
  EXPECT_LT(most, 100'000u);
}

}  // namespace
}  // namespace headrace
