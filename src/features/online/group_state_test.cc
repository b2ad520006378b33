#include "features/online/group_state.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <map>

#include "online_store/rocksdb/rocksdb_store.h"

namespace headrace {
namespace {

// A latest-value view of x, by a key of so many columns, of the type.
ViewProgram MakeView(size_t key_parts, TypeId type) {
  ViewProgram program;
  program.name = "v";
  program.input = {{"t", TypeId::kTimestamp}, {"x", TypeId::kBigint}};
  program.event_time = Expression::Column(0, TypeId::kTimestamp, "t");
  program.slots = {Expression::Column(1, TypeId::kBigint, "x")};
  program.features = {{"x", TypeId::kBigint}};
  for (size_t part = 0; part < key_parts; ++part) {
    const std::string name = fmt::format("k{}", part);
    program.entity.push_back({name, type});
    program.keys.push_back(Expression::Column(program.input.size(), type, name));
    program.input.push_back({name, type});
  }
  return program;
}

EventGroup GroupOf(const ViewProgram& program) {
  const ViewProgram* const views[] = {&program};
  return std::move(GroupByEvents(views, program.input)[0]);
}

// The events by key.
std::map<std::string, std::vector<int64_t>> EventsOf(const GroupState& state) {
  std::map<std::string, std::vector<int64_t>> events;
  const Status visited = state.Visit(0, 0, [&](std::string_view key, const EventRows& rows) {
    events[std::string(key)] = {rows.slots[0].ints().begin(), rows.slots[0].ints().end()};
  });
  EXPECT_TRUE(visited.ok()) << visited;
  return events;
}

// What is written down is read again, on several threads: the one key of a view without an entity too.
void CheckRestored(size_t key_parts, TypeId type) {
  const ViewProgram program = MakeView(key_parts, type);
  RecordBatch rows(program.input);
  std::vector<int64_t> numbers;
  for (int64_t i = 0; i < 2'000; ++i) {
    rows.columns[0].AppendInt(i);
    rows.columns[1].AppendInt(i);
    for (size_t part = 0; part < key_parts; ++part) {
      const int64_t key = i % 700 - 300;
      rows.columns[2 + part].Append(type == TypeId::kBigint
                                        ? Value::Bigint(key)
                                        : Value::Bytes(type, std::string(static_cast<size_t>(i % 600), 'a')));
    }
    numbers.push_back(i);
  }
  std::vector<const Column*> columns;
  for (const Column& column : rows.columns) columns.push_back(&column);
  const std::string folder = ::testing::TempDir() + "group_state";
  std::filesystem::remove_all(folder);
  std::filesystem::create_directories(folder);
  const std::unique_ptr<OnlineStore> on_disk = *OpenRocksDbStore(folder);
  OnlineStore& store = *on_disk;
  GroupState written(GroupOf(program), store, "p/");
  written.Insert(*EventBatch::Prepare(program, columns, numbers.size(), {false, numbers, {}, numbers}));
  ASSERT_TRUE(written.WriteChanges(0).ok());
  ASSERT_TRUE(store.WriteCheckpoint({0, {}}).ok());
  const std::map<std::string, std::vector<int64_t>> expected = EventsOf(written);
  ASSERT_FALSE(expected.empty());

  for (const int64_t budget : {INT64_MAX, int64_t{10'000}, int64_t{0}}) {
    GroupState restored(GroupOf(program), store, "other/");
    std::atomic<int64_t> left = budget;
    ASSERT_TRUE(restored.Restore("p/", 1'999, 3, &left).ok());
    if (budget == INT64_MAX) {
      EXPECT_EQ(restored.NumKeys(), static_cast<int64_t>(expected.size()));
    }
    if (budget == 0) {
      EXPECT_EQ(restored.NumKeys(), 0);
    }
    EXPECT_EQ(EventsOf(restored), expected) << "those on the disk too, with a budget of " << budget;
  }
}

TEST(GroupState, StatesAreRestoredWhateverTheirKeys) {
  CheckRestored(0, TypeId::kBigint);
  CheckRestored(1, TypeId::kBigint);
  CheckRestored(2, TypeId::kBigint);
  CheckRestored(1, TypeId::kVarchar);
}

}  // namespace
}  // namespace headrace
