#include "engine/history_scan.h"

#include "absl/strings/str_join.h"
#include "warehouse/history.h"
#include "warehouse/schema_objects.h"
#include "warehouse/sql_text.h"

namespace headrace {
namespace {

constexpr size_t kHistoryColumns = 3;  // _available_at, _retracted_at, _ingest come after the program's input

// Rows of a history batch that `keep` selects, split into the program's input and its arrivals.
struct HistoryRows {
  RecordBatch input;
  std::vector<TimestampUs> available_at;
  std::vector<TimestampUs> retracted_at;
  std::vector<int64_t> ingest;

  Arrivals AsArrivals(bool pushed) const { return {pushed, available_at, retracted_at, ingest}; }
};

template <typename Keep>
HistoryRows TakeRows(const RecordBatch& rows, const Keep& keep) {
  const size_t inputs = rows.columns.size() - kHistoryColumns;
  const Column& available = rows.columns[inputs];
  const Column& retracted = rows.columns[inputs + 1];
  const Column& ingest = rows.columns[inputs + 2];
  HistoryRows taken;
  std::vector<uint32_t> indices;
  for (uint32_t row = 0; row < rows.num_rows; ++row) {
    if (!keep(available.ints()[row])) continue;
    indices.push_back(row);
    taken.available_at.push_back(available.ints()[row]);
    taken.retracted_at.push_back(retracted.IsNull(row) ? EventRows::kNeverRetracted : retracted.ints()[row]);
    taken.ingest.push_back(ingest.ints()[row]);
  }
  const bool all = indices.size() == rows.num_rows;
  for (size_t i = 0; i < inputs; ++i) {
    taken.input.schema.push_back(rows.schema[i]);
    taken.input.columns.push_back(all ? rows.columns[i] : rows.columns[i].Take(indices));
  }
  taken.input.num_rows = indices.size();
  return taken;
}

Status CheckBuilt(Connection& connection, const std::string& history) {
  HR_ASSIGN_OR_RETURN(const ObjectKind kind, FindObject(connection, "history", history));
  if (kind != ObjectKind::kNone) return absl::OkStatus();
  return FailedPrecondition("{} has not been built yet; run: headrace build", history);
}

}  // namespace

EventScan HistoryScan::AsEventScan() {
  return [this](const ViewProgram& program, const EventSink& sink) {
    return Scan(state_->definitions.event_views.at(program.name), program, sink);
  };
}

Status HistoryScan::Scan(const EventView& view, const ViewProgram& program, const EventSink& sink) {
  HR_RETURN_IF_ERROR(ScanHistoryTable(view, program, std::nullopt, sink));
  if (view.live() && options_.include_log && !options_.replay_from) return ScanLog(view, program, sink);
  return absl::OkStatus();
}

Status HistoryScan::ScanHistoryTable(const EventView& view, const ViewProgram& program,
                                     std::optional<TimestampUs> known_until, const EventSink& sink) {
  HR_ASSIGN_OR_RETURN(Database* const warehouse, workspace_.Warehouse());
  HR_ASSIGN_OR_RETURN(const std::unique_ptr<Connection> connection, warehouse->Connect());
  HR_RETURN_IF_ERROR(CheckBuilt(*connection, view.HistoryName()));
  HistoryQuery query;
  query.history = view.HistoryName();
  for (const Field& field : program.input) query.columns.push_back(field.name);
  query.columns.insert(query.columns.end(), {"_available_at", "_retracted_at", "_ingest"});
  query.ordered = false;
  HR_ASSIGN_OR_RETURN(const std::unique_ptr<ResultStream> stream, ScanHistory(*connection, query));
  for (size_t i = 0; i < program.input.size(); ++i) {
    if (stream->schema()[i].type == program.input[i].type) continue;
    return FailedPrecondition("{}: column '{}' was built as {}, and is now {}; run: headrace build", view.HistoryName(),
                              program.input[i].name, TypeName(stream->schema()[i].type),
                              TypeName(program.input[i].type));
  }
  while (true) {
    HR_ASSIGN_OR_RETURN(const std::optional<RecordBatch> rows, stream->Next());
    if (!rows) return absl::OkStatus();
    if (known_until && view.live()) {
      const HistoryRows known = TakeRows(*rows, [&](TimestampUs available) { return available <= *known_until; });
      HR_RETURN_IF_ERROR(sink(known.input, known.AsArrivals(false)));
    } else {
      HR_RETURN_IF_ERROR(Emit(view, *rows, sink));
    }
  }
}

Status HistoryScan::Emit(const EventView& view, const RecordBatch& rows, const EventSink& sink) const {
  if (!options_.replay_from || !view.live()) {
    const HistoryRows all = TakeRows(rows, [](TimestampUs) { return true; });
    return sink(all.input, all.AsArrivals(false));
  }
  const TimestampUs from = *options_.replay_from;
  const HistoryRows before = TakeRows(rows, [&](TimestampUs available) { return available <= from; });
  HR_RETURN_IF_ERROR(sink(before.input, before.AsArrivals(false)));
  const HistoryRows after = TakeRows(rows, [&](TimestampUs available) { return available > from; });
  return sink(after.input, after.AsArrivals(true));
}

Status HistoryScan::ScanLog(const EventView& view, const ViewProgram& program, const EventSink& sink) {
  const StreamSource& stream = state_->definitions.streams.at(view.stream);
  return workspace_.ReadEventLog(options_.log_until, [&](uint64_t, std::string_view entry) -> Status {
    HR_ASSIGN_OR_RETURN(const std::vector<LoggedRequest> requests, DecodeLogEntry(entry));
    for (const LoggedRequest& request : requests) {
      if (request.source != view.stream) continue;
      HR_ASSIGN_OR_RETURN(const RecordBatch input, SelectInput(program, request.rows));
      const std::vector<TimestampUs> available = PushedAvailability(stream, request.rows, request.arrival);
      std::vector<int64_t> ingest(request.rows.num_rows);
      for (size_t i = 0; i < ingest.size(); ++i) ingest[i] = request.first_ingest + static_cast<int64_t>(i);
      HR_RETURN_IF_ERROR(sink(input, {true, available, {}, ingest}));
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
    return scan.ScanHistoryTable(state->definitions.event_views.at(spec.view), program, until, sink);
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
  return fmt::format("{}:{}:{}", version.rows, version.max_ingest, version.hash);
}

}  // namespace headrace
