#include "engine/train.h"

#include <chrono>
#include <cmath>
#include <limits>

#include "base/decimal.h"
#include "base/diagnostic.h"
#include "base/hash.h"
#include "models/artifact.h"
#include "models/train/train.h"

namespace headrace {
namespace {

class Stopwatch {
 public:
  double Lap() {
    const auto now = std::chrono::steady_clock::now();
    const double seconds = std::chrono::duration<double>(now - begin_).count();
    begin_ = now;
    return seconds;
  }

 private:
  std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
};

// Labels as doubles; of text labels the classes' numbers, in the order of their bytes.
StatusOr<std::vector<double>> LabelsOf(const Column& column, std::vector<std::string>* classes) {
  std::vector<double> labels;
  if (column.type() == TypeId::kVarchar) {
    std::map<std::string, double> numbers;
    for (size_t row = 0; row < column.size(); ++row) {
      if (!column.IsNull(row)) numbers.emplace(column.str(row), 0);
    }
    for (auto& [name, number] : numbers) {
      number = static_cast<double>(classes->size());
      classes->push_back(name);
    }
    for (size_t row = 0; row < column.size(); ++row) {
      labels.push_back(column.IsNull(row) ? std::numeric_limits<double>::quiet_NaN()
                                          : numbers.at(std::string(column.str(row))));
    }
    return labels;
  }
  for (size_t row = 0; row < column.size(); ++row) {
    if (column.IsNull(row)) {
      labels.push_back(std::numeric_limits<double>::quiet_NaN());
    } else {
      labels.push_back(NumberAt(column, row));
    }
  }
  return labels;
}

// A row without an instant cannot be put on either side of the split: it is left out, as one without a label.
std::vector<TimestampUs> TimesOf(const Column& column, std::vector<double>* labels) {
  std::vector<TimestampUs> times;
  for (size_t row = 0; row < column.size(); ++row) {
    if (column.IsNull(row)) (*labels)[row] = std::numeric_limits<double>::quiet_NaN();
    times.push_back(column.ints()[row] * (column.type() == TypeId::kDate ? kUsPerDay : 1));
  }
  return times;
}

std::string RecipeHash(const ModelRecipe& recipe) {
  Json::Object params(recipe.params.begin(), recipe.params.end());
  Json::Array features(recipe.features.begin(), recipe.features.end());
  Json::Object content{{"features", std::move(features)},
                       {"params", std::move(params)},
                       {"algorithm", static_cast<int>(recipe.algorithm)},
                       {"label", recipe.label_column}};
  // Only where there are some: the hashes of all other recipes stay what they were.
  if (!recipe.allow_leak.empty())
    content.emplace_back("allow_leak", Json::Array(recipe.allow_leak.begin(), recipe.allow_leak.end()));
  return Sha256Hex(Json(std::move(content)).Dump());
}

Json ViewHashes(const Json& manifest) {
  Json::Object hashes;
  for (const Json::Member& view : manifest.Find("views")->object())
    hashes.emplace_back(view.first, *view.second.Find("definition"));
  return hashes;
}

// Compares the new version with the alias's holder on the same test rows; moves the alias if the recipe says so.
Status Promote(Registry& registry, const ModelRecipe& recipe, const TrainedModel& trained, const RecordBatch& rows,
               TrainReport* report) {
  std::optional<Estimate> difference;
  const StatusOr<VersionInfo> champion = registry.GetByAlias(recipe.name, recipe.promote_alias);
  if (champion.ok() && !trained.test_rows.empty()) {
    HR_ASSIGN_OR_RETURN(const std::string artifact, registry.ReadArtifact(*champion));
    const StatusOr<std::vector<double>> scores = ScoreRows(artifact, rows, trained.test_rows);
    if (scores.ok()) {
      const Predictions old{trained.task, trained.test_labels, *scores, trained.num_outputs};
      HR_ASSIGN_OR_RETURN(difference, PairedDifference(trained.primary_metric, trained.TestPredictions(), old));
    } else {
      report->promotion =
          fmt::format("version {} cannot score these rows ({}); ", champion->version, Message(scores.status()));
      difference = Estimate{};
    }
  }
  const bool promoted = ShouldPromote(recipe.promote_when, difference);
  if (difference) {
    report->promotion += fmt::format("against version {}: {:+.4f} [{:+.4f}, {:+.4f}]", champion->version,
                                     difference->value, difference->low, difference->high);
  } else {
    report->promotion = promoted ? "the first to hold the alias" : "the recipe says never";
  }
  if (!promoted) return absl::OkStatus();
  report->alias = recipe.promote_alias;
  return registry.SetAlias(recipe.name, recipe.promote_alias, report->version);
}

}  // namespace

Json TrainReport::ToJson() const {
  return Json::Object{{"version", version},
                      {"training_set_hash", training_set_hash},
                      {"training_set_rows", training_set_rows},
                      {"reused_rows", reused_rows},
                      {"train_rows", train_rows},
                      {"validation_rows", validation_rows},
                      {"test_rows", test_rows},
                      {"leak_meter", Json::Object{{"cells", join.cells}, {"leaking_cells", join.leaking_cells}}},
                      {"metrics", metrics},
                      {"alias", alias},
                      {"promotion", promotion},
                      {"training_set_seconds", training_set_seconds},
                      {"training_seconds", training_seconds}};
}

StatusOr<const ModelRecipe*> FindRecipe(const ProjectState& state, const std::string& name) {
  const auto it = state.project.models.find(name);
  if (it != state.project.models.end()) return &it->second;
  std::vector<std::string> names;
  for (const auto& [model, recipe] : state.project.models) names.push_back(model);
  return NotFound("there is no model '{}'; {}", name, NearestNameHint(name, names));
}

StatusOr<TrainReport> TrainAndRegister(Workspace& workspace, const ModelRecipe& recipe, const TrainCommand& command,
                                       Output& output) {
  if (!recipe.tune.is_null()) {
    return InvalidArgument("model {}: 'tune' is not supported by this version; leave it out and set params",
                           recipe.name);
  }
  Stopwatch watch;
  TrainReport report;
  const TrainingSetOptions options{command.full ? "" : command.training_set, command.memory_bytes};
  HR_ASSIGN_OR_RETURN(TrainingSet set, BuildTrainingSet(workspace, SpecOf(recipe), options, output));
  if (!command.training_set.empty()) HR_RETURN_IF_ERROR(WriteTrainingSet(set, command.training_set));
  report.training_set_seconds = watch.Lap();
  report.training_set_hash = set.content_hash;
  report.training_set_rows = set.rows.num_rows;
  report.reused_rows = set.reused_rows;
  report.join = set.report;

  const Column* label = set.rows.Find(recipe.label_column);
  if (label == nullptr)
    return InvalidArgument("model {}: {} has no column '{}'", recipe.name, recipe.label_table, recipe.label_column);
  TrainingData data;
  HR_ASSIGN_OR_RETURN(std::vector<double> labels, LabelsOf(*label, &data.classes));
  const std::vector<TimestampUs> times = TimesOf(*set.rows.Find(recipe.label_time), &labels);
  data.rows = &set.rows;
  data.features = report.features = set.features;
  data.labels = labels;
  data.times = times;
  HR_ASSIGN_OR_RETURN(const TrainedModel trained, TrainModel(recipe, data, output));
  report.training_seconds = watch.Lap();
  report.metrics = trained.metrics;
  report.train_rows = trained.train_rows;
  report.validation_rows = trained.validation_rows;
  report.test_rows = trained.test_rows.size();

  VersionInfo info;
  info.model = recipe.name;
  info.algorithm = AlgorithmName(recipe.algorithm);
  info.task = TaskName(recipe.task);
  info.recipe_hash = RecipeHash(recipe);
  info.training_set_hash = set.content_hash;
  info.views = ViewHashes(set.manifest);
  info.training_set = std::move(set.manifest);
  info.params = Json::Object(recipe.params.begin(), recipe.params.end());
  info.metrics = trained.metrics;
  HR_ASSIGN_OR_RETURN(Registry* const registry, workspace.Models());
  HR_ASSIGN_OR_RETURN(report.version, registry->RegisterVersion(info, trained.artifact));
  HR_RETURN_IF_ERROR(Promote(*registry, recipe, trained, set.rows, &report));
  HR_RETURN_IF_ERROR(workspace.NotifyModelsChanged());
  return report;
}

Status RebuildTrainingSet(Workspace& workspace, const std::string& reference, bool json, Output& output) {
  HR_ASSIGN_OR_RETURN(Registry* const registry, workspace.Models());
  HR_ASSIGN_OR_RETURN(const VersionInfo version, registry->Resolve(reference));
  const Json& manifest = version.training_set;
  const Json* labels = manifest.Find("labels");
  const Json* wanted = manifest.Find("wanted");
  if (labels == nullptr || wanted == nullptr) return DataLoss("{}: the registry's manifest is not complete", reference);
  TrainingSetSpec spec;
  HR_ASSIGN_OR_RETURN(spec.labels, labels->GetString("from"));
  HR_ASSIGN_OR_RETURN(spec.time, labels->GetString("time"));
  for (const Json::Member& entity : labels->Find("entities")->object())
    spec.entities[entity.first] = entity.second.str();
  for (const Json& feature : wanted->array()) spec.features.push_back(feature.str());
  HR_ASSIGN_OR_RETURN(const int64_t log_position, manifest.GetInteger("log_position"));
  spec.log_until = static_cast<uint64_t>(log_position);
  HR_ASSIGN_OR_RETURN(const TrainingSet set, BuildTrainingSet(workspace, spec, {}, output));
  const bool same = set.content_hash == version.training_set_hash;
  if (json) {
    output.Print(
        Json(Json::Object{{"same", same}, {"registered", version.training_set_hash}, {"rebuilt", set.content_hash}})
            .DumpPretty());
  } else {
    output.Print(fmt::format("{}/{}: training set {} {}\n", version.model, version.version, set.content_hash,
                             same ? "equals the registered one" : "differs"));
  }
  if (same) return absl::OkStatus();
  return Aborted("the training set of {}/{} was {}, and is now {}: its label table, a view or a history has changed",
                 version.model, version.version, version.training_set_hash, set.content_hash);
}

}  // namespace headrace
