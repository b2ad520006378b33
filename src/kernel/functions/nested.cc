// Lists and maps: list_value, list_extract, list_contains, length, list_sum and its kin, one_hot; map_extract_value
// (which SQL here also calls element_at), map_contains, map_keys, map_values, cardinality.
#include <limits>
#include <optional>

#include "base/nested.h"
#include "kernel/aggregate.h"
#include "kernel/computed_double.h"
#include "kernel/functions/support.h"

namespace headrace::functions {
namespace {

constexpr TypeId kB = TypeId::kBigint;
constexpr TypeId kD = TypeId::kDouble;

bool SameCell(const Column& a, size_t row_a, const Column& b, size_t row_b) {
  return !a.IsNull(row_a) && !b.IsNull(row_b) && CompareCells(a, row_a, b, row_b) == 0;
}

// The place of row `row` of `wanted` in `column`.
std::optional<size_t> Find(const Column& column, const Column& wanted, size_t row) {
  for (size_t i = 0; i < column.size(); ++i) {
    if (SameCell(column, i, wanted, row)) return i;
  }
  return std::nullopt;
}

Column ListAt(const Column& lists, size_t row) {
  return DecodeList(lists.type(), lists.str(row));
}
MapEntries MapAt(const Column& maps, size_t row) {
  return DecodeMap(maps.type(), maps.str(row));
}

// f(i, result) of each row without a null among its arguments.
template <typename F>
Status EachRow(Arguments arguments, size_t rows, Column* result, F f) {
  for (size_t i = 0; i < rows; ++i) {
    if (AnyNull(arguments, i)) {
      result->AppendNull();
    } else {
      HR_RETURN_IF_ERROR(f(i));
    }
  }
  return absl::OkStatus();
}

Status ListValue(Arguments arguments, size_t rows, Column* result) {
  for (size_t i = 0; i < rows; ++i) {
    Column elements(ElementOf(result->type()));
    for (const Column* argument : arguments) elements.AppendFrom(*argument, i);
    result->AppendString(EncodeList(elements));
  }
  return absl::OkStatus();
}

// From 1; negative ones from the end; null outside.
Status ListExtract(Arguments arguments, size_t rows, Column* result) {
  return EachRow(arguments, rows, result, [&](size_t i) {
    const Column list = ListAt(*arguments[0], i);
    const auto size = static_cast<int64_t>(list.size());
    const int64_t wanted = arguments[1]->ints()[i];
    const int64_t place = wanted < 0 ? (wanted < -size ? -1 : size + wanted) : wanted - 1;
    if (place < 0 || place >= size) {
      result->AppendNull();
    } else {
      result->AppendFrom(list, static_cast<size_t>(place));
    }
    return absl::OkStatus();
  });
}

Status ListContains(Arguments arguments, size_t rows, Column* result) {
  return EachRow(arguments, rows, result, [&](size_t i) {
    result->AppendInt(Find(ListAt(*arguments[0], i), *arguments[1], i) ? 1 : 0);
    return absl::OkStatus();
  });
}

// From 1; null of what is not in it. A null is found.
Status ListPosition(Arguments arguments, size_t rows, Column* result) {
  return EachRow(arguments.first(1), rows, result, [&](size_t i) {
    const Column list = ListAt(*arguments[0], i);
    std::optional<size_t> place = Find(list, *arguments[1], i);
    for (size_t at = 0; at < list.size() && arguments[1]->IsNull(i) && !place; ++at) {
      if (list.IsNull(at)) place = at;
    }
    place ? result->AppendInt(static_cast<int64_t>(*place) + 1) : result->AppendNull();
    return absl::OkStatus();
  });
}

Status ListLength(Arguments arguments, size_t rows, Column* result) {
  return EachRow(arguments, rows, result, [&](size_t i) {
    result->AppendInt(static_cast<int64_t>(ListAt(*arguments[0], i).size()));
    return absl::OkStatus();
  });
}

// The rest skip nulls, and are null of no values.
template <typename F>
Status OfValues(Arguments arguments, size_t rows, Column* result, F f) {
  return EachRow(arguments, rows, result, [&](size_t i) {
    const Column list = ListAt(*arguments[0], i);
    std::vector<uint32_t> values;
    for (uint32_t at = 0; at < list.size(); ++at) {
      if (!list.IsNull(at)) values.push_back(at);
    }
    if (values.empty()) {
      result->AppendNull();
      return Status();
    }
    return f(list.Take(values));
  });
}

Status ListSumOfIntegers(Arguments arguments, size_t rows, Column* result) {
  return OfValues(arguments, rows, result, [&](const Column& values) -> Status {
    __int128 sum = 0;
    for (const int64_t v : values.ints()) sum += v;
    if (sum > std::numeric_limits<int64_t>::max() || sum < std::numeric_limits<int64_t>::min()) {
      return InvalidArgument("list_sum: the sum does not fit a bigint");
    }
    result->AppendInt(static_cast<int64_t>(sum));
    return absl::OkStatus();
  });
}

// One after another, as DuckDB adds them.
double SumInOrder(std::span<const double> values) {
  double sum = 0;
  for (const double v : values) sum += v;
  return sum;
}

Status ListSumOfDoubles(Arguments arguments, size_t rows, Column* result) {
  return OfValues(arguments, rows, result, [&](const Column& values) {
    result->AppendDouble(ComputedDouble(SumInOrder(values.doubles())));
    return absl::OkStatus();
  });
}

Status ListAvg(Arguments arguments, size_t rows, Column* result) {
  return OfValues(arguments, rows, result, [&](const Column& values) {
    const auto count = static_cast<double>(values.size());
    if (values.type() == kD) {
      result->AppendDouble(ComputedDouble(SumInOrder(values.doubles()) / count));
    } else {
      __int128 sum = 0;
      for (const int64_t v : values.ints()) sum += v;
      result->AppendDouble(static_cast<double>(sum) / count);
    }
    return absl::OkStatus();
  });
}

template <bool kGreatest>
Status ListExtreme(Arguments arguments, size_t rows, Column* result) {
  return OfValues(arguments, rows, result, [&](const Column& values) {
    size_t best = 0;
    for (size_t i = 1; i < values.size(); ++i) {
      const int order = CompareCells(values, i, values, best);
      if (kGreatest ? order > 0 : order < 0) best = i;
    }
    result->AppendFrom(values, best);
    return absl::OkStatus();
  });
}

// 1 in the place of the value in the list, 0 elsewhere.
Status OneHot(Arguments arguments, size_t rows, Column* result) {
  for (size_t i = 0; i < rows; ++i) {
    if (arguments[1]->IsNull(i)) {
      result->AppendNull();
      continue;
    }
    const Column list = ListAt(*arguments[1], i);
    Column flags(kB);
    for (size_t at = 0; at < list.size(); ++at) flags.AppendInt(SameCell(list, at, *arguments[0], i) ? 1 : 0);
    result->AppendString(EncodeList(flags));
  }
  return absl::OkStatus();
}

// Null for a key that is not there.
Status MapExtractValue(Arguments arguments, size_t rows, Column* result) {
  return EachRow(arguments, rows, result, [&](size_t i) {
    const MapEntries map = MapAt(*arguments[0], i);
    const std::optional<size_t> place = Find(map.keys, *arguments[1], i);
    place ? result->AppendFrom(map.values, *place) : result->AppendNull();
    return absl::OkStatus();
  });
}

Status MapContains(Arguments arguments, size_t rows, Column* result) {
  return EachRow(arguments, rows, result, [&](size_t i) {
    result->AppendInt(Find(MapAt(*arguments[0], i).keys, *arguments[1], i) ? 1 : 0);
    return absl::OkStatus();
  });
}

Status MapKeys(Arguments arguments, size_t rows, Column* result) {
  return EachRow(arguments, rows, result, [&](size_t i) {
    result->AppendString(EncodeList(MapAt(*arguments[0], i).keys));
    return absl::OkStatus();
  });
}
Status MapValues(Arguments arguments, size_t rows, Column* result) {
  return EachRow(arguments, rows, result, [&](size_t i) {
    result->AppendString(EncodeList(MapAt(*arguments[0], i).values));
    return absl::OkStatus();
  });
}
Status Cardinality(Arguments arguments, size_t rows, Column* result) {
  return EachRow(arguments, rows, result, [&](size_t i) {
    result->AppendInt(static_cast<int64_t>(MapAt(*arguments[0], i).keys.size()));
    return absl::OkStatus();
  });
}

void AddListFunctions(TypeId element, std::vector<ScalarFunction>* all) {
  const TypeId list = ListOf(element);
  const bool number = element == kB || element == kD;
  all->push_back({"list_value", {element}, list, ListValue, /*variadic=*/true});
  all->push_back({"list_extract", {list, kB}, element, ListExtract});
  all->push_back({"list_contains", {list, element}, TypeId::kBoolean, ListContains});
  all->push_back({"contains", {list, element}, TypeId::kBoolean, ListContains});
  all->push_back({"list_position", {list, element}, kB, ListPosition});
  all->push_back({"length", {list}, kB, ListLength});
  all->push_back({"list_min", {list}, element, ListExtreme<false>});
  all->push_back({"list_max", {list}, element, ListExtreme<true>});
  if (number) {
    all->push_back({"list_sum", {list}, element, element == kD ? ListSumOfDoubles : ListSumOfIntegers});
    all->push_back({"list_avg", {list}, kD, ListAvg});
  }
  ScalarFunction one_hot{"one_hot", {element, list}, ListOf(kB), OneHot};
  one_hot.own = true;
  all->push_back(std::move(one_hot));
}

}  // namespace

std::vector<ScalarFunction> NestedFunctions() {
  std::vector<ScalarFunction> all;
  for (const TypeId element : kScalarTypes) AddListFunctions(element, &all);
  for (const TypeId key : kScalarTypes) {
    for (const TypeId value : kScalarTypes) {
      const TypeId map = MapOf(key, value);
      all.push_back({"map_extract_value", {map, key}, value, MapExtractValue});
      all.push_back({"map_contains", {map, key}, TypeId::kBoolean, MapContains});
      all.push_back({"map_keys", {map}, ListOf(key), MapKeys});
      all.push_back({"map_values", {map}, ListOf(value), MapValues});
      all.push_back({"cardinality", {map}, kB, Cardinality});
    }
  }
  return all;
}

}  // namespace headrace::functions
