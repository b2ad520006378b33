#include "engine/leak_check.h"

#include <algorithm>
#include <set>

#include "absl/strings/str_join.h"
#include "engine/label_lineage.h"
#include "kernel/compile/syntax.h"
#include "warehouse/parser.h"

namespace headrace {
namespace {

using compile::ListOf;
using compile::NodeOf;

// Why a feature leaks.
struct Leak {
  std::string what;  // "reads the label"
  std::string way;   // "departures.late <- fct_flights.is_late -> trip.late"
  std::string why;   // "", or more on the times
};

// The steps "table.column" of a way, each once.
class WayText {
 public:
  void Add(std::string_view arrow, const std::string& step) {
    if (step == last_) return;
    if (!last_.empty()) text_ += fmt::format(" {} ", arrow);
    text_ += step;
    last_ = step;
  }
  const std::string& text() const { return text_; }

 private:
  std::string text_;
  std::string last_;
};

// The label's columns.
struct Label {
  LineageNode label;
  LineageNode time;
  std::optional<LineageNode> known_at;
};

// What each feature of a view reads, by the view's SQL.
struct ViewReads {
  std::vector<ExpressionReads> items;
  ExpressionReads where;
};

ViewReads ReadsOfView(const FeatureView& view) {
  ViewReads reads;
  const StatusOr<std::string> text = SerializeSelect(view.sql.sql);
  if (!text.ok()) return reads;
  const StatusOr<Json> tree = Json::Parse(*text);
  if (!tree.ok()) return reads;
  const Json& select = NodeOf(*tree, "node");
  for (const Json& item : ListOf(select, "select_list")) reads.items.push_back(ReadsOfFeature(item));
  reads.where = ReadsOfFeature(NodeOf(select, "where_clause"));
  return reads;
}

// An event view's times, as instants of its events.
struct EventTimes {
  InstantLineage event_time;
  InstantLineage available_at;
  DurationUs delay_us = 0;  // after available_at
};

class LeakFinder {
 public:
  LeakFinder(const Project& project, const Definitions& definitions, const ModelRecipe& recipe, Label label,
             const LineageBlock* label_rows, ColumnLineage* lineage)
      : project_(project),
        definitions_(definitions),
        recipe_(recipe),
        label_(std::move(label)),
        label_rows_(label_rows),
        lineage_(*lineage),
        time_(label_.time) {
    if (!label_.known_at) return;
    known_at_ = InstantLineage(*label_.known_at);
    known_when_asked_ = known_at_->IsBefore(time_, 0, /*strictly=*/false, SameRow{});
    // Not a secret if it follows from the time of the question, as ordered_at + interval 14 days does.
    ReadSet time;
    time.Add(label_.time, true);
    if (!FindDecided(*label_.known_at, time, SameRow{}).empty()) label_.known_at.reset();
  }

  // `feature`: "view.feature", which exists.
  const std::optional<Leak>& Find(const std::string& feature) {
    const auto known = found_.find(feature);
    if (known != found_.end()) return known->second;
    found_[feature] = std::nullopt;
    const std::string view_name = feature.substr(0, feature.find('.'));
    const FeatureView& view = project_.views.at(view_name);
    const Schema& features = *definitions_.catalog->FeaturesOf(view_name);
    const size_t index = *FindField(features, feature.substr(view_name.size() + 1));
    if (!reads_.contains(view_name)) reads_[view_name] = ReadsOfView(view);
    std::optional<Leak> leak = view.kind == ViewKind::kRequest ? InRequestView(view, index) : InEventView(view, index);
    if (leak) leak->way += " -> " + feature;
    return found_[feature] = std::move(leak);
  }

 private:
  static constexpr std::string_view kReadsLabel = "reads what the label is made from";
  static constexpr std::string_view kReadsKnownAt = "reads known_at, which nobody knows when the question is asked";

