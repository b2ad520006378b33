// Random operations on the online state, against what the rules of feature semantics say of all that was pushed and
// published: a reference that knows of no log, no states, no checkpoints.
//
// Two servers are told the same at the same instants, one over a store in memory, one over RocksDB: pushes (late,
// repeated), releases of a table, other histories of the stream, changed views. Each writes checkpoints, exports its
// log, truncates it and is started again at moments of its own. All three then answer alike, bit by bit, of the present
// and of the past, and the states of the two have one hash.
//
// STEPS and SEED (./dev bench model) say for how long, and which run.
#include <gtest/gtest.h>

#include <cstdlib>
#include <deque>
#include <random>

#include "catalog/testing/project_folder.h"
#include "engine/event_export.h"
#include "features/online/online_features.h"
#include "kernel/naive.h"
#include "online_store/memory/memory_store.h"
#include "online_store/rocksdb/rocksdb_store.h"
#include "online_store/testing/borrowed_store.h"

namespace headrace {
namespace {

constexpr char kStream[] = "raw.events";
constexpr DurationUs kKeepUs = 400;
constexpr DurationUs kIdRetentionUs = 600;
constexpr int64_t kKeys = 4;

int64_t FromEnvironment(const char* name, int64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoll(text, nullptr, 10);
}

class TestClock : public Clock {
 public:
  TimestampUs Now() const override { return now; }
  std::atomic<TimestampUs> now = 10'000;
};

// An event: of the stream's history, pushed, or of the table.
struct Event {
  std::optional<int64_t> id;
  int64_t key = 0;
  TimestampUs time = 0;
  std::optional<double> x;
  bool good = false;
  TimestampUs available_at = 0;  // without the view's delay; of a pushed one its arrival
  TimestampUs retracted_at = EventRows::kNeverRetracted;
  int64_t ingest = 0;

  bool pushed() const { return ingest >= kFirstPushedIngest; }
};

// What a view is like, drawn at random: which windows it has, or none, and which events it takes.
struct Shape {
  uint64_t windows = 0;  // a bit each; 0: latest values
  bool good_only = false;
  DurationUs delay_us = 0;

  std::string ToString() const { return fmt::format("{:x} {} {}", windows, good_only, delay_us); }
};

const std::vector<Window>& Windows() {
  static const auto& windows = *new std::vector<Window>{
      {100, {}, 0, "100"},   {300, {}, 0, "300"},        {{}, 3, 0, "3_rows"},
      {200, 4, 0, "4_rows"}, {100, {}, 150, "150_late"}, {{}, {}, 0, "all"},
  };
  return windows;
}

AggregateCall Aggregate(AggregateKind kind, TypeId type) {
  AggregateCall call;
  call.kind = kind;
  if (kind != AggregateKind::kCountStar) call.argument = 0;
  call.argument_type = call.result_type = type;
  return call;
}

// With windows: count(*), sum(x), min(x), last(x); else x.
ViewProgram MakeProgram(const std::string& name, const Shape& shape) {
  ViewProgram program;
  program.name = name;
  program.definition_hash = shape.ToString();
  program.input = {
      {"k", TypeId::kBigint}, {"t", TypeId::kTimestamp}, {"x", TypeId::kDouble}, {"good", TypeId::kBoolean}};
  program.keys = {Expression::Column(0, TypeId::kBigint, "k")};
  program.entity = {{"k", TypeId::kBigint}};
  program.event_time = Expression::Column(1, TypeId::kTimestamp, "t");
  program.slots = {Expression::Column(2, TypeId::kDouble, "x")};
  if (shape.good_only) program.where = Expression::Column(3, TypeId::kBoolean, "good");
  if (shape.delay_us > 0) program.availability = AvailabilityRule::kDelay;
  program.delay_us = shape.delay_us;
  if (shape.windows == 0) {
    program.ttl_us = 250;
    program.output_fields = program.features = {{"x", TypeId::kDouble}};
    return program;
  }
  for (size_t i = 0; i < Windows().size(); ++i) {
    if ((shape.windows >> i & 1) != 0) program.windows.push_back(Windows()[i]);
  }
  program.aggregates = {
      Aggregate(AggregateKind::kCountStar, TypeId::kBigint), Aggregate(AggregateKind::kSum, TypeId::kDouble),
      Aggregate(AggregateKind::kMin, TypeId::kDouble), Aggregate(AggregateKind::kLast, TypeId::kDouble)};
  for (size_t i = 0; i < program.aggregates.size(); ++i) {
    const Field field = {fmt::format("f{}", i), program.aggregates[i].result_type};
    program.outputs.push_back(Expression::Column(i, field.type, ""));
    program.output_fields.push_back(field);
    for (const Window& window : program.windows)
      program.features.push_back({field.name + "_" + window.suffix, field.type});
  }
  return program;
}

// All events there are, and what follows from them.
class Reference {
 public:
  // One request: rule 8 says which rows are repeated.
  PushResult Push(const std::vector<Event>& rows, TimestampUs arrival) {
    PushResult result;
    for (Event row : rows) {
      row.available_at = arrival;
      row.ingest = kFirstPushedIngest + static_cast<int64_t>(pushed_.size());
      if (row.id && IsKnown(*row.id, arrival)) {
        ++result.duplicates;
      } else {
        pushed_.push_back(row);
        ++result.accepted;
      }
    }
    return result;
  }

