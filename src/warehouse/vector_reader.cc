#include "warehouse/vector_reader.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <numeric>
#include <optional>

#include "base/decimal.h"
#include "base/nested.h"
#include "base/time.h"

namespace headrace {
namespace {

using Validity = std::vector<uint8_t>;

constexpr int64_t kInt64Max = std::numeric_limits<int64_t>::max();
constexpr int64_t kInt64Min = std::numeric_limits<int64_t>::min();

// One byte a row, or empty when no row is null.
Validity ReadValidity(duckdb_vector vector, size_t rows) {
  const uint64_t* mask = duckdb_vector_get_validity(vector);
  if (mask == nullptr) return {};
  bool any_null = false;
  Validity result(rows);
  for (size_t row = 0; row < rows; ++row) {
    result[row] = (mask[row / 64] >> (row % 64)) & 1;
    any_null |= result[row] == 0;
  }
  if (!any_null) return {};
  return result;
}

bool IsValid(const Validity& validity, size_t row) {
  return validity.empty() || validity[row] != 0;
}

// Null rows hold 0, whatever DuckDB left there.
template <typename T>
void ClearNulls(const Validity& validity, std::vector<T>* values) {
  for (size_t row = 0; row < validity.size(); ++row) {
    if (validity[row] == 0) (*values)[row] = T{};
  }
}

template <typename From, typename To>
std::vector<To> Widen(duckdb_vector vector, size_t rows, const Validity& validity) {
  const auto* data = static_cast<const From*>(duckdb_vector_get_data(vector));
  std::vector<To> result(rows);
  if constexpr (std::is_same_v<From, To>) {
    if (rows > 0) std::memcpy(result.data(), data, rows * sizeof(To));
  } else {
    // NOLINTNEXTLINE(bugprone-signed-char-misuse): int8_t is a number here, of TINYINT.
    for (size_t row = 0; row < rows; ++row) result[row] = static_cast<To>(data[row]);
  }
  ClearNulls(validity, &result);
  return result;
}

template <typename From>
Column WidenIntegers(TypeId type, duckdb_vector vector, size_t rows, Validity validity) {
  std::vector<int64_t> values = Widen<From, int64_t>(vector, rows, validity);
  return Column::Integers(type, std::move(values), std::move(validity));
}

template <typename From>
Column WidenDoubles(duckdb_vector vector, size_t rows, Validity validity) {
  std::vector<double> values = Widen<From, double>(vector, rows, validity);
  return Column::Doubles(std::move(values), std::move(validity));
}

// Every value through `convert`, which gives nothing for a value that has no place in 64 bits.
template <typename From, typename Convert>
StatusOr<Column> ConvertIntegers(TypeId type, const std::string& name, std::string_view problem, duckdb_vector vector,
                                 size_t rows, Convert convert) {
  Validity validity = ReadValidity(vector, rows);
  const auto* data = static_cast<const From*>(duckdb_vector_get_data(vector));
  std::vector<int64_t> values(rows, 0);
  for (size_t row = 0; row < rows; ++row) {
    if (!IsValid(validity, row)) continue;
    const std::optional<int64_t> value = convert(data[row]);
    if (!value) return InvalidArgument("column '{}': a value {}", name, problem);
    values[row] = *value;
  }
  return Column::Integers(type, std::move(values), std::move(validity));
}

std::optional<int64_t> FromUnsigned(uint64_t v) {
  if (v > static_cast<uint64_t>(kInt64Max)) return std::nullopt;
  return static_cast<int64_t>(v);
}

std::optional<int64_t> FromHugeint(duckdb_hugeint v) {
  // Two's complement: a value of 64 bits has only copies of its sign in the upper half.
  const auto low = static_cast<int64_t>(v.lower);
  if (v.upper != (low < 0 ? -1 : 0)) return std::nullopt;
  return low;
}

std::optional<int64_t> FromUhugeint(duckdb_uhugeint v) {
  return v.upper != 0 ? std::nullopt : FromUnsigned(v.lower);
}

// DuckDB's infinities are the largest value and its negation.
std::optional<int64_t> FiniteTimestamp(int64_t v) {
  if (v == kInt64Max || v == -kInt64Max) return std::nullopt;
  return v;
}

std::optional<int64_t> ScaledTimestamp(int64_t v, int64_t factor) {
  if (!FiniteTimestamp(v) || v > kInt64Max / factor || v < kInt64Min / factor) return std::nullopt;
  return v * factor;
}

std::optional<int64_t> NanosecondTimestamp(int64_t v) {
  if (!FiniteTimestamp(v) || v % 1000 != 0) return std::nullopt;
  return v / 1000;
}

std::optional<int64_t> FiniteDate(int32_t v) {
  constexpr int32_t kInfinity = std::numeric_limits<int32_t>::max();
  if (v == kInfinity || v == -kInfinity) return std::nullopt;
  return v;
}

Column ReadStrings(duckdb_vector vector, size_t rows) {
  const Validity validity = ReadValidity(vector, rows);
  auto* data = static_cast<duckdb_string_t*>(duckdb_vector_get_data(vector));
  Column result(TypeId::kVarchar);
  result.Reserve(rows);
  for (size_t row = 0; row < rows; ++row) {
    if (!IsValid(validity, row)) {
      result.AppendNull();
    } else {
      result.AppendString({duckdb_string_t_data(&data[row]), duckdb_string_t_length(data[row])});
    }
  }
  return result;
}

template <typename Index>
Column ReadEnum(duckdb_vector vector, size_t rows, const std::vector<std::string>& dictionary) {
  const Validity validity = ReadValidity(vector, rows);
  const auto* data = static_cast<const Index*>(duckdb_vector_get_data(vector));
  Column result(TypeId::kVarchar);
  result.Reserve(rows);
  for (size_t row = 0; row < rows; ++row) {
    if (!IsValid(validity, row)) {
      result.AppendNull();
    } else {
      result.AppendString(dictionary[data[row]]);
    }
  }
  return result;
}

// DuckDB stores a UUID as a HUGEINT with the first bit flipped, so that it sorts as its text does.
std::string FormatUuid(duckdb_hugeint v) {
  const uint64_t high = static_cast<uint64_t>(v.upper) ^ (uint64_t{1} << 63);
  const std::string hex = fmt::format("{:016x}{:016x}", high, v.lower);
  return fmt::format("{}-{}-{}-{}-{}", hex.substr(0, 8), hex.substr(8, 4), hex.substr(12, 4), hex.substr(16, 4),
                     hex.substr(20));
}

Column ReadUuids(duckdb_vector vector, size_t rows) {
  const Validity validity = ReadValidity(vector, rows);
  const auto* data = static_cast<const duckdb_hugeint*>(duckdb_vector_get_data(vector));
  Column result(TypeId::kVarchar);
  for (size_t row = 0; row < rows; ++row) {
    if (!IsValid(validity, row)) {
      result.AppendNull();
    } else {
      result.AppendString(FormatUuid(data[row]));
    }
  }
  return result;
}

template <typename From>
Column ReadDecimals(TypeId type, duckdb_vector vector, size_t rows) {
  const Validity validity = ReadValidity(vector, rows);
  const auto* data = static_cast<const From*>(duckdb_vector_get_data(vector));
  Column result(type);
  result.Reserve(rows);
  for (size_t row = 0; row < rows; ++row) {
    if (!IsValid(validity, row)) {
      result.AppendNull();
    } else if constexpr (std::is_same_v<From, duckdb_hugeint>) {
      const auto high = static_cast<unsigned __int128>(static_cast<__int128>(data[row].upper)) << 64;
      AppendDecimal(static_cast<Int128>(high | data[row].lower), &result);
    } else {
      AppendDecimal(data[row], &result);
    }
  }
  return result;
}

std::optional<TypeId> OurType(duckdb_logical_type type) {
  switch (duckdb_get_type_id(type)) {
    case DUCKDB_TYPE_BOOLEAN:
      return TypeId::kBoolean;
    case DUCKDB_TYPE_TINYINT:
    case DUCKDB_TYPE_SMALLINT:
    case DUCKDB_TYPE_INTEGER:
    case DUCKDB_TYPE_BIGINT:
    case DUCKDB_TYPE_UTINYINT:
    case DUCKDB_TYPE_USMALLINT:
    case DUCKDB_TYPE_UINTEGER:
    case DUCKDB_TYPE_UBIGINT:
    case DUCKDB_TYPE_HUGEINT:
    case DUCKDB_TYPE_UHUGEINT:
      return TypeId::kBigint;
    case DUCKDB_TYPE_FLOAT:
    case DUCKDB_TYPE_DOUBLE:
      return TypeId::kDouble;
    case DUCKDB_TYPE_DECIMAL:
      return DecimalOf(duckdb_decimal_width(type), duckdb_decimal_scale(type));
    case DUCKDB_TYPE_VARCHAR:
    case DUCKDB_TYPE_ENUM:
    case DUCKDB_TYPE_UUID:
    case DUCKDB_TYPE_SQLNULL:
      return TypeId::kVarchar;
    case DUCKDB_TYPE_DATE:
      return TypeId::kDate;
    case DUCKDB_TYPE_TIMESTAMP:
    case DUCKDB_TYPE_TIMESTAMP_S:
    case DUCKDB_TYPE_TIMESTAMP_MS:
    case DUCKDB_TYPE_TIMESTAMP_NS:
    case DUCKDB_TYPE_TIMESTAMP_TZ:
      return TypeId::kTimestamp;
    default:
      return std::nullopt;
  }
}

// Of a list its elements' type, of a map those of its keys and values, of others nothing.
std::vector<LogicalTypeHandle> ChildTypes(duckdb_logical_type type) {
  std::vector<LogicalTypeHandle> children;
  if (duckdb_get_type_id(type) == DUCKDB_TYPE_LIST) {
    children.emplace_back(duckdb_list_type_child_type(type));
  } else if (duckdb_get_type_id(type) == DUCKDB_TYPE_MAP) {
    children.emplace_back(duckdb_map_type_key_type(type));
    children.emplace_back(duckdb_map_type_value_type(type));
  }
  return children;
}

// A map's keys stand in any order in DuckDB, ascending in ours.
void SortByKey(const Column& keys, std::vector<uint32_t>* rows) {
  std::sort(rows->begin(), rows->end(), [&](uint32_t a, uint32_t b) {
    if (keys.type() == TypeId::kVarchar) return keys.str(a) < keys.str(b);
    if (keys.type() != TypeId::kDouble) return keys.ints()[a] < keys.ints()[b];
    const double x = keys.doubles()[a];
    const double y = keys.doubles()[b];
    return std::isnan(y) ? !std::isnan(x) : x < y;
  });
}

std::vector<std::string> ReadDictionary(duckdb_logical_type type) {
  std::vector<std::string> result(duckdb_enum_dictionary_size(type));
  for (size_t i = 0; i < result.size(); ++i) result[i] = TakeText(duckdb_enum_dictionary_value(type, i));
  return result;
}

StatusOr<Column> ReadWideInteger(duckdb_type from, const std::string& name, duckdb_vector vector, size_t rows) {
  constexpr std::string_view kProblem = "is beyond the 64 bits of a BIGINT: cast it to DOUBLE or VARCHAR";
  switch (from) {
    case DUCKDB_TYPE_UBIGINT:
      return ConvertIntegers<uint64_t>(TypeId::kBigint, name, kProblem, vector, rows, FromUnsigned);
    case DUCKDB_TYPE_HUGEINT:
      return ConvertIntegers<duckdb_hugeint>(TypeId::kBigint, name, kProblem, vector, rows, FromHugeint);
    default:
      return ConvertIntegers<duckdb_uhugeint>(TypeId::kBigint, name, kProblem, vector, rows, FromUhugeint);
  }
}

// As they are: the common case, without a branch a row.
StatusOr<Column> ReadMicroseconds(const std::string& name, std::string_view problem, duckdb_vector vector,
                                  size_t rows) {
  Validity validity = ReadValidity(vector, rows);
  std::vector<int64_t> values = Widen<int64_t, int64_t>(vector, rows, validity);
  bool any_infinite = false;
  for (const int64_t value : values) any_infinite |= value == kInt64Max || value == -kInt64Max;
  if (any_infinite) return InvalidArgument("column '{}': a value {}", name, problem);
  return Column::Integers(TypeId::kTimestamp, std::move(values), std::move(validity));
}

StatusOr<Column> ReadTimes(duckdb_type from, const std::string& name, duckdb_vector vector, size_t rows) {
  constexpr std::string_view kInfinite = "is infinite, or too far away for microseconds in 64 bits";
  switch (from) {
    case DUCKDB_TYPE_DATE:
      return ConvertIntegers<int32_t>(TypeId::kDate, name, kInfinite, vector, rows, FiniteDate);
    case DUCKDB_TYPE_TIMESTAMP_S:
      return ConvertIntegers<int64_t>(TypeId::kTimestamp, name, kInfinite, vector, rows,
                                      [](int64_t v) { return ScaledTimestamp(v, 1'000'000); });
    case DUCKDB_TYPE_TIMESTAMP_MS:
      return ConvertIntegers<int64_t>(TypeId::kTimestamp, name, kInfinite, vector, rows,
                                      [](int64_t v) { return ScaledTimestamp(v, 1'000); });
    case DUCKDB_TYPE_TIMESTAMP_NS:
      return ConvertIntegers<int64_t>(TypeId::kTimestamp, name, "is infinite or not in whole microseconds", vector,
                                      rows, NanosecondTimestamp);
    default:
      return ReadMicroseconds(name, kInfinite, vector, rows);
  }
}

}  // namespace

bool VectorReader::CanRead(duckdb_logical_type type) {
  const std::vector<LogicalTypeHandle> children = ChildTypes(type);
  const bool map = children.size() == 2;
  return OurType(type).has_value() ||
         (!children.empty() && std::all_of(children.begin(), children.end(), [&](const LogicalTypeHandle& child) {
           const std::optional<TypeId> ours = OurType(child.get());
           return ours && (!map || FitsMap(*ours));
         }));
}

StatusOr<VectorReader> VectorReader::Create(std::string name, duckdb_logical_type type) {
  VectorReader result;
  result.name_ = std::move(name);
  result.from_ = duckdb_get_type_id(type);
  for (const LogicalTypeHandle& child : ChildTypes(type)) {
    HR_ASSIGN_OR_RETURN(result.children_.emplace_back(), Create(result.name_, child.get()));
  }
  const std::optional<TypeId> ours = result.children_.empty() ? OurType(type) : result.NestedType();
  if (!ours) {
    return InvalidArgument("column '{}' has a type that is not one of ours: cast it to BIGINT, DOUBLE, VARCHAR, ...",
                           result.name_);
  }
  result.type_ = *ours;
  if (result.from_ == DUCKDB_TYPE_DECIMAL) {
    result.internal_ = duckdb_decimal_internal_type(type);
  } else if (result.from_ == DUCKDB_TYPE_ENUM) {
    result.dictionary_ = ReadDictionary(type);
    result.internal_ = duckdb_enum_internal_type(type);
  }
  return result;
}

std::optional<TypeId> VectorReader::NestedType() const {
  if (children_.empty() || IsNested(children_.front().type_) || IsNested(children_.back().type_)) return std::nullopt;
  if (from_ != DUCKDB_TYPE_MAP) return ListOf(children_[0].type_);
  if (!FitsMap(children_[0].type_) || !FitsMap(children_[1].type_)) return std::nullopt;
  return MapOf(children_[0].type_, children_[1].type_);
}

// The elements of all rows stand one after another in a vector of their own; a map's are pairs of key and value.
StatusOr<Column> VectorReader::ReadNested(duckdb_vector vector, size_t rows) const {
  const size_t elements = duckdb_list_vector_get_size(vector);
  const duckdb_vector child = duckdb_list_vector_get_child(vector);
  std::vector<Column> all;
  for (size_t i = 0; i < children_.size(); ++i) {
    const duckdb_vector part = from_ == DUCKDB_TYPE_MAP ? duckdb_struct_vector_get_child(child, i) : child;
    HR_ASSIGN_OR_RETURN(Column column, children_[i].Read(part, elements));
    all.push_back(std::move(column));
  }
  const Validity validity = ReadValidity(vector, rows);
  const auto* entries = static_cast<const duckdb_list_entry*>(duckdb_vector_get_data(vector));
  Column result(type_);
  for (size_t row = 0; row < rows; ++row) {
    if (!IsValid(validity, row)) {
      result.AppendNull();
      continue;
    }
    std::vector<uint32_t> own(entries[row].length);
    std::iota(own.begin(), own.end(), static_cast<uint32_t>(entries[row].offset));
    if (from_ == DUCKDB_TYPE_MAP) {
      SortByKey(all[0], &own);
      result.AppendString(EncodeMap(all[0].Take(own), all[1].Take(own)));
    } else {
      result.AppendString(EncodeList(all[0].Take(own)));
    }
  }
  return result;
}

StatusOr<Column> VectorReader::Read(duckdb_vector vector, size_t rows) const {
  if (!children_.empty()) return ReadNested(vector, rows);
  const duckdb_type layout = internal_ == DUCKDB_TYPE_INVALID ? from_ : internal_;
  const bool decimal = from_ == DUCKDB_TYPE_DECIMAL;
  switch (layout) {
    case DUCKDB_TYPE_BOOLEAN:  // as bytes: a null row may hold one that is no bool
      return WidenIntegers<uint8_t>(type_, vector, rows, ReadValidity(vector, rows));
    case DUCKDB_TYPE_TINYINT:
      return WidenIntegers<int8_t>(type_, vector, rows, ReadValidity(vector, rows));
    case DUCKDB_TYPE_SMALLINT:
      if (decimal) return ReadDecimals<int16_t>(type_, vector, rows);
      return WidenIntegers<int16_t>(type_, vector, rows, ReadValidity(vector, rows));
    case DUCKDB_TYPE_INTEGER:
      if (decimal) return ReadDecimals<int32_t>(type_, vector, rows);
      return WidenIntegers<int32_t>(type_, vector, rows, ReadValidity(vector, rows));
    case DUCKDB_TYPE_BIGINT:
      if (decimal) return ReadDecimals<int64_t>(type_, vector, rows);
      return WidenIntegers<int64_t>(type_, vector, rows, ReadValidity(vector, rows));
    case DUCKDB_TYPE_UTINYINT:
      if (!dictionary_.empty()) return ReadEnum<uint8_t>(vector, rows, dictionary_);
      return WidenIntegers<uint8_t>(type_, vector, rows, ReadValidity(vector, rows));
    case DUCKDB_TYPE_USMALLINT:
      if (!dictionary_.empty()) return ReadEnum<uint16_t>(vector, rows, dictionary_);
      return WidenIntegers<uint16_t>(type_, vector, rows, ReadValidity(vector, rows));
    case DUCKDB_TYPE_UINTEGER:
      if (!dictionary_.empty()) return ReadEnum<uint32_t>(vector, rows, dictionary_);
      return WidenIntegers<uint32_t>(type_, vector, rows, ReadValidity(vector, rows));
    case DUCKDB_TYPE_HUGEINT:
      if (decimal) return ReadDecimals<duckdb_hugeint>(type_, vector, rows);
      return ReadWideInteger(from_, name_, vector, rows);
    case DUCKDB_TYPE_UBIGINT:
    case DUCKDB_TYPE_UHUGEINT:
      return ReadWideInteger(from_, name_, vector, rows);
    case DUCKDB_TYPE_FLOAT:
      return WidenDoubles<float>(vector, rows, ReadValidity(vector, rows));
    case DUCKDB_TYPE_DOUBLE:
      return WidenDoubles<double>(vector, rows, ReadValidity(vector, rows));
    case DUCKDB_TYPE_VARCHAR:
      return ReadStrings(vector, rows);
    case DUCKDB_TYPE_UUID:
      return ReadUuids(vector, rows);
    case DUCKDB_TYPE_SQLNULL: {
      Column nulls(TypeId::kVarchar);
      for (size_t row = 0; row < rows; ++row) nulls.AppendNull();
      return nulls;
    }
    default:
      return ReadTimes(from_, name_, vector, rows);
  }
}

}  // namespace headrace
