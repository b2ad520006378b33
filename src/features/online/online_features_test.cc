#include "features/online/online_features.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <charconv>
#include <random>
#include <thread>

#include "kernel/naive.h"
#include "online_store/memory/memory_store.h"
#include "online_store/testing/borrowed_store.h"

namespace headrace {
namespace {

constexpr DurationUs kWindow = 100;

class FakeClock : public Clock {
 public:
  TimestampUs Now() const override { return now; }
  std::atomic<TimestampUs> now = 1000;
};

// A store that outlives the OnlineFeatures on top of it, as a disk does, and can be told to fail.
struct Disk {
  MemoryStore store;
  bool fail_appends = false;
  std::mutex busy;               // appends wait for it
  std::atomic<int> appends = 0;  // that have begun
};

class StoreOnDisk : public BorrowedStore {
 public:
  explicit StoreOnDisk(Disk& disk) : BorrowedStore(disk.store), disk_(disk) {}
  StatusOr<uint64_t> Append(std::string_view entry) override {
    ++disk_.appends;
    const std::lock_guard lock(disk_.busy);
    if (disk_.fail_appends) return Unavailable("no space left");
    return BorrowedStore::Append(entry);
  }

 private:
  Disk& disk_;
};

// View "v" over stream "s.e" (id, k, t, x): count(*), sum(x) over 100 us, by k.
ViewProgram MakeProgram() {
  ViewProgram program;
  program.name = "v";
  program.input = {{"k", TypeId::kBigint}, {"t", TypeId::kTimestamp}, {"x", TypeId::kDouble}};
  program.keys = {Expression::Column(0, TypeId::kBigint, "k")};
  program.entity = {{"k", TypeId::kBigint}};
  program.event_time = Expression::Column(1, TypeId::kTimestamp, "t");
  program.slots = {Expression::Column(2, TypeId::kDouble, "x")};
  AggregateCall sum;
  sum.kind = AggregateKind::kSum;
  sum.argument = 0;
  sum.argument_type = sum.result_type = TypeId::kDouble;
  program.aggregates = {AggregateCall{}, sum};
  program.outputs = {Expression::Column(0, TypeId::kBigint, ""), Expression::Column(1, TypeId::kDouble, "")};
  program.windows = {{kWindow, {}, 0, "100us"}};
  program.output_fields = {{"n", TypeId::kBigint}, {"total", TypeId::kDouble}};
  program.features = {{"n_100us", TypeId::kBigint}, {"total_100us", TypeId::kDouble}};
  return program;
}

OnlineDefinition MakeDefinition(std::string definition_hash = "1") {
  auto catalog = std::make_shared<ViewCatalog>();
  catalog->events["v"] = MakeProgram();
  OnlineDefinition definition;
  definition.catalog = catalog;
  definition.views = {{"v", "s.e", std::move(definition_hash), "h1"}};
  const Schema columns = {
      {"id", TypeId::kBigint}, {"k", TypeId::kBigint}, {"t", TypeId::kTimestamp}, {"x", TypeId::kDouble}};
  definition.streams["s.e"] = {"s.e", columns, "t", "id", 0, false, {}};
  return definition;
}

// One row of history: id 1, key 7, at 950, x = 0.5.
HistoryReader OneRowOfHistory() {
  HistoryReader history;
  history.view = [](const OnlineViewSpec&, const ViewProgram& program,
                    const std::function<Status(const RecordBatch&, const Arrivals&)>& sink) {
    RecordBatch batch(program.input);
    batch.columns[0].AppendInt(7);
    batch.columns[1].AppendInt(950);
    batch.columns[2].AppendDouble(0.5);
    batch.num_rows = 1;
    const std::vector<int64_t> available = {950};
    const std::vector<int64_t> ingest = {0};
    return sink(batch, {false, available, {}, ingest});
  };
  history.ids = [](const StreamSource&, const std::function<Status(const Column&)>& sink) {
    Column ids(TypeId::kBigint);
    ids.AppendInt(1);
    return sink(ids);
  };
  return history;
}

class OnlineFeaturesTest : public ::testing::Test {
 protected:
  OnlineFeaturesTest() {
    options_.keep_us = 1'000'000;
    Open();
  }

  void Open(std::string definition_hash = "1") { OpenWith(MakeDefinition(std::move(definition_hash))); }

  void OpenWith(OnlineDefinition definition) {
    online_.reset();
    StatusOr<std::unique_ptr<OnlineFeatures>> opened = OnlineFeatures::Open(
        std::make_unique<StoreOnDisk>(disk_), std::move(definition), OneRowOfHistory(), clock_, options_);
    ASSERT_TRUE(opened.ok()) << opened.status();
    online_ = *std::move(opened);
  }

  StatusOr<PushResult> Push(std::string_view body) {
    HR_ASSIGN_OR_RETURN(RecordBatch rows, ParseEvents(online_->definition()->streams.at("s.e"), body));
    return online_->PushAndWait("s.e", std::move(rows));
  }

  // Requests that wait together behind one that is being written; what became of each: "accepted duplicates", or
  // "full".
  std::vector<std::string> PushTogether(const std::vector<std::string>& bodies) {
    std::vector<std::string> answers(bodies.size());
    std::atomic<size_t> answered = 0;
    const int begun = disk_.appends;
    std::unique_lock busy(disk_.busy);
    std::thread first([&] { EXPECT_TRUE(Push(R"({"id": null, "k": 1, "t": 990})").ok()); });
    while (disk_.appends == begun) std::this_thread::yield();
    for (size_t i = 0; i < bodies.size(); ++i) {
      StatusOr<RecordBatch> rows = ParseEvents(online_->definition()->streams.at("s.e"), bodies[i]);
      const Status queued = online_->Push("s.e", *std::move(rows), [&, i](const StatusOr<PushResult>& result) {
        answers[i] = result.ok() ? fmt::format("{} {}", result->accepted, result->duplicates) : "refused";
        if (on_answer_) on_answer_(i);
        ++answered;
      });
      EXPECT_TRUE(queued.ok() || absl::IsResourceExhausted(queued)) << queued;
      if (queued.ok()) continue;
      answers[i] = "full";
      ++answered;
    }
    queued_rows_ = online_->Stats().queued_rows;
    busy.unlock();
    first.join();
    while (answered < bodies.size()) std::this_thread::yield();
    return answers;
  }

  // As a request with on_error=quarantine.
  StatusOr<PushResult> PushSorted(std::string_view body) {
    HR_ASSIGN_OR_RETURN(CheckedEvents sorted, CheckEvents(online_->definition()->streams.at("s.e"), body));
    return online_->PushAndWait(
        PushRequest{"s.e", std::move(sorted.good), ToQuarantined("s.e", std::move(sorted.bad)), {}});
  }

