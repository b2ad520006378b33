// Reads of the online state, in process: a hot key, whose window holds up to ten million events, and warm keys of many
// views. `EveryEvent` is what a read costs that folds each event of the window by itself.
//
//   ./dev bench online_reads [--benchmark_filter=REGEX]
#include <benchmark/benchmark.h>
#include <jemalloc/jemalloc.h>

#include <map>
#include <random>

#include "features/online/feature_reader.h"
#include "kernel/feature_plan.h"
#include "online_store/memory/memory_store.h"

namespace headrace {
namespace {

constexpr TimestampUs kNow = TimestampUs{1'700'000'000} * kUsPerSecond;
constexpr DurationUs kWeek = 7 * kUsPerDay;

// A view of one bigint key over slots x (double) and u (bigint).
ViewProgram MakeView(const std::string& name, const std::vector<std::string>& functions,
                     const std::vector<DurationUs>& windows) {
  ViewProgram program;
  program.name = name;
  program.input = {{"k", TypeId::kBigint}, {"t", TypeId::kTimestamp}, {"x", TypeId::kDouble}, {"u", TypeId::kBigint}};
  program.entity = {{"k", TypeId::kBigint}};
  program.keys = {Expression::Column(0, TypeId::kBigint, "k")};
  program.event_time = Expression::Column(1, TypeId::kTimestamp, "t");
  program.slots = {Expression::Column(2, TypeId::kDouble, "x"), Expression::Column(3, TypeId::kBigint, "u")};
  for (const std::string& name_of : functions) {
    const AggregateFunction& function = *FindAggregateFunction(name_of);
    AggregateCall call;
    call.kind = function.kind;
    const size_t slot = name_of == "count_distinct" || name_of == "mode" ? 1 : 0;
    if (function.argument != ArgumentRule::kNone) call.argument = slot;
    call.parameter = function.parameter == ParameterRule::kDuration ? kUsPerDay : function.fixed_parameter;
    call.argument_type = program.slots[slot].type;
    call.result_type = ResultTypeOf(function, call.argument_type, call.argument_type);
    program.outputs.push_back(Expression::Column(program.aggregates.size(), call.result_type, name_of));
    program.aggregates.push_back(call);
  }
  for (const DurationUs length_us : windows) program.windows.emplace_back().length_us = length_us;
  for (const AggregateCall& call : program.aggregates) {
    for (size_t i = 0; i < windows.size(); ++i)
      program.features.push_back({fmt::format("f{}", program.features.size()), call.result_type});
  }
  return program;
}

// `count` events of key `key`, at even distances over the last seven days.
EventRows MakeEvents(const ViewProgram& program, int64_t key, size_t count) {
  std::mt19937_64 random(static_cast<uint64_t>(key));
  std::lognormal_distribution<double> amounts(3, 1);
  EventRows events(program);
  for (size_t i = 0; i < count; ++i) {
    const auto at = static_cast<TimestampUs>(static_cast<double>(i) / static_cast<double>(count) * kWeek);
    events.keys[0].AppendInt(key);
    events.slots[0].AppendDouble(amounts(random));
    events.slots[1].AppendInt(static_cast<int64_t>(random() % 1'000'000));
    events.event_time.push_back(kNow - kWeek + at);
    events.available_at.push_back(events.event_time.back());
    events.retracted_at.push_back(EventRows::kNeverRetracted);
    events.ingest.push_back(static_cast<int64_t>(i));
  }
  return events;
}

double HeapBytes() {
  uint64_t now = 1;  // what the numbers are brought up to
  size_t bytes = 0;
  size_t size = sizeof bytes;
  mallctl("epoch", nullptr, nullptr, &now, sizeof now);
  mallctl("stats.allocated", &bytes, &size, nullptr, 0);
  return static_cast<double>(bytes);
}

struct HotKey {
  HotKey(const std::vector<std::string>& functions, size_t count)
      : program(MakeView("hot", functions, {kWeek})), plan(program), state(plan) {
    EventRows events = MakeEvents(program, 1, count);
    const double before = HeapBytes();
    state.Restore(std::move(events));
    bytes_of_tiles = HeapBytes() - before;
  }

  const ViewProgram program;
  const ReadPlan plan;
  KeyEvents state;
  double bytes_of_tiles = 0;
};

using Functions = std::vector<std::string>;
const Functions kCommon = {"count", "sum", "avg", "min", "max"};

void HotKeyRead(benchmark::State& run, const Functions& functions) {
  const auto count = static_cast<size_t>(run.range(0));
  const HotKey key(functions, count);
  const GroupRead read(key.plan, 0);
  Cells cells;
  // Edges fall anywhere in a block.
  TimestampUs t = kNow;
  for (auto _ : run) {
    t -= 1'234'567;
    if (t < kNow - kUsPerDay) t = kNow;
    cells.Reset(NumCells(key.program));
    key.state.Read(read, t, &cells);
    benchmark::DoNotOptimize(cells);
  }
  run.counters["tile_bytes_per_event"] = key.bytes_of_tiles / static_cast<double>(count);
  run.counters["bytes_per_tile"] =
      key.bytes_of_tiles / (static_cast<double>(count) / static_cast<double>(key.plan.sizes().block_rows));
}

void HotKeyEveryEvent(benchmark::State& run, const Functions& functions) {
  const HotKey key(functions, static_cast<size_t>(run.range(0)));
  const EventsView events = key.state.rows().view();
  for (auto _ : run) {
    FeatureCells cells(key.program);
    const std::vector<uint32_t> rows = key.state.SourceRows(key.program, kNow, 0);
    for (size_t i = 0; i < key.program.aggregates.size(); ++i) {
      const AggregateCall& call = key.program.aggregates[i];
      const std::unique_ptr<AggregateState> state = MakeAggregateState(call);
      for (const uint32_t row : rows) {
        if (Contributes(call, events, row)) state->Add(events, row);
      }
      state->AppendResult(kNow, &cells.columns[i]);
    }
    benchmark::DoNotOptimize(cells);
  }
}

void HotKeyInsert(benchmark::State& run, const Functions& functions) {
  HotKey key(functions, 1'000'000);
  EventRows events = MakeEvents(key.program, 2, 100'000);
  const EventsView view(events);
  size_t next = 0;
  for (auto _ : run) {
    const size_t row = next++ % events.size();
    events.event_time[row] = kNow + static_cast<TimestampUs>(next);
    key.state.Insert(view, row);
  }
}

// Some views of the common aggregates, each over seven days and a window of its own: ten features each. A thousand keys
// with so many events each; the views are of one stream, or each of its own, with a state of its own.
enum class Streams { kOne, kOfTheirOwn };

struct Project {
  Project(Streams streams, size_t num_views, size_t events_per_key) {
    std::vector<std::string> wanted;
    for (size_t i = 0; i < num_views; ++i) {
      const std::string name = fmt::format("v{:02}", i);
      const DurationUs own = kUsPerDay + static_cast<DurationUs>(i) * 3600 * kUsPerSecond;
      catalog.events.emplace(name, MakeView(name, kCommon, {own, kWeek}));
      wanted.push_back(name + ".*");
    }
    std::vector<const ViewProgram*> of_stream;
    for (const auto& [name, program] : catalog.events) {
      of_stream.push_back(&program);
      if (streams == Streams::kOne && of_stream.size() < num_views) continue;
      AddState(of_stream, events_per_key);
      of_stream.clear();
    }
    plan = *PlanFeatures(catalog, wanted);
    reader = std::make_unique<FeatureReader>(set, plan);
  }

  void AddState(const std::vector<const ViewProgram*>& views, size_t events_per_key) {
    const std::string& prefix = views[0]->name;
    const auto state = std::make_shared<GroupState>(std::move(GroupByEvents(views, views[0]->input)[0]), store, prefix);
    for (int64_t key = 0; key < kKeys; ++key) {
      const EventRows rows = MakeEvents(*views[0], key, events_per_key);
      const Column times = Column::Integers(TypeId::kTimestamp, rows.event_time);
      const Column* const columns[] = {&rows.keys[0], &times, &rows.slots[0], &rows.slots[1]};
      state->Insert(*EventBatch::Prepare(state->group().events, columns, rows.size(),
                                         {false, rows.available_at, {}, rows.ingest}));
    }
    ViewSet::Group& group = set.groups.emplace_back();
    group.state = state;
    for (const ViewProgram* view : views) {
      set.places[view->name] = {set.groups.size() - 1, group.views.size()};
      group.views.push_back({view->name, view->name, "", "", ""});
    }
  }

  // What OnlineFeatures::Read does for keys [first, first + count).
  FeatureTable Read(int64_t first, size_t count) const {
    RecordBatch entities(Schema(plan.entities));
    for (size_t i = 0; i < count; ++i) entities.columns[0].AppendInt((first + static_cast<int64_t>(i)) % kKeys);
    const Column times = Column::Integers(TypeId::kTimestamp, std::vector<int64_t>(count, kNow));
    int64_t overflows = 0;
    return *reader->Read(plan, entities, RecordBatch(), times, &overflows);
  }

  static constexpr int64_t kKeys = 1'000;
  ViewCatalog catalog;
  FeaturePlan plan;
  mutable MemoryStore store;
  ViewSet set;
  std::unique_ptr<FeatureReader> reader;
};

void WarmKey(benchmark::State& run, Streams streams) {
  const Project project(streams, 25, static_cast<size_t>(run.range(0)));
  for (auto _ : run) benchmark::DoNotOptimize(project.Read(1, 1));
  run.counters["features"] = static_cast<double>(project.plan.outputs.size());
}

void HundredKeys(benchmark::State& run, Streams streams) {
  const Project project(streams, 5, static_cast<size_t>(run.range(0)));
  int64_t first = 0;
  for (auto _ : run) benchmark::DoNotOptimize(project.Read(first += 100, 100));
  run.counters["features"] = static_cast<double>(project.plan.outputs.size());
}

void RegisterHot(const std::string& name, const Functions& functions) {
  using benchmark::kMicrosecond;
  for (const int64_t count : {100'000, 1'000'000, 10'000'000}) {
    benchmark::RegisterBenchmark(fmt::format("HotKey/{}/Read", name).c_str(), HotKeyRead, functions)
        ->Arg(count)
        ->Unit(kMicrosecond);
  }
  benchmark::RegisterBenchmark(fmt::format("HotKey/{}/EveryEvent", name).c_str(), HotKeyEveryEvent, functions)
      ->Arg(10'000'000)
      ->Unit(kMicrosecond)
      ->Iterations(1);
  benchmark::RegisterBenchmark(fmt::format("HotKey/{}/Insert", name).c_str(), HotKeyInsert, functions);
}

}  // namespace
}  // namespace headrace

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  headrace::RegisterHot("common", headrace::kCommon);
  headrace::RegisterHot("distinct", {"count_distinct"});
  headrace::RegisterHot("median", {"median"});
  headrace::RegisterHot("stddev", {"stddev_samp"});
  headrace::RegisterHot("last", {"last", "rate"});
  headrace::RegisterHot("mode", {"mode"});
  headrace::RegisterHot("product", {"product"});
  headrace::RegisterHot("ew_avg", {"ew_avg"});
  for (const auto& [of, streams] : {std::pair("OneStream", headrace::Streams::kOne),
                                    std::pair("StreamsOfTheirOwn", headrace::Streams::kOfTheirOwn)}) {
    const auto add = [&, of = of](const char* name, auto* run) {
      return benchmark::RegisterBenchmark(fmt::format("{}/{}", name, of).c_str(), run, streams)
          ->Unit(benchmark::kMicrosecond);
    };
    add("WarmKey", headrace::WarmKey)->Arg(10)->Arg(30)->Arg(100);
    add("HundredKeys", headrace::HundredKeys)->Arg(10)->Arg(30);
  }
  benchmark::RunSpecifiedBenchmarks();
}
