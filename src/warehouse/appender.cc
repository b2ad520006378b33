#include "warehouse/appender.h"

#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

#include "base/decimal.h"
#include "base/nested.h"
#include "warehouse/duckdb_handles.h"
#include "warehouse/sql_text.h"

namespace headrace {
namespace {

using AppenderHandle = DuckDbHandle<duckdb_appender, duckdb_appender_destroy>;

duckdb_type DuckDbType(TypeId type) {
  switch (type) {
    case TypeId::kBoolean:
      return DUCKDB_TYPE_BOOLEAN;
    case TypeId::kBigint:
      return DUCKDB_TYPE_BIGINT;
    case TypeId::kDouble:
      return DUCKDB_TYPE_DOUBLE;
    case TypeId::kVarchar:
      return DUCKDB_TYPE_VARCHAR;
    case TypeId::kDate:
      return DUCKDB_TYPE_DATE;
    case TypeId::kTimestamp:
      return DUCKDB_TYPE_TIMESTAMP;
  }
  return DUCKDB_TYPE_INVALID;
}

LogicalTypeHandle LogicalType(TypeId type) {
  if (IsDecimal(type)) {
    return LogicalTypeHandle(
        duckdb_create_decimal_type(static_cast<uint8_t>(WidthOf(type)), static_cast<uint8_t>(ScaleOf(type))));
  }
  if (IsList(type)) return LogicalTypeHandle(duckdb_create_list_type(LogicalType(ElementOf(type)).get()));
  if (IsMap(type)) {
    const LogicalTypeHandle key = LogicalType(KeyOf(type));
    return LogicalTypeHandle(duckdb_create_map_type(key.get(), LogicalType(ElementOf(type)).get()));
  }
  return LogicalTypeHandle(duckdb_create_logical_type(DuckDbType(type)));
}

template <typename To>
void Narrow(std::span<const int64_t> from, void* to) {
  auto* data = static_cast<To*>(to);
  for (size_t i = 0; i < from.size(); ++i) data[i] = static_cast<To>(from[i]);
}

void FillStrings(const Column& column, size_t first, size_t rows, duckdb_vector vector) {
  for (size_t i = 0; i < rows; ++i) {
    if (column.IsNull(first + i)) continue;
    const std::string_view text = column.str(first + i);
    duckdb_vector_assign_string_element_len(vector, i, text.data(), text.size());
  }
}

template <typename To>
void FillDecimalsAs(const Column& column, size_t first, size_t rows, void* to) {
  auto* data = static_cast<To*>(to);
  for (size_t i = 0; i < rows; ++i) {
    const Int128 units = DecodeDecimal(column.str(first + i));
    if constexpr (std::is_same_v<To, duckdb_hugeint>) {
      data[i] = {static_cast<uint64_t>(units), static_cast<int64_t>(units >> 64)};
    } else {
      data[i] = static_cast<To>(units);
    }
  }
}

// As wide as DuckDB stores decimals of that width.
void FillDecimals(const Column& column, size_t first, size_t rows, duckdb_vector vector) {
  void* data = duckdb_vector_get_data(vector);
  const int width = WidthOf(column.type());
  width <= 4    ? FillDecimalsAs<int16_t>(column, first, rows, data)
  : width <= 9  ? FillDecimalsAs<int32_t>(column, first, rows, data)
  : width <= 18 ? FillDecimalsAs<int64_t>(column, first, rows, data)
                : FillDecimalsAs<duckdb_hugeint>(column, first, rows, data);
}

Status FillVector(const Column& column, size_t first, size_t rows, duckdb_vector vector);

// The lists' elements (the maps' entries) stand one after another in a vector of their own, a map's as pairs of keys
// and values.
Status FillNested(const Column& column, size_t first, size_t rows, duckdb_vector vector) {
  const bool map = IsMap(column.type());
  MapEntries all{Column(map ? KeyOf(column.type()) : TypeId::kBigint), Column(ElementOf(column.type()))};
  auto* entries = static_cast<duckdb_list_entry*>(duckdb_vector_get_data(vector));
  for (size_t i = 0; i < rows; ++i) {
    entries[i] = {all.values.size(), 0};
    if (column.IsNull(first + i)) continue;
    if (map) {
      const MapEntries one = DecodeMap(column.type(), column.str(first + i));
      all.keys.AppendColumn(one.keys);
      all.values.AppendColumn(one.values);
    } else {
      all.values.AppendColumn(DecodeList(column.type(), column.str(first + i)));
    }
    entries[i].length = all.values.size() - entries[i].offset;
  }
  if (duckdb_list_vector_reserve(vector, all.values.size()) != DuckDBSuccess ||
      duckdb_list_vector_set_size(vector, all.values.size()) != DuckDBSuccess) {
    return ResourceExhausted("no memory for {} elements of lists", all.values.size());
  }
  const duckdb_vector child = duckdb_list_vector_get_child(vector);
  if (!map) return FillVector(all.values, 0, all.values.size(), child);
  HR_RETURN_IF_ERROR(FillVector(all.keys, 0, all.keys.size(), duckdb_struct_vector_get_child(child, 0)));
  return FillVector(all.values, 0, all.values.size(), duckdb_struct_vector_get_child(child, 1));
}

Status FillFixed(const Column& column, size_t first, size_t rows, duckdb_vector vector) {
  if (rows == 0) return absl::OkStatus();  // there may be no memory to copy from
  void* data = duckdb_vector_get_data(vector);
  switch (column.type()) {
    case TypeId::kBoolean:
      Narrow<bool>(column.ints().subspan(first, rows), data);
      break;
    case TypeId::kDate:
      Narrow<int32_t>(column.ints().subspan(first, rows), data);
      break;
    case TypeId::kBigint:
    case TypeId::kTimestamp:
      std::memcpy(data, column.ints().data() + first, rows * sizeof(int64_t));
      break;
    case TypeId::kDouble:
      std::memcpy(data, column.doubles().data() + first, rows * sizeof(double));
      break;
    default:
      return Internal("{} has no fixed width", TypeName(column.type()));
  }
  return absl::OkStatus();
}

Status FillVector(const Column& column, size_t first, size_t rows, duckdb_vector vector) {
  if (IsNested(column.type())) {
    HR_RETURN_IF_ERROR(FillNested(column, first, rows, vector));
  } else if (IsDecimal(column.type())) {
    FillDecimals(column, first, rows, vector);
  } else if (column.type() == TypeId::kVarchar) {
    FillStrings(column, first, rows, vector);
  } else {
    HR_RETURN_IF_ERROR(FillFixed(column, first, rows, vector));
  }
  if (!column.has_nulls()) return absl::OkStatus();
  duckdb_vector_ensure_validity_writable(vector);
  uint64_t* mask = duckdb_vector_get_validity(vector);
  for (size_t i = 0; i < rows; ++i) duckdb_validity_set_row_validity(mask, i, !column.IsNull(first + i));
  return absl::OkStatus();
}

}  // namespace

struct Appender::State {
  AppenderHandle appender;
  Schema schema;  // of the first batch
  DataChunkHandle chunk;
};

Appender::Appender(std::unique_ptr<State> state) : state_(std::move(state)) {}
Appender::~Appender() = default;

StatusOr<std::unique_ptr<Appender>> Appender::Create(Connection& connection, std::string_view schema,
                                                     std::string_view table) {
  auto state = std::make_unique<State>();
  // Temporary tables are the schema "main" of a database of their own, called "temp".
  const bool temporary = schema == "temp";
  const std::string schema_name(temporary ? "main" : schema);
  if (duckdb_appender_create_ext(connection.handle(), temporary ? "temp" : nullptr,
                                 schema.empty() ? nullptr : schema_name.c_str(), std::string(table).c_str(),
                                 state->appender.address()) != DuckDBSuccess) {
    return SqlStatus(duckdb_appender_error(state->appender.get()));
  }
  return std::unique_ptr<Appender>(new Appender(std::move(state)));
}

Status Appender::Append(const RecordBatch& batch) {
  if (!state_->chunk) {
    state_->schema = batch.schema;
    std::vector<LogicalTypeHandle> types;
    std::vector<duckdb_logical_type> handles;
    for (const Field& field : batch.schema) {
      types.push_back(LogicalType(field.type));
      handles.push_back(types.back().get());
    }
    state_->chunk = DataChunkHandle(duckdb_create_data_chunk(handles.data(), handles.size()));
  }
  if (batch.schema != state_->schema) return Internal("an appender was given batches of different schemas");
  const size_t chunk_rows = duckdb_vector_size();
  for (size_t first = 0; first < batch.num_rows; first += chunk_rows) {
    const size_t rows = std::min(chunk_rows, batch.num_rows - first);
    duckdb_data_chunk_reset(state_->chunk.get());
    for (size_t i = 0; i < batch.columns.size(); ++i) {
      HR_RETURN_IF_ERROR(
          FillVector(batch.columns[i], first, rows, duckdb_data_chunk_get_vector(state_->chunk.get(), i)));
    }
    duckdb_data_chunk_set_size(state_->chunk.get(), rows);
    if (duckdb_append_data_chunk(state_->appender.get(), state_->chunk.get()) != DuckDBSuccess) {
      return SqlStatus(duckdb_appender_error(state_->appender.get()));
    }
  }
  return absl::OkStatus();
}

Status Appender::Close() {
  if (duckdb_appender_close(state_->appender.get()) == DuckDBSuccess) return absl::OkStatus();
  return SqlStatus(duckdb_appender_error(state_->appender.get()));
}

std::string ColumnDefinitions(const Schema& schema) {
  std::string result;
  for (const Field& field : schema) {
    if (!result.empty()) result += ", ";
    result += QuoteIdentifier(field.name) + " ";
    result += TypeName(field.type);
  }
  return result;
}

}  // namespace headrace