  // Sends `body` in place of rows that are in quarantine.
  StatusOr<PushResult> Resend(std::string_view body, std::vector<std::string> ids) {
    HR_ASSIGN_OR_RETURN(RecordBatch rows, ParseEvents(online_->definition()->streams.at("s.e"), body));
    return online_->PushAndWait(PushRequest{"s.e", std::move(rows), {}, std::move(ids)});
  }

  std::vector<QuarantinedRow> Held(const std::string& after = "", size_t limit = 100) {
    StatusOr<std::vector<QuarantinedRow>> rows = online_->ReadQuarantine("s.e", after, limit);
    EXPECT_TRUE(rows.ok()) << rows.status();
    return rows.ok() ? *std::move(rows) : std::vector<QuarantinedRow>();
  }

  // "n total" of key k at t (nullopt: the present).
  int64_t StoredKeys() const {
    int64_t keys = 0;
    const auto count = [&](std::string_view, std::string_view) { return ++keys, absl::OkStatus(); };
    EXPECT_TRUE(disk_.store.ReadStates("events/", count).ok());
    return keys;
  }

  std::string Read(int64_t k, std::optional<TimestampUs> at = std::nullopt) {
    const std::shared_ptr<const OnlineDefinition> definition = online_->definition();
    const StatusOr<FeaturePlan> plan = PlanFeatures(*definition->catalog, {"v.*"});
    RecordBatch entities(plan->entities);
    entities.columns[0].AppendInt(k);
    entities.num_rows = 1;
    Column times(TypeId::kTimestamp);
    times.AppendInt(online_->ResolveInstant(at));
    const StatusOr<FeatureTable> read = online_->Read(*definition, *plan, entities, RecordBatch(), times);
    if (!read.ok()) return std::string(Message(read.status()));
    return fmt::format("{} {}", read->GetValue(0, 0).ToString(), read->GetValue(0, 1).ToString());
  }

