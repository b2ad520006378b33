#include "base/column.h"

#include <algorithm>
#include <cstring>

namespace headrace {
namespace {

// A column without nulls has no validity, so that equal columns are equal byte by byte.
std::vector<uint8_t> UnlessAllValid(std::vector<uint8_t> validity) {
  if (std::find(validity.begin(), validity.end(), 0) == validity.end()) return {};
  return validity;
}

}  // namespace

Column Column::Integers(TypeId type, std::vector<int64_t> values, std::vector<uint8_t> validity) {
  Column column(type);
  column.ints_ = std::move(values);
  column.validity_ = UnlessAllValid(std::move(validity));
  return column;
}

Column Column::Doubles(std::vector<double> values, std::vector<uint8_t> validity) {
  Column column(TypeId::kDouble);
  column.doubles_ = std::move(values);
  column.validity_ = UnlessAllValid(std::move(validity));
  return column;
}

Value Column::GetValue(size_t row) const {
  if (IsNull(row)) return Value::Null();
  if (type_ == TypeId::kDouble) return Value::Double(doubles_[row]);
  if (HoldsBytes(type_)) return Value::Bytes(type_, std::string(str(row)));
  return Value::Integer(type_, ints_[row]);
}

void Column::Reserve(size_t rows) {
  if (HoldsBytes(type_)) {
    offsets_.reserve(rows + 1);
  } else if (is_double()) {
    doubles_.reserve(rows);
  } else {
    ints_.reserve(rows);
  }
}

void Column::AppendNull() {
  if (validity_.empty()) validity_.assign(size(), 1);
  if (HoldsBytes(type_)) {
    offsets_.push_back(bytes_.size());
  } else if (is_double()) {
    doubles_.push_back(0);
  } else {
    ints_.push_back(0);
  }
  validity_.push_back(0);
}

void Column::AppendString(std::string_view v) {
  bytes_.append(v);
  offsets_.push_back(bytes_.size());
  if (!validity_.empty()) validity_.push_back(1);
}

void Column::Append(const Value& v) {
  if (v.is_null()) return AppendNull();
  if (type_ == TypeId::kDouble) return AppendDouble(v.dbl());
  if (HoldsBytes(type_)) return AppendString(v.str());
  AppendInt(v.int64());
}

void Column::AppendFrom(const Column& other, size_t row) {
  if (other.IsNull(row)) return AppendNull();
  if (type_ == TypeId::kDouble) return AppendDouble(other.doubles_[row]);
  if (HoldsBytes(type_)) return AppendString(other.str(row));
  AppendInt(other.ints_[row]);
}

void Column::AppendColumn(const Column& other) {
  if (size() == 0) {
    *this = other;
    return;
  }
  if (other.has_nulls() || has_nulls()) {
    if (validity_.empty()) validity_.assign(size(), 1);
    if (other.has_nulls()) {
      validity_.insert(validity_.end(), other.validity_.begin(), other.validity_.end());
    } else {
      validity_.insert(validity_.end(), other.size(), 1);
    }
  }
  const uint64_t base = bytes_.size();
  bytes_.append(other.bytes_);
  for (size_t i = 1; i < other.offsets_.size(); ++i) offsets_.push_back(base + other.offsets_[i]);
  ints_.insert(ints_.end(), other.ints_.begin(), other.ints_.end());
  doubles_.insert(doubles_.end(), other.doubles_.begin(), other.doubles_.end());
}

Column Column::Take(std::span<const uint32_t> indices) const {
  Column taken(type_);
  if (HoldsBytes(type_)) {
    taken.Reserve(indices.size());
    for (const uint32_t row : indices) taken.AppendFrom(*this, row);
    return taken;
  }
  const auto gather = [&](const auto& values, auto* out) {
    out->resize(indices.size());
    for (size_t i = 0; i < indices.size(); ++i) (*out)[i] = values[indices[i]];
  };
  if (is_double()) {
    gather(doubles_, &taken.doubles_);
  } else {
    gather(ints_, &taken.ints_);
  }
  if (has_nulls()) {
    gather(validity_, &taken.validity_);
    taken.validity_ = UnlessAllValid(std::move(taken.validity_));
  }
  return taken;
}

Column Column::Slice(size_t begin, size_t rows) const {
  Column slice(type_);
  const auto first = static_cast<ptrdiff_t>(begin);
  const auto last = static_cast<ptrdiff_t>(begin + rows);
  if (HoldsBytes(type_)) {
    const uint64_t first_byte = offsets_[begin];
    slice.bytes_ = bytes_.substr(first_byte, offsets_[begin + rows] - first_byte);
    slice.offsets_.assign(offsets_.begin() + first, offsets_.begin() + last + 1);
    for (uint64_t& offset : slice.offsets_) offset -= first_byte;
  } else if (is_double()) {
    slice.doubles_.assign(doubles_.begin() + first, doubles_.begin() + last);
  } else {
    slice.ints_.assign(ints_.begin() + first, ints_.begin() + last);
  }
  if (!validity_.empty()) slice.validity_.assign(validity_.begin() + first, validity_.begin() + last);
  return slice;
}

bool Column::StartsWith(const Column& prefix) const {
  const size_t rows = prefix.size();
  if (prefix.type_ != type_ || rows > size()) return false;
  if (rows == 0) return true;
  for (size_t row = 0; (has_nulls() || prefix.has_nulls()) && row < rows; ++row) {
    if (IsNull(row) != prefix.IsNull(row)) return false;
  }
  // The values of null rows are zeros or empty, so that they need not be left out.
  if (HoldsBytes(type_)) {
    return std::equal(prefix.offsets_.begin(), prefix.offsets_.end(), offsets_.begin()) &&
           std::string_view(bytes_).substr(0, prefix.bytes_.size()) == prefix.bytes_;
  }
  if (is_double()) return std::memcmp(prefix.doubles_.data(), doubles_.data(), rows * sizeof(double)) == 0;
  return std::equal(prefix.ints_.begin(), prefix.ints_.end(), ints_.begin());
}

std::vector<std::string> NamesOf(const Schema& schema) {
  std::vector<std::string> names;
  for (const Field& field : schema) names.push_back(field.name);
  return names;
}

std::optional<size_t> FindField(const Schema& schema, std::string_view name) {
  const auto it = std::find_if(schema.begin(), schema.end(), [&](const Field& field) { return field.name == name; });
  if (it == schema.end()) return std::nullopt;
  return static_cast<size_t>(it - schema.begin());
}

RecordBatch::RecordBatch(Schema s) : schema(std::move(s)) {
  columns.reserve(schema.size());
  for (const Field& field : schema) columns.emplace_back(field.type);
}

const Column* RecordBatch::Find(std::string_view name) const {
  const std::optional<size_t> index = FindField(schema, name);
  return index ? &columns[*index] : nullptr;
}

void RecordBatch::AppendBatch(const RecordBatch& other) {
  for (size_t i = 0; i < columns.size(); ++i) columns[i].AppendColumn(other.columns[i]);
  num_rows += other.num_rows;
}

RecordBatch RecordBatch::Slice(size_t begin, size_t rows) const {
  RecordBatch slice;
  slice.schema = schema;
  slice.num_rows = std::min(rows, num_rows - begin);
  for (const Column& column : columns) slice.columns.push_back(column.Slice(begin, slice.num_rows));
  return slice;
}

}  // namespace headrace
