#include "engine/model_check.h"

#include "engine/leak_check.h"

namespace headrace {
namespace {

class ModelChecker {
 public:
  ModelChecker(const ModelRecipe& recipe, const Definitions& definitions, Diagnostics* diagnostics)
      : recipe_(recipe), definitions_(definitions), diagnostics_(diagnostics) {}

  void Run(const Project& project, ColumnLineage* lineage) {
    CheckFeatures();
    if (plan_ && !recipe_.label_table.empty())
      CheckLeaks(project, definitions_, recipe_, *plan_, lineage, diagnostics_);
    const auto relation = definitions_.relations.find(recipe_.label_table);
    if (relation == definitions_.relations.end()) return;  // a file, or a table whose own error was reported
    labels_ = &relation->second;
    CheckColumn("time", recipe_.label_time, {TypeId::kTimestamp, TypeId::kDate});
    CheckColumn("label", recipe_.label_column, {TypeId::kBoolean, TypeId::kBigint, TypeId::kDouble, TypeId::kVarchar});
    if (!recipe_.known_at.empty()) CheckColumn("known_at", recipe_.known_at, {TypeId::kTimestamp, TypeId::kDate});
    if (plan_) CheckInputs();
  }

 private:
  void Error(std::string message, std::string hint) {
    diagnostics_->push_back({recipe_.where, fmt::format("model {}: {}", recipe_.name, message), std::move(hint)});
  }

  void CheckFeatures() {
    bool complete = true;
    for (size_t i = 0; i < recipe_.features.size(); ++i) {
      const StatusOr<FeaturePlan> plan = PlanFeatures(*definitions_.catalog, {recipe_.features[i]});
      const SourcePosition& where = i < recipe_.features_where.size() ? recipe_.features_where[i] : recipe_.where;
      if (plan.ok()) {
        RefuseNested(plan->outputs, where);
        continue;
      }
      complete = false;
      diagnostics_->push_back({where, std::string(Message(plan.status())), ""});
    }
    if (!complete) return;
    StatusOr<FeaturePlan> plan = PlanFeatures(*definitions_.catalog, recipe_.features);
    if (plan.ok()) plan_ = *std::move(plan);
  }

  void RefuseNested(const Schema& features, const SourcePosition& where) {
    for (const Field& feature : features) {
      if (!IsNested(feature.type)) continue;
      diagnostics_->push_back(
          {where,
           fmt::format("model {}: {} is a {}, and a model takes single values", recipe_.name, feature.name,
                       TypeName(feature.type)),
           "take a value of it in a request view: element_at(map, key), list[1], list_sum(list), length(list)"});
    }
  }

  std::string Hint(const std::string& name) const {
    const std::vector<std::string> names = NamesOf(*labels_);
    return NearestNameHint(name, names);
  }

  void CheckColumn(std::string_view key, const std::string& name, std::initializer_list<TypeId> types) {
    const std::optional<size_t> index = FindField(*labels_, name);
    if (!index)
      return Error(fmt::format("labels.{}: column '{}' does not exist in {}", key, name, recipe_.label_table),
                   Hint(name));
    const TypeId type = (*labels_)[*index].type;
    const TypeId kind = IsDecimal(type) ? TypeId::kDouble : type;
    if (std::find(types.begin(), types.end(), kind) == types.end()) {
      Error(fmt::format("labels.{}: column '{}' is a {}", key, name, TypeName(type)), "cast it in the table");
    }
  }

  void CheckInputs() {
    for (const Field& entity : plan_->entities) {
      const auto mapped = recipe_.entities.find(entity.name);
      const std::string& column = mapped == recipe_.entities.end() ? entity.name : mapped->second;
      if (!FindField(*labels_, column)) {
        Error(fmt::format("entity '{}': {} has no column '{}'", entity.name, recipe_.label_table, column),
              fmt::format("say which column holds it: labels: {{entities: {{{}: ...}}}}", entity.name));
      }
    }
    for (const Field& field : plan_->request_fields) {
      if (!FindField(*labels_, field.name)) {
        Error(fmt::format("request field '{}' is no column of {}", field.name, recipe_.label_table), Hint(field.name));
      }
    }
  }

  const ModelRecipe& recipe_;
  const Definitions& definitions_;
  Diagnostics* diagnostics_;
  const Schema* labels_ = nullptr;
  std::optional<FeaturePlan> plan_;
};

}  // namespace

void CheckModels(const Project& project, const Definitions& definitions, ColumnLineage* lineage,
                 Diagnostics* diagnostics) {
  for (const auto& [name, recipe] : project.models) {
    ModelChecker(recipe, definitions, diagnostics).Run(project, lineage);
  }
}

}  // namespace headrace
