// The content hash of a training set, taken batch by batch: of names, types and values in their order, whatever the
// batches are.
//
//   sha256 of, column by column: name, type, XXH3-128 of the values, XXH3-128 of one byte per row: 1, or 0 for a null
//
// Values are 8 bytes each, a null's zero; texts, lists and maps u64 length and bytes, a null's empty.
#pragma once

#include <string>
#include <vector>

#include "base/column.h"
#include "base/hash.h"

namespace headrace {

class SetHash {
 public:
  explicit SetHash(Schema schema);

  // The next rows, of the schema.
  void Add(const RecordBatch& rows);
  std::string Finish() const;

 private:
  struct ColumnHash {
    Xxh128 values;
    Xxh128 validity;
  };
  const Schema schema_;
  std::vector<ColumnHash> columns_;
};

}  // namespace headrace
