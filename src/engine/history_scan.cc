#include "engine/history_scan.h"

#include <algorithm>
#include <iterator>

#include "base/hash.h"
#include "warehouse/history.h"
#include "warehouse/schema_objects.h"
#include "warehouse/sql_text.h"

namespace headrace {
namespace {

constexpr int64_t kScanBytes = int64_t{128} << 20;  // of DuckDB, while it does nothing but scan
constexpr size_t kHistoryColumns = 3;  // _available_at, _retracted_at, _ingest come after the program's input

// Rows of a history, split into the program's input and its arrivals.
class HistoryRows {
 public:
  // Retractions after `retracted_until` have not happened yet.
  explicit HistoryRows(RecordBatch rows, TimestampUs retracted_until = kMaxTimestampUs) : input_(std::move(rows)) {
    const auto inputs = static_cast<ptrdiff_t>(input_.columns.size() - kHistoryColumns);
    arrivals_.assign(std::make_move_iterator(input_.columns.begin() + inputs),
                     std::make_move_iterator(input_.columns.end()));
    input_.schema.resize(static_cast<size_t>(inputs));
    input_.columns.erase(input_.columns.begin() + inputs, input_.columns.end());
    const Column& retracted = arrivals_[1];
    const std::span<const uint8_t> valid = retracted.validity();
    if (std::find(valid.begin(), valid.end(), 1) == valid.end() && retracted.has_nulls()) return;  // none is retracted
    retracted_at_.assign(retracted.ints().begin(), retracted.ints().end());
    for (size_t row = 0; row < retracted_at_.size(); ++row) {
      if (retracted.IsNull(row) || retracted_at_[row] > retracted_until)
        retracted_at_[row] = EventRows::kNeverRetracted;
    }
  }

  const RecordBatch& input() const { return input_; }
  Arrivals AsArrivals(bool pushed) const { return {pushed, arrivals_[0].ints(), retracted_at_, arrivals_[2].ints()}; }

