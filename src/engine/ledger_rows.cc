#include "engine/ledger_rows.h"

#include <algorithm>
#include <thread>

#include "base/json.h"
#include "base/parallel.h"
#include "models/model.h"
#include "serving/core/request_rows.h"

namespace headrace {
namespace {

constexpr size_t kParsedAtOnce = 1'000;  // rows of one thread

}  // namespace

StatusOr<Schema> FeaturesOfVersion(Registry& registry, const VersionInfo& version) {
  HR_ASSIGN_OR_RETURN(const std::string artifact, registry.ReadArtifact(version));
  HR_ASSIGN_OR_RETURN(const std::unique_ptr<Model> model,
                      LoadModel(artifact, fmt::format("{}/{}", version.model, version.version)));
  Schema features;
  for (size_t i = 0; i < model->feature_names().size(); ++i)
    features.push_back({model->feature_names()[i], model->feature_types()[i]});
  return features;
}

StatusOr<LedgerGroup> ReadLedger(Workspace& workspace, const std::string& model, const LedgerPart& part,
                                 const LedgerSelection& selection) {
  HR_ASSIGN_OR_RETURN(Registry* const registry, workspace.Models());
  HR_ASSIGN_OR_RETURN(const VersionInfo version, registry->GetVersion(model, part.version));
  HR_ASSIGN_OR_RETURN(Schema features, FeaturesOfVersion(*registry, version));
  LedgerGroup group{model, part, NamesOf(features), RecordBatch()};
  HR_ASSIGN_OR_RETURN(Ledger* const ledger, workspace.Predictions());
  HR_ASSIGN_OR_RETURN(const std::unique_ptr<LedgerScan> scan, ledger->Scan(model, {.replay = part.replay,
                                                                                   .version = part.version,
                                                                                   .id = selection.id,
                                                                                   .features = std::move(features),
                                                                                   .sample = selection.sample}));
  group.rows = RecordBatch(scan->schema());
  while (true) {
    HR_ASSIGN_OR_RETURN(const std::optional<RecordBatch> batch, scan->Next());
    if (!batch) return group;
    group.rows.AppendBatch(*batch);
  }
}

StatusOr<LabelRows> ToLabelRows(const FeaturePlan& plan, const RecordBatch& rows) {
  const Column* requests = rows.Find("request");
  const Column* times = rows.Find("time");
  if (requests == nullptr || times == nullptr)
    return DataLoss("the ledger's table lacks the columns 'request' or 'time'");
  Json::Array objects(rows.num_rows);
  const int threads = static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
  HR_RETURN_IF_ERROR(ParallelFor((rows.num_rows + kParsedAtOnce - 1) / kParsedAtOnce, threads, [&](size_t piece) {
    const size_t end = std::min(rows.num_rows, (piece + 1) * kParsedAtOnce);
    for (size_t row = piece * kParsedAtOnce; row < end; ++row) {
      HR_ASSIGN_OR_RETURN(objects[row], Json::Parse(requests->str(row)));
    }
    return Status();
  }));
  HR_ASSIGN_OR_RETURN(RequestRows parsed, RowsFromObjects(plan, Json(std::move(objects))));
  LabelRows labels;
  labels.times = *times;
  labels.entities = std::move(parsed.entities);
  labels.request = std::move(parsed.request);
  labels.num_rows = rows.num_rows;
  return labels;
}

}  // namespace headrace
