// md5, and the kernel's own hashes for buckets: hash, hash_cross.
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>

#include "base/decimal.h"
#include "base/hash.h"
#include "kernel/functions/support.h"

namespace headrace::functions {
namespace {

// The canonical bytes of a value, which a hash takes in:
//
//   null       00
//   boolean    01, then 8 bytes of 0 or 1
//   bigint     02, then 8 bytes, two's complement
//   double     03, then 8 bytes, IEEE 754; every NaN is the quiet one, -0.0 is 0.0
//   varchar    04, then 8 bytes of length, then the bytes
//   date       05, then 8 bytes, days since 1970
//   timestamp  06, then 8 bytes, microseconds since 1970
//   decimal    07, then 8 bytes of scale, then 16 bytes, units: of 1.50 those of 1.5
//
// all little-endian; of several values one after the other. This is a promise: a trained model's buckets depend on it.
void AppendWord(uint64_t word, std::string* bytes) {
  static_assert(std::endian::native == std::endian::little);
  bytes->append(reinterpret_cast<const char*>(&word), sizeof word);
}

char TagOf(TypeId type) {
  switch (type) {
    case TypeId::kBoolean:
      return 1;
    case TypeId::kBigint:
      return 2;
    case TypeId::kDouble:
      return 3;
    case TypeId::kVarchar:
      return 4;
    case TypeId::kDate:
      return 5;
    case TypeId::kTimestamp:
      return 6;
  }
  return 0;
}

void AppendCanonicalDecimal(const Column& column, size_t row, std::string* bytes) {
  constexpr char kTag = 7;
  Int128 units = DecodeDecimal(column.str(row));
  int scale = ScaleOf(column.type());
  for (; scale > 0 && units % 10 == 0; --scale) units /= 10;
  bytes->push_back(kTag);
  AppendWord(static_cast<uint64_t>(scale), bytes);
  AppendWord(static_cast<uint64_t>(units), bytes);
  AppendWord(static_cast<uint64_t>(units >> 64), bytes);
}

void AppendCanonical(const Column& column, size_t row, std::string* bytes) {
  if (column.IsNull(row)) {
    bytes->push_back(0);
    return;
  }
  if (IsDecimal(column.type())) return AppendCanonicalDecimal(column, row, bytes);
  bytes->push_back(TagOf(column.type()));
  if (column.type() == TypeId::kVarchar) {
    AppendWord(column.str(row).size(), bytes);
    bytes->append(column.str(row));
  } else if (column.type() == TypeId::kDouble) {
    const double v = column.doubles()[row];
    AppendWord(std::bit_cast<uint64_t>(std::isnan(v) ? std::numeric_limits<double>::quiet_NaN() : v + 0.0), bytes);
  } else {
    AppendWord(static_cast<uint64_t>(column.ints()[row]), bytes);
  }
}

// 63 bits, so that hash(x) % n is a bucket.
int64_t HashRow(Arguments values, size_t row, std::string* scratch) {
  scratch->clear();
  for (const Column* value : values) AppendCanonical(*value, row, scratch);
  return static_cast<int64_t>(Hash64(*scratch) >> 1);
}

// Never null: null is a value like others here.
Status Hash(Arguments arguments, size_t rows, Column* result) {
  std::string scratch;
  result->Reserve(rows);
  for (size_t i = 0; i < rows; ++i) result->AppendInt(HashRow(arguments, i, &scratch));
  return absl::OkStatus();
}

// The bucket, 0 to n - 1, of the values before the last argument n.
Status HashCross(Arguments arguments, size_t rows, Column* result) {
  const Column& count = *arguments.back();
  std::string scratch;
  result->Reserve(rows);
  for (size_t i = 0; i < rows; ++i) {
    if (count.IsNull(i)) {
      result->AppendNull();
    } else if (count.ints()[i] <= 0) {
      return InvalidArgument("hash_cross into {} buckets", count.ints()[i]);
    } else {
      result->AppendInt(HashRow(arguments.first(arguments.size() - 1), i, &scratch) % count.ints()[i]);
    }
  }
  return absl::OkStatus();
}

ScalarFunction Own(std::string_view name, std::vector<TypeId> last_arguments, ScalarKernel kernel) {
  ScalarFunction function = {name, std::move(last_arguments), TypeId::kBigint, kernel};
  function.any_types = true;
  function.own = true;
  return function;
}

}  // namespace

std::vector<ScalarFunction> HashFunctions() {
  return {
      {"md5", {TypeId::kVarchar}, TypeId::kVarchar, Map<std::string, Md5Hex, std::string_view>},
      {"sha256", {TypeId::kVarchar}, TypeId::kVarchar, Map<std::string, Sha256Hex, std::string_view>},
      Own("hash", {}, Hash),
      Own("hash_cross", {TypeId::kBigint}, HashCross),
  };
}

}  // namespace headrace::functions
