#include "engine/view_sql.h"

#include <set>
#include <vector>

#include "absl/strings/str_join.h"
#include "engine/aggregate_sql.h"
#include "engine/expression_sql.h"
#include "warehouse/sql_text.h"

namespace headrace {
namespace {

std::string Quoted(std::string_view name) {
  return QuoteIdentifier(name);
}

// Writes the statement from its common table expressions, each on what came before.
class ViewSqlWriter {
 public:
  ViewSqlWriter(const EventView& view, const ViewProgram& program) : view_(view), program_(program) { NameSlots(); }

  std::string Write(std::string_view labels) {
    AddEvents();
    AddLabels(labels);
    if (program_.is_latest_value()) {
      AddLatest();
      return Finish({"latest"});
    }
    std::vector<std::string> groups;
    for (size_t i = 0; i < program_.windows.size(); ++i) groups.push_back(AddWindow(i));
    return Finish(groups);
  }

 private:
  void Add(const std::string& name, const std::string& query, std::string_view comment = "") {
    if (!comment.empty()) comment_for_next_ = fmt::format("-- {}\n", comment);
    with_.push_back(fmt::format("{}{} AS (\n{}\n)", comment_for_next_, name, query));
    comment_for_next_.clear();
  }

  // Slots that are plain columns keep their names, as far as those are free.
  void NameSlots() {
    std::set<std::string> taken = {"t"};
    for (const Field& part : program_.entity) taken.insert(part.name);
    for (const Expression& slot : program_.slots) {
      std::string name = slot.kind == Expression::Kind::kColumn ? slot.text : "value";
      if (const size_t dot = name.rfind('.'); dot != std::string::npos) name.erase(0, dot + 1);
      std::string free = name;
      for (int n = 2; !taken.insert(free).second; ++n) free = fmt::format("{}_{}", name, n);
      slot_names_.push_back(Quoted(free));
    }
  }

  static std::vector<std::string> ColumnsOf(const Schema& schema) {
    std::vector<std::string> names;
    for (const Field& field : schema) names.push_back(Quoted(field.name));
    return names;
  }

  // The tables between the stream and the view.
  std::string AddStages(std::vector<std::string>* columns) {
    std::string from = HistoryRelation(view_.HistoryName());
    *columns = ColumnsOf(program_.input);
    for (size_t i = 0; i < program_.stages.size(); ++i) {
      const RowProgram& stage = program_.stages[i];
      std::vector<std::string> items;
      for (size_t k = 0; k < stage.outputs.size(); ++k) {
        items.push_back(fmt::format("{} AS {}", ToSql(stage.outputs[k], *columns), Quoted(stage.output[k].name)));
      }
      items.insert(items.end(), {"_available_at", "_retracted_at", "_ingest"});
      std::string query = fmt::format("  SELECT {}\n  FROM {}", absl::StrJoin(items, ", "), from);
      if (stage.where) query += fmt::format("\n  WHERE {}", ToSql(*stage.where, *columns));
      from = fmt::format("stage_{}", i + 1);
      Add(from, query);
      *columns = ColumnsOf(stage.output);
    }
    return from;
  }

  std::string AvailableAt(const std::string& event_time, const std::vector<std::string>& columns) const {
    switch (program_.availability) {
      case AvailabilityRule::kInherited:
        return "_available_at";
      case AvailabilityRule::kColumn:
        return fmt::format("coalesce({}, {})", ToSql(*program_.available_at, columns), event_time);
      case AvailabilityRule::kDelay:
        return fmt::format("{} + INTERVAL '{}'", event_time, IntervalText(program_.delay_us));
    }
    return "_available_at";
  }

