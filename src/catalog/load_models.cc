#include <algorithm>
#include <cmath>

#include "absl/strings/numbers.h"
#include "catalog/loaders.h"
#include "catalog/metrics.h"

namespace headrace {
namespace {

Task ReadTask(YamlReader* reader) {
  reader->Require("task");
  const std::string task = reader->OneOf("task", {"binary", "multiclass", "regression"}, "binary");
  return task == "multiclass" ? Task::kMulticlass : task == "regression" ? Task::kRegression : Task::kBinary;
}

// A path to a file, as opposed to the name of a table.
bool IsFile(const std::string& name) {
  return name.find_first_of("./*") != std::string::npos;
}

void LoadEntities(YamlReader* labels, ModelRecipe* model, LoadContext* context) {
  const YamlNode* entities = labels->Find("entities");
  if (entities == nullptr) return;
  YamlReader reader(*entities, "'entities'", &context->diagnostics);
  for (const YamlNode::Member& member : entities->members) {
    const std::string column = reader.RequiredText(member.key);
    if (!column.empty()) model->entities[member.key] = column;
    context->checks.push_back([context, entity = member.key, where = member.where] {
      std::vector<std::string> known;
      for (const auto& [name, view] : context->project.views) {
        for (const std::string& key : view.entity) {
          if (std::find(known.begin(), known.end(), key) == known.end()) known.push_back(key);
        }
      }
      if (std::find(known.begin(), known.end(), entity) != known.end()) return;
      context->Report(where, fmt::format("'{}' is no entity of any feature view", entity),
                      NearestNameHint(entity, known));
    });
  }
}

void LoadLabels(const YamlNode& node, ModelRecipe* model, LoadContext* context) {
  YamlReader labels(node, "'labels'", &context->diagnostics);
  model->label_table = labels.RequiredText("table");
  model->label_time = labels.RequiredIdentifier("time");
  model->label_column = labels.RequiredIdentifier("label");
  model->known_at = labels.Identifier("known_at");
  if (!model->label_table.empty() && !IsFile(model->label_table))
    CheckTable(model->label_table, labels.WhereOf("table"), context);
  LoadEntities(&labels, model, context);
  labels.Finish();
}

// "view.feature" or "view.*"; whether the view has that feature is for the kernel to say.
void LoadFeature(const YamlNode& node, std::vector<std::string>* features, std::vector<SourcePosition>* places,
                 LoadContext* context) {
  const size_t dot = node.scalar.find('.');
  const std::string view = node.scalar.substr(0, dot);
  const std::string feature = dot == std::string::npos ? "" : node.scalar.substr(dot + 1);
  if (!node.is_scalar() || !IsIdentifier(view) || (feature != "*" && !IsIdentifier(feature))) {
    context->Report(node.where, fmt::format("{} is no feature", node.Describe()),
                    "write view.feature, or view.* for all of a view");
    return;
  }
  features->push_back(node.scalar);
  places->push_back(node.where);
  context->checks.push_back([context, view, where = node.where] {
    if (context->project.views.contains(view)) return;
    context->Report(where, fmt::format("feature view '{}' does not exist", view),
                    NearestNameHint(view, KeysOf(context->project.views)));
  });
}

void LoadFeatures(YamlReader* reader, ModelRecipe* model, LoadContext* context) {
  for (const YamlNode& feature : reader->List("allow_leak"))
    LoadFeature(feature, &model->allow_leak, &model->allow_leak_where, context);
  if (reader->Require("features") == nullptr) return;
  const std::vector<YamlNode>& features = reader->List("features");
  for (const YamlNode& feature : features) LoadFeature(feature, &model->features, &model->features_where, context);
  if (features.empty() && reader->Find("features")->is_sequence())
    reader->Report(reader->WhereOf("features"), "'features' is an empty list");
}

std::optional<TimestampUs> ReadInstant(YamlReader* split, std::string_view key) {
  const std::string text = split->RequiredText(key);
  if (text.empty()) return std::nullopt;
  const StatusOr<TimestampUs> t = ParseTimestamp(text);
  if (t.ok()) return *t;
  split->Report(split->WhereOf(key), std::string(t.status().message()));
  return std::nullopt;
}

void LoadFractions(YamlReader* split, ModelRecipe* model) {
  const SourcePosition where = split->WhereOf("fractions");
  double sum = 0;
  for (const YamlNode& node : split->List("fractions")) {
    const Value value = node.is_scalar() ? ToValue(node) : Value();
    const bool is_number = !value.is_null() && (value.type() == TypeId::kDouble || value.type() == TypeId::kBigint);
    const double fraction = !is_number                        ? -1
                            : value.type() == TypeId::kDouble ? value.dbl()
                                                              : static_cast<double>(value.int64());
    if (!(fraction >= 0 && fraction <= 1)) {
      split->Report(node.where, fmt::format("{} is no fraction between 0 and 1", node.Describe()));
      return;
    }
    model->fractions.push_back(fraction);
    sum += fraction;
  }
  if (!split->Find("fractions")->is_sequence()) return;
  if (model->fractions.size() != 3) {
    split->Report(where, fmt::format("'fractions' has {} numbers", model->fractions.size()),
                  "it takes three: train, validate, test");
  } else if (std::abs(sum - 1) > 1e-9) {
    split->Report(where, fmt::format("the fractions add up to {:.6g}, not to 1", sum));
  } else if (model->fractions[0] <= 0) {
    split->Report(where, "the first fraction is 0: nothing would be left to train on");
  }
}

void LoadSplit(const YamlNode& node, ModelRecipe* model, LoadContext* context) {
  YamlReader split(node, "'split'", &context->diagnostics);
  const bool by_fractions = split.Find("fractions") != nullptr;
  const bool has_train = split.Find("train_until") != nullptr;
  const bool by_time = split.Find("validate_until") != nullptr || has_train;
  if (by_fractions && by_time) {
    split.Report(node.where, "'split' has both 'fractions' and instants", "keep one of the two forms");
  } else if (by_fractions) {
    LoadFractions(&split, model);
  } else {
    model->train_until = ReadInstant(&split, "train_until");
    model->validate_until = ReadInstant(&split, "validate_until");
    if (model->train_until && model->validate_until && *model->train_until >= *model->validate_until) {
      split.Report(split.WhereOf("validate_until"),
                   fmt::format("validate_until '{}' is not after train_until '{}'", split.Text("validate_until"),
                               split.Text("train_until")));
    }
  }
  split.Finish();
}

void LoadAlgorithm(YamlReader* reader, ModelRecipe* model) {
  reader->Require("algorithm");
  const std::vector<std::string> names = {"lightgbm", "logistic_regression", "linear_regression", "external",
                                          "imported"};
  const std::string name = reader->OneOf("algorithm", names, "lightgbm");
  model->algorithm = static_cast<Algorithm>(std::find(names.begin(), names.end(), name) - names.begin());
  const bool is_regression = model->task == Task::kRegression;
  if ((name == "logistic_regression" && is_regression) || (name == "linear_regression" && !is_regression)) {
    reader->Report(reader->WhereOf("algorithm"), fmt::format("algorithm '{}' does not fit the task", name),
                   is_regression ? "use linear_regression or lightgbm" : "use logistic_regression or lightgbm");
  }
  model->command = reader->Texts("command");
  if (name == "external") {
    reader->Require("command");
  } else if (!model->command.empty()) {
    reader->Report(reader->WhereOf("command"), "'command' is for algorithm: external");
  }
  if (const YamlNode* params = reader->Find("params"); params != nullptr) {
    if (!params->is_mapping())
      reader->Report(params->where, fmt::format("'params' must be a mapping, not {}", params->Describe()));
    for (const YamlNode::Member& member : params->members) model->params[member.key] = ToJson(member.value);
  }
}

void CheckMetric(const std::string& metric, Task task, const SourcePosition& where, LoadContext* context) {
  const std::vector<std::string>& known = MetricNamesOf(task);
  if (std::find(known.begin(), known.end(), metric) != known.end()) return;
  context->Report(where, fmt::format("metric '{}' is not known for this task", metric), NearestNameHint(metric, known));
}

// [15, 255] or {log: [0.01, 0.3]} or {choices: [a, b]}.
void CheckRange(const YamlNode::Member& param, LoadContext* context) {
  const YamlNode* range = &param.value;
  bool is_log = false;
  if (range->is_mapping() && range->members.size() == 1) {
    const auto& [key, where, value] = range->members[0];
    if (key == "choices" && value.is_sequence() && !value.items.empty()) return;
    is_log = key == "log";
    if (is_log) range = &value;
  }
  double low = 0;
  double high = 0;
  const bool is_range = range->is_sequence() && range->items.size() == 2 &&
                        absl::SimpleAtod(range->items[0].scalar, &low) &&
                        absl::SimpleAtod(range->items[1].scalar, &high);
  if (!is_range || !(low < high) || (is_log && low <= 0)) {
    context->Report(param.where, fmt::format("the range of '{}' is not understood", param.key),
                    "write [low, high], {log: [low, high]} with low > 0, or {choices: [...]}");
  }
}

void LoadTune(const YamlNode& node, ModelRecipe* model, LoadContext* context) {
  YamlReader tune(node, "'tune'", &context->diagnostics);
  int64_t trials = 0;
  const std::string text = tune.RequiredText("trials");
  if (!text.empty() && (!absl::SimpleAtoi(text, &trials) || trials < 1)) {
    tune.Report(tune.WhereOf("trials"), fmt::format("trials '{}' is no positive whole number", text));
  }
  if (const std::string metric = tune.Text("metric"); !metric.empty())
    CheckMetric(metric, model->task, tune.WhereOf("metric"), context);
  if (const YamlNode* params = tune.Require("params"); params != nullptr) {
    if (!params->is_mapping())
      tune.Report(params->where, fmt::format("'params' must be a mapping, not {}", params->Describe()));
    for (const YamlNode::Member& param : params->members) CheckRange(param, context);
  }
  tune.Finish();
  model->tune = ToJson(node);
}

void LoadEvaluate(const YamlNode& node, ModelRecipe* model, LoadContext* context) {
  YamlReader evaluate(node, "'evaluate'", &context->diagnostics);
  model->metrics = evaluate.Texts("metrics");
  for (const std::string& metric : model->metrics)
    CheckMetric(metric, model->task, evaluate.WhereOf("metrics"), context);
  model->slices = evaluate.Texts("slices");
  for (const std::string& slice : model->slices) CheckName("slice", slice, evaluate.WhereOf("slices"), context);
  evaluate.Finish();
}

void LoadPromote(const YamlNode& node, ModelRecipe* model, LoadContext* context) {
  YamlReader promote(node, "'promote'", &context->diagnostics);
  if (const std::string alias = promote.Identifier("alias"); !alias.empty()) model->promote_alias = alias;
  const std::string when = promote.OneOf("when", {"better", "always", "never"}, "better");
  model->promote_when = when == "always"  ? PromoteWhen::kAlways
                        : when == "never" ? PromoteWhen::kNever
                                          : PromoteWhen::kBetter;
  promote.Finish();
}

// Labels and split: an imported model comes trained, so it may leave them out.
void LoadTraining(YamlReader* reader, ModelRecipe* model, LoadContext* context) {
  const bool imported = model->algorithm == Algorithm::kImported;
  const YamlNode* labels = imported ? reader->Find("labels") : reader->Require("labels");
  if (labels != nullptr) LoadLabels(*labels, model, context);
  const YamlNode* split = imported ? reader->Find("split") : reader->Require("split");
  if (split != nullptr) LoadSplit(*split, model, context);
  if (const YamlNode* tune = reader->Find("tune"); tune != nullptr) LoadTune(*tune, model, context);
}

}  // namespace

void LoadModelRecipe(const ProjectFile& file, LoadContext* context) {
  const auto document = ParseYaml(file.path, file.text, &context->diagnostics);
  if (!document) return;
  YamlReader reader(*document, "a model", &context->diagnostics);
  ModelRecipe model;
  model.name = reader.RequiredIdentifier("name");
  model.where = reader.WhereOf("name");
  model.description = reader.Text("description");
  model.task = ReadTask(&reader);
  LoadAlgorithm(&reader, &model);
  LoadTraining(&reader, &model, context);
  LoadFeatures(&reader, &model, context);
  if (const YamlNode* evaluate = reader.Find("evaluate"); evaluate != nullptr) LoadEvaluate(*evaluate, &model, context);
  if (const YamlNode* promote = reader.Find("promote"); promote != nullptr) LoadPromote(*promote, &model, context);
  reader.Finish();
  if (model.name.empty()) return;
  const SourcePosition where = model.where;
  const std::string name = model.name;
  const auto [other, added] = context->project.models.emplace(name, std::move(model));
  if (!added)
    context->Report(where, fmt::format("model '{}' is defined twice", name),
                    "the other is at " + other->second.where.ToString());
}

}  // namespace headrace
