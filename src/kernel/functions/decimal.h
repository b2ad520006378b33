// The functions and operators of decimals: the type of the result depends on the widths and scales of the arguments, so
// they have no fixed overloads in the registry. Types and values are DuckDB's.
#pragma once

#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "kernel/expression.h"

namespace headrace {

// An argument of a call that is being bound. A bigint is looked at as the decimal without fraction that holds it.
struct DecimalArgument {
  std::optional<TypeId> type;  // nullopt: an untyped null
  const Value* constant = nullptr;

  // Of a decimal its own type, of a bigint DECIMAL(19,0), or (10,0) of a literal within 32 bits; nullopt of others.
  std::optional<TypeId> AsDecimal() const;
};

struct DecimalCall {
  std::vector<TypeId> arguments;  // what each is to be cast to
  TypeId result = TypeId::kBigint;
  ScalarKernel kernel = nullptr;
};

// How a function is called with these arguments, at least one of which is a decimal or a list of decimals; nullopt
// where the registry has the answer, with decimals as doubles (a double beside them, sqrt, ...). kInvalidArgument of
// a call that has no type: the scales of a product add up to more than 38, digits of round() that are no constant.
StatusOr<std::optional<DecimalCall>> FindDecimalCall(std::string_view name, std::span<const DecimalArgument> arguments);

// The decimal that holds both: DuckDB's, for CASE and its kin, which gives up digits after the point for those before.
TypeId CommonDecimal(TypeId a, TypeId b);

}  // namespace headrace