  // The row of the question itself.
  std::optional<Leak> InLabelColumns(const ReadSet& reads) const {
    const SameRow same;
    if (const LabelWay way = FindDecided(label_.label, reads, same); !way.empty()) {
      return Leak{std::string(kReadsLabel), TextOf(way, reads, same), ""};
    }
    if (!label_.known_at) return std::nullopt;
    const LabelWay way = FindRead(*label_.known_at, reads, same);
    if (way.empty()) return std::nullopt;
    return Leak{std::string(kReadsKnownAt), TextOf(way, reads, same), ""};
  }

  static std::string TextOf(const LabelWay& label_way, const ReadSet& reads, const SameRow& same) {
    WayText text;
    for (const LineageNode& node : label_way) text.Add("<-", node.Name());
    for (const LineageNode& node : reads.WayFrom(*same.FromLabel(label_way.back().Key()))) text.Add("->", node.Name());
    return text.text();
  }

  void AddLabelColumn(const std::string& column, bool whole, ReadSet* reads) const {
    if (const auto index = label_rows_->Find(column)) reads->Add({label_rows_, "", *index}, whole);
  }

  std::optional<Leak> InRequestView(const FeatureView& view, size_t index) {
    const ViewReads& all = reads_.at(view.name);
    if (index >= all.items.size()) return std::nullopt;
    ReadSet fields;
    std::vector<std::string> features;
    for (const ColumnRead& read : all.items[index].columns) {
      const std::string reference = absl::StrJoin(read.names, ".");
      const std::string other = reference.substr(0, reference.find('.'));
      const Schema* known = definitions_.catalog->FeaturesOf(other);
      if (read.names.size() == 2 && known != nullptr && FindField(*known, read.names[1])) {
        features.push_back(reference);
      } else if (FindField(view.request, read.names.back())) {
        AddLabelColumn(read.names.back(), read.whole, &fields);
      }
    }
    if (std::optional<Leak> leak = InLabelColumns(fields)) return leak;
    for (const std::string& feature : features) {
      if (const std::optional<Leak>& leak = Find(feature)) return leak;
    }
    return std::nullopt;
  }

  std::optional<Leak> InEventView(const FeatureView& view, size_t index) {
    if (std::optional<Leak> leak = InKey(view)) return leak;
    if (known_when_asked_) return std::nullopt;
    const ViewReads& all = reads_.at(view.name);
    const size_t item = index / std::max<size_t>(view.windows.size(), 1);
    const LineageBlock* rows = lineage_.BlockOf(view.from);
    const std::optional<EventTimes> times = TimesOf(view, rows);
    if (item >= all.items.size() || !times) return std::nullopt;
    ReadSet reads;
    for (const ExpressionReads* part : {&all.items[item], &all.where}) {
      for (const ColumnRead& read : part->columns) {
        if (const auto column = rows->Find(read.names.back())) reads.Add({rows, "", *column}, read.whole);
      }
    }
    const WindowSpec* window = view.windows.empty() ? nullptr : &view.windows[index % view.windows.size()];
    for (const SameRow& same : RowsInCommon(reads, {rows, "", *rows->Find(view.event_time)})) {
      LabelWay way = FindDecided(label_.label, reads, same);
      if (way.empty() && label_.known_at) way = FindRead(*label_.known_at, reads, same);
      if (way.empty()) continue;
      if (std::optional<std::string> why = WhyTooEarly(view, window, *times, same)) {
        return Leak{"sees outcomes before they are known", TextOf(way, reads, same), *why};
      }
    }
    return std::nullopt;
  }

  // A view that is looked up by the label.
  std::optional<Leak> InKey(const FeatureView& view) const {
    ReadSet keys;
    for (const std::string& entity : view.entity) AddLabelColumn(LabelColumnOf(entity), /*whole=*/true, &keys);
    std::optional<Leak> leak = InLabelColumns(keys);
    if (leak) leak->way += fmt::format(" -> key of {}", view.name);
    return leak;
  }

