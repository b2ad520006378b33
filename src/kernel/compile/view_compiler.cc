// Feature views over events: aggregates over windows, or the latest value.
#include <algorithm>

#include "absl/container/flat_hash_set.h"
#include "base/diagnostic.h"
#include "kernel/compile/aggregate_binder.h"
#include "kernel/compile/binder.h"
#include "kernel/compile/columns.h"
#include "kernel/compile/compile.h"

namespace headrace {
namespace compile {
namespace {

class ViewCompiler {
 public:
  ViewCompiler(const ViewDefinition& definition, const Json& select)
      : definition_(definition),
        select_(select),
        columns_(definition.stages.empty() ? definition.input : definition.stages.back().output) {}

  Compiled<ViewProgram> Run() {
    ViewProgram& program = result_.program;
    program.name = definition_.name;
    program.input = definition_.input;
    program.stages = definition_.stages;
    program.windows = definition_.windows;
    program.ttl_us = definition_.ttl_us;
    program.exact = definition_.exact;
    RefuseClauses(select_, "a feature view", &result_.errors);
    const Json& from = NodeOf(select_, "from_table");
    relation_ = {TextOf(from, "table_name")};
    if (const std::string alias = TextOf(from, "alias"); !alias.empty()) relation_.push_back(alias);
    BindConfig();
    BindWhere();
    CheckWindows();
    for (const Json& item : ListOf(select_, "select_list")) BindItem(item);
    CheckNames();
    if (result_.errors.empty()) PruneColumns(&program);
    return std::move(result_);
  }

 private:
  Binder RowBinder() { return Binder(columns_, relation_, &result_.errors); }
  void ConfigError(std::string message, std::string hint) {
    result_.errors.push_back({-1, std::move(message), std::move(hint)});
  }

  // A column that config(...) names; an error if it does not exist.
  std::optional<Expression> ConfigColumn(const std::string& key, const std::string& name) {
    const std::optional<size_t> index = FindField(columns_, name);
    if (index) return Expression::Column(*index, columns_[*index].type, name);
    std::vector<std::string> known;
    for (const Field& field : columns_) known.push_back(field.name);
    ConfigError(fmt::format("config({}=...): column '{}' does not exist in {}", key, name, relation_.front()),
                NearestNameHint(name, known));
    return std::nullopt;
  }

  std::optional<Expression> ConfigInstant(const std::string& key, const std::string& name) {
    std::optional<Expression> column = ConfigColumn(key, name);
    if (!column) return std::nullopt;
    const TypeId type = column->type;
    column = Binder::Coerce({*std::move(column), false}, TypeId::kTimestamp);
    if (!column) {
      ConfigError(fmt::format("config({}=...): '{}' is a {}, not a timestamp", key, name, TypeName(type)),
                  "cast it in the table");
    }
    return column;
  }

  void BindConfig() {
    ViewProgram& program = result_.program;
    for (const std::string& name : definition_.entity) {
      std::optional<Expression> key = ConfigColumn("entity", name);
      if (!key) continue;
      if (key->type == TypeId::kDouble) {
        ConfigError(fmt::format("config(entity=...): '{}' is a double, and doubles are no keys", name),
                    "cast it to bigint or varchar");
      } else if (IsNested(key->type)) {
        ConfigError(fmt::format("config(entity=...): '{}' is a {}, which is no key", name, TypeName(key->type)),
                    "take one value of it");
      }
      program.entity.push_back({name, key->type});
      program.keys.push_back(*std::move(key));
    }
    if (std::optional<Expression> time = ConfigInstant("event_time", definition_.event_time))
      program.event_time = *std::move(time);
    if (!definition_.available_at.empty()) {
      program.availability = AvailabilityRule::kColumn;
      program.available_at = ConfigInstant("available_at", definition_.available_at);
    } else if (definition_.delay_us) {
      program.availability = AvailabilityRule::kDelay;
      program.delay_us = *definition_.delay_us;
    }
  }

