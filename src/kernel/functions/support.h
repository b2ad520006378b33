// Templates that turn a function of plain values into one over columns: null in, null out.
#pragma once

#include <concepts>
#include <span>
#include <string_view>
#include <vector>

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
  static void Put(Column* column, double v) { column->AppendDouble(v); }
};
template <>
struct Cell<std::string_view> {
  static std::string_view Get(const Column& column, size_t row) { return column.str(row); }
  static void Put(Column* column, std::string_view v) { column->AppendString(v); }
};

// result[i] = f(a[i]) ; f is a captureless callable, so that a ScalarKernel is a plain function pointer.
template <typename A, typename R, auto f>
Status Unary(Arguments arguments, size_t rows, Column* result) {
  const Column& a = *arguments[0];
  result->Reserve(rows);
  for (size_t i = 0; i < rows; ++i) {
    if (a.IsNull(i)) {
      result->AppendNull();
    } else {
      Cell<R>::Put(result, static_cast<R>(f(Cell<A>::Get(a, i))));
    }
  }
  return absl::OkStatus();
}

template <typename A, typename B, typename R, auto f>
Status Binary(Arguments arguments, size_t rows, Column* result) {
  const Column& a = *arguments[0];
  const Column& b = *arguments[1];
  result->Reserve(rows);
  for (size_t i = 0; i < rows; ++i) {
    if (a.IsNull(i) || b.IsNull(i)) {
      result->AppendNull();
    } else {
      Cell<R>::Put(result, static_cast<R>(f(Cell<A>::Get(a, i), Cell<B>::Get(b, i))));
    }
  }
  return absl::OkStatus();
}

// As Unary and Binary, for functions that can refuse: f returns false, and `Message(args...)` says why.
template <typename A, typename R, auto f, auto message>
Status FallibleUnary(Arguments arguments, size_t rows, Column* result) {
  const Column& a = *arguments[0];
  result->Reserve(rows);
  for (size_t i = 0; i < rows; ++i) {
    R out{};
    if (a.IsNull(i)) {
      result->AppendNull();
    } else if (f(Cell<A>::Get(a, i), &out)) {
      Cell<R>::Put(result, out);
    } else {
      return message(Cell<A>::Get(a, i));
    }
  }
  return absl::OkStatus();
}

template <typename A, typename B, typename R, auto f, auto message>
Status FallibleBinary(Arguments arguments, size_t rows, Column* result) {
  const Column& a = *arguments[0];
  const Column& b = *arguments[1];
  result->Reserve(rows);
  for (size_t i = 0; i < rows; ++i) {
    R out{};
    if (a.IsNull(i) || b.IsNull(i)) {
      result->AppendNull();
    } else if (f(Cell<A>::Get(a, i), Cell<B>::Get(b, i), &out)) {
      Cell<R>::Put(result, out);
    } else {
      return message(Cell<A>::Get(a, i), Cell<B>::Get(b, i));
    }
  }
  return absl::OkStatus();
}

// The functions of each subject; registry.cc joins them.
std::vector<ScalarFunction> ArithmeticFunctions();
std::vector<ScalarFunction> ComparisonFunctions();
std::vector<ScalarFunction> TemporalFunctions();
std::vector<ScalarFunction> TextFunctions();

}  // namespace headrace::functions
