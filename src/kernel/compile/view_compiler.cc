// Feature views over events: aggregates over windows, or the latest value.
#include <algorithm>
#include <array>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/ascii.h"
#include "base/diagnostic.h"
#include "kernel/compile/binder.h"
#include "kernel/compile/columns.h"
#include "kernel/compile/compile.h"

namespace headrace {
namespace compile {
namespace {

struct AggregateName {
  std::string_view name;
  AggregateKind kind;
};
constexpr std::array<AggregateName, 7> kAggregates = {{{"count_star", AggregateKind::kCountStar},
                                                       {"count", AggregateKind::kCount},
                                                       {"sum", AggregateKind::kSum},
                                                       {"avg", AggregateKind::kAvg},
                                                       {"mean", AggregateKind::kAvg},
                                                       {"min", AggregateKind::kMin},
                                                       {"max", AggregateKind::kMax}}};

const AggregateName* FindAggregate(const Json& node) {
  if (ClassOf(node) != "FUNCTION") return nullptr;
  const std::string name = absl::AsciiStrToLower(TextOf(node, "function_name"));
  const auto it = std::find_if(kAggregates.begin(), kAggregates.end(), [&](const AggregateName& a) { return a.name == name; });
  return it == kAggregates.end() ? nullptr : &*it;
}

// Whether an aggregate stands anywhere in the tree below `node`.
bool ContainsAggregate(const Json& node) {
  if (FindAggregate(node) != nullptr) return true;
  if (node.is_array()) return std::any_of(node.array().begin(), node.array().end(), ContainsAggregate);
  if (!node.is_object()) return false;
  return std::any_of(node.object().begin(), node.object().end(), [](const Json::Member& m) { return ContainsAggregate(m.second); });
}

class ViewCompiler {
 public:
  ViewCompiler(const ViewDefinition& definition, const Json& select)
      : definition_(definition), select_(select), columns_(definition.stages.empty() ? definition.input : definition.stages.back().output) {}

  Compiled<ViewProgram> Run() {
    ViewProgram& program = result_.program;
    program.name = definition_.name;
    program.input = definition_.input;
    program.stages = definition_.stages;
    program.windows = definition_.windows;
    program.ttl_us = definition_.ttl_us;
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
  void ConfigError(std::string message, std::string hint) { result_.errors.push_back({-1, std::move(message), std::move(hint)}); }

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
      ConfigError(fmt::format("config({}=...): '{}' is a {}, not a timestamp", key, name, TypeName(type)), "cast it in the table");
    }
    return column;
  }

  void BindConfig() {
    ViewProgram& program = result_.program;
    for (const std::string& name : definition_.entity) {
      std::optional<Expression> key = ConfigColumn("entity", name);
      if (!key) continue;
      if (key->type == TypeId::kDouble) {
        ConfigError(fmt::format("config(entity=...): '{}' is a double, and doubles are no keys", name), "cast it to bigint or varchar");
      }
      program.entity.push_back({name, key->type});
      program.keys.push_back(*std::move(key));
    }
    if (std::optional<Expression> time = ConfigInstant("event_time", definition_.event_time)) program.event_time = *std::move(time);
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
    outer.RefuseColumns("stands outside an aggregate", "aggregate it, e.g. max(...), or make a latest-value view of it");
    outer.set_call_hook([this](const Json& call) { return BindAggregate(call); });
    std::optional<Expression> value = outer.BindTyped(item, TypeId::kDouble);
    if (!value) return;
    ViewProgram& program = result_.program;
    program.output_fields.push_back({name, value->type});
    for (const Window& window : program.windows) program.features.push_back({name + "_" + window.suffix, value->type});
    program.outputs.push_back(*std::move(value));
  }

  Binder::HookResult BindAggregate(const Json& call) {
    const AggregateName* aggregate = FindAggregate(call);
    if (aggregate == nullptr) return {};
    Binder inner = RowBinder();
    if (const Json* distinct = call.Find("distinct"); distinct != nullptr && distinct->is_bool() && distinct->boolean()) {
      inner.Error(call, fmt::format("{}(distinct ...) is not known to the feature engine", aggregate->name),
                  "count sum avg min max, each with filter (where ...), are");
      return {true, std::nullopt};
    }
    AggregateCall result;
    result.kind = aggregate->kind;
    const Json::Array& arguments = ListOf(call, "children");
    if (result.kind != AggregateKind::kCountStar) {
      if (arguments.size() != 1) {
        inner.Error(call, fmt::format("{} takes one argument", aggregate->name));
        return {true, std::nullopt};
      }
      std::optional<Expression> argument = inner.BindTyped(arguments[0], TypeId::kBigint);
      if (!argument || !CheckArgument(call, *aggregate, &*argument)) return {true, std::nullopt};
      result.argument_type = argument->type;
      result.argument = AddSlot(*std::move(argument));
    }
    result.result_type = ResultType(result);
    if (const Json& filter = NodeOf(call, "filter"); !filter.is_null()) {
      std::optional<Expression> condition = inner.BindCondition(filter, "FILTER");
      if (!condition) return {true, std::nullopt};
      result.filter = AddSlot(*std::move(condition));
    }
    return {true, Bound{Expression::Column(AddAggregate(result), result.result_type, std::string(aggregate->name)), false}};
  }

  // sum and avg take numbers; a boolean counts as 0 or 1.
  bool CheckArgument(const Json& call, const AggregateName& aggregate, Expression* argument) {
    if (aggregate.kind != AggregateKind::kSum && aggregate.kind != AggregateKind::kAvg) return true;
    if (argument->type == TypeId::kBoolean) {
      Expression cast;
      cast.kind = Expression::Kind::kCast;
      cast.type = TypeId::kBigint;
      cast.children.push_back(std::move(*argument));
      *argument = std::move(cast);
    }
    if (argument->type == TypeId::kBigint || argument->type == TypeId::kDouble) return true;
    result_.errors.push_back({OffsetOf(call), fmt::format("{} of a {}", aggregate.name, TypeName(argument->type)), "cast it to a number"});
    return false;
  }

  static TypeId ResultType(const AggregateCall& call) {
    switch (call.kind) {
      case AggregateKind::kCountStar:
      case AggregateKind::kCount:
        return TypeId::kBigint;
      case AggregateKind::kAvg:
        return TypeId::kDouble;
      default:
        return call.argument_type;
    }
  }

  size_t AddSlot(Expression slot) {
    std::vector<Expression>& slots = result_.program.slots;
    const auto it = std::find_if(slots.begin(), slots.end(), [&](const Expression& s) { return SameExpression(s, slot); });
    if (it != slots.end()) return static_cast<size_t>(it - slots.begin());
    slots.push_back(std::move(slot));
    return slots.size() - 1;
  }

  size_t AddAggregate(const AggregateCall& call) {
    std::vector<AggregateCall>& calls = result_.program.aggregates;
    const auto it = std::find(calls.begin(), calls.end(), call);
    if (it != calls.end()) return static_cast<size_t>(it - calls.begin());
    calls.push_back(call);
    return calls.size() - 1;
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
    if (!window.length_us) return std::nullopt;
    longest = std::max(longest, AddSaturated(*window.length_us, window.offset_us));
  }
  return longest;
}

Compiled<ViewProgram> CompileView(const ViewDefinition& definition, std::string_view syntax_tree) {
  const StatusOr<Json> select = compile::ParseSelectNode(syntax_tree);
  if (!select.ok()) return {{}, {{-1, std::string(Message(select.status())), ""}}};
  return compile::ViewCompiler(definition, *select).Run();
}

}  // namespace headrace