  // The stream's history becomes another one; of a pushed event with an id of it nothing is seen any more.
  void SetHistory(std::vector<Event> rows) {
    history_ = std::move(rows);
    int64_t ingest = 0;
    for (Event& row : history_) row.available_at = row.time, row.ingest = ingest++;
  }

  // A release of the table, in which some rows are no more and others are new.
  void Release(TimestampUs at, const std::function<bool()>& is_gone, std::vector<Event> added) {
    for (Event& row : table_) {
      if (row.retracted_at == EventRows::kNeverRetracted && is_gone()) row.retracted_at = at;
    }
    for (Event& row : added) {
      row.available_at = table_.empty() ? row.time : at;
      row.ingest = static_cast<int64_t>(table_.size());
      table_.push_back(row);
    }
  }

  const std::vector<Event>& history() const { return history_; }
  const std::vector<Event>& table() const { return table_; }

  std::vector<Value> Features(const ViewProgram& program, bool of_stream, int64_t key, TimestampUs t) const {
    EventRows events(program);
    for (const Event& row : of_stream ? history_ : table_) {
      if (row.key == key) Append(program, row, &events);
    }
    for (const Event& row : pushed_) {
      if (of_stream && row.key == key && !(row.id && IsInHistory(*row.id))) Append(program, row, &events);
    }
    const std::vector<Column> parts = {Column::Integers(TypeId::kBigint, {key})};
    std::string encoded;
    EXPECT_TRUE(EncodeKey(parts, 0, &encoded));
    StatusOr<std::vector<Value>> values = NaiveFeatures(program, events, encoded, t);
    EXPECT_TRUE(values.ok()) << values.status();
    return *std::move(values);
  }

 private:
  bool IsInHistory(int64_t id) const {
    return std::any_of(history_.begin(), history_.end(), [&](const Event& row) { return row.id == id; });
  }
  bool IsKnown(int64_t id, TimestampUs arrival) const {
    return IsInHistory(id) || std::any_of(pushed_.begin(), pushed_.end(), [&](const Event& row) {
             return row.id == id && row.available_at >= arrival - kIdRetentionUs;
           });
  }

  // Rules 2 and 5.
  static void Append(const ViewProgram& program, const Event& row, EventRows* events) {
    if (program.where && !row.good) return;
    const TimestampUs delayed = row.time + program.delay_us;
    const bool has_delay = program.availability == AvailabilityRule::kDelay;
    events->keys[0].AppendInt(row.key);
    events->slots[0].Append(row.x ? Value::Double(*row.x) : Value::Null());
    events->event_time.push_back(row.time);
    events->available_at.push_back(!has_delay     ? row.available_at
                                   : row.pushed() ? std::max(row.available_at, delayed)
                                                  : delayed);
    events->retracted_at.push_back(row.retracted_at);
    events->ingest.push_back(row.ingest);
  }

  std::vector<Event> history_, pushed_, table_;
};

// History as a warehouse gives it.
HistoryReader ReaderOf(const Reference& reference) {
  HistoryReader reader;
  reader.view = [&](const OnlineViewSpec& spec, const ViewProgram& program, const auto& sink) {
    RecordBatch batch(program.input);
    std::vector<TimestampUs> available, retracted;
    std::vector<int64_t> ingest;
    for (const Event& row : spec.stream.empty() ? reference.table() : reference.history()) {
      batch.columns[0].AppendInt(row.key);
      batch.columns[1].AppendInt(row.time);
      batch.columns[2].Append(row.x ? Value::Double(*row.x) : Value::Null());
      batch.columns[3].AppendInt(row.good ? 1 : 0);
      available.push_back(row.available_at);
      retracted.push_back(row.retracted_at);
      ingest.push_back(row.ingest);
    }
    batch.num_rows = ingest.size();
    return sink(batch, Arrivals{false, available, retracted, ingest});
  };
  reader.ids = [&](const StreamSource&, const auto& sink) {
    Column ids(TypeId::kBigint);
    for (const Event& row : reference.history()) ids.Append(row.id ? Value::Bigint(*row.id) : Value::Null());
    return sink(ids);
  };
  return reader;
}

// One server: a store, what was exported of its log, and the state on top of both.
class Server {
 public:
  using OpenStore = std::function<StatusOr<std::unique_ptr<OnlineStore>>()>;
  Server(std::string name, size_t memory_bytes, OpenStore open_store, const Clock& clock)
      : name_(std::move(name)), memory_bytes_(memory_bytes), open_store_(std::move(open_store)), clock_(clock) {}

