#include "engine/ledger_rows.h"

#include "base/json.h"
#include "models/model.h"
#include "monitoring/ledger_tables.h"
#include "serving/core/request_rows.h"
#include "warehouse/schema_objects.h"
#include "warehouse/sql_text.h"

namespace headrace {

StatusOr<std::vector<std::string>> LedgerModels(Workspace& workspace) {
  HR_ASSIGN_OR_RETURN(Ledger* const ledger, workspace.Predictions());
  HR_RETURN_IF_ERROR(ledger->Flush());
  HR_ASSIGN_OR_RETURN(Database* const warehouse, workspace.Warehouse());
  HR_ASSIGN_OR_RETURN(const std::unique_ptr<Connection> connection, warehouse->Connect());
  HR_ASSIGN_OR_RETURN(const RecordBatch names, connection->QueryAll("SELECT table_name FROM information_schema.tables "
                                                                    "WHERE table_schema = 'ledger' ORDER BY 1"));
  std::vector<std::string> models;
  for (size_t row = 0; row < names.num_rows; ++row) models.emplace_back(names.columns[0].str(row));
  return models;
}

StatusOr<std::vector<std::string>> FeaturesOfVersion(Registry& registry, const VersionInfo& version) {
  HR_ASSIGN_OR_RETURN(const std::string artifact, registry.ReadArtifact(version));
  HR_ASSIGN_OR_RETURN(const std::unique_ptr<Model> model, LoadModel(artifact, fmt::format("{}/{}", version.model, version.version)));
  return model->feature_names();
}

StatusOr<std::vector<LedgerGroup>> ReadLedger(Workspace& workspace, const std::string& model, const std::string& where) {
  HR_ASSIGN_OR_RETURN(Ledger* const ledger, workspace.Predictions());
  HR_RETURN_IF_ERROR(ledger->Flush());
  HR_ASSIGN_OR_RETURN(Database* const warehouse, workspace.Warehouse());
  HR_ASSIGN_OR_RETURN(const std::unique_ptr<Connection> connection, warehouse->Connect());
  HR_ASSIGN_OR_RETURN(const ObjectKind kind, FindObject(*connection, "ledger", model));
  if (kind == ObjectKind::kNone) return NotFound("the ledger holds no prediction of '{}'", model);
  const std::string condition = where.empty() ? "" : " WHERE " + where;
  HR_ASSIGN_OR_RETURN(const RecordBatch keys,
                      connection->QueryAll(fmt::format("SELECT DISTINCT model_version, coalesce(replay, '') FROM {}{} ORDER BY 1, 2",
                                                       LedgerRelation(model), condition)));
  HR_ASSIGN_OR_RETURN(Registry* const registry, workspace.Models());
  std::vector<LedgerGroup> groups;
  for (size_t row = 0; row < keys.num_rows; ++row) {
    LedgerGroup group;
    group.model = model;
    group.version = keys.columns[0].ints()[row];
    group.replay = keys.columns[1].str(row);
    HR_ASSIGN_OR_RETURN(const VersionInfo version, registry->GetVersion(model, group.version));
    HR_ASSIGN_OR_RETURN(group.features, FeaturesOfVersion(*registry, version));
    HR_ASSIGN_OR_RETURN(group.rows, connection->QueryAll(fmt::format(
                                        "SELECT * FROM {} WHERE model_version = {} AND coalesce(replay, '') = {}{} ORDER BY time, id",
                                        LedgerRelation(model), group.version, QuoteLiteral(group.replay), where.empty() ? "" : " AND (" + where + ")")));
    groups.push_back(std::move(group));
  }
  return groups;
}

StatusOr<LabelRows> ToLabelRows(const FeaturePlan& plan, const RecordBatch& rows) {
  const Column* requests = rows.Find("request");
  const Column* times = rows.Find("time");
  if (requests == nullptr || times == nullptr) return DataLoss("the ledger's table lacks the columns 'request' or 'time'");
  Json::Array objects;
  for (size_t row = 0; row < rows.num_rows; ++row) {
    HR_ASSIGN_OR_RETURN(Json object, Json::Parse(requests->str(row)));
    objects.push_back(std::move(object));
  }
  HR_ASSIGN_OR_RETURN(RequestRows parsed, RowsFromObjects(plan, Json(std::move(objects))));
  LabelRows labels;
  labels.times = *times;
  labels.entities = std::move(parsed.entities);
  labels.request = std::move(parsed.request);
  labels.num_rows = rows.num_rows;
  return labels;
}

}  // namespace headrace
