#include "base/nested.h"

#include "base/codec.h"

namespace headrace {
namespace {

Column GetColumn(TypeId type, ByteReader* reader) {
  StatusOr<Column> column = reader->GetColumn();
  return column.ok() && column->type() == type ? *std::move(column) : Column(type);
}

}  // namespace

std::string EncodeList(const Column& elements) {
  ByteWriter writer;
  writer.PutColumn(elements);
  return std::move(writer).Finish();
}

std::string EncodeMap(const Column& keys, const Column& values) {
  ByteWriter writer;
  writer.PutColumn(keys);
  writer.PutColumn(values);
  return std::move(writer).Finish();
}

Column DecodeList(TypeId list, std::string_view bytes) {
  ByteReader reader(bytes);
  return GetColumn(ElementOf(list), &reader);
}

MapEntries DecodeMap(TypeId map, std::string_view bytes) {
  ByteReader reader(bytes);
  MapEntries entries{GetColumn(KeyOf(map), &reader), Column(ElementOf(map))};
  entries.values = GetColumn(ElementOf(map), &reader);
  if (entries.keys.size() != entries.values.size()) return {Column(KeyOf(map)), Column(ElementOf(map))};
  return entries;
}

}  // namespace headrace
