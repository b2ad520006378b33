#include "warehouse/cast_sql.h"

#include "warehouse/sql_text.h"

namespace headrace {
namespace {

bool BeginsWith(std::string_view text, std::string_view prefix) {
  return text.substr(0, prefix.size()) == prefix;
}

bool IsText(std::string_view type) {
  return type == "VARCHAR" || type == "JSON" || BeginsWith(type, "ENUM");
}

bool HasFraction(std::string_view type) {
  return type == "DOUBLE" || type == "FLOAT" || BeginsWith(type, "DECIMAL");
}

// `value` where `fits`, null where it is null, an error for all others.
std::string Checked(std::string_view column, std::string_view fits, std::string_view value, TypeId to) {
  const std::string name = QuoteIdentifier(column);
  const std::string message = fmt::format("column {}: ", name);
  return fmt::format(
      "case when {} is null then null when {} then {} else error({} || {}::varchar || ' is not a {}') end", name, fits,
      value, QuoteLiteral(message), name, to == TypeId::kTimestamp ? "TIMESTAMP in whole microseconds" : TypeName(to));
}

std::string ToBigint(const TypedColumn& column) {
  const std::string name = QuoteIdentifier(column.name);
  if (IsText(column.type)) {
    return Checked(column.name, fmt::format("try_cast({0} as bigint) = try_cast({0} as double)", name),
                   fmt::format("try_cast({} as bigint)", name), TypeId::kBigint);
  }
  if (HasFraction(column.type)) {
    return Checked(column.name, fmt::format("try_cast({0} as bigint) = {0}", name),
                   fmt::format("try_cast({} as bigint)", name), TypeId::kBigint);
  }
  return fmt::format("cast({} as bigint)", name);
}

// Digits are never rounded away; a double is the decimal that it is the nearest double of.
std::string ToDecimal(const TypedColumn& column, TypeId to) {
  std::string name = QuoteIdentifier(column.name);
  const std::string value = fmt::format("try_cast({} as {})", name, TypeName(to));
  if (column.type == TypeName(to)) return name;
  if (IsText(column.type)) {
    const int digits_before_point = WidthOf(to) - ScaleOf(to);
    const TypeId all_digits = DecimalOf(kMaxDecimalWidth, kMaxDecimalWidth - digits_before_point);
    return Checked(column.name, fmt::format("{} = try_cast({} as {})", value, name, TypeName(all_digits)), value, to);
  }
  if (BeginsWith(column.type, "DECIMAL")) return Checked(column.name, fmt::format("{} = {}", value, name), value, to);
  if (HasFraction(column.type)) {
    return Checked(column.name, fmt::format("cast({} as double) = {}", value, name), value, to);
  }
  return fmt::format("cast({} as {})", name, TypeName(to));
}

std::string ToTimestamp(const TypedColumn& column) {
  const std::string name = QuoteIdentifier(column.name);
  if (IsText(column.type)) return fmt::format("cast(cast({} as timestamptz) as timestamp)", name);
  if (column.type == "TIMESTAMP_NS") {
    return Checked(column.name, fmt::format("epoch_ns({}) % 1000 = 0", name),
                   fmt::format("cast({} as timestamp)", name), TypeId::kTimestamp);
  }
  return fmt::format("cast({} as timestamp)", name);
}

}  // namespace

StatusOr<std::vector<TypedColumn>> DescribeTypes(Connection& connection, std::string_view sql) {
  HR_ASSIGN_OR_RETURN(const RecordBatch rows,
                      connection.QueryAll(fmt::format("describe {}", sql), {}, {.render_other_types = true}));
  std::vector<TypedColumn> result;
  for (size_t row = 0; row < rows.num_rows; ++row) {
    result.push_back({std::string(rows.columns[0].str(row)), std::string(rows.columns[1].str(row))});
  }
  return result;
}

std::string CastSql(const TypedColumn& column, TypeId to) {
  if (to == TypeId::kBigint) return ToBigint(column);
  if (to == TypeId::kTimestamp) return ToTimestamp(column);
  if (IsDecimal(to)) return ToDecimal(column, to);
  return fmt::format("cast({} as {})", QuoteIdentifier(column.name), TypeName(to));
}

}  // namespace headrace
