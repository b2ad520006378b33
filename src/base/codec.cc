#include "base/codec.h"

#include <algorithm>
#include <cstring>

namespace headrace {
namespace {

constexpr uint8_t kDecimal = 0x80;
constexpr uint8_t kDecimalList = 0x90;

// Those of `bytes`, but 0 where a row is null, whatever stands there.
template <typename T, typename IsNull>
std::vector<T> FixedValues(std::string_view bytes, const IsNull& is_null) {
  std::vector<T> values(bytes.size() / sizeof(T));
  if (!values.empty()) std::memcpy(values.data(), bytes.data(), bytes.size());
  for (size_t row = 0; row < values.size(); ++row) {
    if (is_null(row)) values[row] = 0;
  }
  return values;
}

std::vector<uint8_t> ToValidity(std::string_view bytes) {
  std::vector<uint8_t> validity(bytes.size());
  for (size_t row = 0; row < validity.size(); ++row) validity[row] = bytes[row] == 0 ? 0 : 1;
  return validity;
}

}  // namespace

void ByteWriter::PutType(TypeId type) {
  const bool list = IsList(type);
  if (!IsDecimal(list ? ElementOf(type) : type)) return PutU8(static_cast<uint8_t>(type));
  PutU8(list ? kDecimalList : kDecimal);
  PutU8(static_cast<uint8_t>(WidthOf(type)));
  PutU8(static_cast<uint8_t>(ScaleOf(type)));
}

StatusOr<TypeId> ByteReader::GetType() {
  uint8_t number = 0;
  HR_RETURN_IF_ERROR(GetU8(&number));
  if (number != kDecimal && number != kDecimalList) {
    if (!IsTypeId(number)) return DataLoss("{} is no type", number);
    return static_cast<TypeId>(number);
  }
  uint8_t width = 0;
  uint8_t scale = 0;
  HR_RETURN_IF_ERROR(GetU8(&width));
  HR_RETURN_IF_ERROR(GetU8(&scale));
  const TypeId decimal = DecimalOf(width, scale);
  if (!IsTypeId(static_cast<uint32_t>(decimal))) return DataLoss("there is no decimal({},{})", width, scale);
  return number == kDecimal ? decimal : ListOf(decimal);
}

void ByteWriter::PutText(std::string_view text) {
  PutU32(static_cast<uint32_t>(text.size()));
  bytes_.append(text);
}

void ByteWriter::PutValue(const Value& value) {
  PutU8(value.is_null() ? 1 : 0);
  if (value.is_null()) return;
  if (HoldsBytes(value.type())) {
    PutText(value.str());
  } else if (value.type() == TypeId::kDouble) {
    PutFixed(value.dbl());
  } else {
    PutI64(value.int64());
  }
}

void ByteWriter::PutColumn(const Column& column) {
  PutType(column.type());
  PutU32(static_cast<uint32_t>(column.size()));
  // Equal columns give equal bytes: validity that says nothing is left out.
  const std::span<const uint8_t> validity = column.validity();
  const bool has_nulls = std::find(validity.begin(), validity.end(), 0) != validity.end();
  PutU8(has_nulls ? 1 : 0);
  if (has_nulls) bytes_.append(reinterpret_cast<const char*>(validity.data()), validity.size());
  if (HoldsBytes(column.type())) {
    for (size_t row = 0; row < column.size(); ++row) PutText(column.str(row));
  } else if (column.type() == TypeId::kDouble) {
    bytes_.append(reinterpret_cast<const char*>(column.doubles().data()), column.doubles().size_bytes());
  } else {
    bytes_.append(reinterpret_cast<const char*>(column.ints().data()), column.ints().size_bytes());
  }
}

Status ByteReader::GetText(std::string* text) {
  uint32_t size = 0;
  HR_RETURN_IF_ERROR(GetU32(&size));
  if (rest_.size() < size) return DataLoss("the bytes end within a text of {} bytes", size);
  text->assign(rest_.substr(0, size));
  rest_.remove_prefix(size);
  return absl::OkStatus();
}

StatusOr<Value> ByteReader::GetValue(TypeId type) {
  uint8_t null = 0;
  HR_RETURN_IF_ERROR(GetU8(&null));
  if (null != 0) return Value::Null();
  if (HoldsBytes(type)) {
    std::string text;
    HR_RETURN_IF_ERROR(GetText(&text));
    return Value::Bytes(type, std::move(text));
  }
  if (type == TypeId::kDouble) {
    double v = 0;
    HR_RETURN_IF_ERROR(GetFixed(&v));
    return Value::Double(v);
  }
  int64_t v = 0;
  HR_RETURN_IF_ERROR(GetI64(&v));
  return Value::Integer(type, v);
}

StatusOr<Column> ByteReader::GetColumn() {
  uint8_t has_nulls = 0;
  uint32_t rows = 0;
  HR_ASSIGN_OR_RETURN(const TypeId type, GetType());
  HR_RETURN_IF_ERROR(GetU32(&rows));
  HR_RETURN_IF_ERROR(GetU8(&has_nulls));
  if (has_nulls != 0 && rest_.size() < rows) return DataLoss("the bytes end within a column's validity");
  const std::string_view validity = rest_.substr(0, has_nulls != 0 ? rows : 0);
  rest_.remove_prefix(validity.size());
  const auto null = [&](size_t row) { return !validity.empty() && validity[row] == 0; };
  if (!HoldsBytes(type)) {
    if (rest_.size() / sizeof(int64_t) < rows) return DataLoss("the bytes end within a column");
    const std::string_view values = rest_.substr(0, rows * sizeof(int64_t));
    rest_.remove_prefix(values.size());
    if (type == TypeId::kDouble) return Column::Doubles(FixedValues<double>(values, null), ToValidity(validity));
    return Column::Integers(type, FixedValues<int64_t>(values, null), ToValidity(validity));
  }
  Column column(type);
  for (uint32_t row = 0; row < rows; ++row) {
    uint32_t size = 0;
    HR_RETURN_IF_ERROR(GetU32(&size));
    if (rest_.size() < size) return DataLoss("the bytes end within a text of {} bytes", size);
    null(row) ? column.AppendNull() : column.AppendString(rest_.substr(0, size));
    rest_.remove_prefix(size);
  }
  return column;
}

}  // namespace headrace
