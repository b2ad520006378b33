#include "engine/training_set.h"

#include <algorithm>
#include <filesystem>
#include <thread>

#include "base/codec.h"
#include "base/decimal.h"
#include "base/diagnostic.h"
#include "base/file.h"
#include "base/hash.h"
#include "engine/history_scan.h"
#include "warehouse/parquet.h"
#include "warehouse/release.h"
#include "warehouse/sources.h"
#include "warehouse/sql_text.h"

namespace headrace {
namespace {

StatusOr<const Column*> RequireColumn(const RecordBatch& rows, const std::string& name, std::string_view what) {
  if (const Column* column = rows.Find(name)) return column;
  const std::vector<std::string> names = NamesOf(rows.schema);
  return InvalidArgument("{}: the label rows have no column '{}'; {}", what, name, NearestNameHint(name, names));
}

// Casts a label column to a key's or a request field's type; only what loses nothing.
StatusOr<Column> CastLossless(const Column& column, TypeId type, const std::string& name) {
  if (column.type() == type) return column;
  const bool is_exact = column.type() == TypeId::kBigint || IsDecimal(column.type());
  const bool widens = is_exact && type == TypeId::kDouble;
  Column cast(type);
  for (size_t row = 0; row < column.size(); ++row) {
    const Value value = column.GetValue(row);
    if (!value.is_null() && widens) {
      cast.AppendDouble(NumberOf(value));
      continue;
    }
    HR_ASSIGN_OR_RETURN(const Value part, CastKeyPart(value, type, name));
    cast.Append(part);
  }
  return cast;
}

std::string HashOf(const RecordBatch& rows) {
  std::string digests;
  for (size_t i = 0; i < rows.columns.size(); ++i) {
    ByteWriter writer;
    writer.PutText(rows.schema[i].name);
    writer.PutColumn(rows.columns[i]);
    digests += Xxh128Hex(std::move(writer).Finish());
  }
  return Sha256Hex(digests);
}

Json FeatureManifest(const FeaturePlan& plan, const JoinReport& report) {
  Json::Array features;
  for (size_t i = 0; i < plan.outputs.size(); ++i) {
    features.push_back(Json::Object{{"name", plan.outputs[i].name},
                                    {"type", std::string(TypeName(plan.outputs[i].type))},
                                    {"null_cells", report.null_cells[i]}});
  }
  return features;
}

// Each view's definition, and the version of the history that it read.
StatusOr<Json> ViewManifest(Workspace& workspace, const ProjectState& state, const FeaturePlan& plan) {
  HR_ASSIGN_OR_RETURN(Database* const warehouse, workspace.Warehouse());
  HR_ASSIGN_OR_RETURN(const std::unique_ptr<Connection> connection, warehouse->Connect());
  Json::Object views;
  for (const ViewProgram* program : plan.event_views) {
    const EventView& view = state.definitions.event_views.at(program->name);
    HR_ASSIGN_OR_RETURN(std::string version, HistoryVersionText(*connection, view));
    views.emplace_back(view.name, Json::Object{{"definition", view.definition_hash},
                                               {"history", view.HistoryName()},
                                               {"history_version", std::move(version)},
                                               {"live", view.live()}});
  }
  for (const RequestProgram* program : plan.request_views) {
    views.emplace_back(program->name, Json::Object{{"definition", program->definition_hash}});
  }
  return Json(std::move(views));
}

StatusOr<Json> MakeManifest(Workspace& workspace, const ProjectState& state, const TrainingSetSpec& spec,
                            const FeaturePlan& plan, const TrainingSet& set, uint64_t log_position) {
  HR_ASSIGN_OR_RETURN(Json views, ViewManifest(workspace, state, plan));
  HR_ASSIGN_OR_RETURN(Database* const warehouse, workspace.Warehouse());
  HR_ASSIGN_OR_RETURN(const std::unique_ptr<Connection> connection, warehouse->Connect());
  HR_ASSIGN_OR_RETURN(const std::optional<Release> release, LastRelease(*connection));
  Json::Object entities;
  for (const auto& [entity, column] : spec.entities) entities.emplace_back(entity, column);
  Json::Array wanted(spec.features.begin(), spec.features.end());
  return Json(Json::Object{
      {"format", "headrace training set 1"},
      {"content_hash", set.content_hash},
      {"rows", static_cast<int64_t>(set.rows.num_rows)},
      {"labels", Json::Object{{"from", spec.labels}, {"time", spec.time}, {"entities", std::move(entities)}}},
      {"wanted", std::move(wanted)},
      {"allow_leak", Json::Array(spec.allow_leak.begin(), spec.allow_leak.end())},
      {"features", FeatureManifest(plan, set.report)},
      {"views", std::move(views)},
      {"release", release ? release->number : 0},
      {"log_position", static_cast<int64_t>(log_position)},
      {"events_read", set.report.events_read},
      {"overflow_cells", set.report.overflow_cells},
      {"leak_meter", Json::Object{{"cells", set.report.cells}, {"leaking_cells", set.report.leaking_cells}}},
  });
}

}  // namespace

TrainingSetSpec SpecOf(const ModelRecipe& recipe) {
  return {recipe.label_table, recipe.label_time, recipe.entities, recipe.features, recipe.allow_leak, std::nullopt};
}

StatusOr<RecordBatch> ReadRows(Workspace& workspace, const std::string& table_or_file) {
  HR_ASSIGN_OR_RETURN(const std::shared_ptr<const ProjectState> state, workspace.State());
  HR_ASSIGN_OR_RETURN(Database* const warehouse, workspace.Warehouse());
  HR_ASSIGN_OR_RETURN(const std::unique_ptr<Connection> connection, warehouse->Connect());
  if (state->project.tables.contains(table_or_file)) {
    StatusOr<RecordBatch> rows = connection->QueryAll("SELECT * FROM " + RelationSql(table_or_file));
    if (rows.ok()) return rows;
    return FailedPrecondition("table {} cannot be read ({}); run: headrace build", table_or_file,
                              Message(rows.status()));
  }
  if (table_or_file.find('.') == std::string::npos) {
    std::vector<std::string> names;
    for (const auto& [name, table] : state->project.tables) names.push_back(name);
    return NotFound("there is no table '{}'; {}", table_or_file, NearestNameHint(table_or_file, names));
  }
  SourceTable file;
  file.source = "labels";
  file.name = std::filesystem::path(table_or_file).stem().string();
  file.location = table_or_file;
  HR_ASSIGN_OR_RETURN(const std::string reader, ReaderSql(*connection, state->project, file, {table_or_file}));
  return connection->QueryAll(reader);
}

StatusOr<LabelRows> ToLabelRows(const FeaturePlan& plan, const RecordBatch& rows, const std::string& time,
                                const std::map<std::string, std::string>& entities) {
  LabelRows labels;
  labels.num_rows = rows.num_rows;
  HR_ASSIGN_OR_RETURN(const Column* times, RequireColumn(rows, time, "time"));
  HR_ASSIGN_OR_RETURN(labels.times, CastLossless(*times, TypeId::kTimestamp, time));
  for (const Field& entity : plan.entities) {
    const auto mapped = entities.find(entity.name);
    const std::string& name = mapped == entities.end() ? entity.name : mapped->second;
    HR_ASSIGN_OR_RETURN(const Column* column, RequireColumn(rows, name, fmt::format("entity '{}'", entity.name)));
    HR_ASSIGN_OR_RETURN(Column key, CastLossless(*column, entity.type, name));
    labels.entities.schema.push_back(entity);
    labels.entities.columns.push_back(std::move(key));
  }
  for (const Field& field : plan.request_fields) {
    HR_ASSIGN_OR_RETURN(const Column* column, RequireColumn(rows, field.name, "request field"));
    HR_ASSIGN_OR_RETURN(Column value, CastLossless(*column, field.type, field.name));
    labels.request.schema.push_back(field);
    labels.request.columns.push_back(std::move(value));
  }
  labels.entities.num_rows = labels.request.num_rows = rows.num_rows;
  return labels;
}

StatusOr<TrainingSet> BuildTrainingSet(Workspace& workspace, const TrainingSetSpec& spec, Output& output) {
  HR_ASSIGN_OR_RETURN(const std::shared_ptr<const ProjectState> state, workspace.State());
  HR_ASSIGN_OR_RETURN(const FeaturePlan plan, PlanFeatures(*state->definitions.catalog, spec.features));
  HR_ASSIGN_OR_RETURN(RecordBatch rows, ReadRows(workspace, spec.labels));
  HR_ASSIGN_OR_RETURN(const LabelRows labels, ToLabelRows(plan, rows, spec.time, spec.entities));
  uint64_t log_until = 0;
  if (spec.log_until) {
    log_until = *spec.log_until;
  } else {
    HR_ASSIGN_OR_RETURN(log_until, workspace.EventLogPosition());
  }
  ScanOptions scan_options;
  scan_options.include_log = log_until > 0;
  scan_options.log_until = log_until;
  HistoryScan scan(workspace, state, scan_options);
  TrainingSet set;
  set.num_label_columns = rows.columns.size();
  JoinOptions options;
  options.threads = static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
  HR_ASSIGN_OR_RETURN(std::vector<Column> features,
                      PointInTimeJoin(plan, labels, scan.AsEventScan(), options, &set.report, output));
  set.rows = std::move(rows);
  for (size_t i = 0; i < features.size(); ++i) {
    if (FindField(set.rows.schema, plan.outputs[i].name)) {
      return InvalidArgument("the label rows already have a column '{}'; rename it", plan.outputs[i].name);
    }
    set.rows.schema.push_back(plan.outputs[i]);
    set.rows.columns.push_back(std::move(features[i]));
  }
  set.content_hash = HashOf(set.rows);
  HR_ASSIGN_OR_RETURN(set.manifest, MakeManifest(workspace, *state, spec, plan, set, log_until));
  return set;
}

Status WriteTrainingSet(const TrainingSet& set, const std::string& path) {
  HR_RETURN_IF_ERROR(WriteParquet(set.rows, path));
  return WriteFileAtomically(path + ".manifest.json", set.manifest.DumpPretty());
}

}  // namespace headrace
