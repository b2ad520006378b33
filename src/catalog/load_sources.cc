#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "catalog/loaders.h"

namespace headrace {
namespace {

// Schemas of the warehouse that are not the user's.
const std::vector<std::string>& ReservedSchemas() {
  static const auto& kNames = *new std::vector<std::string>{"main",       "ledger", "quarantine", "information_schema",
                                                            "pg_catalog", "system", "temp"};
  return kNames;
}

std::string SqlText(std::string_view text) {
  return absl::StrCat("'", absl::StrReplaceAll(ToAbsl(text), {{"'", "''"}}), "'");
}

// {nullstr: NA} -> 'NA'; numbers and booleans as they are; lists [..], mappings {..}.
std::string SqlLiteral(const YamlNode& node, LoadContext* context) {
  if (node.is_null()) return "NULL";
  std::vector<std::string> parts;
  if (node.is_scalar()) {
    const Value value = ToValue(node);
    if (value.type() != TypeId::kVarchar) return value.ToString();
    return SqlText(RenderText(node, context));
  }
  for (const YamlNode& item : node.items) parts.push_back(SqlLiteral(item, context));
  if (node.is_sequence()) return absl::StrCat("[", absl::StrJoin(parts, ", "), "]");
  for (const YamlNode::Member& member : node.members) {
    parts.push_back(absl::StrCat(SqlText(member.key), ": ", SqlLiteral(member.value, context)));
  }
  return absl::StrCat("{", absl::StrJoin(parts, ", "), "}");
}

void LoadOptions(YamlReader* reader, SourceTable* table, LoadContext* context) {
  const YamlNode* options = reader->Find("options");
  if (options == nullptr) return;
  if (!options->is_mapping())
    reader->Report(options->where, fmt::format("'options' must be a mapping, not {}", options->Describe()));
  for (const YamlNode::Member& member : options->members) {
    if (!CheckName("option", member.key, member.where, context)) continue;
    if (member.value.is_null()) reader->Report(member.where, fmt::format("option '{}' has no value", member.key));
    table->options[member.key] = SqlLiteral(member.value, context);
  }
}

void LoadLocation(YamlReader* reader, SourceTable* table, LoadContext* context) {
  const YamlNode* location = reader->Find("location");
  const YamlNode* external = reader->Find("external_location");
  if (location != nullptr && external != nullptr) {
    reader->Report(external->where, "'location' and 'external_location' mean the same: give one of them");
  }
  if (location == nullptr) location = external;
  if (location == nullptr) return;
  if (location->is_scalar() && !location->scalar.empty()) {
    table->location = RenderText(*location, context);
  } else {
    reader->Report(location->where,
                   fmt::format("'location' must be a file, a glob or a URL, not {}", location->Describe()));
  }
}

// `column` of the stream must be declared, with its type among `types` ("" is fine: not given).
void CheckStreamColumn(YamlReader* reader, std::string_view key, const std::string& column, const SourceTable& table,
                       const std::vector<TypeId>& types) {
  if (column.empty()) return;
  std::vector<std::string> names;
  for (const ColumnSpec& spec : table.columns) {
    names.push_back(spec.name);
    if (spec.name != column) continue;
    if (spec.type && !types.empty() && std::find(types.begin(), types.end(), *spec.type) == types.end()) {
      reader->Report(reader->WhereOf(key),
                     fmt::format("{} '{}' is {}, not a timestamp", key, column, TypeName(*spec.type)));
    }
    return;
  }
  reader->Report(reader->WhereOf(key), fmt::format("{} '{}' is no column of {}", key, column, table.FullName()),
                 NearestNameHint(column, names));
}

void LoadHistory(YamlReader* reader, SourceTable* table, LoadContext* context) {
  StreamSpec& stream = *table->stream;
  stream.history_table = reader->Text("history");
  if (stream.history_table.empty()) return;
  const SourcePosition where = reader->WhereOf("history");
  if (!table->location.empty()) {
    reader->Report(where, fmt::format("stream '{}' has both a 'location' and a 'history'", table->FullName()),
                   "its history is one of them");
  }
  CheckTable(stream.history_table, where, context);
  context->edges.push_back({table->FullName(), {.relation = stream.history_table, .is_source = false, .where = where}});
}

void LoadAvailability(YamlReader* reader, StreamSpec* stream, LoadContext* context) {
  stream->available_at = reader->Identifier("available_at");
  const std::string delay = reader->Text("delay");
  if (delay.empty()) return;
  stream->delay_us = ReadDuration(delay, reader->WhereOf("delay"), context).value_or(0);
  if (!stream->available_at.empty()) {
    reader->Report(reader->WhereOf("delay"), "'available_at' and 'delay' are both given",
                   "keep one: they say the same in two ways");
  }
}

void LoadStream(const YamlNode& node, SourceTable* table, LoadContext* context) {
  YamlReader reader(node, fmt::format("stream of '{}'", table->FullName()), &context->diagnostics);
  StreamSpec& stream = table->stream.emplace();
  stream.event_time = reader.RequiredIdentifier("event_time");
  stream.event_id = reader.Identifier("event_id");
  LoadAvailability(&reader, &stream, context);
  LoadHistory(&reader, table, context);
  if (const std::string retention = reader.Text("id_retention"); !retention.empty()) {
    stream.id_retention_us = ReadDuration(retention, reader.WhereOf("id_retention"), context);
  }
  stream.ignore_unknown = reader.OneOf("unknown", {"error", "ignore"}, "error") == "ignore";
  if (table->columns.empty()) {
    reader.Report(node.where, fmt::format("stream '{}' declares no columns", table->FullName()),
                  "list them under 'columns' with their data_type: pushed rows are checked against them");
  } else {
    CheckStreamColumn(&reader, "event_time", stream.event_time, *table, {TypeId::kTimestamp, TypeId::kDate});
    CheckStreamColumn(&reader, "available_at", stream.available_at, *table, {TypeId::kTimestamp, TypeId::kDate});
    CheckStreamColumn(&reader, "event_id", stream.event_id, *table, {});
  }
  for (const ColumnSpec& column : table->columns) {
    if (!column.type)
      reader.Report(column.where,
                    fmt::format("column '{}' of stream '{}' needs a data_type", column.name, table->FullName()));
  }
  reader.Finish();
}

void LoadLoading(YamlReader* reader, SourceTable* table, LoadContext* context) {
  table->incremental = reader->OneOf("load", {"full", "incremental"}, "full") == "incremental";
  if (const YamlNode* stream = reader->Find("stream"); stream != nullptr) {
    if (table->incremental)
      reader->Report(reader->WhereOf("load"), "a stream's history is taken once: 'load' does not apply to it");
    LoadStream(*stream, table, context);
  } else if (reader->Find("location") == nullptr && reader->Find("external_location") == nullptr) {
    reader->Report(reader->where(),
                   fmt::format("source '{}' has neither a 'location' nor a 'stream'", table->FullName()));
  }
}

struct SourceDefaults {
  std::string name;
  std::string loaded_at_field;
  Json freshness;
};

void LoadSourceTable(const YamlNode& node, const SourceDefaults& source, LoadContext* context) {
  YamlReader reader(node, "a source's table", &context->diagnostics);
  SourceTable table;
  table.source = source.name;
  table.name = reader.RequiredIdentifier("name");
  table.where = reader.WhereOf("name");
  table.description = reader.Text("description");
  LoadLocation(&reader, &table, context);
  LoadOptions(&reader, &table, context);
  table.loaded_at_field = reader.Text("loaded_at_field");
  if (table.loaded_at_field.empty()) table.loaded_at_field = source.loaded_at_field;
  const YamlNode* freshness = reader.Find("freshness");
  table.freshness = freshness == nullptr ? source.freshness : ToJson(*freshness);
  if (!table.name.empty()) {
    table.columns = LoadColumns(&reader, table.FullName(), context);
    LoadDataTests(&reader, table.FullName(), "", context);
    LoadLoading(&reader, &table, context);
  }
  reader.Ignore(
      {"columns", "tests", "data_tests", "load", "stream", "meta", "tags", "config", "quoting", "identifier"});
  reader.Finish();
  if (table.name.empty()) return;
  const SourcePosition where = table.where;
  const std::string name = table.FullName();
  const auto [other, added] = context->project.sources.emplace(name, std::move(table));
  if (!added)
    context->Report(where, fmt::format("source '{}' is defined twice", name),
                    "the other is at " + other->second.where.ToString());
}

void LoadSource(const YamlNode& node, LoadContext* context) {
  YamlReader reader(node, "a source", &context->diagnostics);
  SourceDefaults source{
      .name = reader.RequiredIdentifier("name"), .loaded_at_field = reader.Text("loaded_at_field"), .freshness = {}};
  if (const YamlNode* freshness = reader.Find("freshness"); freshness != nullptr) source.freshness = ToJson(*freshness);
  const std::string lower = absl::AsciiStrToLower(source.name);
  if (std::find(ReservedSchemas().begin(), ReservedSchemas().end(), lower) != ReservedSchemas().end()) {
    reader.Report(reader.WhereOf("name"), fmt::format("source name '{}' is reserved", source.name),
                  "choose another, such as 'raw'");
  }
  if (const YamlNode* tables = reader.Require("tables"); tables != nullptr) {
    for (const YamlNode& table : reader.List("tables")) LoadSourceTable(table, source, context);
  }
  reader.Ignore({"description", "schema", "database", "loader", "meta", "tags", "config", "quoting", "overrides"});
  reader.Finish();
}

}  // namespace

void LoadSources(YamlReader* reader, LoadContext* context) {
  for (const YamlNode& source : reader->List("sources")) LoadSource(source, context);
}

}  // namespace headrace
