// Lists and maps as values.
//
// A list is held as the encoding of a column of its elements (ByteWriter::PutColumn), a map as that of its keys, then
// that of its values: keys ascending and never null. Equal lists and maps have equal bytes, so they are moved, hashed
// and compared as texts are.
#pragma once

#include <string>
#include <string_view>

#include "base/column.h"

namespace headrace {

struct MapEntries {
  Column keys;
  Column values;
};

// The value of type ListOf(elements.type()).
std::string EncodeList(const Column& elements);
// The value of type MapOf(keys.type(), values.type()); as many keys as values.
std::string EncodeMap(const Column& keys, const Column& values);

// What was encoded. Of bytes that are no value of that type: the empty list or map.
Column DecodeList(TypeId list, std::string_view bytes);
MapEntries DecodeMap(TypeId map, std::string_view bytes);

}  // namespace headrace