  const std::string& LabelColumnOf(const std::string& entity) const {
    const auto mapped = recipe_.entities.find(entity);
    return mapped == recipe_.entities.end() ? entity : mapped->second;
  }

  // Where rows behind the label and rows behind the view are of one table, and so may be the same; nearest first.
  std::vector<SameRow> RowsInCommon(const ReadSet& reads, const LineageNode& event_time) const {
    ReadSet others = reads;
    others.Add(event_time, true);
    ReadSet labels;
    labels.Add(label_.label, true);
    labels.Add(label_.time, true);
    std::map<const LineageBlock*, std::set<std::string>> other_paths;
    for (const auto& [key, entry] : others.entries()) other_paths[entry.node.block].insert(key.first);
    std::vector<SameRow> common;
    std::set<std::string> done;
    for (const auto& [key, entry] : labels.entries()) {
      const auto paths = other_paths.find(entry.node.block);
      if (paths == other_paths.end() || !done.insert(key.first).second) continue;
      for (const std::string& path : paths->second) common.push_back({key.first, path});
    }
    const auto length = [](const SameRow& s) { return s.label_path.size() + s.other_path.size(); };
    std::stable_sort(common.begin(), common.end(),
                     [&](const SameRow& a, const SameRow& b) { return length(a) < length(b); });
    return common;
  }

  std::optional<EventTimes> TimesOf(const FeatureView& view, const LineageBlock* rows) {
    const auto event_time = rows->Find(view.event_time);
    if (!event_time) return std::nullopt;
    EventTimes times{InstantLineage({rows, "", *event_time}), InstantLineage({rows, "", *event_time})};
    if (!view.available_at.empty()) {
      const auto column = rows->Find(view.available_at);
      if (!column) return std::nullopt;
      times.available_at = InstantLineage({rows, "", *column});
    } else if (view.delay_us) {
      times.delay_us = *view.delay_us;
    } else if (const EventView& compiled = definitions_.event_views.at(view.name); compiled.live()) {
      // The tables between are row-wise, so they have one relation each.
      LineageNode node{rows, "", 0};
      while (node.block->relation != compiled.stream) {
        if (node.block->from.size() != 1) return std::nullopt;
        node = node.Follow({0, 0, true});
      }
      const StreamSpec& stream = *project_.sources.at(compiled.stream).stream;
      const auto column = node.block->Find(stream.available_at.empty() ? stream.event_time : stream.available_at);
      if (!column) return std::nullopt;
      node.column = *column;
      times.available_at = InstantLineage(node);
      times.delay_us = stream.delay_us;
    }
    return times;
  }

  // Proof that events are seen before the label of the row that they share is known.
  std::optional<std::string> WhyTooEarly(const FeatureView& view, const WindowSpec* window, const EventTimes& times,
                                         const SameRow& same) const {
    const DurationUs offset_us = window == nullptr ? 0 : window->offset_us;
    if (known_at_) {
      const auto before_known = [&](const InstantLineage& instant, DurationUs plus_us) {
        return instant.IsBefore(time_, plus_us, /*strictly=*/false, same) ||
               instant.IsBefore(*known_at_, plus_us, /*strictly=*/true, same);
      };
      if (!before_known(times.event_time, offset_us) || !before_known(times.available_at, times.delay_us)) {
        return std::nullopt;
      }
      return fmt::format("a row counts from its event_time '{}' on, which is before known_at '{}'", view.event_time,
                         recipe_.known_at);
    }
    if (!times.available_at.IsBefore(time_, times.delay_us, /*strictly=*/false, same) || !HasSameKey(view, same) ||
        !HoldsOwnRow(view, window, times.event_time, same)) {
      return std::nullopt;
    }
    return fmt::format("the question's own row is among those that count at '{}'", recipe_.label_time);
  }

