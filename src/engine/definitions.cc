#include "engine/definitions.h"

#include <algorithm>

#include "absl/strings/str_join.h"
#include "base/hash.h"
#include "engine/model_check.h"
#include "engine/relations.h"
#include "kernel/compile/compile.h"
#include "warehouse/parser.h"
#include "warehouse/sql_error.h"

namespace headrace {
namespace {

// Part of every view's hash: raise it when the meaning of a program changes.
constexpr int kKernelVersion = 2;

// The row-wise tables between a stream and a view, nearest to the stream first.
struct LiveChain {
  const SourceTable* stream = nullptr;
  std::vector<RowProgram> stages;
  std::vector<std::string> sql;  // of the stages, for the hash
};

ExactLimits ExactLimitsOf(const FeatureView& view) {
  const ExactLimits usual;
  return {view.exact_distinct.value_or(usual.distinct), view.exact_quantiles.value_or(usual.quantile_values)};
}

class ProjectCompiler {
 public:
  ProjectCompiler(const Project& project, Diagnostics* diagnostics) : project_(project), diagnostics_(diagnostics) {}

  Definitions Run() {
    BoundRelations relations = BindRelations(project_, diagnostics_);
    aggregates_ = std::move(relations.aggregate_names);
    definitions_.relations = std::move(relations.schemas);
    for (const auto& [name, source] : project_.sources) {
      if (source.stream) definitions_.streams[name] = StreamOf(source);
    }
    for (const auto& [name, view] : project_.views) {
      if (view.kind == ViewKind::kEvents) CompileEventView(view);
    }
    CompileRequestViews();
    definitions_.catalog = std::make_shared<const ViewCatalog>(std::move(catalog_));
    ColumnLineage lineage(project_, definitions_.relations, aggregates_);
    CheckModels(project_, definitions_, &lineage, diagnostics_);
    return std::move(definitions_);
  }

 private:
  static StreamSource StreamOf(const SourceTable& source) {
    return {
        source.FullName(),       StreamColumns(source),         source.stream->event_time,     source.stream->event_id,
        source.stream->delay_us, source.stream->ignore_unknown, source.stream->id_retention_us};
  }

  void Report(const RenderedSql& sql, const SourcePosition& config_where, const std::vector<CompileError>& errors) {
    for (const CompileError& error : errors) {
      const SourcePosition where = error.offset >= 0 ? sql.PositionOf(static_cast<size_t>(error.offset)) : config_where;
      diagnostics_->push_back({where, error.message, error.hint});
    }
  }

  std::optional<std::string> Parse(const RenderedSql& sql) {
    StatusOr<std::string> tree = SerializeSelect(sql.sql);
    if (tree.ok()) return *std::move(tree);
    diagnostics_->push_back(ToDiagnostic(tree.status(), sql));
    return std::nullopt;
  }

  // The chain from a stream to `relation`; nullopt when the way is not row-wise, so that the view is batch.
  std::optional<LiveChain> FindChain(const std::string& relation) {
    if (const auto source = project_.sources.find(relation); source != project_.sources.end()) {
      if (!source->second.stream) return std::nullopt;
      return LiveChain{&source->second, {}, {}};
    }
    const auto table = project_.tables.find(relation);
    if (table == project_.tables.end() || table->second.depends_on.size() != 1) return std::nullopt;
    std::optional<LiveChain> chain = FindChain(table->second.depends_on[0]);
    if (!chain) return std::nullopt;
    const StatusOr<std::string> tree = SerializeSelect(table->second.sql.sql);
    if (!tree.ok()) return std::nullopt;  // reported where the table was bound
    const Schema input = chain->stages.empty() ? StreamColumns(*chain->stream) : chain->stages.back().output;
    RowWiseResult stage = CompileRowWise(input, *tree, aggregates_);
    if (!stage.row_wise) return std::nullopt;
    Report(table->second.sql, {table->second.sql.file, 0, 0}, stage.compiled.errors);
    chain->stages.push_back(std::move(stage.compiled.program));
    chain->sql.push_back(table->second.sql.sql);
    return chain;
  }

