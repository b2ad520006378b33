#include "base/codec.h"

#include <algorithm>

namespace headrace {
namespace {

constexpr uint8_t kDecimal = 0x80;
constexpr uint8_t kDecimalList = 0x90;

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
  Column column(type);
  if (!HoldsBytes(column.type()) && rest_.size() / sizeof(int64_t) < rows)
    return DataLoss("the bytes end within a column");
  for (uint32_t row = 0; row < rows; ++row) {
    const bool null = !validity.empty() && validity[row] == 0;
    if (HoldsBytes(column.type())) {
      std::string text;
      HR_RETURN_IF_ERROR(GetText(&text));
      null ? column.AppendNull() : column.AppendString(text);
    } else if (column.type() == TypeId::kDouble) {
      double v = 0;
      HR_RETURN_IF_ERROR(GetFixed(&v));
      null ? column.AppendNull() : column.AppendDouble(v);
    } else {
      int64_t v = 0;
      HR_RETURN_IF_ERROR(GetI64(&v));
      null ? column.AppendNull() : column.AppendInt(v);
    }
  }
  return column;
}

}  // namespace headrace