  // Whether a question finds the row that it was made from in the latest value or the window.
  bool HoldsOwnRow(const FeatureView& view, const WindowSpec* window, const InstantLineage& event_time,
                   const SameRow& same) const {
    const bool is_window = window != nullptr;
    if (!event_time.IsBefore(time_, is_window ? window->offset_us : 0, /*strictly=*/is_window, same)) return false;
    const std::optional<DurationUs> reach = is_window ? window->length_us : view.ttl_us;
    if (is_window && window->period) return false;  // it may have been before the period
    if (!reach) return true;
    const std::optional<int64_t> age = event_time.DistanceTo(time_, same);
    return age && *age <= AddSaturated(*reach, is_window ? window->offset_us : 0);
  }

  bool HasSameKey(const FeatureView& view, const SameRow& same) const {
    const LineageBlock* rows = lineage_.BlockOf(view.from);
    return std::all_of(view.entity.begin(), view.entity.end(), [&](const std::string& entity) {
      const auto key = rows->Find(entity);
      const auto column = label_rows_->Find(LabelColumnOf(entity));
      if (!key || !column) return false;
      // As instants are: by copies alone.
      return InstantLineage({rows, "", *key}).DistanceTo(InstantLineage({label_rows_, "", *column}), same) ==
             std::optional<int64_t>(0);
    });
  }

  const Project& project_;
  const Definitions& definitions_;
  const ModelRecipe& recipe_;
  Label label_;  // its known_at: only if that is not known when the question is asked
  const LineageBlock* const label_rows_;
  ColumnLineage& lineage_;
  const InstantLineage time_;
  std::optional<InstantLineage> known_at_;
  bool known_when_asked_ = false;
  std::map<std::string, ViewReads> reads_;
  std::map<std::string, std::optional<Leak>> found_;
};

// A label file has no SQL: only its columns' names are known, those that are asked for.
void FillFile(const ModelRecipe& recipe, const FeaturePlan& plan, LineageBlock* rows) {
  rows->relation = recipe.label_table;
  std::vector<std::string> names = {recipe.label_column, recipe.label_time, recipe.known_at};
  for (const Field& field : plan.request_fields) names.push_back(field.name);
  for (const Field& entity : plan.entities) {
    const auto mapped = recipe.entities.find(entity.name);
    names.push_back(mapped == recipe.entities.end() ? entity.name : mapped->second);
  }
  for (const std::string& name : names) {
    if (!name.empty() && !rows->Find(name)) rows->columns.emplace_back().name = name;
  }
}

std::optional<Label> LabelOf(const ModelRecipe& recipe, const LineageBlock* rows) {
  const auto label = rows->Find(recipe.label_column);
  const auto time = rows->Find(recipe.label_time);
  if (!label || !time) return std::nullopt;
  Label result{{rows, "", *label}, {rows, "", *time}, std::nullopt};
  const auto known_at = recipe.known_at.empty() ? std::nullopt : rows->Find(recipe.known_at);
  if (!known_at) return result;
  result.known_at = LineageNode{rows, "", *known_at};
  return result;
}

class RecipeCheck {
 public:
  RecipeCheck(const Definitions& definitions, const ModelRecipe& recipe, LeakFinder* finder, Diagnostics* diagnostics)
      : definitions_(definitions), recipe_(recipe), finder_(*finder), diagnostics_(diagnostics) {}

  void Run() {
    std::set<std::string> allowed;
    for (const std::string& entry : recipe_.allow_leak) allowed.merge(Expand(entry));
    std::set<std::string> wanted;
    for (size_t i = 0; i < recipe_.features.size(); ++i) {
      const std::set<std::string> features = Expand(recipe_.features[i]);
      wanted.insert(features.begin(), features.end());
      const bool has_place = i < recipe_.features_where.size();
      CheckEntry(recipe_.features[i], has_place ? recipe_.features_where[i] : recipe_.where, allowed);
    }
    for (size_t i = 0; i < recipe_.allow_leak.size(); ++i) CheckAllowed(i, wanted);
  }

