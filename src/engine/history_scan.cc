#include "engine/history_scan.h"

#include <algorithm>
#include <iterator>

#include "engine/pushed_log.h"
#include "kernel/event_group.h"
#include "warehouse/history.h"
#include "warehouse/schema_objects.h"
#include "warehouse/sql_text.h"

namespace headrace {

// Where a batch of a history has what. The program's input comes first.
struct HistoryLayout {
  size_t inputs = 0;
  size_t available_at = 0;             // one of the inputs, where all rows were known at their event time
  std::optional<size_t> retracted_at;  // none: no row was retracted
  size_t ingest = 0;

  // `known_as`: the input that says when rows were known.
  static HistoryLayout Of(const Schema& input, bool any_retracted, std::optional<size_t> known_as) {
    HistoryLayout layout;
    layout.inputs = input.size();
    size_t next = input.size();
    layout.available_at = known_as ? *known_as : next++;
    if (any_retracted) layout.retracted_at = next++;
    layout.ingest = next;
    return layout;
  }
  static HistoryLayout WithAll(const Schema& input) { return Of(input, true, std::nullopt); }

  std::vector<std::string> Columns(const Schema& input) const {
    std::vector<std::string> columns = NamesOf(input);
    if (available_at >= inputs) columns.emplace_back("_available_at");
    if (retracted_at) columns.emplace_back("_retracted_at");
    columns.emplace_back("_ingest");
    return columns;
  }
};

namespace {

constexpr int64_t kScanBytes = int64_t{32} << 20;  // of DuckDB, while it does nothing but scan
// Rows of a history, split into the program's input and its arrivals.
class HistoryRows {
 public:
  // Retractions after `retracted_until` have not happened yet.
  HistoryRows(RecordBatch rows, const HistoryLayout& layout, TimestampUs retracted_until = kMaxTimestampUs)
      : layout_(layout), input_(std::move(rows)) {
    const auto inputs = static_cast<ptrdiff_t>(layout.inputs);
    arrivals_.assign(std::make_move_iterator(input_.columns.begin() + inputs),
                     std::make_move_iterator(input_.columns.end()));
    input_.schema.resize(layout.inputs);
    input_.columns.erase(input_.columns.begin() + inputs, input_.columns.end());
    if (!layout.retracted_at) return;
    const Column& retracted = At(*layout.retracted_at);
    const std::span<const uint8_t> valid = retracted.validity();
    if (std::find(valid.begin(), valid.end(), 1) == valid.end() && retracted.has_nulls()) return;  // none is retracted
    retracted_at_.assign(retracted.ints().begin(), retracted.ints().end());
    for (size_t row = 0; row < retracted_at_.size(); ++row) {
      if (retracted.IsNull(row) || retracted_at_[row] > retracted_until)
        retracted_at_[row] = EventRows::kNeverRetracted;
    }
  }

  const RecordBatch& input() const { return input_; }
  Arrivals AsArrivals(bool pushed) const {
    return {pushed, At(layout_.available_at).ints(), retracted_at_, At(layout_.ingest).ints()};
  }

 private:
  const Column& At(size_t i) const { return i < layout_.inputs ? input_.columns[i] : arrivals_[i - layout_.inputs]; }