  FakeClock clock_;
  Disk disk_;
  OnlineOptions options_;
  std::unique_ptr<OnlineFeatures> online_;
  std::function<void(size_t)> on_answer_;  // of PushTogether, by the committer's thread
  int64_t queued_rows_ = 0;                // while PushTogether waited
};

// Whose window reads and pushes do not leave, though each takes an instant of its own.
OnlineDefinition MakeWideDefinition(std::string definition_hash) {
  OnlineDefinition definition = MakeDefinition(std::move(definition_hash));
  auto catalog = std::make_shared<ViewCatalog>();
  catalog->events["v"] = MakeProgram();
  catalog->events["v"].windows[0].length_us = 500'000;
  definition.catalog = catalog;
  return definition;
}

// OneRowOfHistory, counting its scans; `during` runs within each.
HistoryReader CountedHistory(
    int* scans, const std::function<void()>& during = [] {}) {
  HistoryReader history = OneRowOfHistory();
  history.view = [view = history.view, scans, during](const auto& spec, const auto& program, const auto& sink) {
    ++*scans;
    during();
    return view(spec, program, sink);
  };
  return history;
}

TEST_F(OnlineFeaturesTest, PushesAndReadsGoOnWhileNewStatesAreMade) {
  int scans = 0;
  int64_t pushed = 0;
  const auto push_some = [&] {
    for (int i = 0; i < 100; ++i) {
      ASSERT_TRUE(Push(fmt::format(R"({{"id": {}, "k": 7, "t": 990, "x": 1}})", 1000 + pushed++)).ok());
      ASSERT_EQ(Read(7), fmt::format("{} {}.5", pushed + 1, pushed));
    }
  };
  ASSERT_TRUE(online_->Replace(MakeWideDefinition("1 wide"), OneRowOfHistory()).ok());
  push_some();
  ASSERT_TRUE(online_->Replace(MakeWideDefinition("2"), CountedHistory(&scans, push_some)).ok());
  EXPECT_EQ(scans, 1);
  EXPECT_EQ(Read(7), "201 200.5");
  push_some();
  EXPECT_EQ(Read(7), "301 300.5");
}

TEST_F(OnlineFeaturesTest, NewStatesCatchUpWithAWriterThatNeverRests) {
  ASSERT_TRUE(online_->Replace(MakeWideDefinition("wide"), OneRowOfHistory()).ok());
  std::atomic<bool> stop = false;
  std::atomic<int64_t> pushed = 0;
  std::thread writer([&] {
    while (!stop && Push(fmt::format(R"({{"id": {}, "k": 7, "t": 990, "x": 1}})", 1000 + pushed.load())).ok()) ++pushed;
  });
  int scans = 0;
  int replacements = 0;
  // Each reads the whole log, which grows meanwhile: no end where that is as slow as to write it (thread sanitizer).
  while (pushed < 1000 || (replacements < 20 && pushed < 20'000)) {
    const Status replaced =
        online_->Replace(MakeWideDefinition(std::to_string(++replacements)), CountedHistory(&scans));
    EXPECT_TRUE(replaced.ok()) << replaced;
    if (!replaced.ok()) break;
  }
  stop = true;
  writer.join();
  EXPECT_EQ(scans, replacements);
  EXPECT_EQ(Read(7), fmt::format("{} {}.5", pushed + 1, pushed.load()));
}

TEST_F(OnlineFeaturesTest, ViewsThatDidNotChangeKeepTheirStates) {
  int scans = 0;
  ASSERT_TRUE(Push(R"({"id": 2, "k": 7, "t": 990, "x": 1})").ok());
  ASSERT_TRUE(online_->Replace(MakeDefinition(), CountedHistory(&scans)).ok());
  EXPECT_EQ(scans, 0);
  ASSERT_TRUE(Push(R"({"id": 3, "k": 7, "t": 990, "x": 1})").ok());
  EXPECT_EQ(Read(7), "3 2.5");
  OnlineDefinition other_history = MakeDefinition();
  other_history.views[0].history_version = "h2";
  ASSERT_TRUE(online_->Replace(std::move(other_history), CountedHistory(&scans)).ok());
  EXPECT_EQ(scans, 1);
  EXPECT_EQ(Read(7), "3 2.5");
}

// Whoever reads sees what was acknowledged, wherever the key is just then.
TEST_F(OnlineFeaturesTest, KeysGoToTheDiskAndComeBackWhileEventsComeAndAreRead) {
  constexpr int64_t kKeys = 5;
  options_.memory_bytes = 0;
  OpenWith(MakeWideDefinition("1"));
  std::atomic<bool> done = false;
  std::thread limiter([&] {
    while (!done) EXPECT_TRUE(online_->LimitMemory().ok());
  });
  std::thread reader([&] {
    int64_t least = 0;  // that key 0 has by now
    while (!done) {
      const std::string seen = Read(0);
      int64_t count = -1;
      std::from_chars(seen.data(), seen.data() + seen.size(), count);
      EXPECT_GE(count, least) << seen;
      least = count;
    }
  });
  std::array<int64_t, kKeys> pushed{};
  for (int id = 10; id < 2'010; ++id) {
    const int64_t key = id % kKeys;
    ASSERT_TRUE(Push(fmt::format(R"({{"id": {}, "k": {}, "t": 990, "x": 0.5}})", id, key)).ok());
    ++pushed[static_cast<size_t>(key)];
    const int64_t count = pushed[static_cast<size_t>(key)];
    const Value total = Value::Double(0.5 * static_cast<double>(count));
    ASSERT_EQ(Read(key), fmt::format("{} {}", count, total.ToString())) << "id " << id;
  }
  done = true;
  limiter.join();
  reader.join();
  EXPECT_GT(online_->Stats().keys_loaded, 0);
}

// What is in memory of a key is not all of it, where the rest is on the disk.
TEST_F(OnlineFeaturesTest, AnEventThatIsForgottenTakesNoneWithItThatAreOnTheDisk) {
  options_.keep_us = 300;
  options_.memory_bytes = 0;
  Open();
  ASSERT_TRUE(Push(R"({"id": 2, "k": 7, "t": 990, "x": 1})").ok());
  ASSERT_TRUE(online_->LimitMemory().ok());
  ASSERT_TRUE(Push(R"({"id": 3, "k": 7, "t": 100, "x": 1})").ok());  // no read sees it
  ASSERT_TRUE(online_->LimitMemory().ok());
  EXPECT_EQ(online_->Stats().keys, 0);
  EXPECT_EQ(Read(7), "2 1.5");
  ASSERT_TRUE(online_->LimitMemory().ok());
  Open();
  EXPECT_EQ(Read(7), "2 1.5");
}

// With the first checkpoint that they are due at, though no event of theirs comes.
TEST_F(OnlineFeaturesTest, MemoryForgetsKeysOfWhichNoReadSeesAnEvent) {
  constexpr int kKeys = 1000;
  options_.keep_us = 300;
  Open();
  for (int64_t key = 0; key < kKeys; ++key) {
    clock_.now = 1000 + key;
    ASSERT_TRUE(Push(fmt::format(R"({{"id": {}, "k": {}, "t": {}, "x": 1}})", 10 + key, key, 1000 + key)).ok());
    if (key % 100 == 0) ASSERT_TRUE(online_->Checkpoint().ok());
  }
  for (int64_t now = 2000; now < 2400; now += 50) {
    clock_.now = now;
    ASSERT_TRUE(Push(fmt::format(R"({{"id": {}, "k": -1, "t": {}, "x": 1}})", 10 + now, now)).ok());
    ASSERT_TRUE(online_->Checkpoint().ok());
    // An event is seen for 100 us, and reads reach back 300 us; up to 4 us more, a bucket of the wheel.
    const int64_t oldest = now - options_.keep_us - 100 - 1000;
    const OnlineStats stats = online_->Stats();
    EXPECT_GE(stats.keys, kKeys - oldest + 1) << now;
    EXPECT_LE(stats.keys, kKeys - oldest + 1 + 4) << now;
    EXPECT_EQ(stats.events_held, stats.keys - 1 + (now - 2000) / 50 + 1);
    EXPECT_EQ(Read(oldest, now - options_.keep_us), "1 1.0");
  }
}

// What hides an event from a window of `n rows` may itself not be there for all reads yet.
TEST_F(OnlineFeaturesTest, KeysThatMayForgetSomethingButCannotYetAreLookedAtOnce) {
  constexpr int kKeys = 10'000;  // more of a shard than are looked at under one lock
  options_.keep_us = 300;
  OnlineDefinition definition = MakeDefinition();
  const auto catalog = std::make_shared<ViewCatalog>();
  ViewProgram program = MakeProgram();
  program.windows = {{std::nullopt, 1, 0, "1 row"}, {100, {}, 0, "100us"}};
  program.outputs.erase(program.outputs.begin());
  program.output_fields = {{"total", TypeId::kDouble}};
  program.features = {{"total_1_row", TypeId::kDouble}, {"total_100us", TypeId::kDouble}};
  catalog->events["v"] = program;
  definition.catalog = catalog;
  OpenWith(definition);
  const auto push_to_all = [&](int64_t t) {
    std::string body;
    for (int key = 0; key < kKeys; ++key) body += fmt::format("{{\"k\": {}, \"t\": {}, \"x\": {}}}\n", key, t, t);
    ASSERT_TRUE(Push(body).ok());
    ASSERT_TRUE(online_->Checkpoint().ok());
  };
  push_to_all(990);
  clock_.now = 1500;
  push_to_all(995);  // after 990, but not there before 1500, and reads reach back to 1200
  EXPECT_EQ(online_->Stats().events_held, 2 * kKeys);
  EXPECT_EQ(Read(7, 1499), "990.0 null");
  EXPECT_EQ(Read(7), "995.0 null");
  clock_.now = 2000;
  push_to_all(997);
  EXPECT_EQ(online_->Stats().events_held, 2 * kKeys);
  EXPECT_EQ(Read(7, 1999), "995.0 null");
  EXPECT_EQ(Read(7), "997.0 null");
}

TEST_F(OnlineFeaturesTest, TheStoreForgetsKeysThatNobodyAsksFor) {
  options_.keep_us = 300;
  options_.memory_bytes = 0;
  Open();
  ASSERT_TRUE(Push(R"([{"id": 2, "k": 7, "t": 990, "x": 1}, {"id": 3, "k": 8, "t": 990, "x": 1}])").ok());
  ASSERT_TRUE(online_->LimitMemory().ok());
  EXPECT_EQ(StoredKeys(), 2);
  clock_.now = 1300;
  ASSERT_TRUE(Push(R"({"id": 4, "k": 8, "t": 1290, "x": 4})").ok());
  ASSERT_TRUE(online_->Checkpoint().ok());
  EXPECT_EQ(StoredKeys(), 2);  // a read at 1001 sees both
  clock_.now = 1500;
  ASSERT_TRUE(Push(R"({"id": 5, "k": 9, "t": 1490, "x": 4})").ok());
  ASSERT_TRUE(online_->Checkpoint().ok());
  ASSERT_TRUE(online_->Checkpoint().ok());
  EXPECT_EQ(StoredKeys(), 2);  // 8 and 9
  EXPECT_EQ(online_->Stats().keys, 0);
  EXPECT_EQ(Read(7), "0 null");
  EXPECT_EQ(Read(8, 1300), "1 4.0");
  Open();
  EXPECT_EQ(Read(7), "0 null");
  EXPECT_EQ(Read(8, 1300), "1 4.0");
}

TEST_F(OnlineFeaturesTest, StatesThatForgotWhatALongerReachNeedsAreMadeAgain) {
  options_.keep_us = 0;  // the longest window and a day
  Open();
  int scans = 0;
  OnlineDefinition longer = MakeDefinition();
  auto catalog = std::make_shared<ViewCatalog>();
  catalog->events["v"] = MakeProgram();
  catalog->events["w"] = MakeProgram();
  catalog->events["w"].name = "w";
  catalog->events["w"].windows[0].length_us = 10 * kUsPerDay;
  longer.catalog = catalog;
  longer.views.push_back({"w", "s.e", "1", "h1"});
  ASSERT_TRUE(online_->Replace(longer, CountedHistory(&scans)).ok());
  EXPECT_EQ(scans, 1);  // for both: they read the same events
  ASSERT_TRUE(online_->Replace(longer, CountedHistory(&scans)).ok());
  EXPECT_EQ(scans, 1);
}

TEST_F(OnlineFeaturesTest, Rule8IdsAreThoseOfTheHistoryThatIsInForce) {
  ASSERT_TRUE(Push(R"([{"id": 2, "k": 7, "t": 990, "x": 1}, {"id": 3, "k": 7, "t": 990, "x": 1}])").ok());
  HistoryReader history = OneRowOfHistory();  // of id 2 now: the pushed row of that id is superseded
  history.ids = [](const StreamSource&, const std::function<Status(const Column&)>& sink) {
    return sink(Column::Integers(TypeId::kBigint, {2}));
  };
  OnlineDefinition again = MakeDefinition();
  again.views[0].history_version = "h2";
  again.id_versions["s.e"] = "h2";
  ASSERT_TRUE(online_->Replace(std::move(again), history).ok());
  EXPECT_EQ(Read(7), "2 1.5");
  const StatusOr<PushResult> result = Push(
      R"([{"id": 1, "k": 7, "t": 990, "x": 1}, {"id": 2, "k": 7, "t": 990, "x": 1}, {"id": 3, "k": 7, "t": 990}])");
  ASSERT_TRUE(result.ok());
  EXPECT_EQ(result->accepted, 1);  // id 1 left the history
  EXPECT_EQ(result->duplicates, 2);
  EXPECT_EQ(Read(7), "3 2.5");
}

// A definition whose history of the stream is another one, with these ids and no rows.
struct OtherHistory {
  OtherHistory(std::string version, std::vector<int64_t> ids) : definition(MakeDefinition()) {
    definition.views[0].history_version = definition.id_versions["s.e"] = std::move(version);
    reader.view = [](const auto&, const auto&, const auto&) { return absl::OkStatus(); };
    reader.ids = [ids = std::move(ids)](const StreamSource&, const auto& sink) {
      return sink(Column::Integers(TypeId::kBigint, ids));
    };
  }
  OnlineDefinition definition;
  HistoryReader reader;
};

TEST_F(OnlineFeaturesTest, Rule8APushedIdThatAHistoryHadForAWhileIsStillKnown) {
  ASSERT_TRUE(Push(R"({"id": 2, "k": 7, "t": 990, "x": 1})").ok());
  const OtherHistory with({"h2", {2}});
  online_.reset();
  online_ = *OnlineFeatures::Open(std::make_unique<StoreOnDisk>(disk_), with.definition, with.reader, clock_, options_);
  EXPECT_EQ(Read(7), "0 null");
  const OtherHistory without({"h3", {}});
  ASSERT_TRUE(online_->Replace(without.definition, without.reader).ok());
  EXPECT_EQ(Push(R"({"id": 2, "k": 7, "t": 990, "x": 1})")->duplicates, 1);
  EXPECT_EQ(Read(7), "1 1.0");
}

TEST_F(OnlineFeaturesTest, StatesStartFromHistory) {
  EXPECT_EQ(Read(7), "1 0.5");
  EXPECT_EQ(Read(8), "0 null");
}

TEST_F(OnlineFeaturesTest, Rule12AnAcknowledgedEventIsSeenAtOnce) {
  ASSERT_TRUE(Push(R"({"id": 2, "k": 7, "t": 990, "x": 1})").ok());
  EXPECT_EQ(Read(7), "2 1.5");
}

TEST_F(OnlineFeaturesTest, Rule12OneReadsOnesOwnWritesWhenTheClockGoesBack) {
  ASSERT_TRUE(Push(R"({"id": 2, "k": 7, "t": 990, "x": 1})").ok());
  clock_.now = 500;
  EXPECT_EQ(Read(7), "2 1.5");
}

TEST_F(OnlineFeaturesTest, Rule1AnEventIsInvisibleBeforeItsArrival) {
  ASSERT_TRUE(Push(R"({"id": 2, "k": 7, "t": 900, "x": 1})").ok());
  EXPECT_EQ(Read(7, 999), "1 0.5");
  EXPECT_EQ(Read(7, 1000), "2 1.5");
}

TEST_F(OnlineFeaturesTest, ACommitNeverArrivesAtAnInstantThatWasRead) {
  EXPECT_EQ(Read(7, 1000), "1 0.5");
  ASSERT_TRUE(Push(R"({"id": 2, "k": 7, "t": 990, "x": 1})").ok());
  EXPECT_EQ(Read(7, 1000), "1 0.5");  // the answer of before still stands
  EXPECT_EQ(Read(7, 1001), "2 1.5");
}

TEST_F(OnlineFeaturesTest, Rule8RepeatedIdsAreDropped) {
  const StatusOr<PushResult> result =
      Push(R"([{"id": 2, "k": 7, "t": 990, "x": 1}, {"id": 2, "k": 7, "t": 990, "x": 5}, {"id": 1, "k": 7, "t": 990},
                                               {"id": null, "k": 9, "t": 990}, {"id": null, "k": 9, "t": 990}])");
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->accepted, 3);    // the first id 2, and both null ids
  EXPECT_EQ(result->duplicates, 2);  // id 2 again, and id 1 of the history
  EXPECT_EQ(Push(R"({"id": 2, "k": 7, "t": 991})")->duplicates, 1);
  EXPECT_EQ(Read(7), "2 1.5");
  EXPECT_EQ(Read(9), "2 null");
}

TEST_F(OnlineFeaturesTest, RequestsThatShareACommitAreAnsweredEachForItself) {
  EXPECT_EQ(PushTogether({R"({"id": 2, "k": 7, "t": 990, "x": 1})", R"([{"id": 2, "k": 7, "t": 990, "x": 2},
                                                                       {"id": 3, "k": 7, "t": 990, "x": 4}])",
                          R"({"id": 1, "k": 7, "t": 990, "x": 8})", R"({"id": 4, "k": 7, "t": 990, "x": 16})"}),
            (std::vector<std::string>{"1 0", "1 1", "0 1", "1 0"}));
  EXPECT_EQ(Read(7), "4 21.5");
  const OnlineStats stats = online_->Stats();
  EXPECT_EQ(stats.commits, 2);
  EXPECT_EQ(stats.events_accepted, 4);
  EXPECT_EQ(stats.events_duplicate, 2);
  Open();  // as the log says
  EXPECT_EQ(Read(7), "4 21.5");
}

