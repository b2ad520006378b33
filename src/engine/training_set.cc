#include "engine/training_set.h"

#include <algorithm>
#include <filesystem>
#include <thread>

#include "base/diagnostic.h"
#include "base/file.h"
#include "engine/history_scan.h"
#include "engine/set_extension.h"
#include "engine/set_manifest.h"
#include "warehouse/parquet.h"
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
  const bool widens = column.type() == TypeId::kBigint && type == TypeId::kDouble;
  Column cast(type);
  for (size_t row = 0; row < column.size(); ++row) {
    const Value value = column.GetValue(row);
    if (!value.is_null() && widens) {
      cast.AppendDouble(static_cast<double>(value.int64()));
      continue;
    }
    HR_ASSIGN_OR_RETURN(const Value part, CastKeyPart(value, type, name));
    cast.Append(part);
  }
  return cast;
}

}  // namespace

std::vector<std::string> TrainingSet::FeatureNames() const {
  std::vector<std::string> names = NamesOf(rows.schema);
  names.erase(names.begin(), names.begin() + static_cast<ptrdiff_t>(num_label_columns));
  return names;
}

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

namespace {

// From the set in the file `earlier`, as far as that can be; else a note says why not.
StatusOr<ExtendedSet> MakeFeatures(Workspace& workspace, const std::shared_ptr<const ProjectState>& state,
                                   const WantedSet& wanted, const std::string& earlier, Output& output) {
  if (!earlier.empty()) {
    StatusOr<std::optional<ExtendedSet>> extended = ExtendEarlierSet(workspace, state, wanted, earlier, output);
    if (extended.ok() && *extended) return **std::move(extended);
    if (!extended.ok() && extended.status().code() != absl::StatusCode::kFailedPrecondition) return extended.status();
    if (!extended.ok())
      output.Note(fmt::format("built in full, {} is not extended: {}", earlier, Message(extended.status())));
  }
  ScanOptions options;
  options.include_log = wanted.sources.log_position > 0;
  options.log_until = wanted.sources.log_position;
  HistoryScan scan(workspace, state, options);
  ExtendedSet set;
  HR_ASSIGN_OR_RETURN(
      set.features, PointInTimeJoin(wanted.plan, wanted.labels, scan.AsEventScan(), wanted.join, &set.report, output));
  return set;
}

}  // namespace

StatusOr<TrainingSet> BuildTrainingSet(Workspace& workspace, const TrainingSetSpec& spec, Output& output,
                                       const std::string& earlier) {
  HR_ASSIGN_OR_RETURN(const std::shared_ptr<const ProjectState> state, workspace.State());
  HR_ASSIGN_OR_RETURN(const FeaturePlan plan, PlanFeatures(*state->definitions.catalog, spec.features));
  HR_ASSIGN_OR_RETURN(RecordBatch rows, ReadRows(workspace, spec.labels));
  HR_ASSIGN_OR_RETURN(const LabelRows labels, ToLabelRows(plan, rows, spec.time, spec.entities));
  for (const Field& output_field : plan.outputs) {
    if (FindField(rows.schema, output_field.name))
      return InvalidArgument("the label rows already have a column '{}'; rename it", output_field.name);
  }
  uint64_t log_until = 0;
  if (spec.log_until) {
    log_until = *spec.log_until;
  } else {
    HR_ASSIGN_OR_RETURN(log_until, workspace.EventLogPosition());
  }
  HR_ASSIGN_OR_RETURN(const SetSources sources, SourcesOf(workspace, *state, spec, plan, log_until));
  JoinOptions options;
  options.threads = static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
  HR_ASSIGN_OR_RETURN(ExtendedSet made,
                      MakeFeatures(workspace, state, {plan, labels, sources, options}, earlier, output));
  TrainingSet set;
  set.num_label_columns = rows.columns.size();
  set.rows = std::move(rows);
  for (size_t i = 0; i < made.features.size(); ++i) {
    set.rows.schema.push_back(plan.outputs[i]);
    set.rows.columns.push_back(std::move(made.features[i]));
  }
  set.report = std::move(made.report);
  set.reused_rows = made.reused_rows;
  set.content_hash = ContentHashOf(set.rows);
  set.manifest = MakeManifest(sources, plan, set);
  return set;
}

Status WriteTrainingSet(const TrainingSet& set, const std::string& path) {
  HR_RETURN_IF_ERROR(WriteParquet(set.rows, path));
  return WriteFileAtomically(path + ".manifest.json", set.manifest.DumpPretty());
}

}  // namespace headrace
