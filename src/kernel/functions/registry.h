// The scalar functions that the kernel knows: which argument types they take, what they give, how to compute it.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/value.h"
#include "kernel/expression.h"

namespace headrace {

// Looks at the constant arguments of a call when it is bound, so that a bad pattern or time zone is found by `check`
// and not by the first row. One entry per argument; nullptr for one that is no constant, or a null.
using ConstantCheck = Status (*)(std::span<const Value* const> arguments);

struct ScalarFunction {
  std::string_view name;  // DuckDB's name, lower case: "+", "abs", "date_part"
  std::vector<TypeId> arguments;
  TypeId result = TypeId::kBigint;
  ScalarKernel kernel = nullptr;
  bool variadic = false;   // the last argument's type repeats
  bool any_types = false;  // before `arguments`, one or more arguments of any type
  bool own = false;        // DuckDB has none, or another one of this name
  ConstantCheck check = nullptr;
};

// The overload of `name` that `arguments` reach with the fewest widenings (bigint or decimal -> double, date ->
// timestamp; nullopt stands for an untyped null, which fits anything); nullptr if none does.
const ScalarFunction* FindFunction(std::string_view name, const std::vector<std::optional<TypeId>>& arguments);

// The kernel's one name of a function that has several in SQL: "pow" and "**" are "power".
std::string_view CanonicalName(std::string_view name);

// "hours", "hr", "h" -> "hour"; as it is where there is no such unit.
std::string_view CanonicalUnit(std::string_view unit);

bool IsKnownFunction(std::string_view name);  // by its canonical name

bool IsOwnFunction(std::string_view name);  // one that DuckDB does not have, or not with these values

// Whether DuckDB's function of this name changes from call to call, so that what it gave could not be computed again.
bool IsVolatileFunction(std::string_view name);
std::vector<std::string> KnownFunctionNames();  // sorted, without operators; for hints and documentation

// The common type that values of both types widen to; nullopt if there is none.
std::optional<TypeId> CommonType(TypeId a, TypeId b);

}  // namespace headrace