TEST_F(OnlineFeaturesTest, ASmallRequestWaitsForNoOtherCommitThanTheOneThatRuns) {
  options_.max_commit_rows = 100;
  Open();
  const auto rows = [](int first_id, int count) {
    std::string body;
    for (int id = first_id; id < first_id + count; ++id)
      body += fmt::format("{{\"id\": {}, \"k\": 7, \"t\": 990}}\n", id);
    return body;
  };
  // Event 500 is in the last large request and in the small one: the first that was committed has it.
  EXPECT_EQ(PushTogether({rows(100, 70), rows(200, 70), rows(431, 70), rows(500, 1)}),
            (std::vector<std::string>{"70 0", "70 0", "69 1", "1 0"}));
  EXPECT_EQ(online_->Stats().commits, 4);  // the first, the small one with one large one, two large ones
}

TEST_F(OnlineFeaturesTest, ASmallRequestIsReadBeforeTheLargeOnesOfItsCommitAreInserted) {
  std::string large;
  for (int id = 100; id < 170; ++id) large += fmt::format("{{\"id\": {}, \"k\": 7, \"t\": 990, \"x\": 1}}\n", id);
  std::vector<std::string> seen;
  on_answer_ = [&](size_t) { seen.push_back(Read(7)); };
  EXPECT_EQ(PushTogether({large, R"({"id": 2, "k": 7, "t": 990, "x": 0.25})"}),
            (std::vector<std::string>{"70 0", "1 0"}));
  EXPECT_EQ(seen, (std::vector<std::string>{"2 0.75", "72 70.75"}));
  EXPECT_EQ(online_->Stats().commits, 2);
  const TimestampUs arrival = online_->Now();
  EXPECT_EQ(Read(7, arrival - 1), "2 0.75");  // as it was read then
  EXPECT_EQ(Read(7, arrival), "72 70.75");
  Open();
  EXPECT_EQ(Read(7, arrival - 1), "2 0.75");
  EXPECT_EQ(Read(7, arrival), "72 70.75");
}

