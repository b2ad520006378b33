// Columns of values, and batches of equally long columns: the one form in which rows travel between folders.
//
//   fixed-width types   ints_    [ v0 | v1 | v2 | ... ]      8 bytes a row (booleans, bigints, dates, timestamps)
//                       doubles_ [ v0 | v1 | v2 | ... ]      8 bytes a row
//   VARCHAR, nested     offsets_ [ 0 | o1 | o2 | ... | on ]  row i is bytes_[offsets_[i], offsets_[i + 1])
//   validity_           [ 1 | 0 | 1 | ... ]                  one byte a row, or empty when no row is null
//
// A null row holds 0 or "" in the data arrays, so that kernels may compute over it. Not thread-safe to change;
// any number of threads may read.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/value.h"

namespace headrace {

class Column {
 public:
  explicit Column(TypeId type) : type_(type) {
    if (HoldsBytes(type)) offsets_.push_back(0);
  }
  // Whole columns of fixed width; `validity` is empty or has one byte per row.
  static Column Integers(TypeId type, std::vector<int64_t> values, std::vector<uint8_t> validity = {});
  static Column Doubles(std::vector<double> values, std::vector<uint8_t> validity = {});

  // The values' own memory, to be used again; the column is empty then.
  std::vector<int64_t> TakeInts() && { return std::move(ints_); }
  std::vector<double> TakeDoubles() && { return std::move(doubles_); }

  TypeId type() const { return type_; }
  size_t size() const { return HoldsBytes(type_) ? offsets_.size() - 1 : is_double() ? doubles_.size() : ints_.size(); }

  bool IsNull(size_t row) const { return !validity_.empty() && validity_[row] == 0; }
  bool has_nulls() const { return !validity_.empty(); }
  std::span<const uint8_t> validity() const { return validity_; }  // empty: no row is null
  std::span<const int64_t> ints() const { return ints_; }          // boolean, bigint, date, timestamp
  std::span<const double> doubles() const { return doubles_; }
  std::span<const uint64_t> offsets() const { return offsets_; }  // of what holds bytes: one more than rows
  std::string_view bytes() const { return bytes_; }
  // A text, or the encoding of a list or map (base/nested.h).
  std::string_view str(size_t row) const {
    return std::string_view(bytes_).substr(offsets_[row], offsets_[row + 1] - offsets_[row]);
  }
  Value GetValue(size_t row) const;

  void Reserve(size_t rows);
  void AppendNull();
  void AppendInt(int64_t v) {
    ints_.push_back(v);
    if (!validity_.empty()) validity_.push_back(1);
  }
  void AppendDouble(double v) {
    doubles_.push_back(v);
    if (!validity_.empty()) validity_.push_back(1);
  }
  void AppendString(std::string_view v);
  void Append(const Value& v);                       // null, or of this column's type
  void AppendFrom(const Column& other, size_t row);  // of the same type
  void AppendColumn(const Column& other);

  // The rows at `indices`, in their order.
  Column Take(std::span<const uint32_t> indices) const;
  // `rows` rows from row `begin` on.
  Column Slice(size_t begin, size_t rows) const;

  // Whether the first rows are those of `prefix`, bit by bit; null equals null. Columns of two types never do.
  bool StartsWith(const Column& prefix) const;

 private:
  bool is_double() const { return type_ == TypeId::kDouble; }

  TypeId type_;
  std::vector<int64_t> ints_;
  std::vector<double> doubles_;
  std::vector<uint64_t> offsets_;
  std::string bytes_;
  std::vector<uint8_t> validity_;
};

struct Field {
  std::string name;
  TypeId type = TypeId::kBigint;
  bool operator==(const Field&) const = default;
};

using Schema = std::vector<Field>;

// The position of the field called `name` (case-sensitive), if there is one.
std::optional<size_t> FindField(const Schema& schema, std::string_view name);

std::vector<std::string> NamesOf(const Schema& schema);

struct RecordBatch {
  Schema schema;
  std::vector<Column> columns;  // one per field, all of one length
  size_t num_rows = 0;          // stands alone, since a batch may have no columns

  explicit RecordBatch(Schema s = {});
  const Column* Find(std::string_view name) const;  // nullptr when there is none
  void AppendBatch(const RecordBatch& other);       // of the same schema
  // `rows` rows from row `begin` on; fewer at the end.
  RecordBatch Slice(size_t begin, size_t rows) const;
};

// Gives the next batch of some rows, and nothing at their end.
using BatchReader = std::function<StatusOr<std::optional<RecordBatch>>()>;

}  // namespace headrace
