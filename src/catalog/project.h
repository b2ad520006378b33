// The project: what the user's files say, validated, immutable.
//
// LoadProject (catalog/load.h) reads a folder once and gives a Project or every error at once. What needs SQL's
// parser or types (columns of tables, the features of a view) is not here: `engine` derives it from this.
// A Project may be read by any number of threads.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/column.h"
#include "base/diagnostic.h"
#include "base/json.h"
#include "base/time.h"
#include "base/time_zone.h"

namespace headrace {

// SQL after its template was rendered. Keeps for each rendered byte where it came from, so that an error of
// DuckDB's parser at an offset is shown at its line and column in the user's file.
struct RenderedSql {
  struct Segment {
    size_t rendered_begin = 0;  // offset in `sql`
    size_t source_begin = 0;    // offset in the file; the segment is literal text, or one {{ ... }} when not
    bool literal = true;
  };
  std::string file;               // relative to the project's folder
  std::string source;             // the file's text
  std::string sql;                // what the database is given
  std::vector<Segment> segments;  // ascending by rendered_begin

  SourcePosition PositionOf(size_t rendered_offset) const;
};

struct ColumnSpec {
  std::string name;
  std::optional<TypeId> type;
  std::string description;
  SourcePosition where;
};

enum class TestKind : uint8_t { kNotNull, kUnique, kAcceptedValues, kRelationships, kSql };

// A data test: it passes when its query gives no row.
struct DataTest {
  std::string name;  // "not_null_fct_flights_flight_id", or the stem of the file
  TestKind kind = TestKind::kNotNull;
  std::string table;  // relation it is on: a table's name, or "source.table"; of a kSql test: empty
  std::string column;
  std::vector<Value> accepted_values;  // kAcceptedValues
  std::string to_relation;             // kRelationships: named like `table`
  std::string to_field;
  RenderedSql sql;                      // kSql
  std::vector<std::string> depends_on;  // tables and sources ("raw.flights") that must be built first
  SourcePosition where;
};

// `stream:` of a source table: rows arrive one by one.
struct StreamSpec {
  std::string event_time;
  std::string event_id;       // "" when rows have none
  std::string available_at;   // column of the history; "" when not declared
  DurationUs delay_us = 0;    // 0 when not declared
  std::string history_table;  // table of the project that holds the history; "" when `location` (or nothing) does
  std::optional<DurationUs> id_retention_us;  // semantics.md rule 8; null: the default
  bool ignore_unknown = false;                // `unknown: ignore`, rule 27: pushed columns that are not declared
};

struct SourceTable {
  std::string source;    // "raw"
  std::string name;      // "weather"
  std::string location;  // file, glob or URL, relative to the project's folder; "" for a stream without history file
  std::map<std::string, std::string> options;  // DuckDB reader options, values as SQL literals
  bool incremental = false;
  std::optional<StreamSpec> stream;
  std::vector<ColumnSpec> columns;
  std::string loaded_at_field;  // freshness, as in dbt; "" when not declared
  Json freshness;               // {"warn_after": {"count": 12, "period": "hour"}, ...}, or null
  std::string description;
  SourcePosition where;