  void AddEvents() {
    std::vector<std::string> columns;
    const std::string from = AddStages(&columns);
    const std::string event_time = ToSql(program_.event_time, columns);
    std::vector<std::string> items;
    for (size_t i = 0; i < program_.keys.size(); ++i) {
      items.push_back(fmt::format("{} AS {}", ToSql(program_.keys[i], columns), Quoted(program_.entity[i].name)));
    }
    items.push_back(fmt::format("{} AS _event_time", event_time));
    items.push_back(fmt::format("{} AS _available_at", AvailableAt(event_time, columns)));
    items.insert(items.end(), {"_retracted_at", "_ingest"});
    for (size_t i = 0; i < program_.slots.size(); ++i) {
      items.push_back(fmt::format("{} AS {}", ToSql(program_.slots[i], columns), slot_names_[i]));
    }
    std::string where = fmt::format("{} IS NOT NULL", event_time);
    if (program_.where) where += fmt::format("\n    AND {}", ToSql(*program_.where, columns));
    Add("events", fmt::format("  SELECT\n    {}\n  FROM {}\n  WHERE {}", absl::StrJoin(items, ",\n    "), from, where),
        "what happened, and when it could have been known");
  }

  void AddLabels(std::string_view labels) {
    const std::vector<std::string> keys = ColumnsOf(program_.entity);
    std::string query = fmt::format("  {}", labels);
    if (labels.empty()) {
      query =
          fmt::format("  SELECT {0}, max(_event_time) + INTERVAL '1 second' AS t FROM events GROUP BY {0} ORDER BY {0}",
                      absl::StrJoin(keys, ", "));
    }
    Add(fmt::format("labels({}, t)", absl::StrJoin(keys, ", ")), query, "keys and instants: put your own here");
    Add("numbered", "  SELECT row_number() OVER () AS _row, * FROM labels");
  }

  // Rule 1, and the key (rule 7: a null matches nothing).
  std::string VisibleEvents() const {
    std::string on;
    for (const Field& part : program_.entity) on += fmt::format("e.{0} = l.{0} AND ", Quoted(part.name));
    return fmt::format(
        "  FROM numbered AS l LEFT JOIN events AS e\n"
        "    ON {}e._available_at <= l.t AND (e._retracted_at IS NULL OR l.t < e._retracted_at)",
        on);
  }

  // Rule 5: the last in the order.
  void AddLatest() {
    std::vector<std::string> items;
    for (size_t i = 0; i < program_.slots.size(); ++i) {
      items.push_back(fmt::format("e.{} AS {}", slot_names_[i], FeatureName(program_.features[i].name)));
    }
    std::string bounds = "e._event_time <= l.t";
    if (program_.ttl_us)
      bounds += fmt::format(" AND e._event_time >= l.t - INTERVAL '{}'", IntervalText(*program_.ttl_us));
    Add("ranked", fmt::format("  SELECT l._row, {},\n"
                              "    row_number() OVER (PARTITION BY l._row ORDER BY e._event_time DESC, e._available_at "
                              "DESC, e._ingest DESC) AS _rank\n"
                              "{}\n    AND {}",
                              absl::StrJoin(items, ", "), VisibleEvents(), bounds));
    Add("latest", "  SELECT * FROM ranked WHERE _rank = 1");
  }

  // When clocks first showed the start of the period that holds l.t. DuckDB takes the second of two such instants;
  // the first has the offset of the day before. Two things are left out, of which the kernel knows: clocks that skip
  // the start and begin before it, and clocks that go back over it.
  static std::string PeriodBegin(const CalendarPeriod& period) {
    if (period.zone_name() == "UTC") return fmt::format("date_trunc('{}', l.t)", period.unit_name());
    const std::string zone = QuoteLiteral(period.zone_name());
    const auto shown = [&](const std::string& instant) {
      return fmt::format("timezone({}, timezone('UTC', {}))", zone, instant);
    };
    const std::string start = fmt::format("date_trunc('{}', {})", period.unit_name(), shown("l.t"));
    const std::string second = fmt::format("timezone('UTC', timezone({}, {}))", zone, start);
    const std::string before = fmt::format("{} - INTERVAL '1 day'", second);
    const std::string first = fmt::format("({} - ({} - ({})))", start, shown(before), before);
    return fmt::format("CASE WHEN {} = {} THEN {} ELSE {} END", shown(first), start, first, second);
  }

