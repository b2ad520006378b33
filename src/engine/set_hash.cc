#include "engine/set_hash.h"

#include <span>
#include <string_view>

namespace headrace {
namespace {

template <typename T>
std::string_view BytesOf(std::span<const T> values) {
  return {reinterpret_cast<const char*>(values.data()), values.size_bytes()};
}

void AddValues(const Column& column, Xxh128* hash) {
  if (column.type() == TypeId::kDouble) return hash->Update(BytesOf(column.doubles()));
  if (!HoldsBytes(column.type())) return hash->Update(BytesOf(column.ints()));
  for (size_t row = 0; row < column.size(); ++row) {
    const std::string_view bytes = column.str(row);
    const uint64_t size = bytes.size();
    hash->Update(BytesOf(std::span(&size, 1)));
    hash->Update(bytes);
  }
}

void AddValidity(const Column& column, Xxh128* hash) {
  if (column.has_nulls()) return hash->Update(BytesOf(column.validity()));
  const std::string valid(column.size(), '\1');
  hash->Update(valid);
}

}  // namespace

SetHash::SetHash(Schema schema) : schema_(std::move(schema)), columns_(schema_.size()) {}

void SetHash::Add(const RecordBatch& rows) {
  for (size_t i = 0; i < columns_.size(); ++i) {
    AddValues(rows.columns[i], &columns_[i].values);
    AddValidity(rows.columns[i], &columns_[i].validity);
  }
}

std::string SetHash::Finish() const {
  std::string digests;
  for (size_t i = 0; i < columns_.size(); ++i) {
    digests += fmt::format("{}:{} {} {} {};", schema_[i].name.size(), schema_[i].name, TypeName(schema_[i].type),
                           columns_[i].values.Finish(), columns_[i].validity.Finish());
  }
  return Sha256Hex(digests);
}

}  // namespace headrace
