// Templates that turn a function of plain values into one over columns: null in, null out.
#pragma once

#include <concepts>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "kernel/computed_double.h"
#include "kernel/expression.h"
#include "kernel/functions/registry.h"

namespace headrace::functions {

using Arguments = std::span<const Column* const>;

// How a value of type T lies in a column.
template <typename T>
struct Cell;
template <>
struct Cell<int64_t> {
  static int64_t Get(const Column& column, size_t row) { return column.ints()[row]; }
  static void Put(Column* column, int64_t v) { column->AppendInt(v); }
};
template <>
struct Cell<double> {
  static double Get(const Column& column, size_t row) { return column.doubles()[row]; }
  static void Put(Column* column, double v) { column->AppendDouble(ComputedDouble(v)); }
};
template <>
struct Cell<std::string_view> {
  static std::string_view Get(const Column& column, size_t row) { return column.str(row); }
  static void Put(Column* column, std::string_view v) { column->AppendString(v); }
};
template <>
struct Cell<std::string> {
  static void Put(Column* column, const std::string& v) { column->AppendString(v); }
};
template <>
struct Cell<bool> {
  static void Put(Column* column, bool v) { column->AppendInt(static_cast<int64_t>(v)); }
};
template <typename T>
struct Cell<std::optional<T>> {  // a function that may answer null
  static void Put(Column* column, const std::optional<T>& v) { v ? Cell<T>::Put(column, *v) : column->AppendNull(); }
};

inline bool AnyNull(Arguments arguments, size_t row) {
  for (const Column* argument : arguments) {
    if (argument->IsNull(row)) return true;
  }
  return false;
}

// result[i] = f(arguments[0][i], arguments[1][i], ...): R of the As. f is a captureless callable, so that a
// ScalarKernel is a plain function pointer.
template <typename R, auto f, typename... As>
Status Map(Arguments arguments, size_t rows, Column* result) {
  result->Reserve(rows);
  const auto apply = [&]<size_t... I>(size_t row, std::index_sequence<I...>) {
    return static_cast<R>(f(Cell<As>::Get(*arguments[I], row)...));
  };
  for (size_t i = 0; i < rows; ++i) {
    if (AnyNull(arguments, i)) {
      result->AppendNull();
    } else {
      Cell<R>::Put(result, apply(i, std::index_sequence_for<As...>()));
    }
  }
  return absl::OkStatus();
}

// As Map, for functions that can refuse: Status f(arguments..., R* out).
template <typename R, auto f, typename... As>
Status TryMap(Arguments arguments, size_t rows, Column* result) {
  result->Reserve(rows);
  const auto apply = [&]<size_t... I>(size_t row, R * out, std::index_sequence<I...>) {
    return f(Cell<As>::Get(*arguments[I], row)..., out);
  };
  for (size_t i = 0; i < rows; ++i) {
    if (AnyNull(arguments, i)) {
      result->AppendNull();
      continue;
    }
    R out{};
    HR_RETURN_IF_ERROR(apply(i, &out, std::index_sequence_for<As...>()));
    Cell<R>::Put(result, out);
  }
  return absl::OkStatus();
}

template <typename A, typename R, auto f>
constexpr ScalarKernel Unary = Map<R, f, A>;
template <typename A, typename B, typename R, auto f>
constexpr ScalarKernel Binary = Map<R, f, A, B>;

// The functions of each subject; registry.cc joins them.
std::vector<ScalarFunction> ArithmeticFunctions();
std::vector<ScalarFunction> BucketFunctions();
std::vector<ScalarFunction> CalendarFunctions();
std::vector<ScalarFunction> ComparisonFunctions();
std::vector<ScalarFunction> GeographyFunctions();
std::vector<ScalarFunction> HashFunctions();
std::vector<ScalarFunction> IntervalFunctions();
std::vector<ScalarFunction> JsonFunctions();
std::vector<ScalarFunction> MathematicsFunctions();
std::vector<ScalarFunction> NestedFunctions();
std::vector<ScalarFunction> PatternFunctions();
std::vector<ScalarFunction> SimilarityFunctions();
std::vector<ScalarFunction> TemporalFunctions();
std::vector<ScalarFunction> TextFunctions();
std::vector<ScalarFunction> TimeZoneFunctions();

}  // namespace headrace::functions
