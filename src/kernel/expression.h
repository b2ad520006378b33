// Typed scalar expressions, and their evaluation over columns.
//
// SQL's rules: three-valued logic, null in gives null out unless a function says otherwise, NaN equals NaN and is
// above +infinity, -0.0 equals 0.0, text compares by bytes. CASE, COALESCE and NULLIF evaluate a branch only for
// the rows that take it, so a guarded division or logarithm does not fail for the others. The answers are DuckDB's
// (tests/parity holds them to it), those of decimals with their types.
//
// Pure: an expression has no state and may be evaluated by any number of threads. (Each thread keeps the regular
// expressions that it compiled.)
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/column.h"

namespace headrace {

// Computes one result column from argument columns of `rows` rows, whose types the binder has matched to the
// function's. Nulls are the function's own business.
using ScalarKernel = Status (*)(std::span<const Column* const> arguments, size_t rows, Column* result);

struct Expression {
  enum class Kind : uint8_t {
    kColumn,    // column `column` of the input
    kConstant,  // `constant`
    kFunction,  // `kernel` over the children
    kAnd,       // of the children, three-valued
    kOr,
    kCase,      // children: when, then, when, then, ..., else
    kCoalesce,  // the first child that is not null
    kCast,      // of the one child to `type`; with `try_cast` null instead of an error
  };

  Kind kind = Kind::kConstant;
  TypeId type = TypeId::kBigint;
  size_t column = 0;
  Value constant;
  bool try_cast = false;
  bool zoned = false;  // a TIMESTAMP WITH TIME ZONE to SQL, which means a difference to timezone() alone
  ScalarKernel kernel = nullptr;
  std::string text;  // "arr_delay", "ln", for messages
  std::vector<Expression> children;

  static Expression Column(size_t index, TypeId type, std::string name);
  static Expression Constant(Value value, TypeId type);
};

// The expression's value for each row of `inputs` (each of `rows` rows). An error is one of the data: an overflow,
// a failed cast, the logarithm of zero; it names the function and the value.
StatusOr<Column> Evaluate(const Expression& expression, std::span<const Column> inputs, size_t rows);

// Which rows a boolean column selects: those that are true, not false or null.
std::vector<uint32_t> SelectedRows(const Column& condition);

// `value` cast to `type`, by SQL's CAST. A text's offset from UTC ("+02") moves the instant where the cast is to a
// timestamp with time zone (`zoned`); one to a plain timestamp or a date drops it.
StatusOr<Column> CastColumn(const Column& column, TypeId type, bool try_cast, bool zoned = false);

// Comparison by semantics.md rule 16: negative, zero or positive; NaN equals NaN and is above everything.
inline int CompareDoubles(double a, double b) {
  const bool a_nan = a != a;
  const bool b_nan = b != b;
  if (a_nan || b_nan) return static_cast<int>(a_nan) - static_cast<int>(b_nan);
  return a < b ? -1 : a > b ? 1 : 0;
}

}  // namespace headrace
