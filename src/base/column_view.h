// The values of one column that somebody else holds: a Column, or rows that are packed some other way. Valid as long as
// they stay where they are.
#pragma once

#include <cstring>
#include <span>
#include <string_view>

#include "base/column.h"

namespace headrace {

class ColumnView {
 public:
  // Where each text of a packed column begins: a u32 with its length, then its bytes.
  struct PackedTexts {
    const uint64_t* begins;
    const char* bytes;
  };

  ColumnView() = default;
  ColumnView(const Column& column)  // NOLINT(google-explicit-constructor): as a string is a string_view
      : type_(column.type()), size_(column.size()), validity_(column.has_nulls() ? column.validity().data() : nullptr) {
    if (HoldsBytes(type_)) {
      words_ = column.offsets().data();
      bytes_ = column.bytes().data();
    } else if (type_ == TypeId::kDouble) {
      words_ = column.doubles().data();
    } else {
      words_ = column.ints().data();
    }
  }
  // `values`: int64_t or double, as the type says. `validity`: one byte per row, or nullptr where none is null.
  ColumnView(TypeId type, const void* values, const uint8_t* validity, size_t size)
      : type_(type), size_(size), words_(values), validity_(validity) {}
  ColumnView(TypeId type, PackedTexts texts, const uint8_t* validity, size_t size)
      : type_(type), is_packed_(true), size_(size), words_(texts.begins), bytes_(texts.bytes), validity_(validity) {}

  TypeId type() const { return type_; }
  size_t size() const { return size_; }
  bool IsNull(size_t row) const { return validity_ != nullptr && validity_[row] == 0; }
  bool has_nulls() const { return validity_ != nullptr; }  // whether there may be some
  const uint8_t* validity() const { return validity_; }    // nullptr: no row is null
  std::span<const int64_t> ints() const { return {static_cast<const int64_t*>(words_), size_}; }
  std::span<const double> doubles() const { return {static_cast<const double*>(words_), size_}; }
  std::string_view str(size_t row) const {
    const auto* at = static_cast<const uint64_t*>(words_) + row;
    if (!is_packed_) return {bytes_ + at[0], at[1] - at[0]};
    uint32_t length = 0;
    std::memcpy(&length, bytes_ + at[0], sizeof length);
    return {bytes_ + at[0] + sizeof length, length};
  }
  Value GetValue(size_t row) const;
  void AppendTo(size_t row, Column* out) const;  // of the same type

 private:
  TypeId type_ = TypeId::kBigint;
  bool is_packed_ = false;
  size_t size_ = 0;
  const void* words_ = nullptr;  // int64_t, double, or of texts where they begin: a Column's offsets, or packed
  const char* bytes_ = nullptr;  // of texts
  const uint8_t* validity_ = nullptr;
};

}  // namespace headrace
