#include "serving/core/request_rows.h"

#include "base/diagnostic.h"

namespace headrace {
namespace {

StatusOr<Column> ColumnFromObjects(const Field& field, std::string_view kind, const Json::Array& rows) {
  Column column(field.type);
  for (size_t row = 0; row < rows.size(); ++row) {
    const Json* cell = rows[row].Find(field.name);
    if (cell == nullptr) return InvalidArgument("row {}: {} '{}' is missing (null is allowed)", row, kind, field.name);
    StatusOr<Value> value = FromJson(*cell, field.type);
    if (!value.ok()) return Annotate(value.status(), fmt::format("row {}, '{}'", row, field.name));
    column.Append(*value);
  }
  return column;
}

StatusOr<Column> ColumnFromArray(const Field& field, std::string_view kind, const Json* columns) {
  const Json* cells = columns == nullptr ? nullptr : columns->Find(field.name);
  if (cells == nullptr) return InvalidArgument("{} '{}' is missing", kind, field.name);
  if (!cells->is_array()) return InvalidArgument("{} '{}' must be an array, one value a row", kind, field.name);
  Column column(field.type);
  for (size_t row = 0; row < cells->array().size(); ++row) {
    StatusOr<Value> value = FromJson(cells->array()[row], field.type);
    if (!value.ok()) return Annotate(value.status(), fmt::format("{} '{}', row {}", kind, field.name, row));
    column.Append(*value);
  }
  return column;
}

Status CheckNoOthers(const Schema& wanted, std::string_view kind, const Json* columns) {
  if (columns == nullptr || columns->is_null()) return absl::OkStatus();
  if (!columns->is_object()) return InvalidArgument("'{}' must be an object of arrays", kind);
  for (const Json::Member& member : columns->object()) {
    if (FindField(wanted, member.first)) continue;
    const std::vector<std::string> names = NamesOf(wanted);
    return InvalidArgument("'{}' is no {} of the wanted features; {}", member.first, kind,
                           NearestNameHint(member.first, names));
  }
  return absl::OkStatus();
}

// Adds the columns of `schema`, all of the length of those before.
template <typename Make>
Status AddColumns(const Schema& schema, const Make& make, bool* any, size_t* num_rows, RecordBatch* batch) {
  for (const Field& field : schema) {
    HR_ASSIGN_OR_RETURN(Column column, make(field));
    if (*any && column.size() != *num_rows) {
      return InvalidArgument("'{}' has {} rows, the columns before it {}", field.name, column.size(), *num_rows);
    }
    *any = true;
    *num_rows = column.size();
    batch->schema.push_back(field);
    batch->columns.push_back(std::move(column));
  }
  return absl::OkStatus();
}

}  // namespace

StatusOr<RequestRows> RowsFromObjects(const FeaturePlan& plan, const Json& rows) {
  if (!rows.is_array()) return InvalidArgument("'rows' must be an array of objects");
  for (size_t row = 0; row < rows.array().size(); ++row) {
    if (!rows.array()[row].is_object()) return InvalidArgument("row {} must be an object", row);
  }
  RequestRows result;
  bool any = true;
  result.num_rows = rows.array().size();
  HR_RETURN_IF_ERROR(AddColumns(
      plan.entities, [&](const Field& field) { return ColumnFromObjects(field, "entity", rows.array()); }, &any,
      &result.num_rows, &result.entities));
  HR_RETURN_IF_ERROR(AddColumns(
      plan.request_fields, [&](const Field& field) { return ColumnFromObjects(field, "request field", rows.array()); },
      &any, &result.num_rows, &result.request));
  result.entities.num_rows = result.request.num_rows = result.num_rows;
  return result;
}

StatusOr<RequestRows> RowsFromColumns(const FeaturePlan& plan, const Json* entities, const Json* request) {
  HR_RETURN_IF_ERROR(CheckNoOthers(plan.entities, "entities", entities));
  HR_RETURN_IF_ERROR(CheckNoOthers(plan.request_fields, "request", request));
  RequestRows result;
  bool any = false;
  HR_RETURN_IF_ERROR(AddColumns(
      plan.entities, [&](const Field& field) { return ColumnFromArray(field, "entity", entities); }, &any,
      &result.num_rows, &result.entities));
  HR_RETURN_IF_ERROR(AddColumns(
      plan.request_fields, [&](const Field& field) { return ColumnFromArray(field, "request field", request); }, &any,
      &result.num_rows, &result.request));
  result.entities.num_rows = result.request.num_rows = result.num_rows;
  return result;
}

StatusOr<std::optional<TimestampUs>> ParseAt(const Json& body) {
  const Json* at = body.Find("at");
  if (at == nullptr || at->is_null()) return std::optional<TimestampUs>();
  StatusOr<Value> value = FromJson(*at, TypeId::kTimestamp);
  if (!value.ok()) return Annotate(value.status(), "'at'");
  return std::optional(value->int64());
}

}  // namespace headrace
