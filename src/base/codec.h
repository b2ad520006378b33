// Bytes for files and logs: little-endian fixed-width numbers, length-prefixed text, columns.
//
//   u8 u32 u64 i64 i128    1, 4, 8, 8, 16 bytes
//   text              u32 length, bytes
//   type              u8 its number; of a decimal 0x80, of a list of decimals 0x90, and then: u8 width, u8 scale
//   column            type, u32 rows, u8 has_nulls, [rows validity bytes], values:
//                       fixed width             rows x 8 bytes
//                       VARCHAR, decimals, lists, maps    rows x text
//   value             u8 1 if it is null, else 0 and: 8 bytes, or text (VARCHAR, decimals, lists, maps)
//   column of [7, null] BIGINT:  01 | 02 00 00 00 | 01 | 01 00 | 07 00 00 00 00 00 00 00 | 00 00 00 00 00 00 00 00
//
// A reader checks every length against what is left, so damaged bytes give kDataLoss, never a wild read.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "base/column.h"

namespace headrace {

class ByteWriter {
 public:
  void PutU8(uint8_t v) { bytes_.push_back(static_cast<char>(v)); }
  void PutU32(uint32_t v) { PutFixed(v); }
  void PutU64(uint64_t v) { PutFixed(v); }
  void PutI64(int64_t v) { PutFixed(v); }
  void PutText(std::string_view text);
  void PutI128(__int128 v) { PutFixed(v); }
  void PutType(TypeId type);
  void PutValue(const Value& value);
  void PutColumn(const Column& column);
  std::string Finish() && { return std::move(bytes_); }

 private:
  template <typename T>
  void PutFixed(T v) {
    bytes_.append(reinterpret_cast<const char*>(&v), sizeof v);
  }
  std::string bytes_;
};

class ByteReader {
 public:
  explicit ByteReader(std::string_view bytes) : rest_(bytes) {}

  Status GetU8(uint8_t* v) { return GetFixed(v); }
  Status GetU32(uint32_t* v) { return GetFixed(v); }
  Status GetU64(uint64_t* v) { return GetFixed(v); }
  Status GetI64(int64_t* v) { return GetFixed(v); }
  Status GetText(std::string* text);
  Status GetI128(__int128* v) { return GetFixed(v); }
  StatusOr<TypeId> GetType();
  StatusOr<Value> GetValue(TypeId type);
  StatusOr<Column> GetColumn();
  bool AtEnd() const { return rest_.empty(); }

 private:
  template <typename T>
  Status GetFixed(T* v) {
    if (rest_.size() < sizeof(T)) return DataLoss("the bytes end within a number");
    std::memcpy(v, rest_.data(), sizeof(T));
    rest_.remove_prefix(sizeof(T));
    return absl::OkStatus();
  }
  std::string_view rest_;
};

}  // namespace headrace