  const HistoryLayout layout_;
  RecordBatch input_;
  std::vector<Column> arrivals_;  // what comes after the input
  std::vector<TimestampUs> retracted_at_;
};

RecordBatch TakeRows(const RecordBatch& rows, std::span<const uint32_t> indices) {
  RecordBatch taken;
  taken.schema = rows.schema;
  for (const Column& column : rows.columns) taken.columns.push_back(column.Take(indices));
  taken.num_rows = indices.size();
  return taken;
}

Status CheckBuilt(Connection& connection, const std::string& history) {
  HR_ASSIGN_OR_RETURN(const ObjectKind kind, FindObject(connection, "history", history));
  if (kind != ObjectKind::kNone) return absl::OkStatus();
  return FailedPrecondition("{} has not been built yet; run: headrace build", history);
}

std::string TextOf(const DataVersion& version) {
  return fmt::format("{}:{}:{}", version.rows, version.max_ingest, version.hash);
}

Status CheckTypes(const EventView& view, const Schema& input, const Schema& found) {
  for (size_t i = 0; i < input.size(); ++i) {
    if (found[i].type == input[i].type) continue;
    return FailedPrecondition("{}: column '{}' was built as {}, and is now {}; run: headrace build", view.HistoryName(),
                              input[i].name, TypeName(found[i].type), TypeName(input[i].type));
  }
  return absl::OkStatus();
}

}  // namespace

HistoryQuery HistoryScan::QueryOf(std::span<const ViewProgram* const> views, std::vector<std::string> columns) const {
  HistoryQuery query;
  query.history = ViewOf(*views[0]).HistoryName();
  query.columns = std::move(columns);
  query.ordered = false;
  if (const auto cut = options_.as_of.find(views[0]->name); cut != options_.as_of.end())
    query.ingest_until = cut->second.max_ingest + 1;
  TimestampUs from = kMaxTimestampUs;
  for (const ViewProgram* view : views) {
    const auto needed = options_.needed_from.find(view->name);
    if (needed == options_.needed_from.end()) return query;
    from = std::min(from, needed->second);
  }
  query.event_time_from = from;
  return query;
}

std::string HistoryScan::HistoryOf(const ViewProgram& view) const {
  return ViewOf(view).HistoryName();
}

StatusOr<int64_t> HistoryScan::RowsOf(const ViewProgram& view) {
  HR_ASSIGN_OR_RETURN(Database* const warehouse, workspace_.Warehouse());
  HR_ASSIGN_OR_RETURN(const std::unique_ptr<Connection> connection, warehouse->Connect());
  const std::string history = ViewOf(view).HistoryName();
  HR_RETURN_IF_ERROR(CheckBuilt(*connection, history));
  HR_ASSIGN_OR_RETURN(const RecordBatch rows, connection->QueryAll("SELECT count(*) FROM " + HistoryRelation(history)));
  return rows.columns[0].ints()[0];
}

Status HistoryScan::Scan(std::span<const ViewProgram* const> views, const std::function<EventSink()>& make_sink) {
  const EventView& view = ViewOf(*views[0]);
  const Schema input = InputOf(views);
  HR_RETURN_IF_ERROR(ScanInParallel(views, input, make_sink));
  if (view.live() && options_.include_log && !options_.replay_from) return ScanLog(view, input, 0, make_sink());
  return absl::OkStatus();
}

// Of most histories every row was known at its event time and none was retracted: those columns are not read then.
StatusOr<HistoryLayout> HistoryScan::LayoutFor(Connection& connection, const EventView& view,
                                               const Schema& input) const {
  if (options_.replay_from) return HistoryLayout::WithAll(input);
  HR_ASSIGN_OR_RETURN(const HistoryTimes times, RecordedTimes(connection, view.HistoryName()));
  const std::string& event_time =
      view.live() ? state_->definitions.streams.at(view.stream).event_time : view.batch.event_time;
  std::optional<size_t> known_as = times.any_late ? std::nullopt : FindField(input, event_time);
  if (known_as && input[*known_as].type != TypeId::kTimestamp) known_as = std::nullopt;
  return HistoryLayout::Of(input, times.any_retracted, known_as);
}

Status HistoryScan::ScanInParallel(std::span<const ViewProgram* const> views, const Schema& input,
                                   const std::function<EventSink()>& make_sink) {
  const EventView& view = ViewOf(*views[0]);
  HR_ASSIGN_OR_RETURN(Database* const warehouse, workspace_.Warehouse());
  HR_ASSIGN_OR_RETURN(const std::unique_ptr<Connection> connection, warehouse->Connect());
  HR_RETURN_IF_ERROR(CheckBuilt(*connection, view.HistoryName()));
  HR_ASSIGN_OR_RETURN(const HistoryLayout layout, LayoutFor(*connection, view, input));
  std::optional<LowerMemoryLimit> limit;
  if (!workspace_.serves()) limit.emplace(*connection, kScanBytes);
  return ScanHistoryInParallel(*connection, QueryOf(views, layout.Columns(input)), [&]() -> BatchSink {
    return [&, sink = make_sink()](RecordBatch rows) -> Status {
      HR_RETURN_IF_ERROR(CheckTypes(view, input, rows.schema));
      return Emit(view, std::move(rows), layout, sink);
    };
  });
}

Status HistoryScan::ScanKnown(const EventView& view, const ViewProgram& program, std::optional<TimestampUs> known_until,
                              const EventSink& sink) {
  HR_ASSIGN_OR_RETURN(Database* const warehouse, workspace_.Warehouse());
  HR_ASSIGN_OR_RETURN(const std::unique_ptr<Connection> connection, warehouse->Connect());
  HR_RETURN_IF_ERROR(CheckBuilt(*connection, view.HistoryName()));
  const ViewProgram* const views[] = {&program};
  const HistoryLayout layout = HistoryLayout::WithAll(program.input);
  HR_ASSIGN_OR_RETURN(const std::unique_ptr<ResultStream> stream,
                      ScanHistory(*connection, QueryOf(views, layout.Columns(program.input))));
  HR_RETURN_IF_ERROR(CheckTypes(view, program.input, stream->schema()));
  while (true) {
    HR_ASSIGN_OR_RETURN(std::optional<RecordBatch> rows, stream->Next());
    if (!rows) return absl::OkStatus();
    if (known_until && view.live()) {
      const std::span<const TimestampUs> available_at = rows->columns[layout.available_at].ints();
      std::vector<uint32_t> known;
      for (uint32_t row = 0; row < rows->num_rows; ++row) {
        if (available_at[row] <= *known_until) known.push_back(row);
      }
      rows = TakeRows(*rows, known);
    }
    const HistoryRows history(*std::move(rows), layout);
    HR_RETURN_IF_ERROR(sink(history.input(), history.AsArrivals(false)));
  }
}

Status HistoryScan::Emit(const EventView& view, RecordBatch rows, const HistoryLayout& layout,
                         const EventSink& sink) const {
  if (!options_.replay_from || !view.live()) {
    const auto cut = options_.as_of.find(view.name);
    const HistoryRows history(std::move(rows), layout,
                              cut == options_.as_of.end() ? kMaxTimestampUs : cut->second.retracted_until);
    return sink(history.input(), history.AsArrivals(false));
  }
  // Stretches of rows on one side of the instant, so that what a sink gets stays in ingestion order.
  const std::span<const TimestampUs> available_at = rows.columns[layout.available_at].ints();
  const auto is_pushed = [&](uint32_t row) { return available_at[row] > *options_.replay_from; };
  std::vector<uint32_t> stretch;
  for (uint32_t row = 0; row < rows.num_rows; ++row) {
    stretch.push_back(row);
    if (row + 1 < rows.num_rows && is_pushed(row + 1) == is_pushed(row)) continue;
    const HistoryRows history(TakeRows(rows, stretch), layout);
    HR_RETURN_IF_ERROR(sink(history.input(), history.AsArrivals(is_pushed(row))));
    stretch.clear();
  }
  return absl::OkStatus();
}

Status HistoryScan::ScanChanges(const EventView& view, const ViewProgram& program, const Since& since,
                                const EventSink& sink) {
  HR_ASSIGN_OR_RETURN(Database* const warehouse, workspace_.Warehouse());
  HR_ASSIGN_OR_RETURN(const std::unique_ptr<Connection> connection, warehouse->Connect());
  const ViewProgram* const views[] = {&program};
  const HistoryLayout layout = HistoryLayout::WithAll(program.input);
  HistoryQuery added = QueryOf(views, layout.Columns(program.input));
  HistoryQuery retracted = added;
  added.ingest_from = since.history.max_ingest + 1;
  retracted.ingest_until = since.history.max_ingest + 1;
  retracted.retracted_after = since.history.retracted_until;
  for (const HistoryQuery& query : {added, retracted}) {
    HR_ASSIGN_OR_RETURN(const std::unique_ptr<ResultStream> stream, ScanHistory(*connection, query));
    HR_RETURN_IF_ERROR(CheckTypes(view, program.input, stream->schema()));
    while (true) {
      HR_ASSIGN_OR_RETURN(std::optional<RecordBatch> rows, stream->Next());
      if (!rows) break;
      const HistoryRows history(*std::move(rows), layout);
      HR_RETURN_IF_ERROR(sink(history.input(), history.AsArrivals(false)));
    }
  }
  if (!view.live() || !options_.include_log) return absl::OkStatus();
  return ScanLog(view, program.input, since.log_position, sink);
}

Status HistoryScan::ScanLog(const EventView& view, const Schema& input, uint64_t after, const EventSink& sink) {
  const StreamSource& stream = state_->definitions.streams.at(view.stream);
  HR_ASSIGN_OR_RETURN(const IdTest superseded, SupersededIds(workspace_, stream, options_.log_until));
  return ReadPushed(workspace_, stream.name, after, options_.log_until, [&](const LoggedRequest& request) -> Status {
    HR_ASSIGN_OR_RETURN(const PushedRows pushed, RowsOfRequest(stream, request, superseded));
    HR_ASSIGN_OR_RETURN(const RecordBatch rows, SelectInput(input, pushed.rows));
    return sink(rows, {true, pushed.available_at, {}, pushed.ingest});
  });
}

HistoryReader HistoryScan::ReaderForOnline(Workspace& workspace, std::optional<TimestampUs> until) {
  HistoryReader reader;
  reader.view = [&workspace, until](const OnlineViewSpec& spec, const ViewProgram& program,
                                    const EventSink& sink) -> Status {
    HR_ASSIGN_OR_RETURN(const std::shared_ptr<const ProjectState> state, workspace.State());
    ScanOptions history_only;
    history_only.include_log = false;
    HistoryScan scan(workspace, state, history_only);
    return scan.ScanKnown(state->definitions.event_views.at(spec.view), program, until, sink);
  };
  reader.ids = [&workspace, until](const StreamSource& stream,
                                   const std::function<Status(const Column&)>& sink) -> Status {
    HR_ASSIGN_OR_RETURN(Database* const warehouse, workspace.Warehouse());
    HR_ASSIGN_OR_RETURN(const std::unique_ptr<Connection> connection, warehouse->Connect());
    HR_RETURN_IF_ERROR(CheckBuilt(*connection, stream.name));
    const std::string filter =
        until ? fmt::format(" WHERE _available_at <= {}", QuoteLiteral(Value::Timestamp(*until))) : "";
    HR_ASSIGN_OR_RETURN(const std::unique_ptr<ResultStream> ids,
                        connection->Query(fmt::format("SELECT {} FROM {}{}", QuoteIdentifier(stream.event_id),
                                                      HistoryRelation(stream.name), filter)));
    while (true) {
      HR_ASSIGN_OR_RETURN(const std::optional<RecordBatch> batch, ids->Next());
      if (!batch) return absl::OkStatus();
      HR_RETURN_IF_ERROR(sink(batch->columns[0]));
    }
  };
  return reader;
}

StatusOr<std::string> HistoryVersionText(Connection& connection, const std::string& history_name) {
  HR_RETURN_IF_ERROR(CheckBuilt(connection, history_name));
  HR_ASSIGN_OR_RETURN(const DataVersion version, HistoryVersion(connection, history_name));
  return TextOf(version);
}

StatusOr<std::string> HistoryVersionTextAt(Connection& connection, const EventView& view, const HistoryCut& cut) {
  HR_ASSIGN_OR_RETURN(const DataVersion version, HistoryVersionAt(connection, view.HistoryName(), cut));
  return TextOf(version);
}

StatusOr<std::string> LogHash(Workspace& workspace, uint64_t until) {
  if (until == 0) return std::string();
  HR_ASSIGN_OR_RETURN(EventSegments* const segments, workspace.Segments());
  auto [position, hash] = segments->KnownLogHash(until);
  HR_RETURN_IF_ERROR(workspace.ReadEventLog(position, until, [&](uint64_t, std::string_view entry) -> Status {
    HR_ASSIGN_OR_RETURN(hash, ExtendLogHash(hash, entry));
    return absl::OkStatus();
  }));
  return hash;
}

}  // namespace headrace