  std::string FullName() const { return source + "." + name; }
};

enum class Materialization : uint8_t { kTable, kView };

struct Table {
  std::string name;  // the file's stem
  Materialization materialized = Materialization::kTable;
  RenderedSql sql;
  std::vector<std::string> depends_on;  // tables by name, sources as "raw.flights"; in order of first use
  std::vector<ColumnSpec> columns;
  std::string description;
  std::vector<std::string> tags;
  SourcePosition where;  // its file
};

// One window of a view, semantics.md rule 6.
struct WindowSpec {
  std::optional<DurationUs> length_us;  // null: no left end ("all", "10 rows")
  std::optional<int64_t> rows;          // "10 rows", "10 rows within 7d"
  DurationUs offset_us = 0;             // "7d offset 7d"
  std::string suffix;                   // "7d", "10_rows", "10_rows_within_7d", "7d_offset_7d", "all", "day_in_utc"
  std::optional<CalendarPeriod> period = std::nullopt;  // "day", "month in America/New_York": since its begin
  bool operator==(const WindowSpec&) const = default;
};
StatusOr<WindowSpec> ParseWindow(std::string_view text);

enum class ViewKind : uint8_t { kEvents, kRequest };

struct FeatureView {
  std::string name;  // the file's stem
  ViewKind kind = ViewKind::kEvents;
  RenderedSql sql;
  std::string from;                 // kEvents: the table's name or "raw.arrivals"; kRequest: "request"
  std::vector<std::string> entity;  // key columns, in order
  std::string event_time;
  std::vector<WindowSpec> windows;  // empty: latest-value
  std::optional<DurationUs> ttl_us;
  std::optional<int64_t> exact_distinct;   // semantics.md rule 22: up to where counts of distinct values are exact,
  std::optional<int64_t> exact_quantiles;  // and quantiles
  std::string available_at;                // column, or ""
  std::optional<DurationUs> delay_us;
  Schema request;  // kRequest: request fields
  std::string description;
  std::string owner;
  std::map<std::string, std::string> feature_descriptions;  // by the name in the SQL: "flights", not "flights_1h"
  SourcePosition config_where;                              // the config(...) call
};

enum class Task : uint8_t { kBinary, kMulticlass, kRegression };
enum class Algorithm : uint8_t { kLightGbm, kLogisticRegression, kLinearRegression, kExternal, kImported };
enum class PromoteWhen : uint8_t { kBetter, kAlways, kNever };

struct ModelRecipe {
  std::string name;
  Task task = Task::kBinary;
  std::string label_table;  // a table's name, or a file
  std::string label_time;
  std::string label_column;
  std::string known_at;                         // "" when not declared
  std::map<std::string, std::string> entities;  // entity column of a view -> column of the label table
  std::vector<std::string> features;            // references as written: "carrier_recent.*", "weather_latest.temp"
  std::vector<SourcePosition> features_where;
  std::vector<std::string> allow_leak;  // features, or view.*, that may know the label
  std::vector<SourcePosition> allow_leak_where;
  // Exactly one of the two forms.
  std::optional<TimestampUs> train_until;
  std::optional<TimestampUs> validate_until;
  std::vector<double> fractions;  // three numbers that add up to 1, or empty
  Algorithm algorithm = Algorithm::kLightGbm;
  std::map<std::string, Json> params;
  Json tune;                         // {"trials": 30, "metric": "auc", "params": {...}} as written, or null
  std::vector<std::string> command;  // kExternal: the program and its arguments
  std::vector<std::string> metrics;
  std::vector<std::string> slices;
  std::string promote_alias = "champion";
  PromoteWhen promote_when = PromoteWhen::kBetter;
  std::string description;
  SourcePosition where;
};

// When an accepted event is forced to the disk.
struct FsyncPolicy {
  enum class When : uint8_t { kAlways, kEvery, kNever };
  When when = When::kAlways;  // kAlways: before it is acknowledged; kNever: when the operating system gets to it
  DurationUs period_us = 0;   // kEvery
  bool operator==(const FsyncPolicy&) const = default;
};
// "always", "every 10ms", "os".
StatusOr<FsyncPolicy> ParseFsyncPolicy(std::string_view text);

// How much of what the server answers it verifies while it runs.
struct VerifyRate {
  int64_t rows = 200;  // predictions of each model at a time; 0: none
  DurationUs every_us = 300 * kUsPerSecond;
  bool operator==(const VerifyRate&) const = default;
};
// "off", "200 rows every 5m".
StatusOr<VerifyRate> ParseVerifyRate(std::string_view text);

// When the server exports its log of accepted events: what comes first.
struct ExportSettings {
  DurationUs every_us = kUsPerDay;
  size_t size_bytes = 64'000'000;  // of the log that was not exported
};

// `online:` of headrace.yml.
struct OnlineSettings {
  FsyncPolicy fsync;
  DurationUs id_retention_us = 30 * kUsPerDay;  // semantics.md rule 8; a stream may say otherwise
  std::optional<DurationUs> keep_us;            // rule 12; null: the longest window and a day
  DurationUs future_skew_us = kUsPerDay;        // pushed events may be this far after the server's clock
  VerifyRate verify;
  DurationUs checkpoint_every_us = 30 * kUsPerSecond;
  std::optional<size_t> memory_bytes;  // of the views' events; null: a quarter of the machine's
  ExportSettings export_settings;
};

struct Project {
  std::string name;
  std::string root;  // absolute folder
  std::map<std::string, Json> vars;
  OnlineSettings online;
  std::map<std::string, SourceTable> sources;  // by "raw.flights"
  std::map<std::string, Table> tables;
  std::vector<DataTest> tests;
  std::map<std::string, FeatureView> views;
  std::map<std::string, ModelRecipe> models;

  std::string StateFolder() const { return root + "/.headrace"; }
};

}  // namespace headrace