 private:
  RecordBatch input_;
  std::vector<Column> arrivals_;  // _available_at, _retracted_at, _ingest
  std::vector<TimestampUs> retracted_at_;
};

RecordBatch TakeRows(const RecordBatch& rows, std::span<const uint32_t> indices) {
  RecordBatch taken;
  taken.schema = rows.schema;
  for (const Column& column : rows.columns) taken.columns.push_back(column.Take(indices));
  taken.num_rows = indices.size();
  return taken;
}

std::span<const TimestampUs> AvailableAt(const RecordBatch& rows) {
  return rows.columns[rows.columns.size() - kHistoryColumns].ints();
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

HistoryQuery HistoryScan::QueryOf(std::span<const ViewProgram* const> views, const Schema& input) const {
  HistoryQuery query;
  query.history = ViewOf(*views[0]).HistoryName();
  query.columns = NamesOf(input);
  query.columns.insert(query.columns.end(), {"_available_at", "_retracted_at", "_ingest"});
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
  HR_RETURN_IF_ERROR(ScanInParallel(view, QueryOf(views, input), input, make_sink));
  if (view.live() && options_.include_log && !options_.replay_from) return ScanLog(view, input, 0, make_sink());
  return absl::OkStatus();
}

Status HistoryScan::ScanInParallel(const EventView& view, const HistoryQuery& query, const Schema& input,
                                   const std::function<EventSink()>& make_sink) {
  HR_ASSIGN_OR_RETURN(Database* const warehouse, workspace_.Warehouse());
  HR_ASSIGN_OR_RETURN(const std::unique_ptr<Connection> connection, warehouse->Connect());
  HR_RETURN_IF_ERROR(CheckBuilt(*connection, view.HistoryName()));
  std::optional<LowerMemoryLimit> limit;
  if (!workspace_.serves()) limit.emplace(*connection, kScanBytes);
  return ScanHistoryInParallel(*connection, query, [&]() -> BatchSink {
    return [&, sink = make_sink()](RecordBatch rows) -> Status {
      HR_RETURN_IF_ERROR(CheckTypes(view, input, rows.schema));
      return Emit(view, std::move(rows), sink);
    };
  });
}

Status HistoryScan::ScanKnown(const EventView& view, const ViewProgram& program, std::optional<TimestampUs> known_until,
                              const EventSink& sink) {
  HR_ASSIGN_OR_RETURN(Database* const warehouse, workspace_.Warehouse());
  HR_ASSIGN_OR_RETURN(const std::unique_ptr<Connection> connection, warehouse->Connect());
  HR_RETURN_IF_ERROR(CheckBuilt(*connection, view.HistoryName()));
  const ViewProgram* const views[] = {&program};
  HR_ASSIGN_OR_RETURN(const std::unique_ptr<ResultStream> stream,
                      ScanHistory(*connection, QueryOf(views, program.input)));
  HR_RETURN_IF_ERROR(CheckTypes(view, program.input, stream->schema()));
  while (true) {
    HR_ASSIGN_OR_RETURN(std::optional<RecordBatch> rows, stream->Next());
    if (!rows) return absl::OkStatus();
    if (known_until && view.live()) {
      std::vector<uint32_t> known;
      for (uint32_t row = 0; row < rows->num_rows; ++row) {
        if (AvailableAt(*rows)[row] <= *known_until) known.push_back(row);
      }
      rows = TakeRows(*rows, known);
    }
    const HistoryRows history(*std::move(rows));
    HR_RETURN_IF_ERROR(sink(history.input(), history.AsArrivals(false)));
  }
}

Status HistoryScan::Emit(const EventView& view, RecordBatch rows, const EventSink& sink) const {
  if (!options_.replay_from || !view.live()) {
    const auto cut = options_.as_of.find(view.name);
    const HistoryRows history(std::move(rows),
                              cut == options_.as_of.end() ? kMaxTimestampUs : cut->second.retracted_until);
    return sink(history.input(), history.AsArrivals(false));
  }
  // Stretches of rows on one side of the instant, so that what a sink gets stays in ingestion order.
  const std::span<const TimestampUs> available_at = AvailableAt(rows);
  const auto is_pushed = [&](uint32_t row) { return available_at[row] > *options_.replay_from; };
  std::vector<uint32_t> stretch;
  for (uint32_t row = 0; row < rows.num_rows; ++row) {
    stretch.push_back(row);
    if (row + 1 < rows.num_rows && is_pushed(row + 1) == is_pushed(row)) continue;
    const HistoryRows history(TakeRows(rows, stretch));
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
  HistoryQuery added = QueryOf(views, program.input);
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
      const HistoryRows history(*std::move(rows));
      HR_RETURN_IF_ERROR(sink(history.input(), history.AsArrivals(false)));
    }
  }
  if (!view.live() || !options_.include_log) return absl::OkStatus();
  return ScanLog(view, program.input, since.log_position, sink);
}

Status HistoryScan::ScanLog(const EventView& view, const Schema& input, uint64_t after, const EventSink& sink) {
  const StreamSource& stream = state_->definitions.streams.at(view.stream);
  return workspace_.ReadEventLog(options_.log_until, [&](uint64_t position, std::string_view entry) -> Status {
    if (position <= after) return absl::OkStatus();
    HR_ASSIGN_OR_RETURN(const std::vector<LoggedRequest> requests, DecodeLogEntry(entry));
    for (const LoggedRequest& request : requests) {
      if (request.source != view.stream) continue;
      HR_ASSIGN_OR_RETURN(const RecordBatch rows, SelectInput(input, request.rows));
      const std::vector<TimestampUs> available = PushedAvailability(stream, request.rows, request.arrival);
      std::vector<int64_t> ingest(request.rows.num_rows);
      for (size_t i = 0; i < ingest.size(); ++i) ingest[i] = request.first_ingest + static_cast<int64_t>(i);
      HR_RETURN_IF_ERROR(sink(rows, {true, available, {}, ingest}));
    }
    return absl::OkStatus();
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

StatusOr<std::string> HistoryVersionText(Connection& connection, const EventView& view) {
  HR_RETURN_IF_ERROR(CheckBuilt(connection, view.HistoryName()));
  HR_ASSIGN_OR_RETURN(const DataVersion version, HistoryVersion(connection, view.HistoryName()));
  return TextOf(version);
}

StatusOr<std::string> HistoryVersionTextAt(Connection& connection, const EventView& view, const HistoryCut& cut) {
  HR_ASSIGN_OR_RETURN(const DataVersion version, HistoryVersionAt(connection, view.HistoryName(), cut));
  return TextOf(version);
}

StatusOr<std::string> LogHash(Workspace& workspace, uint64_t until) {
  if (until == 0) return std::string();
  Sha256 hash;
  HR_RETURN_IF_ERROR(workspace.ReadEventLog(until, [&](uint64_t, std::string_view entry) {
    hash.Update(fmt::format("{}:", entry.size()));
    hash.Update(entry);
    return absl::OkStatus();
  }));
  return hash.Finish();
}

}  // namespace headrace
