// Reads in process, for `./dev bench online`: 250 features of 25 views for a warm key, alone and while threads push
// batches of 1,000 NDJSON events as fast as they become durable; and 50 features of 5 views for a hundred keys at once.
// Prints one line of JSON.
//
//   reads FOLDER SECONDS
//
// Reads are timed one by one: while nothing else runs, then beside the ingest, then alone again; the keys that are read
// are not those that are pushed to, so that each read has the same work to do. The store, in FOLDER, syncs every
// commit.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <memory>
#include <random>
#include <semaphore>
#include <string>
#include <thread>
#include <vector>

#include "features/online/online_features.h"
#include "fmt/format.h"
#include "online_store/rocksdb/rocksdb_store.h"

namespace headrace {
namespace {

using SteadyClock = std::chrono::steady_clock;

constexpr int64_t kPushedKeys = 10'000;
constexpr int64_t kReadKeys = 100;  // beyond the pushed ones
constexpr int kEventsPerReadKey = 30;
constexpr size_t kViews = 25;
constexpr size_t kViewsOfHundredKeys = 5;
constexpr size_t kPushers = 2;
constexpr std::ptrdiff_t kBatchesInFlight = 8;
constexpr int kBatchRows = 1000;

// count, sum, avg, min, max over a window of its own and over seven days.
ViewProgram MakeView(size_t number) {
  ViewProgram program;
  program.name = fmt::format("v{:02}", number);
  program.input = {{"key", TypeId::kBigint}, {"at", TypeId::kTimestamp}, {"amount", TypeId::kDouble}};
  program.entity = {{"key", TypeId::kBigint}};
  program.keys = {Expression::Column(0, TypeId::kBigint, "key")};
  program.event_time = Expression::Column(1, TypeId::kTimestamp, "at");
  program.slots = {Expression::Column(2, TypeId::kDouble, "amount")};
  for (const char* const name : {"count", "sum", "avg", "min", "max"}) {
    const AggregateFunction& function = *FindAggregateFunction(name);
    AggregateCall call;
    call.kind = function.kind;
    call.argument = 0;
    call.argument_type = TypeId::kDouble;
    call.result_type = ResultTypeOf(function, TypeId::kDouble, TypeId::kDouble);
    program.outputs.push_back(Expression::Column(program.aggregates.size(), call.result_type, name));
    program.aggregates.push_back(call);
  }
  const DurationUs own = static_cast<DurationUs>(number + 1) * 60 * kUsPerSecond;
  for (const DurationUs length_us : {own, 7 * kUsPerDay}) {
    program.windows.emplace_back().length_us = length_us;
    for (const AggregateCall& call : program.aggregates)
      program.features.push_back({fmt::format("f{}", program.features.size()), call.result_type});
  }
  return program;
}

OnlineDefinition MakeDefinition() {
  auto catalog = std::make_shared<ViewCatalog>();
  OnlineDefinition definition;
  for (size_t i = 0; i < kViews; ++i) {
    ViewProgram view = MakeView(i);
    definition.views.push_back({view.name, "bench.events", "1", "1", "bench.events"});
    catalog->events.emplace(view.name, std::move(view));
  }
  definition.streams["bench.events"] = {"bench.events", catalog->events.begin()->second.input, "at", "", 0, false, {}};
  definition.catalog = std::move(catalog);
  return definition;
}

HistoryReader NoHistory() {
  return {[](const OnlineViewSpec&, const ViewProgram&, const auto&) { return absl::OkStatus(); },
          [](const StreamSource&, const auto&) { return absl::OkStatus(); }};
}

// Of keys [first, first + keys), one after the other in turn or at random.
std::string MakeBody(int64_t first, int64_t keys, int rows, bool at_random, TimestampUs now) {
  std::mt19937_64 random(static_cast<uint64_t>(first));
  std::string body;
  for (int row = 0; row < rows; ++row) {
    const int64_t key = first + (at_random ? static_cast<int64_t>(random()) & (INT64_MAX >> 1) : row) % keys;
    body += fmt::format("{{\"key\":{},\"at\":{},\"amount\":{}}}\n", key, now - 37 * row,
                        static_cast<double>(random() % 100'000) / 100);
  }
  return body;
}

class Bench {
 public:
  explicit Bench(const std::string& folder)
      : online_(*OnlineFeatures::Open(*OpenRocksDbStore(folder), MakeDefinition(), NoHistory(), clock_, {})),
        definition_(online_->definition()),
        stream_(definition_->streams.at("bench.events")) {
    std::vector<std::string> wanted;
    for (const OnlineViewSpec& view : definition_->views) wanted.push_back(view.view + ".*");
    one_key_ = {*PlanFeatures(*definition_->catalog, wanted), 1};
    wanted.resize(kViewsOfHundredKeys);
    hundred_keys_ = {*PlanFeatures(*definition_->catalog, wanted), 100};
    const std::string body =
        MakeBody(kPushedKeys, kReadKeys, kReadKeys * kEventsPerReadKey, /*at_random=*/false, clock_.Now());
    MustBeOk(online_->PushAndWait(stream_.name, *ParseEvents(stream_, body)).status());
  }

  struct Question {
    FeaturePlan plan;
    int64_t keys;
  };
  const Question& one_key() const { return one_key_; }
  const Question& hundred_keys() const { return hundred_keys_; }

  // The microseconds of each read, ascending.
  std::vector<double> Read(const Question& question, double seconds) {
    std::vector<double> took;
    const SteadyClock::time_point begin = SteadyClock::now();
    SteadyClock::time_point before = begin;
    for (int64_t i = 0; before - begin < std::chrono::duration<double>(seconds); ++i) {
      RecordBatch keys(Schema(question.plan.entities));
      for (int64_t key = 0; key < question.keys; ++key) keys.columns[0].AppendInt(kPushedKeys + (i + key) % kReadKeys);
      const std::vector<TimestampUs> now_of_each(static_cast<size_t>(question.keys),
                                                 online_->ResolveInstant(std::nullopt));
      const Column times = Column::Integers(TypeId::kTimestamp, now_of_each);
      MustBeOk(online_->Read(*definition_, question.plan, keys, RecordBatch(), times).status());
      const SteadyClock::time_point now = SteadyClock::now();
      took.push_back(std::chrono::duration<double, std::micro>(now - before).count());
      before = now;
    }
    std::sort(took.begin(), took.end());
    return took;
  }

  // What `measure` gives beside the ingest, whose events per second go to `*rate`.
  template <typename Measure>
  auto UnderIngest(const Measure& measure, double* rate) {
    std::atomic<bool> stop = false;
    std::atomic<int64_t> pushed = 0;
    std::vector<std::thread> pushers;
    for (size_t i = 0; i < kPushers; ++i) pushers.emplace_back([&] { PushUntil(stop, &pushed); });
    std::this_thread::sleep_for(std::chrono::milliseconds(500));
    const int64_t first = pushed;
    const SteadyClock::time_point begin = SteadyClock::now();
    auto result = measure();
    *rate = static_cast<double>(pushed - first) / std::chrono::duration<double>(SteadyClock::now() - begin).count();
    stop = true;
    for (std::thread& pusher : pushers) pusher.join();
    for (std::ptrdiff_t i = 0; i < kBatchesInFlight; ++i) in_flight_.acquire();
    in_flight_.release(kBatchesInFlight);
    return result;
  }

 private:
  static void MustBeOk(const Status& status) {
    if (status.ok()) return;
    fmt::print(stderr, "reads: {}\n", Message(status));
    std::exit(1);
  }

  void PushUntil(const std::atomic<bool>& stop, std::atomic<int64_t>* pushed) {
    while (!stop) {
      const std::string body = MakeBody(0, kPushedKeys, kBatchRows, /*at_random=*/true, clock_.Now());
      for (int i = 0; i < 100 && !stop; ++i) {
        RecordBatch rows = *ParseEvents(stream_, body);
        in_flight_.acquire();
        MustBeOk(online_->Push(stream_.name, std::move(rows), [this, pushed](const StatusOr<PushResult>& result) {
          MustBeOk(result.status());
          *pushed += result->accepted;
          in_flight_.release();
        }));
      }
    }
  }

  SystemClock clock_;
  std::unique_ptr<OnlineFeatures> online_;
  std::shared_ptr<const OnlineDefinition> definition_;
  const StreamSource& stream_;
  Question one_key_;
  Question hundred_keys_;
  std::counting_semaphore<> in_flight_{kBatchesInFlight};
};

std::string Figures(const std::vector<double>& sorted) {
  const auto at = [&](double share) {
    return sorted[static_cast<size_t>(share * static_cast<double>(sorted.size() - 1))];
  };
  return fmt::format("{{\"reads\": {}, \"p50_us\": {:.1f}, \"p99_us\": {:.1f}, \"p999_us\": {:.1f}}}", sorted.size(),
                     at(0.5), at(0.99), at(0.999));
}

void Run(const std::string& folder, double seconds) {
  Bench bench(folder);
  const auto read = [&](double for_seconds) { return bench.Read(bench.one_key(), for_seconds); };
  read(0.5);  // warm
  const std::vector<double> idle = read(seconds);
  double rate = 0;
  const std::vector<double> busy = bench.UnderIngest([&] { return read(seconds); }, &rate);
  const std::vector<double> after = read(seconds);
  const std::vector<double> hundred = bench.Read(bench.hundred_keys(), seconds / 2);
  fmt::print(
      "{{\"features\": {}, \"idle\": {}, \"busy\": {}, \"after\": {}, \"events_per_s\": {:.0f}, "
      "\"features_of_hundred_keys\": {}, \"hundred_keys\": {}}}\n",
      bench.one_key().plan.outputs.size(), Figures(idle), Figures(busy), Figures(after), rate,
      bench.hundred_keys().plan.outputs.size(), Figures(hundred));
}

}  // namespace
}  // namespace headrace

int main(int argc, char** argv) {
  if (argc != 3) {
    fmt::print(stderr, "usage: reads FOLDER SECONDS\n");
    return 2;
  }
  headrace::Run(argv[1], std::atof(argv[2]));
}
