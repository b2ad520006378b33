#include "engine/explain.h"

#include <algorithm>

#include "base/diagnostic.h"
#include "engine/history_scan.h"
#include "engine/ledger_rows.h"
#include "engine/replays.h"
#include "kernel/key_events.h"

namespace headrace {
namespace {

constexpr size_t kRowsShown = 5;

// A row behind a feature: where it stands in history and what the view read of it.
Json SourceRow(const ViewProgram& program, const EventRows& events, size_t row) {
  Json::Array values;
  for (size_t i = 0; i < events.slots.size(); ++i) {
    const std::string& text = program.slots[i].text;
    values.push_back(
        Json::Object{{"column", text.empty() ? "expression" : text}, {"value", ToJson(events.slots[i].GetValue(row))}});
  }
  const bool pushed = events.ingest[row] >= kFirstPushedIngest;
  return Json::Object{{"event_time", FormatTimestamp(events.event_time[row])},
                      {"available_at", FormatTimestamp(events.available_at[row])},
                      {"from", pushed ? "event log" : "history"},
                      {"row", pushed ? events.ingest[row] - kFirstPushedIngest : events.ingest[row]},
                      {"values", std::move(values)}};
}

// The events of one key of a view, in the order.
StatusOr<KeyEvents> EventsOfKey(const ViewProgram& program, const ReadPlan& plan, const std::string& key,
                                EventSource& source) {
  KeyEvents events(plan);
  const EventSink insert = [&](const RecordBatch& input, const Arrivals& arrivals) -> Status {
    HR_ASSIGN_OR_RETURN(const EventRows rows, PrepareEvents(program, input, arrivals));
    const EventsView view(rows);
    std::string encoded;
    for (size_t row = 0; row < rows.size(); ++row) {
      encoded.clear();
      if (EncodeKey(rows.keys, row, &encoded) && encoded == key) events.Insert(view, row);
    }
    return absl::OkStatus();
  };
  const ViewProgram* const views[] = {&program};
  HR_RETURN_IF_ERROR(source.Scan(views, OneAtATime(insert)));
  return events;
}

StatusOr<Json> ExplainView(const ProjectState& state, const ViewProgram& program, const LabelRows& labels,
                           EventSource& source) {
  const EventView& view = state.definitions.event_views.at(program.name);
  std::vector<Column> parts;
  Json::Object keys;
  for (const Field& part : program.entity) {
    parts.push_back(*labels.entities.Find(part.name));
    keys.emplace_back(part.name, ToJson(parts.back().GetValue(0)));
  }
  std::string key;
  const bool has_key = EncodeKey(parts, 0, &key);
  const ReadPlan plan(program);
  StatusOr<KeyEvents> events = has_key ? EventsOfKey(program, plan, key, source) : KeyEvents(plan);
  HR_RETURN_IF_ERROR(events.status());
  const EventRows held = events->rows().Rows();
  Json::Array windows;
  for (size_t window = 0; window < std::max<size_t>(1, program.windows.size()); ++window) {
    const std::vector<uint32_t> rows = events->SourceRows(program, labels.times.ints()[0], window);
    Json::Array latest;
    for (size_t i = 0; i < std::min(rows.size(), kRowsShown); ++i)
      latest.push_back(SourceRow(program, held, rows[rows.size() - 1 - i]));
    windows.push_back(Json::Object{{"window", program.is_latest_value() ? "latest" : program.windows[window].suffix},
                                   {"rows", rows.size()},
                                   {"latest", std::move(latest)}});
  }
  return Json(Json::Object{{"view", program.name},
                           {"file", state.project.views.at(program.name).sql.file},
                           {"definition", program.definition_hash},
                           {"history", view.HistoryName()},
                           {"keys", std::move(keys)},
                           {"windows", std::move(windows)}});
}

StatusOr<LedgerGroup> ReadPrediction(Workspace& workspace, const std::string& id) {
  HR_ASSIGN_OR_RETURN(Ledger* const ledger, workspace.Predictions());
  const StatusOr<LedgerRow> found = ledger->FindPrediction(id);
  if (absl::IsNotFound(found.status())) {
    return NotFound(
        "no ledger holds a prediction '{}'; list some with: headrace sql \"select id from ledger.MODEL limit 5\"", id);
  }
  HR_RETURN_IF_ERROR(found.status());
  const Prediction& prediction = found->prediction;
  return ReadLedger(workspace, prediction.model, {prediction.version, prediction.replay}, {.id = id});
}

Json CellOf(const RecordBatch& rows, std::string_view column) {
  const Column* found = rows.Find(column);
  return found == nullptr ? Json() : ToJson(found->GetValue(0));
}

}  // namespace

StatusOr<Json> Explain(Workspace& workspace, const std::string& id, Output& output) {
  HR_ASSIGN_OR_RETURN(const std::shared_ptr<const ProjectState> state, workspace.State());
  HR_ASSIGN_OR_RETURN(const LedgerGroup prediction, ReadPrediction(workspace, id));
  HR_ASSIGN_OR_RETURN(const FeaturePlan plan, PlanFeatures(*state->definitions.catalog, prediction.features));
  HR_ASSIGN_OR_RETURN(const LabelRows labels, ToLabelRows(plan, prediction.rows));
  ScanOptions options;
  if (!prediction.part.replay.empty()) {
    HR_ASSIGN_OR_RETURN(const ReplayRecord replay, LoadReplay(workspace.StateFolder(), prediction.part.replay));
    options.replay_from = replay.from;
  }
  HistoryScan scan(workspace, state, options);
  Json::Array views;
  for (const ViewProgram* program : plan.event_views) {
    HR_ASSIGN_OR_RETURN(Json view, ExplainView(*state, *program, labels, scan));
    views.push_back(std::move(view));
  }
  for (const RequestProgram* program : plan.request_views) {
    views.push_back(Json::Object{{"view", program->name},
                                 {"file", state->project.views.at(program->name).sql.file},
                                 {"definition", program->definition_hash},
                                 {"history", "request"}});
  }
  JoinReport report;
  JoinOptions once;
  once.threads = 1;
  once.leak_meter = false;
  HR_ASSIGN_OR_RETURN(const std::vector<Column> recomputed, PointInTimeJoin(plan, labels, scan, once, &report, output));
  Json::Array features;
  for (size_t i = 0; i < plan.outputs.size(); ++i) {
    const Column* logged = prediction.rows.Find(plan.outputs[i].name);
    if (logged == nullptr) continue;
    features.push_back(Json::Object{{"name", plan.outputs[i].name},
                                    {"value", ToJson(logged->GetValue(0))},
                                    {"recomputed_equal", logged->GetValue(0).IdenticalTo(recomputed[i].GetValue(0))}});
  }
  HR_ASSIGN_OR_RETURN(Registry* const registry, workspace.Models());
  HR_ASSIGN_OR_RETURN(const VersionInfo version, registry->GetVersion(prediction.model, prediction.part.version));
  const std::string definitions = DefinitionsOf(plan);
  return Json(
      Json::Object{{"id", id},
                   {"model", prediction.model},
                   {"version", prediction.part.version},
                   {"algorithm", version.algorithm},
                   {"training_set_hash", version.training_set_hash},
                   {"artifact", version.artifact_sha256},
                   {"time", CellOf(prediction.rows, "time")},
                   {"replay", prediction.part.replay},
                   {"value", CellOf(prediction.rows, "value")},
                   {"label", CellOf(prediction.rows, "label")},
                   {"latency_us", CellOf(prediction.rows, "latency_us")},
                   {"request", CellOf(prediction.rows, "request")},
                   {"definitions_unchanged", CellOf(prediction.rows, "definitions").Dump() == Json(definitions).Dump()},
                   {"features", std::move(features)},
                   {"views", std::move(views)}});
}

}  // namespace headrace
