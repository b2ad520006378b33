#include "features/online/event_parser.h"

#include "base/diagnostic.h"
#include "base/json.h"

namespace headrace {
namespace {

// One document is an object or an array; anything that is not one document is tried as NDJSON.
StatusOr<Json::Array> ParseBody(std::string_view body) {
  StatusOr<Json> document = Json::Parse(body);
  if (document.ok() && document->is_array()) return std::move(document->array());
  if (document.ok()) return Json::Array{*std::move(document)};
  if (body.find('\n') != std::string_view::npos) return Json::ParseLines(body);
  return document.status();
}

Status CheckNames(const StreamSource& source, const Json& row, size_t index) {
  if (!row.is_object()) return InvalidArgument("row {}: expected an object, got {}", index, row.Dump());
  for (const Json::Member& member : row.object()) {
    if (source.ignore_unknown || FindField(source.columns, member.first)) continue;
    const std::vector<std::string> names = NamesOf(source.columns);
    return InvalidArgument("row {}, column '{}': {} has no such column; {}", index, member.first, source.name,
                           NearestNameHint(member.first, names));
  }
  return absl::OkStatus();
}

}  // namespace

StatusOr<RecordBatch> ParseEvents(const StreamSource& source, std::string_view body) {
  HR_ASSIGN_OR_RETURN(const Json::Array rows, ParseBody(body));
  RecordBatch batch(source.columns);
  for (size_t index = 0; index < rows.size(); ++index) {
    HR_RETURN_IF_ERROR(CheckNames(source, rows[index], index));
    for (size_t i = 0; i < source.columns.size(); ++i) {
      const Field& field = source.columns[i];
      const Json* cell = rows[index].Find(field.name);
      StatusOr<Value> value = cell == nullptr ? Value::Null() : FromJson(*cell, field.type);
      if (!value.ok()) return Annotate(value.status(), fmt::format("row {}, column '{}'", index, field.name));
      if (value->is_null() && field.name == source.event_time) {
        return InvalidArgument("row {}, column '{}': the event time must not be null", index, field.name);
      }
      batch.columns[i].Append(*value);
    }
  }
  batch.num_rows = rows.size();
  return batch;
}

}  // namespace headrace