  const std::string& name() const { return name_; }
  OnlineFeatures& online() { return *online_; }
  uint64_t truncated() const { return truncated_; }

  Status Start(OnlineDefinition definition, const HistoryReader& history) {
    online_.reset();
    segments_.reset();
    HR_ASSIGN_OR_RETURN(segments_, EventSegments::Open(events_.path() + "/events"));
    HR_ASSIGN_OR_RETURN(std::unique_ptr<OnlineStore> store, open_store_());
    HR_ASSIGN_OR_RETURN(store, JoinWithSegments(std::move(store), *segments_));
    OnlineOptions options;
    options.keep_us = kKeepUs;
    options.id_retention_us = kIdRetentionUs;
    options.memory_bytes = memory_bytes_;
    options.id_memory_bytes = memory_bytes_ / 4;
    HR_ASSIGN_OR_RETURN(online_,
                        OnlineFeatures::Open(std::move(store), std::move(definition), history, clock_, options));
    return absl::OkStatus();
  }

  Status Export(const ExportLimits& limits) { return ExportLog(online_->store(), *segments_, limits).status(); }

  Status Truncate() {
    ExportReport report;
    HR_RETURN_IF_ERROR(TruncateBehind(online_->store(), *segments_, &report));
    truncated_ = report.truncated;
    return absl::OkStatus();
  }

  // The features of all views, or why there are none.
  std::string Read(int64_t key, std::optional<TimestampUs> at) {
    const std::shared_ptr<const OnlineDefinition> definition = online_->definition();
    std::vector<std::string> wanted;
    for (const OnlineViewSpec& spec : definition->views) wanted.push_back(spec.view + ".*");
    const StatusOr<FeaturePlan> plan = PlanFeatures(*definition->catalog, wanted);
    EXPECT_TRUE(plan.ok()) << plan.status();
    RecordBatch entities(plan->entities);
    entities.columns[0].AppendInt(key);
    entities.num_rows = 1;
    const Column times = Column::Integers(TypeId::kTimestamp, {online_->ResolveInstant(at)});
    const StatusOr<FeatureTable> read = online_->Read(*definition, *plan, entities, RecordBatch(), times);
    if (!read.ok()) return std::string(Message(read.status()));
    std::string text;
    for (size_t i = 0; i < read->num_columns(); ++i) text += read->GetValue(0, i).ToString() + " ";
    return text;
  }

 private:
  const std::string name_;
  const size_t memory_bytes_;
  const OpenStore open_store_;
  const Clock& clock_;
  const ProjectFolder events_;
  std::unique_ptr<EventSegments> segments_;
  std::unique_ptr<OnlineFeatures> online_;
  uint64_t truncated_ = 0;
};

class OnlineModelTest : public ::testing::Test {
 protected:
  OnlineModelTest() : chance_(static_cast<uint64_t>(FromEnvironment("SEED", 1))) {
    for (const char* view : {"live", "table"}) shapes_[view] = RandomShape(view);
    const OnlineDefinition definition = Definition();
    for (Server& server : servers_) {
      const Status started = server.Start(definition, ReaderOf(reference_));
      EXPECT_TRUE(started.ok()) << started;
    }
  }

  int64_t Below(int64_t n) { return static_cast<int64_t>(chance_() % static_cast<uint64_t>(n)); }
  bool Chance(int percent) { return Below(100) < percent; }
  TimestampUs now() const { return clock_.now; }

  Shape RandomShape(std::string_view view) {
    Shape shape;
    shape.windows = Chance(20) ? 0 : 1 + static_cast<uint64_t>(Below((1 << Windows().size()) - 1));
    shape.good_only = Chance(50);
    if (view != "table" && Chance(30)) shape.delay_us = 40;
    return shape;
  }

