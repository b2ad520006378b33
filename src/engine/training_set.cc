#include "engine/training_set.h"

#include <algorithm>
#include <filesystem>

#include "base/decimal.h"
#include "base/diagnostic.h"
#include "base/file.h"
#include "base/memory.h"
#include "engine/set_builder.h"
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

size_t TrainingSetOptions::MemoryBytes() const {
  return memory_bytes > 0 ? memory_bytes : MachineMemoryBytes() / 2;
}

StatusOr<TrainingSet> BuildTrainingSet(Workspace& workspace, const TrainingSetSpec& spec,
                                       const TrainingSetOptions& options, Output& output) {
  HR_ASSIGN_OR_RETURN(const std::unique_ptr<SetBuilder> builder,
                      SetBuilder::Begin(workspace, spec, options, /*batch_rows=*/0, output));
  HR_ASSIGN_OR_RETURN(std::optional<RecordBatch> rows, builder->Next());
  TrainingSet set = std::move(*builder).Finish();
  set.rows = *std::move(rows);
  return set;
}

namespace {

Status WriteManifest(const TrainingSet& set, const std::string& path) {
  return WriteFileAtomically(path + ".manifest.json", set.manifest.DumpPretty());
}

}  // namespace

StatusOr<TrainingSet> WriteTrainingSet(Workspace& workspace, const TrainingSetSpec& spec, const std::string& path,
                                       const TrainingSetOptions& options, Output& output) {
  HR_ASSIGN_OR_RETURN(const std::unique_ptr<SetBuilder> builder,
                      SetBuilder::Begin(workspace, spec, options, kRowGroupRows, output));
  HR_RETURN_IF_ERROR(WriteParquet(
      builder->schema(), [&] { return builder->Next(); }, path));
  TrainingSet set = std::move(*builder).Finish();
  HR_RETURN_IF_ERROR(WriteManifest(set, path));
  return set;
}

Status WriteTrainingSet(const TrainingSet& set, const std::string& path) {
  HR_RETURN_IF_ERROR(WriteParquet(set.rows, path));
  return WriteManifest(set, path);
}

}  // namespace headrace
