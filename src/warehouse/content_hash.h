// A hash of rows that does not depend on their order, nor on DuckDB's version.
//
// Each value gives 64 bits from its own bits (so -0.0 and 0.0 differ, and null is no value), each row a 64-bit
// mix of its values in column order, and the whole the number of rows and the sum and the exclusive or of the rows'
// hashes: equal multisets give equal hashes. It detects change; it is no defence against a forger.
#pragma once

#include <string>
#include <string_view>

#include "warehouse/database.h"

namespace headrace {

struct ContentHash {
  int64_t rows = 0;
  std::string hash;  // 32 hexadecimal digits
  bool operator==(const ContentHash&) const = default;
};

class ContentHasher {
 public:
  void Add(const RecordBatch& batch);
  void Merge(const ContentHasher& other);
  ContentHash Finish() const;

 private:
  int64_t rows_ = 0;
  uint64_t sum_ = 0;
  uint64_t exclusive_or_ = 0;
};

// Of all rows of a query.
StatusOr<ContentHash> HashQuery(Connection& connection, std::string_view sql);

}  // namespace headrace
