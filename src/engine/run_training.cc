// headrace training-set, headrace train
#include "engine/commands.h"
#include "engine/train.h"

namespace headrace {
namespace {

double Share(int64_t part, int64_t whole) {
  return whole == 0 ? 0 : 100.0 * static_cast<double>(part) / static_cast<double>(whole);
}

std::string LeakText(const JoinReport& report) {
  return fmt::format("{} of {} cells ({:.2f} %) would differ had availability been ignored", report.leaking_cells,
                     report.cells, Share(report.leaking_cells, report.cells));
}

std::string ReuseText(size_t rows) {
  return fmt::format("  the features of {} rows were taken over from the set that was there\n", rows);
}

// A line for each feature: the share of rows where it is null.
std::string NullText(const std::vector<std::string>& features, const std::vector<int64_t>& null_cells, size_t rows) {
  std::string text;
  for (size_t i = 0; i < features.size(); ++i) {
    text += fmt::format("  {:<40} {:>6.2f} % null\n", features[i], Share(null_cells[i], static_cast<int64_t>(rows)));
  }
  return text;
}

// "auc 0.7471 [0.7424, 0.7518]" for each metric of one part of the report.
std::string MetricsText(const Json* part) {
  if (part == nullptr || part->is_null()) return "no rows";
  const Json* metrics = part->Find("metrics");
  std::string text;
  for (const Json::Member& metric : (metrics == nullptr ? *part : *metrics).object()) {
    const Json* value = metric.second.Find("value");
    const Json* low = metric.second.Find("low");
    const Json* high = metric.second.Find("high");
    if (value == nullptr || !value->is_number()) continue;
    text += fmt::format("{}{} {:.4f}", text.empty() ? "" : ", ", metric.first, value->number());
    if (low != nullptr && high != nullptr && low->is_number() && high->is_number()) {
      text += fmt::format(" [{:.4f}, {:.4f}]", low->number(), high->number());
    }
  }
  return text;
}

}  // namespace

Status Run(const TrainingSetCommand& command, Workspace& workspace, Output& output) {
  TrainingSetSpec spec{command.labels, command.time, command.entities, command.features, {}, std::nullopt};
  if (!command.model.empty()) {
    HR_ASSIGN_OR_RETURN(const std::shared_ptr<const ProjectState> state, workspace.FreshState());
    HR_ASSIGN_OR_RETURN(const ModelRecipe* recipe, FindRecipe(*state, command.model));
    spec = SpecOf(*recipe);
  }
  const TrainingSetOptions options{command.full ? "" : command.out, command.memory_bytes};
  HR_ASSIGN_OR_RETURN(const TrainingSet set, WriteTrainingSet(workspace, spec, command.out, options, output));
  if (command.json) {
    Json document = set.manifest;
    document.object().emplace_back("reused_rows", set.reused_rows);
    output.Print(document.DumpPretty());
    return absl::OkStatus();
  }
  output.Print(fmt::format("{}: {} rows, {} features\n", command.out, set.num_rows, set.features.size()));
  if (set.reused_rows > 0) output.Print(ReuseText(set.reused_rows));
  output.Print(NullText(set.features, set.report.null_cells, set.num_rows));
  output.Print(fmt::format("  content {}\n  leak meter: {}\n", set.content_hash, LeakText(set.report)));
  return absl::OkStatus();
}

Status Run(const TrainCommand& command, Workspace& workspace, Output& output) {
  HR_ASSIGN_OR_RETURN(const std::shared_ptr<const ProjectState> state, workspace.FreshState());
  HR_ASSIGN_OR_RETURN(const ModelRecipe* recipe, FindRecipe(*state, command.model));
  HR_ASSIGN_OR_RETURN(const TrainReport report, TrainAndRegister(workspace, *recipe, command, output));
  if (command.json) {
    output.Print(report.ToJson().DumpPretty());
    return absl::OkStatus();
  }
  output.Print(
      fmt::format("{}/{}: {} training rows, {} validation, {} test ({:.1f} s for the set, {:.1f} s for the model)\n",
                  recipe->name, report.version, report.train_rows, report.validation_rows, report.test_rows,
                  report.training_set_seconds, report.training_seconds));
  if (report.reused_rows > 0) output.Print(ReuseText(report.reused_rows));
  for (const char* part : {"train", "validation", "test"}) {
    output.Print(fmt::format("  {:<11}{}\n", part, MetricsText(report.metrics.Find(part))));
  }
  output.Print(NullText(report.features, report.join.null_cells, report.training_set_rows));
  output.Print(fmt::format("  leak meter: {}\n", LeakText(report.join)));
  output.Print(report.alias.empty()
                   ? fmt::format("  keeps no alias: {}\n", report.promotion)
                   : fmt::format("  is now {}@{}: {}\n", recipe->name, report.alias, report.promotion));
  return absl::OkStatus();
}

}  // namespace headrace