  void BindWhere() {
    const Json& where = NodeOf(select_, "where_clause");
    if (where.is_null()) return;
    Binder binder = RowBinder();
    result_.program.where = binder.BindCondition(where, "WHERE");
  }

  // Rule 23.
  void CheckWindows() {
    const bool aggregates = ContainsAggregate(NodeOf(select_, "select_list"));
    if (aggregates && definition_.windows.empty()) {
      ConfigError("a view with aggregates must name its windows", "add windows=['1d'] to config(...)");
    }
    if (!aggregates && !definition_.windows.empty()) {
      ConfigError("a view without aggregates gives the latest value and has no windows",
                  "leave windows out of config(...), or aggregate");
    }
    if (aggregates && definition_.ttl_us) {
      ConfigError("ttl belongs to latest-value views; a window ends by itself", "leave ttl out of config(...)");
    }
  }

  void BindItem(const Json& item) {
    std::string name = TextOf(item, "alias");
    if (name.empty() && ClassOf(item) == "COLUMN_REF") name = ListOf(item, "column_names").back().str();
    if (name.empty() && ClassOf(item) != "STAR") {
      result_.errors.push_back({OffsetOf(item), "a feature needs a name", "write: ... as name"});
    }
    if (definition_.windows.empty()) {
      BindLatestItem(item, name);
    } else {
      BindAggregateItem(item, name);
    }
  }

  void BindLatestItem(const Json& item, const std::string& name) {
    Binder binder = RowBinder();
    std::optional<Expression> value = binder.BindTyped(item, TypeId::kVarchar);
    if (!value) return;
    ViewProgram& program = result_.program;
    program.output_fields.push_back({name, value->type});
    program.features.push_back({name, value->type});
    program.slots.push_back(*std::move(value));
  }

  void BindAggregateItem(const Json& item, const std::string& name) {
    const Schema no_columns;
    Binder outer(no_columns, {}, &result_.errors);
    outer.RefuseColumns("stands outside an aggregate",
                        "aggregate it, e.g. max(...), or make a latest-value view of it");
    AggregateBinder aggregates(columns_, relation_, &result_.program, &result_.errors);
    outer.set_call_hook([&](const Json& call) { return aggregates.Bind(call); });
    std::optional<Expression> value = outer.BindTyped(item, TypeId::kDouble);
    if (!value) return;
    ViewProgram& program = result_.program;
    program.output_fields.push_back({name, value->type});
    for (const Window& window : program.windows) program.features.push_back({name + "_" + window.suffix, value->type});
    program.outputs.push_back(*std::move(value));
  }

  void CheckNames() {
    absl::flat_hash_set<std::string> seen;
    for (const Field& field : result_.program.features) {
      if (!seen.insert(field.name).second) {
        ConfigError(fmt::format("two features of this view are called '{}'", field.name), "rename one");
      }
    }
  }

  const ViewDefinition& definition_;
  const Json& select_;
  const Schema columns_;
  std::vector<std::string> relation_;
  Compiled<ViewProgram> result_;
};

}  // namespace
}  // namespace compile

std::optional<DurationUs> ViewProgram::Reach() const {
  if (is_latest_value()) return ttl_us;
  DurationUs longest = 0;
  for (const Window& window : windows) {
    const std::optional<DurationUs> reach = window.Reach();
    if (!reach) return std::nullopt;  // "10 rows" as well: they may be of any age
    longest = std::max(longest, *reach);
  }
  return longest;
}

Compiled<ViewProgram> CompileView(const ViewDefinition& definition, std::string_view syntax_tree) {
  const StatusOr<Json> select = compile::ParseSelectNode(syntax_tree);
  if (!select.ok()) return {{}, {{-1, std::string(Message(select.status())), ""}}};
  return compile::ViewCompiler(definition, *select).Run();
}

}  // namespace headrace