TEST_F(OnlineFeaturesTest, ARequestThatAViewRefusesTakesNoOtherOfItsCommitWithIt) {
  Expression cast = Expression::Constant({}, TypeId::kBigint);
  cast.kind = Expression::Kind::kCast;
  cast.children = {Expression::Column(2, TypeId::kDouble, "x")};
  auto catalog = std::make_shared<ViewCatalog>();
  catalog->events["v"] = MakeProgram();
  catalog->events["v"].slots = {cast};
  catalog->events["v"].aggregates[1].argument_type = TypeId::kBigint;
  OnlineDefinition definition = MakeDefinition("2");
  definition.catalog = catalog;
  OpenWith(std::move(definition));
  EXPECT_EQ(PushTogether({R"({"id": 2, "k": 7, "t": 990, "x": 1})", R"({"id": 3, "k": 7, "t": 990, "x": 1e300})",
                          R"({"id": 3, "k": 7, "t": 990, "x": 2})"}),
            (std::vector<std::string>{"1 0", "refused", "1 0"}));
  EXPECT_EQ(online_->Stats().events_accepted, 3);
}

TEST_F(OnlineFeaturesTest, Rule8PushedIdsAreRememberedForTheirRetentionWhileRunningAndAcrossRestarts) {
  options_.id_retention_us = 500;
  Open();
  ASSERT_EQ(Push(R"({"id": 2, "k": 9, "t": 990})")->accepted, 1);  // arrives at 1000
  clock_.now = 1500;
  EXPECT_EQ(Push(R"({"id": 2, "k": 9, "t": 990})")->duplicates, 1);
  Open();
  EXPECT_EQ(Push(R"({"id": 2, "k": 9, "t": 990})")->duplicates, 1);
  clock_.now = 1501;
  EXPECT_EQ(Push(R"({"id": 2, "k": 9, "t": 1490})")->accepted, 1);  // forgotten while it runs
  EXPECT_EQ(Push(R"({"id": 2, "k": 9, "t": 1490})")->duplicates, 1);
  clock_.now = 2002;
  Open();
  EXPECT_EQ(Push(R"({"id": 2, "k": 9, "t": 1990})")->accepted, 1);  // and by a restart
}

TEST_F(OnlineFeaturesTest, Rule8IdsOfHistoryAreRememberedForEver) {
  options_.id_retention_us = 500;
  Open();
  clock_.now = 900'000'000;
  EXPECT_EQ(Push(R"({"id": 1, "k": 7, "t": 990})")->duplicates, 1);
  Open();
  EXPECT_EQ(Push(R"({"id": 1, "k": 7, "t": 990})")->duplicates, 1);
}

TEST_F(OnlineFeaturesTest, Rule8ExpiredIdsAreFreedBySmallSteps) {
  options_.id_retention_us = 500;
  Open();
  std::string rows;
  for (int id = 100; id < 3100; ++id)
    rows += fmt::format(R"({{"id": {}, "k": 9, "t": 990}})"
                        "\n",
                        id);
  ASSERT_EQ(Push(rows)->accepted, 3000);
  EXPECT_EQ(online_->Stats().ids_held, 3001);  // and that of history
  EXPECT_GT(online_->Stats().id_bytes, 3001 * 10);
  clock_.now = 2000;
  ASSERT_TRUE(Push(R"({"id": 2, "k": 9, "t": 990})").ok());
  ASSERT_TRUE(online_->Checkpoint().ok());            // the commit is over
  EXPECT_EQ(online_->Stats().ids_held, 3002 - 1002);  // 1,000 and two for each that came
  for (int id = 3; id < 6; ++id) ASSERT_TRUE(Push(fmt::format(R"({{"id": {}, "k": 9, "t": 990}})", id)).ok());
  ASSERT_TRUE(online_->Checkpoint().ok());
  EXPECT_EQ(online_->Stats().ids_held, 5);
}

