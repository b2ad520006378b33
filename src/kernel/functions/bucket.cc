// Numbers and categories as numbered buckets: width_bucket bucketise one_hot_index. DuckDB has none of them.
#include <cmath>
#include <limits>

#include "kernel/functions/support.h"

namespace headrace::functions {
namespace {

constexpr TypeId kB = TypeId::kBigint;
constexpr TypeId kD = TypeId::kDouble;

// PostgreSQL's: `count` buckets of equal width from `low` (inside) to `high` (outside), numbered from 1; 0 before
// `low`, count + 1 from `high` on. With low > high the buckets run downwards. NaN is above all numbers.
Status WidthBucket(double v, double low, double high, int64_t count, int64_t* out) {
  if (count <= 0 || count == std::numeric_limits<int64_t>::max())
    return InvalidArgument("width_bucket into {} buckets", count);
  if (!std::isfinite(low) || !std::isfinite(high) || low == high) {
    return InvalidArgument("width_bucket from {} to {}: the bounds must be finite and differ", FormatDouble(low),
                           FormatDouble(high));
  }
  if (low < high ? CompareDoubles(v, low) < 0 : CompareDoubles(v, low) > 0) {
    *out = 0;
  } else if (low < high ? CompareDoubles(v, high) >= 0 : CompareDoubles(v, high) <= 0) {
    *out = count + 1;
  } else {
    // Halved, so that bounds far apart do not overflow.
    const double place = (v / 2 - low / 2) / (high / 2 - low / 2) * static_cast<double>(count);
    *out = place >= static_cast<double>(count) ? count : static_cast<int64_t>(place) + 1;
  }
  return absl::OkStatus();
}

// How many of the bounds, which must ascend, are at or below the value: bucketise(x, 0, 10) is 0 below 0, 1 up to below
// 10, 2 from 10 on.
Status Bucketise(Arguments arguments, size_t rows, Column* result) {
  result->Reserve(rows);
  for (size_t i = 0; i < rows; ++i) {
    if (AnyNull(arguments, i)) {
      result->AppendNull();
      continue;
    }
    int64_t bucket = 0;
    for (size_t bound = 1; bound < arguments.size(); ++bound) {
      const double at = arguments[bound]->doubles()[i];
      if (bound > 1 && CompareDoubles(at, arguments[bound - 1]->doubles()[i]) <= 0) {
        return InvalidArgument("bucketise: the bound {} does not ascend", FormatDouble(at));
      }
      bucket += static_cast<int64_t>(CompareDoubles(arguments[0]->doubles()[i], at) >= 0);
    }
    result->AppendInt(bucket);
  }
  return absl::OkStatus();
}

// The place of the value in the list, from 1; 0 for a value that is not in it.
template <typename T>
Status OneHotIndex(Arguments arguments, size_t rows, Column* result) {
  result->Reserve(rows);
  for (size_t i = 0; i < rows; ++i) {
    if (arguments[0]->IsNull(i)) {
      result->AppendNull();
      continue;
    }
    const T value = Cell<T>::Get(*arguments[0], i);
    int64_t place = 0;
    for (size_t item = 1; item < arguments.size() && place == 0; ++item) {
      if (!arguments[item]->IsNull(i) && Cell<T>::Get(*arguments[item], i) == value) place = static_cast<int64_t>(item);
    }
    result->AppendInt(place);
  }
  return absl::OkStatus();
}

ScalarFunction Own(ScalarFunction function) {
  function.own = true;
  return function;
}

}  // namespace

std::vector<ScalarFunction> BucketFunctions() {
  return {
      Own({"width_bucket", {kD, kD, kD, kB}, kB, TryMap<int64_t, WidthBucket, double, double, double, int64_t>}),
      Own({"bucketise", {kD, kD}, kB, Bucketise, /*variadic=*/true}),
      Own({"one_hot_index",
           {TypeId::kVarchar, TypeId::kVarchar},
           kB,
           OneHotIndex<std::string_view>,
           /*variadic=*/true}),
      Own({"one_hot_index", {kB, kB}, kB, OneHotIndex<int64_t>, /*variadic=*/true}),
      Own({"one_hot_index", {TypeId::kBoolean, TypeId::kBoolean}, kB, OneHotIndex<int64_t>, /*variadic=*/true}),
  };
}

}  // namespace headrace::functions