  // The present definition of everything.
  OnlineDefinition Definition() const {
    OnlineDefinition definition;
    const auto catalog = std::make_shared<ViewCatalog>();
    for (const auto& [view, shape] : shapes_) {
      const bool of_table = view == "table";
      catalog->events[view] = MakeProgram(view, shape);
      definition.views.push_back(
          {view, of_table ? "" : kStream, shape.ToString(), fmt::format("{}", of_table ? releases_ : histories_), ""});
    }
    definition.catalog = catalog;
    const Schema columns = {{"id", TypeId::kBigint},
                            {"k", TypeId::kBigint},
                            {"t", TypeId::kTimestamp},
                            {"x", TypeId::kDouble},
                            {"good", TypeId::kBoolean}};
    definition.streams[kStream] = {kStream, columns, "t", "id", 0, false, {}};
    definition.id_versions[kStream] = fmt::format("{}", histories_);
    definition.published_at = published_at_;
    return definition;
  }

  // Most events are of the last moments, some far too late, some of the future.
  Event RandomEvent(int64_t latest) {
    Event event;
    if (!Chance(10)) event.id = Below(400);
    event.key = Below(kKeys);
    event.time = now() + latest - Below(Chance(5) ? 2000 : 150);
    if (!Chance(10)) event.x = static_cast<double>(Below(7)) * 0.1 - 0.2;
    event.good = Chance(50);
    return event;
  }
  std::vector<Event> RandomEvents(int64_t count, int64_t latest) {
    std::vector<Event> events;
    for (int64_t i = 0; i < count; ++i) events.push_back(RandomEvent(latest));
    return events;
  }

  void Push() {
    const std::vector<Event> rows = RandomEvents(1 + Below(4), Chance(10) ? 40 : 0);
    std::string body;
    for (const Event& row : rows) {
      body += fmt::format(R"({{"id": {}, "k": {}, "t": {}, "x": {}, "good": {}}})"
                          "\n",
                          row.id ? fmt::format("{}", *row.id) : "null", row.key, row.time,
                          row.x ? fmt::format("{}", *row.x) : "null", row.good);
    }
    done_.push_back("push " + body);
    const PushResult expected = reference_.Push(rows, now());
    for (Server& server : servers_) {
      StatusOr<RecordBatch> batch = ParseEvents(server.online().definition()->streams.at(kStream), body);
      ASSERT_TRUE(batch.ok()) << batch.status();
      const StatusOr<PushResult> result = server.online().PushAndWait(kStream, *std::move(batch));
      ASSERT_TRUE(result.ok()) << result.status();
      ASSERT_EQ(result->accepted, expected.accepted) << server.name();
      ASSERT_EQ(result->duplicates, expected.duplicates) << server.name();
    }
  }

  void Release() {
    done_.push_back("release");
    reference_.Release(
        now(), [&] { return Chance(25); }, RandomEvents(Below(7), 0));
    ++releases_;
    Publish();
  }

  void TakeAnotherHistory() {
    done_.push_back("another history");
    reference_.SetHistory(RandomEvents(Below(30), 0));
    ++histories_;
    Publish();
  }

  void ChangeViews() {
    const std::string view = std::vector<std::string>{"live", "other", "table"}[static_cast<size_t>(Below(3))];
    if (view == "other" && shapes_.erase(view) > 0) {
      done_.push_back("a view goes");
    } else {
      shapes_[view] = RandomShape(view);
      done_.push_back(fmt::format("view {} becomes {}", view, shapes_[view].ToString()));
    }
    Publish();
  }

  // Each server swaps the new definition in, or was away and starts with it.
  void Publish() {
    published_at_ = now();
    const OnlineDefinition definition = Definition();
    for (Server& server : servers_) {
      const bool away = Chance(20);
      done_.push_back(fmt::format("{} {}", server.name(), away ? "starts with it" : "swaps it in"));
      const Status status = away ? server.Start(definition, ReaderOf(reference_))
                                 : server.online().Replace(definition, ReaderOf(reference_));
      ASSERT_TRUE(status.ok()) << status;
    }
  }