TEST_F(OnlineFeaturesTest, EventsOlderThanTheLongestWindowAreAcceptedAndCounted) {
  const StatusOr<PushResult> pushed =
      Push(R"([{"id": 2, "k": 9, "t": 900, "x": 1}, {"id": 3, "k": 9, "t": 899, "x": 1}, {"id": 3, "k": 9, "t": 1}])");
  ASSERT_TRUE(pushed.ok()) << pushed.status();
  EXPECT_EQ(pushed->accepted, 2);
  EXPECT_EQ(online_->Stats().events_too_old, 1);  // 900 is in the window of 100 us that ends at its arrival at 1000
  EXPECT_EQ(Read(9), "1 1.0");
  EXPECT_EQ(disk_.store.LastPosition(), 1u);  // it is in the log
}

TEST_F(OnlineFeaturesTest, AnEventThatIsRefusedIsNotCountedAsTooOld) {
  disk_.fail_appends = true;
  EXPECT_FALSE(Push(R"({"id": 2, "k": 9, "t": 1})").ok());
  EXPECT_EQ(online_->Stats().events_too_old, 0);
}

TEST_F(OnlineFeaturesTest, EventsOfTheFutureAreRefusedNamedAndCounted) {
  options_.future_skew_us = kUsPerSecond;
  Open();
  const Status refused = Push(R"([{"id": 2, "k": 9, "t": 990}, {"id": 3, "k": 9, "t": 1001001},
                                  {"id": 4, "k": 9, "t": 1001000}, {"id": 5, "k": 9, "t": 2000000}])")
                             .status();
  EXPECT_EQ(refused.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(Message(refused),
            "row 1, column 't': 1970-01-01T00:00:01.001001Z is more than 1s after the server's clock, which says "
            "1970-01-01T00:00:00.001Z; the setting is future_skew under 'online' in headrace.yml");
  EXPECT_EQ(online_->Stats().events_future, 2);
  EXPECT_EQ(online_->Stats().events_accepted, 0);
  EXPECT_EQ(Push(R"([{"id": 2, "k": 9, "t": 990}, {"id": 4, "k": 9, "t": 1001000}])")->accepted, 2);
}

TEST_F(OnlineFeaturesTest, TheFutureBeginsAfterTheLastArrivalWhenTheClockGoesBack) {
  options_.future_skew_us = 10;
  Open();
  ASSERT_TRUE(Push(R"({"id": 2, "k": 9, "t": 1000})").ok());
  clock_.now = 500;
  EXPECT_TRUE(Push(R"({"id": 3, "k": 9, "t": 1010})").ok());
}

TEST_F(OnlineFeaturesTest, WithoutABoundTheFutureIsTaken) {
  EXPECT_TRUE(Push(R"({"id": 3, "k": 9, "t": "2999-01-01"})").ok());
}

TEST_F(OnlineFeaturesTest, Rule12AReachThatWasMadeLongerIsAnsweredExactly) {
  options_.keep_us = 100;
  Open();
  ASSERT_TRUE(Push(R"({"id": 2, "k": 7, "t": 990, "x": 1})").ok());
  EXPECT_EQ(Read(7, 1000), "2 1.5");
  clock_.now = 5000;
  ASSERT_TRUE(online_->Checkpoint().ok());  // forgets both events
  EXPECT_TRUE(Read(7, 1000).starts_with("at_too_old"));
  options_.keep_us = 1'000'000;
  Open();
  EXPECT_EQ(Read(7, 1000), "2 1.5");
}

TEST_F(OnlineFeaturesTest, RecoveryFromTheLogAloneGivesTheSameState) {
  ASSERT_TRUE(Push(R"({"id": 2, "k": 7, "t": 990, "x": 1})").ok());
  Open();
  EXPECT_EQ(Read(7), "2 1.5");
  EXPECT_EQ(Push(R"({"id": 2, "k": 7, "t": 990, "x": 1})")->duplicates, 1);
}

TEST_F(OnlineFeaturesTest, RecoveryFromCheckpointAndTailCountsNothingTwice) {
  ASSERT_TRUE(Push(R"({"id": 2, "k": 7, "t": 990, "x": 1})").ok());
  ASSERT_TRUE(online_->Checkpoint().ok());
  ASSERT_TRUE(Push(R"({"id": 3, "k": 7, "t": 991, "x": 2})").ok());
  Open();
  EXPECT_EQ(Read(7), "3 3.5");
  ASSERT_TRUE(online_->Checkpoint().ok());
  Open();
  EXPECT_EQ(Read(7), "3 3.5");
}

TEST_F(OnlineFeaturesTest, AChangedDefinitionIsBuiltAnewFromHistoryAndLog) {
  ASSERT_TRUE(Push(R"({"id": 2, "k": 7, "t": 990, "x": 1})").ok());
  ASSERT_TRUE(online_->Checkpoint().ok());
  Open("2");
  EXPECT_EQ(Read(7), "2 1.5");
}