  // Rule 6.
  static std::string WindowBounds(const Window& window) {
    if (window.period) return fmt::format("e._event_time >= {} AND e._event_time < l.t", PeriodBegin(*window.period));
    const std::string end =
        window.offset_us == 0 ? "l.t" : fmt::format("l.t - INTERVAL '{}'", IntervalText(window.offset_us));
    std::string bounds = fmt::format("e._event_time < {}", end);
    if (window.length_us) {
      bounds = fmt::format("e._event_time >= l.t - INTERVAL '{}' AND ",
                           IntervalText(AddSaturated(*window.length_us, window.offset_us))) +
               bounds;
    }
    return bounds;
  }

  std::string AggregateSql(const AggregateCall& call, const std::string& instant) const {
    AggregateSqlInput input;
    input.argument = call.argument ? "e." + slot_names_[*call.argument] : "e._event_time";
    if (call.second) input.second = "e." + slot_names_[*call.second];
    if (call.filter) input.filter = "e." + slot_names_[*call.filter];
    input.instant = instant;
    return ToAggregateSql(call, input);
  }

  // The last rows of a window of a number of rows, as "_row" and the events' columns.
  std::string AddLastRows(const Window& window) {
    std::string name = Quoted("rows_of_" + window.suffix);
    Add(name, fmt::format(
                  "  SELECT l._row, l.t AS _t, e.*\n{}\n    AND {}\n"
                  "  QUALIFY row_number() OVER (PARTITION BY l._row ORDER BY e._event_time DESC, e._available_at DESC, "
                  "e._ingest DESC) <= {}",
                  VisibleEvents(), WindowBounds(window), *window.rows));
    return name;
  }

  std::string AddWindow(size_t index) {
    const Window& window = program_.windows[index];
    const std::string last_rows = window.rows ? AddLastRows(window) : "";
    const std::string instant = window.rows ? "e._t" : "l.t";
    std::vector<std::string> aggregates;
    for (const AggregateCall& call : program_.aggregates) aggregates.push_back(AggregateSql(call, instant));
    std::vector<std::string> items = {window.rows ? "e._row" : "l._row"};
    for (size_t i = 0; i < program_.outputs.size(); ++i) {
      const Field& feature = program_.features[i * program_.windows.size() + index];
      items.push_back(fmt::format("{} AS {}", ToSql(program_.outputs[i], aggregates), FeatureName(feature.name)));
    }
    std::string name = Quoted("window_" + window.suffix);
    const std::string select = fmt::format("  SELECT {}", absl::StrJoin(items, ",\n    "));
    if (window.rows) {
      Add(name, fmt::format("{}\n  FROM {} AS e\n  GROUP BY e._row", select, last_rows));
    } else {
      Add(name, fmt::format("{}\n{}\n    AND {}\n  GROUP BY l._row", select, VisibleEvents(), WindowBounds(window)));
    }
    return name;
  }

  std::string FeatureName(std::string_view feature) const {
    return Quoted(fmt::format("{}.{}", program_.name, feature));
  }

  std::string Finish(const std::vector<std::string>& groups) const {
    std::vector<std::string> items;
    for (const Field& part : program_.entity) items.push_back("l." + Quoted(part.name));
    items.push_back("l.t");
    for (const Field& feature : program_.features) items.push_back(FeatureName(feature.name));
    std::string from = "numbered AS l";
    for (const std::string& group : groups) from += fmt::format(" JOIN {} USING (_row)", group);
    return fmt::format("WITH {}\nSELECT {}\nFROM {}\nORDER BY _row\n", absl::StrJoin(with_, ",\n"),
                       absl::StrJoin(items, ",\n  "), from);
  }

  const EventView& view_;
  const ViewProgram& program_;
  std::vector<std::string> slot_names_;  // as SQL
  std::vector<std::string> with_;
  std::string comment_for_next_;
};

}  // namespace

std::string EventViewSql(const EventView& view, const ViewProgram& program, std::string_view labels) {
  return ViewSqlWriter(view, program).Write(labels);
}

}  // namespace headrace