  // What nobody may notice.
  void Maintain(Server& server) {
    const size_t limit = 2000 + static_cast<size_t>(Below(10'000));
    const std::vector<std::pair<std::string, std::function<Status()>>> ways = {
        {"writes a checkpoint", [&] { return server.online().Checkpoint(); }},
        {"exports its log", [&] { return server.Export({.bytes = limit, .rows = 1000}); }},
        {"truncates its log", [&] { return server.Truncate(); }},
        {"limits its memory", [&] { return server.online().LimitMemory(); }},
        {"starts again", [&] { return server.Start(Definition(), ReaderOf(reference_)); }}};
    const auto& [name, work] = ways[static_cast<size_t>(Below(5))];
    done_.push_back(server.name() + " " + name);
    const Status status = work();
    ASSERT_TRUE(status.ok()) << status;
  }

  std::string Expected(int64_t key, TimestampUs t) const {
    std::string text;
    for (const auto& [view, shape] : shapes_) {
      for (const Value& value : reference_.Features(MakeProgram(view, shape), view != "table", key, t))
        text += value.ToString() + " ";
    }
    return text;
  }

  // At the present, or any instant about the kept reach and a little ahead.
  void CompareReads() {
    for (int i = 0; i < 2; ++i) {
      const int64_t key = Below(kKeys);
      const TimestampUs t = i == 0 ? now() : now() + 50 - Below(kKeepUs + 80);
      const bool too_old = t < now() - kKeepUs;
      const std::string expected = too_old ? "at_too_old" : Expected(key, t);
      for (Server& server : servers_) {
        std::string answer = server.Read(key, i == 0 ? std::nullopt : std::optional(t));
        if (too_old) answer.resize(std::min(answer.size(), expected.size()));
        ASSERT_EQ(answer, expected) << server.name() << ", key " << key << " at " << t << ", now " << now();
      }
    }
  }

  static std::string HashOf(Server& server) {
    const StatusOr<StateHash> hash = server.online().Hash();
    if (!hash.ok()) return hash.status().ToString();
    std::string text = fmt::format("at {} from {}\n", hash->log_position, hash->seen_from);
    for (const StateHash::Part& part : hash->parts)
      text += fmt::format("{} {}: {} {} {}\n", part.kind, part.name, part.entries, part.events, part.hash);
    return text;
  }

  void Step() {
    clock_.now += 1 + Below(5);
    const int64_t what = Below(100);
    if (what < 72) {
      Push();
    } else if (what < 75) {
      Release();
    } else if (what < 77) {
      TakeAnotherHistory();
    } else if (what < 80) {
      ChangeViews();
    } else {
      Maintain(servers_[static_cast<size_t>(Below(3))]);
    }
    if (done_.size() > 30) done_.erase(done_.begin(), done_.end() - 30);
    if (HasFatalFailure()) return;
    clock_.now += 1;
    CompareReads();
    if (Chance(5)) {
      for (Server& server : servers_) ASSERT_EQ(HashOf(servers_[0]), HashOf(server)) << server.name();
    }
  }

  std::mt19937_64 chance_;
  TestClock clock_;
  Reference reference_;
  std::map<std::string, Shape> shapes_;  // by view
  int64_t releases_ = 0, histories_ = 0;
  TimestampUs published_at_ = kMinTimestampUs;
  std::deque<std::string> done_;  // lately

  static constexpr size_t kSomeKeys = 2'000;  // bytes
  MemoryStore memory_;
  MemoryStore other_memory_;
  const ProjectFolder rocksdb_;
  std::array<Server, 3> servers_ = {
      Server(
          "memory", std::numeric_limits<size_t>::max(), [&] { return std::make_unique<BorrowedStore>(memory_); },
          clock_),
      Server(
          "no key in memory", 0, [&] { return std::make_unique<BorrowedStore>(other_memory_); }, clock_),
      Server(
          "rocksdb", kSomeKeys,
          [&] { return OpenRocksDbStore(rocksdb_.path() + "/online", {.fsync = {FsyncPolicy::When::kNever}}); },
          clock_)};
};

TEST_F(OnlineModelTest, WhateverIsDoneToTheStatesTheyAnswerAsTheRulesSay) {
  const int64_t steps = FromEnvironment("STEPS", 500);
  for (int64_t step = 0; step < steps; ++step) {
    Step();
    ASSERT_FALSE(HasFailure()) << "step " << step << " after:\n" << fmt::format("{}", fmt::join(done_, "\n"));
  }
  for (const Server& server : servers_) EXPECT_GT(server.truncated(), 0U) << server.name();
  // Nothing of this was without effect: keys go and come.
  Server& forgetful = servers_[1];
  ASSERT_TRUE(forgetful.online().LimitMemory().ok());
  EXPECT_EQ(forgetful.online().Stats().keys, 0);
  for (int64_t key = 0; key < kKeys; ++key) forgetful.Read(key, std::nullopt);
  EXPECT_GT(forgetful.online().Stats().keys_loaded, 0);
  EXPECT_GT(forgetful.online().Stats().keys_evicted, 0);
}

}  // namespace
}  // namespace headrace