 private:
  // "view.feature" for each that a reference names, in the view's order for messages.
  std::vector<std::string> List(const std::string& reference) const {
    const size_t dot = reference.find('.');
    const std::string view = reference.substr(0, dot);
    const Schema* features = definitions_.catalog->FeaturesOf(view);
    std::vector<std::string> names;
    if (features == nullptr) return names;
    for (const Field& field : *features) {
      const std::string name = view + "." + field.name;
      if (name == reference || reference.substr(dot + 1) == "*") names.push_back(name);
    }
    return names;
  }
  std::set<std::string> Expand(const std::string& reference) const {
    const std::vector<std::string> names = List(reference);
    return {names.begin(), names.end()};
  }

  void CheckEntry(const std::string& entry, const SourcePosition& where, const std::set<std::string>& allowed) {
    std::vector<std::string> leaking;
    for (const std::string& feature : List(entry)) {
      if (!allowed.contains(feature) && !reported_.contains(feature) && finder_.Find(feature))
        leaking.push_back(feature);
    }
    if (leaking.empty()) return;
    reported_.insert(leaking.begin(), leaking.end());
    const Leak& leak = *finder_.Find(leaking[0]);
    std::string message = fmt::format("model {}: leak: {} {}: {}", recipe_.name, leaking[0], leak.what, leak.way);
    if (!leak.why.empty()) message += "; " + leak.why;
    if (leaking.size() > 1) {
      message += fmt::format(" (so {} {})", leaking.size() == 2 ? "does" : "do",
                             absl::StrJoin(leaking.begin() + 1, leaking.end(), ", "));
    }
    const bool has_times = !leak.why.empty();
    diagnostics_->push_back(
        {where, message,
         fmt::format(
             "leave it out{}, or say that it is meant: allow_leak: [{}]",
             has_times ? ", or say in config(...) of the view when a row is known: available_at or delay" : "",
             leaking.size() > 1 && leaking.size() == List(entry).size() ? entry : absl::StrJoin(leaking, ", "))});
  }

  void CheckAllowed(size_t i, const std::set<std::string>& wanted) {
    const std::string& entry = recipe_.allow_leak[i];
    const std::vector<std::string> names = List(entry);
    const auto is_wanted = [&](const std::string& feature) { return wanted.contains(feature); };
    const auto leaks = [&](const std::string& feature) { return is_wanted(feature) && finder_.Find(feature); };
    if (std::none_of(names.begin(), names.end(), is_wanted)) {
      diagnostics_->push_back(
          {recipe_.allow_leak_where[i],
           fmt::format("model {}: allow_leak: '{}' is no feature of this model", recipe_.name, entry),
           "it takes features that stand in 'features'"});
    } else if (std::none_of(names.begin(), names.end(), leaks)) {
      diagnostics_->push_back({recipe_.allow_leak_where[i],
                               fmt::format("model {}: allow_leak: '{}' is not found to leak", recipe_.name, entry),
                               "take it out of allow_leak"});
    }
  }

  const Definitions& definitions_;
  const ModelRecipe& recipe_;
  LeakFinder& finder_;
  Diagnostics* diagnostics_;
  std::set<std::string> reported_;
};

}  // namespace

void CheckLeaks(const Project& project, const Definitions& definitions, const ModelRecipe& recipe,
                const FeaturePlan& plan, ColumnLineage* lineage, Diagnostics* diagnostics) {
  LineageBlock file;
  const LineageBlock* rows = &file;
  if (project.tables.contains(recipe.label_table) || project.sources.contains(recipe.label_table)) {
    rows = lineage->BlockOf(recipe.label_table);
  } else {
    FillFile(recipe, plan, &file);
  }
  std::optional<Label> label = LabelOf(recipe, rows);
  if (!label) return;  // reported as a missing column
  LeakFinder finder(project, definitions, recipe, *label, rows, lineage);
  RecipeCheck(definitions, recipe, &finder, diagnostics).Run();
}

}  // namespace headrace
