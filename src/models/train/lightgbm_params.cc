#include "models/train/lightgbm_params.h"

#include <algorithm>
#include <set>
#include <span>
#include <string_view>
#include <vector>

#include "LightGBM/c_api.h"
#include "base/diagnostic.h"
#include "base/value.h"

namespace headrace {
namespace {

using Aliases = std::map<std::string, std::string>;  // every name -> the main one

// What a recipe must not set: input, output and prediction are Headrace's business, and so is what makes a training
// reproducible; GPUs and clusters are not used; linear trees are no part of the runtime.
const std::set<std::string>& ReservedNames() {
  static const auto* const names = new std::set<std::string>{"config",
                                                             "task",
                                                             "data",
                                                             "valid",
                                                             "input_model",
                                                             "output_model",
                                                             "output_result",
                                                             "snapshot_freq",
                                                             "save_binary",
                                                             "header",
                                                             "label_column",
                                                             "weight_column",
                                                             "group_column",
                                                             "ignore_column",
                                                             "categorical_feature",
                                                             "two_round",
                                                             "pre_partition",
                                                             "parser_config_file",
                                                             "precise_float_parser",
                                                             "forcedsplits_filename",
                                                             "forcedbins_filename",
                                                             "start_iteration_predict",
                                                             "num_iteration_predict",
                                                             "predict_raw_score",
                                                             "predict_leaf_index",
                                                             "predict_contrib",
                                                             "predict_disable_shape_check",
                                                             "pred_early_stop",
                                                             "pred_early_stop_freq",
                                                             "pred_early_stop_margin",
                                                             "convert_model",
                                                             "convert_model_language",
                                                             "num_class",
                                                             "deterministic",
                                                             "force_row_wise",
                                                             "force_col_wise",
                                                             "verbosity",
                                                             "linear_tree",
                                                             "linear_lambda",
                                                             "device_type",
                                                             "gpu_platform_id",
                                                             "gpu_device_id",
                                                             "gpu_device_id_list",
                                                             "gpu_use_dp",
                                                             "num_gpu",
                                                             "num_machines",
                                                             "machines",
                                                             "machine_list_filename",
                                                             "local_listen_port",
                                                             "time_out",
                                                             "tree_learner",
                                                             "is_provide_training_metric",
                                                             "metric_freq"};
  return *names;
}

StatusOr<Aliases> LoadAliases() {
  int64_t length = 0;
  std::string text(1 << 16, '\0');
  if (LGBM_DumpParamAliases(static_cast<int64_t>(text.size()), &length, text.data()) != 0) {
    return Internal("LightGBM does not tell its parameters: {}", LGBM_GetLastError());
  }
  if (length > static_cast<int64_t>(text.size()))
    return Internal("LightGBM's list of parameters takes {} bytes", length);
  text.resize(static_cast<size_t>(length) - 1);  // without the NUL
  HR_ASSIGN_OR_RETURN(const Json json, Json::Parse(text));
  Aliases aliases;
  for (const auto& [name, others] : json.object()) {
    aliases.emplace(name, name);
    for (const Json& other : others.array()) aliases.emplace(other.str(), name);
  }
  return aliases;
}

StatusOr<std::string> MainName(const std::string& name) {
  static const auto* const aliases = new StatusOr<Aliases>(LoadAliases());
  HR_RETURN_IF_ERROR(aliases->status());
  const auto found = (*aliases)->find(name);
  if (found == (*aliases)->end()) {
    std::vector<std::string> names;
    for (const auto& [alias, main] : **aliases) names.push_back(alias);
    return InvalidArgument("params: LightGBM has no parameter '{}'; {}", name, NearestNameHint(name, names));
  }
  if (ReservedNames().contains(found->second)) {
    return InvalidArgument("params: '{}' cannot be set in a recipe: Headrace sets it itself, or does not support it",
                           name);
  }
  return found->second;
}

StatusOr<std::string> TextOf(const std::string& name, const Json& value) {
  if (value.is_bool()) return std::string(value.boolean() ? "true" : "false");
  if (value.is_integer()) return fmt::format("{}", value.integer());
  if (value.is_double()) return FormatDouble(value.number());
  if (value.is_string()) {
    if (value.str().find_first_of(" \t\r\n=") != std::string::npos) {
      return InvalidArgument("params: the value of '{}' holds a blank or an equals sign: '{}'", name, value.str());
    }
    return value.str();
  }
  if (!value.is_array()) return InvalidArgument("params: the value of '{}' is of kind {}", name, value.kind());
  std::string joined;
  for (const Json& element : value.array()) {
    HR_ASSIGN_OR_RETURN(const std::string text, TextOf(name, element));
    joined += (joined.empty() ? "" : ",") + text;
  }
  return joined;
}

std::span<const std::string_view> ObjectivesOf(Task task) {
  static constexpr std::string_view kBinary[] = {"binary", "cross_entropy"};
  static constexpr std::string_view kMulticlass[] = {"multiclass", "multiclassova"};
  static constexpr std::string_view kRegression[] = {"regression", "regression_l1", "huber", "fair",   "poisson",
                                                     "quantile",   "mape",          "gamma", "tweedie"};
  switch (task) {
    case Task::kBinary:
      return kBinary;
    case Task::kMulticlass:
      return kMulticlass;
    case Task::kRegression:
      return kRegression;
  }
  return {};
}

Status SetObjective(Task task, std::map<std::string, Json>* values) {
  const std::span<const std::string_view> known = ObjectivesOf(task);
  const auto [objective, added] = values->try_emplace("objective", Json(known.front()));
  if (added) return absl::OkStatus();
  const std::string text = objective->second.is_string() ? objective->second.str() : objective->second.Dump();
  if (std::ranges::find(known, text) != known.end()) return absl::OkStatus();
  const std::vector<std::string> names(known.begin(), known.end());
  return InvalidArgument("params: the objective '{}' does not fit the task; there are: {}", text,
                         fmt::join(names, ", "));
}

Status TakeCount(const std::map<std::string, Json>& values, const std::string& name, int smallest, int* out) {
  const auto found = values.find(name);
  if (found == values.end()) return absl::OkStatus();
  const Json& value = found->second;
  if (!value.is_integer() || value.integer() < smallest || value.integer() > 1'000'000) {
    return InvalidArgument("params: '{}' is an integer from {} to 1000000, not {}", name, smallest, value.Dump());
  }
  *out = static_cast<int>(value.integer());
  return absl::OkStatus();
}

// The counts that our own loop over the iterations needs.
Status TakeLoopParams(LightGbmParams* params) {
  const std::map<std::string, Json>& values = params->values;
  HR_RETURN_IF_ERROR(TakeCount(values, "num_iterations", 1, &params->num_iterations));
  HR_RETURN_IF_ERROR(TakeCount(values, "early_stopping_round", 0, &params->early_stopping_round));
  if (const auto delta = values.find("early_stopping_min_delta"); delta != values.end()) {
    if (!delta->second.is_number() || delta->second.number() < 0) {
      return InvalidArgument("params: 'early_stopping_min_delta' is a number from 0, not {}", delta->second.Dump());
    }
    params->early_stopping_min_delta = delta->second.number();
  }
  const auto boosting = values.find("boosting");
  if (params->early_stopping_round > 0 && boosting != values.end() && boosting->second.is_string() &&
      boosting->second.str() == "dart") {
    return InvalidArgument(
        "params: 'early_stopping_round' has no meaning with boosting dart, which changes earlier trees");
  }
  return absl::OkStatus();
}

}  // namespace

std::string LightGbmParams::ToText() const {
  std::string text;
  for (const auto& [name, value] : values) {
    // Its own early stopping is a feature of its command line, and warns here.
    if (name.starts_with("early_stopping")) continue;
    if (const StatusOr<std::string> one = TextOf(name, value); one.ok()) text += fmt::format("{}={} ", name, *one);
  }
  return text;
}

StatusOr<LightGbmParams> ResolveLightGbmParams(const std::map<std::string, Json>& params, Task task,
                                               size_t num_classes) {
  LightGbmParams resolved;
  for (const auto& [name, value] : params) {
    HR_ASSIGN_OR_RETURN(const std::string main, MainName(name));
    HR_RETURN_IF_ERROR(TextOf(name, value).status());
    if (!resolved.values.emplace(main, value).second) {
      return InvalidArgument("params: '{}' is set twice: '{}' is another name of it", main, name);
    }
  }
  HR_RETURN_IF_ERROR(SetObjective(task, &resolved.values));
  HR_RETURN_IF_ERROR(TakeLoopParams(&resolved));
  if (task == Task::kMulticlass) resolved.values["num_class"] = Json(num_classes);
  resolved.values.try_emplace("seed", Json(1));
  resolved.values["deterministic"] = Json(true);
  resolved.values["force_row_wise"] = Json(true);
  resolved.values["verbosity"] = Json(-1);
  return resolved;
}

}  // namespace headrace