  void CompileEventView(const FeatureView& view) {
    const std::optional<std::string> tree = Parse(view.sql);
    if (!tree) return;
    const size_t errors_before = diagnostics_->size();
    const std::optional<LiveChain> chain = FindChain(view.from);
    if (diagnostics_->size() > errors_before) return;
    ViewDefinition definition;
    definition.name = view.name;
    definition.entity = view.entity;
    definition.event_time = view.event_time;
    definition.ttl_us = view.ttl_us;
    definition.exact = ExactLimitsOf(view);
    for (const WindowSpec& window : view.windows)
      definition.windows.push_back({window.length_us, window.rows, window.offset_us, window.suffix, window.period});
    if (chain) {
      definition.input = StreamColumns(*chain->stream);
      definition.stages = chain->stages;
      definition.available_at = view.available_at;
      definition.delay_us = view.delay_us;
    } else {
      // Of a batch view the history holds the availability already (warehouse/history.h).
      const auto relation = definitions_.relations.find(view.from);
      if (relation == definitions_.relations.end()) return;  // its own error was reported
      definition.input = relation->second;
      if (!CheckAvailabilityColumn(view, relation->second)) return;
    }
    Compiled<ViewProgram> compiled = CompileView(definition, *tree);
    Report(view.sql, view.config_where, compiled.errors);
    if (!compiled.ok()) return;
    definitions_.event_views[view.name] = Describe(view, chain, compiled.program);
    compiled.program.definition_hash = definitions_.event_views[view.name].definition_hash;
    catalog_.events[view.name] = std::move(compiled.program);
  }

  bool CheckAvailabilityColumn(const FeatureView& view, const Schema& schema) {
    if (view.available_at.empty() || FindField(schema, view.available_at)) return true;
    const std::vector<std::string> names = NamesOf(schema);
    diagnostics_->push_back(
        {view.config_where,
         fmt::format("config(available_at=...): column '{}' does not exist in {}", view.available_at, view.from),
         NearestNameHint(view.available_at, names)});
    return false;
  }

  static EventView Describe(const FeatureView& view, const std::optional<LiveChain>& chain,
                            const ViewProgram& program) {
    EventView described;
    described.name = view.name;
    if (chain) {
      described.stream = chain->stream->FullName();
    } else {
      described.batch = {view.name, view.from, {}, view.event_time, view.available_at, view.delay_us};
      for (const Field& field : program.input) described.batch.columns.push_back(field.name);
    }
    described.definition_hash = HashOf(view, chain, program);
    return described;
  }

  static std::string HashOf(const FeatureView& view, const std::optional<LiveChain>& chain,
                            const ViewProgram& program) {
    Json::Array parts = {kKernelVersion,
                         view.sql.sql,
                         view.from,
                         absl::StrJoin(view.entity, "\x1f"),
                         view.event_time,
                         view.available_at,
                         view.delay_us.value_or(-1),
                         view.ttl_us.value_or(-1)};
    for (const WindowSpec& window : view.windows) {
      parts.emplace_back(window.suffix);
      if (window.period) parts.emplace_back(window.period->zone_name());
    }
    if (const ExactLimits exact = program.exact; exact != ExactLimits())
      parts.insert(parts.end(), {exact.distinct, exact.quantile_values});
    for (const Field& field : program.input) parts.emplace_back(fmt::format("{} {}", field.name, TypeName(field.type)));
    if (chain) {
      const StreamSpec& stream = *chain->stream->stream;
      for (const std::string& sql : chain->sql) parts.emplace_back(sql);
      parts.insert(parts.end(), {stream.event_time, stream.event_id, stream.available_at, stream.delay_us});
    }
    return Sha256Hex(Json(std::move(parts)).Dump());
  }

  // A request view may read another: those that compile make more features known, until none is left or nothing moves.
  void CompileRequestViews() {
    std::vector<const FeatureView*> open;
    for (const auto& [name, view] : project_.views) {
      if (view.kind == ViewKind::kRequest) open.push_back(&view);
    }
    for (bool moved = true; moved && !open.empty();) {
      moved = false;
      std::erase_if(open, [&](const FeatureView* view) {
        const bool compiled = CompileRequestView(*view, /*report=*/false);
        moved |= compiled;
        return compiled;
      });
    }
    for (const FeatureView* view : open) CompileRequestView(*view, /*report=*/true);
  }

  bool CompileRequestView(const FeatureView& view, bool report) {
    Schema features;
    for (const std::string& name : catalog_.ViewNames()) {
      for (const Field& field : *catalog_.FeaturesOf(name)) features.push_back({name + "." + field.name, field.type});
    }
    const StatusOr<std::string> tree = SerializeSelect(view.sql.sql);
    if (!tree.ok()) {
      if (report) diagnostics_->push_back(ToDiagnostic(tree.status(), view.sql));
      return false;
    }
    Compiled<RequestProgram> compiled = headrace::CompileRequestView(view.name, view.request, features, *tree);
    if (report) Report(view.sql, view.config_where, compiled.errors);
    if (!compiled.ok()) return false;
    compiled.program.definition_hash = Sha256Hex(fmt::format("{};{}", kKernelVersion, view.sql.sql));
    catalog_.requests[view.name] = std::move(compiled.program);
    return true;
  }

  const Project& project_;
  Diagnostics* diagnostics_;
  std::vector<std::string> aggregates_;
  ViewCatalog catalog_;
  Definitions definitions_;
};

}  // namespace

Definitions CompileProject(const Project& project, Diagnostics* diagnostics) {
  return ProjectCompiler(project, diagnostics).Run();
}

}  // namespace headrace
