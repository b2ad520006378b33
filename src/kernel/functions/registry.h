// The scalar functions that the kernel knows: which argument types they take, what they give, how to compute it.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/value.h"
#include "kernel/expression.h"

namespace headrace {

struct ScalarFunction {
  std::string_view name;                 // DuckDB's name, lower case: "+", "abs", "date_part"
  std::vector<TypeId> arguments;
  TypeId result = TypeId::kBigint;
  ScalarKernel kernel = nullptr;
  bool variadic = false;                 // the last argument's type repeats
};

// The overload of `name` that `arguments` reach with the fewest widenings (bigint -> double, date -> timestamp;
// nullopt stands for an untyped null, which fits anything); nullptr if none does.
const ScalarFunction* FindFunction(std::string_view name, const std::vector<std::optional<TypeId>>& arguments);

bool IsKnownFunction(std::string_view name);

// Whether DuckDB's function of this name changes from call to call, so that what it gave could not be computed again.
bool IsVolatileFunction(std::string_view name);
std::vector<std::string> KnownFunctionNames();  // sorted, without operators; for hints and documentation

// The common type that values of both types widen to; nullopt if there is none.
std::optional<TypeId> CommonType(TypeId a, TypeId b);

}  // namespace headrace