TEST_F(OnlineFeaturesTest, AFullDiskRefusesAndLosesNothing) {
  disk_.fail_appends = true;
  EXPECT_EQ(Push(R"({"id": 2, "k": 7, "t": 990, "x": 1})").status().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(Read(7), "1 0.5");
  disk_.fail_appends = false;
  EXPECT_EQ(Push(R"({"id": 2, "k": 7, "t": 990, "x": 1})")->accepted, 1);  // the refused id was not remembered
  EXPECT_EQ(Read(7), "2 1.5");
}

TEST_F(OnlineFeaturesTest, Rule12TooOldIsRefusedNeverApproximate) {
  clock_.now = 5'000'000;
  EXPECT_TRUE(Read(7, 1000).starts_with("at_too_old")) << Read(7, 1000);
}

TEST_F(OnlineFeaturesTest, ADamagedLogEntryIsRefused) {
  ASSERT_TRUE(disk_.store.Append("HL garbage").ok());
  const StatusOr<std::unique_ptr<OnlineFeatures>> opened =
      OnlineFeatures::Open(std::make_unique<StoreOnDisk>(disk_), MakeDefinition(), OneRowOfHistory(), clock_, {});
  EXPECT_EQ(opened.status().code(), absl::StatusCode::kDataLoss);
}

TEST_F(OnlineFeaturesTest, Rule27BadRowsAreNamed) {
  const auto message = [&](std::string_view body) { return std::string(Message(Push(body).status())); };
  EXPECT_EQ(message(R"([{"id": 2, "t": 1}, {"id": "3", "t": 1}])"),
            "row 1, column 'id': expected a whole number without fraction or exponent, got \"3\"");
  EXPECT_EQ(message(R"({"id": 1.5, "t": 1})"),
            "row 0, column 'id': expected a whole number without fraction or exponent, got 1.5");
  EXPECT_EQ(message(R"({"id": 2})"), "row 0, column 't': the event time must not be null");
  EXPECT_EQ(message(R"({"id": 2, "t": 1, "y": 1})").substr(0, 33), "row 0, column 'y': s.e has no suc");
  EXPECT_EQ(online_->Stats().events_accepted, 0);
}

constexpr std::string_view kTwoBadRows =
    R"([{"id": 2, "k": 7, "t": 990, "x": 1}, {"id": 3, "k": 7, "t": 991, "x": "2"}, {"id": 4, "k": 7, "x": 4}])";

TEST_F(OnlineFeaturesTest, BadRowsGoToQuarantineInTheLogEntryOfTheGoodOnes) {
  const StatusOr<PushResult> result = PushSorted(kTwoBadRows);
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->accepted, 1);
  EXPECT_EQ(result->quarantined, 2);
  EXPECT_EQ(Read(7), "2 1.5");
  EXPECT_EQ(disk_.store.LastPosition(), 1U);
  Open();
  EXPECT_EQ(Read(7), "2 1.5");
  const std::vector<QuarantinedRow> held = Held();
  ASSERT_EQ(held.size(), 2U);
  EXPECT_EQ(held[0].received_at, 1000);
  EXPECT_EQ(held[0].row.index, 1U);
  EXPECT_EQ(held[0].row.column, "x");
  EXPECT_EQ(held[0].row.text, R"({"id": 3, "k": 7, "t": 991, "x": "2"})");
  EXPECT_EQ(held[1].row.column, "t");
  EXPECT_EQ(Held(held[0].id).size(), 1U);
  EXPECT_EQ(Held("", 1).size(), 1U);
}

TEST_F(OnlineFeaturesTest, ARequestOfOnlyBadRowsIsDurable) {
  EXPECT_EQ(PushSorted("no json")->quarantined, 1);
  EXPECT_EQ(online_->Stats().quarantined.at("s.e"), 1);
  Open();
  ASSERT_EQ(Held().size(), 1U);
  EXPECT_EQ(Held()[0].row.text, "no json");
  EXPECT_EQ(online_->Stats().quarantine_held.at("s.e"), 1);
  EXPECT_EQ(Read(7), "1 0.5");
}

TEST_F(OnlineFeaturesTest, AFullDiskKeepsNeitherGoodNorBadRows) {
  disk_.fail_appends = true;
  EXPECT_EQ(PushSorted(kTwoBadRows).status().code(), absl::StatusCode::kUnavailable);
  EXPECT_TRUE(Held().empty());
  disk_.fail_appends = false;
  EXPECT_EQ(PushSorted(kTwoBadRows)->accepted, 1);
  EXPECT_EQ(Held().size(), 2U);
}

TEST_F(OnlineFeaturesTest, ARowThatIsSentAgainLeavesTheQuarantineInTheEntryThatAcceptsIt) {
  ASSERT_TRUE(PushSorted(kTwoBadRows).ok());
  const std::string id = Held()[0].id;
  const std::string_view mended = R"({"id": null, "k": 7, "t": 991, "x": 2})";  // no id would tell it again
  disk_.fail_appends = true;
  EXPECT_FALSE(Resend(mended, {id}).ok());
  EXPECT_EQ(Held().size(), 2U);
  disk_.fail_appends = false;
  EXPECT_EQ(Resend(mended, {id})->accepted, 1);
  EXPECT_EQ(disk_.store.LastPosition(), 2U);
  EXPECT_EQ(Resend(mended, {id})->accepted, 0);  // somebody else was faster
  EXPECT_EQ(Read(7), "3 3.5");
  Open();
  EXPECT_EQ(Resend(mended, {id})->accepted, 0);
  EXPECT_EQ(Read(7), "3 3.5");
  ASSERT_EQ(Held().size(), 1U);
}

TEST_F(OnlineFeaturesTest, OneRowTwiceInOneResendingIsTakenOnce) {
  ASSERT_TRUE(PushSorted(kTwoBadRows).ok());
  const std::vector<QuarantinedRow> held = Held();
  const std::string_view row = R"({"k": 7, "t": 991, "x": 2})";
  EXPECT_EQ(Resend(fmt::format("[{0}, {0}]", row), {held[0].id, held[0].id})->accepted, 1);
  EXPECT_EQ(Held().size(), 1U);
}

TEST_F(OnlineFeaturesTest, ADuplicateLeavesTheQuarantine) {
  ASSERT_TRUE(PushSorted(kTwoBadRows).ok());
  const StatusOr<PushResult> result = Resend(R"({"id": 2, "k": 7, "t": 991, "x": 2})", {Held()[0].id});
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->duplicates, 1);
  EXPECT_EQ(Held().size(), 1U);
  Open();
  EXPECT_EQ(Held().size(), 1U);
  EXPECT_EQ(Read(7), "2 1.5");
}

TEST_F(OnlineFeaturesTest, Rule27UnknownColumnsAreDroppedWhereTheStreamSaysSo) {
  StreamSource source = online_->definition()->streams.at("s.e");
  EXPECT_FALSE(ParseEvents(source, R"({"id": 2, "t": 1, "y": 1})").ok());
  source.ignore_unknown = true;
  const StatusOr<RecordBatch> rows = ParseEvents(source, R"({"id": 2, "y": [1], "t": 990})");
  ASSERT_TRUE(rows.ok()) << rows.status();
  ASSERT_EQ(online_->PushAndWait("s.e", *rows)->accepted, 1);
  EXPECT_FALSE(ParseEvents(source, R"({"id": "2", "y": 1, "t": 990})").ok());  // the declared ones stay strict
}

TEST_F(OnlineFeaturesTest, StateHashIsOfTheLogWhateverWasForgottenWhen) {
  options_.keep_us = 300;
  options_.id_retention_us = 500;
  Open();
  for (int id = 2; id < 40; ++id) {
    clock_.now = 1000 + 40 * id;
    const int64_t t = clock_.now - (id % 3 == 0 ? 90 : 10);  // some are late
    ASSERT_TRUE(Push(fmt::format(R"({{"id": {}, "k": {}, "t": {}, "x": {}}})", id, id % 4, t, id % 5)).ok());
    if (id % 7 == 0) {
      ASSERT_TRUE(online_->Checkpoint().ok());
    }
  }
  const StateHash live = *online_->Hash();
  EXPECT_EQ(live.log_position, 38u);
  ASSERT_EQ(live.parts.size(), 2u);
  EXPECT_EQ(live.parts[0].entries, 14);  // ids of the last 500 us, and that of history
  EXPECT_EQ(live.parts[1].entries, 4);
  clock_.now = 50'000;
  EXPECT_EQ(online_->Hash()->hash, live.hash);
  Open();  // from the last checkpoint and the log's end
  EXPECT_EQ(online_->Hash()->hash, live.hash);
  ASSERT_TRUE(disk_.store.DropStates("").ok());
  ASSERT_TRUE(disk_.store.WriteCheckpoint({0, {}}).ok());
  Open();  // from history and log
  EXPECT_EQ(online_->Hash()->hash, live.hash);
}

TEST_F(OnlineFeaturesTest, StateHashIsOfTheLogAlsoAfterPushesThatAddNothingToIt) {
  options_.id_retention_us = 500;
  Open();
  ASSERT_TRUE(Push(R"({"id": 2, "k": 7, "t": 990})").ok());
  const std::string hash = online_->Hash()->hash;
  clock_.now = 2000;
  ASSERT_EQ(Push(R"({"id": 1, "k": 7, "t": 1990})")->duplicates, 1);
  EXPECT_EQ(online_->Hash()->hash, hash);
  Open();
  EXPECT_EQ(online_->Hash()->hash, hash);
}

TEST_F(OnlineFeaturesTest, RowsThatWaitAreCounted) {
  PushTogether({R"([{"k": 7, "t": 990}, {"k": 8, "t": 990}])", R"({"k": 7, "t": 990})"});
  EXPECT_EQ(queued_rows_, 3);
  EXPECT_EQ(online_->Stats().queued_rows, 0);
}

TEST_F(OnlineFeaturesTest, LargeRequestsThatWaitLeaveRoomForSmallOnes) {
  options_.max_queued_rows = 150;
  Open();
  const auto request = [](int rows) {
    std::string body;
    for (int i = 0; i < rows; ++i)
      body += R"({"k": 7, "t": 990})"
              "\n";
    return body;
  };
  const std::vector<std::string> answers =
      PushTogether({request(100), request(100), request(60), request(60), request(60), request(30)});
  EXPECT_EQ(answers, (std::vector<std::string>{"100 0", "full", "60 0", "60 0", "full", "30 0"}));
  EXPECT_EQ(queued_rows_, 250);
  EXPECT_EQ(online_->Stats().queued_rows, 0);
}

TEST_F(OnlineFeaturesTest, StateHashTellsOfEveryValueAndNamesItsPart) {
  const auto hash_of = [&](const std::string& row) {
    online_ = *OnlineFeatures::Open(std::make_unique<MemoryStore>(), MakeDefinition(), OneRowOfHistory(), clock_, {});
    EXPECT_TRUE(Push(row).ok());
    return *online_->Hash();
  };
  const StateHash one = hash_of(R"({"id": 2, "k": 7, "t": 990, "x": 0.0})");
  EXPECT_EQ(hash_of(R"({"id": 2, "k": 7, "t": 990, "x": 0.0})").hash, one.hash);
  for (const char* other : {R"({"id": 2, "k": 7, "t": 990, "x": -0.0})", R"({"id": 2, "k": 7, "t": 990, "x": null})",
                            R"({"id": 2, "k": 7, "t": 991, "x": 0.0})", R"({"id": 2, "k": 8, "t": 990, "x": 0.0})"}) {
    const StateHash hash = hash_of(other);
    EXPECT_NE(hash.hash, one.hash) << other;
    EXPECT_EQ(hash.parts[0].hash, one.parts[0].hash);  // the ids are the same
    EXPECT_NE(hash.parts[1].hash, one.parts[1].hash);
  }
  EXPECT_NE(hash_of(R"({"id": 3, "k": 7, "t": 990, "x": 0.0})").parts[0].hash, one.parts[0].hash);
}

// Random pushes, late and repeated, reads, checkpoints and restarts, against the reference over everything pushed.
TEST_F(OnlineFeaturesTest, RandomOperationsAgreeWithTheReference) {
  std::mt19937_64 random(5);
  const ViewProgram program = MakeProgram();
  EventRows all(program);
  const auto remember = [&](int64_t k, TimestampUs t, double x, TimestampUs arrival) {
    all.keys[0].AppendInt(k);
    all.slots[0].AppendDouble(x);
    all.event_time.push_back(t);
    all.available_at.push_back(arrival);
    all.retracted_at.push_back(EventRows::kNeverRetracted);
    all.ingest.push_back(static_cast<int64_t>(all.size()));
  };
  remember(7, 950, 0.5, 950);
  for (int step = 0; step < 2000; ++step) {
    clock_.now += static_cast<int64_t>(1 + random() % 5);
    switch (random() % 20) {
      case 0:
        ASSERT_TRUE(online_->Checkpoint().ok());
        break;
      case 1:
        Open();
        break;
      default: {
        const auto k = static_cast<int64_t>(random() % 3);
        const TimestampUs t = clock_.now - static_cast<int64_t>(random() % 150);
        const double x = static_cast<double>(random() % 7) * 0.1;
        const StatusOr<PushResult> pushed =
            Push(fmt::format(R"({{"id": {}, "k": {}, "t": {}, "x": {}}})", 10 + random() % 1500, k, t, x));
        ASSERT_TRUE(pushed.ok()) << pushed.status();
        if (pushed->accepted == 1) remember(k, t, x, online_->Now());
      }
    }
    clock_.now += 1;
    const auto k = static_cast<int64_t>(random() % 3);
    std::vector<Column> key = {Column::Integers(TypeId::kBigint, {k})};
    std::string encoded;
    EncodeKey(key, 0, &encoded);
    const StatusOr<std::vector<Value>> expected = NaiveFeatures(program, all, encoded, online_->Now());
    ASSERT_EQ(Read(k), fmt::format("{} {}", (*expected)[0].ToString(), (*expected)[1].ToString())) << "step " << step;
  }
}

}  // namespace
}  // namespace headrace
