// = <> < <= > >= is [not] distinct from, is [not] null, not, greatest, least
#include "kernel/functions/support.h"

namespace headrace::functions {
namespace {

constexpr TypeId kBool = TypeId::kBoolean;

int Compare(int64_t a, int64_t b) {
  return a < b ? -1 : a > b ? 1 : 0;
}
int Compare(double a, double b) {
  return CompareDoubles(a, b);
}
int Compare(std::string_view a, std::string_view b) {
  return a.compare(b);
}

template <typename T>
constexpr auto kEqual = [](T a, T b) { return int64_t{Compare(a, b) == 0}; };
template <typename T>
constexpr auto kUnequal = [](T a, T b) { return int64_t{Compare(a, b) != 0}; };
template <typename T>
constexpr auto kLess = [](T a, T b) { return int64_t{Compare(a, b) < 0}; };
template <typename T>
constexpr auto kLessEqual = [](T a, T b) { return int64_t{Compare(a, b) <= 0}; };
template <typename T>
constexpr auto kGreater = [](T a, T b) { return int64_t{Compare(a, b) > 0}; };
template <typename T>
constexpr auto kGreaterEqual = [](T a, T b) { return int64_t{Compare(a, b) >= 0}; };

// IS [NOT] DISTINCT FROM: null equals null; never null itself.
template <typename T, bool negated>
Status Distinct(Arguments arguments, size_t rows, Column* result) {
  const Column& a = *arguments[0];
  const Column& b = *arguments[1];
  for (size_t i = 0; i < rows; ++i) {
    const bool same =
        a.IsNull(i) || b.IsNull(i) ? a.IsNull(i) && b.IsNull(i) : Compare(Cell<T>::Get(a, i), Cell<T>::Get(b, i)) == 0;
    result->AppendInt(same == negated);
  }
  return absl::OkStatus();
}

template <bool negated>
Status NullTest(Arguments arguments, size_t rows, Column* result) {
  for (size_t i = 0; i < rows; ++i) result->AppendInt(arguments[0]->IsNull(i) != negated);
  return absl::OkStatus();
}

// GREATEST (sign = 1) and LEAST (sign = -1) of the arguments that are not null; the first of equals.
template <typename T, int sign>
Status Extreme(Arguments arguments, size_t rows, Column* result) {
  for (size_t i = 0; i < rows; ++i) {
    const Column* best = nullptr;
    for (const Column* argument : arguments) {
      if (argument->IsNull(i)) continue;
      if (best == nullptr || sign * Compare(Cell<T>::Get(*argument, i), Cell<T>::Get(*best, i)) > 0) best = argument;
    }
    if (best == nullptr) {
      result->AppendNull();
    } else {
      Cell<T>::Put(result, Cell<T>::Get(*best, i));
    }
  }
  return absl::OkStatus();
}

void AddNullTests(TypeId type, std::vector<ScalarFunction>* functions) {
  functions->push_back({"is null", {type}, kBool, NullTest<false>});
  functions->push_back({"is not null", {type}, kBool, NullTest<true>});
}

template <typename T>
void AddComparisons(TypeId type, std::vector<ScalarFunction>* functions) {
  const std::vector<TypeId> pair = {type, type};
  functions->push_back({"=", pair, kBool, Binary<T, T, int64_t, kEqual<T>>});
  functions->push_back({"<>", pair, kBool, Binary<T, T, int64_t, kUnequal<T>>});
  functions->push_back({"<", pair, kBool, Binary<T, T, int64_t, kLess<T>>});
  functions->push_back({"<=", pair, kBool, Binary<T, T, int64_t, kLessEqual<T>>});
  functions->push_back({">", pair, kBool, Binary<T, T, int64_t, kGreater<T>>});
  functions->push_back({">=", pair, kBool, Binary<T, T, int64_t, kGreaterEqual<T>>});
  functions->push_back({"is distinct from", pair, kBool, Distinct<T, false>});
  functions->push_back({"is not distinct from", pair, kBool, Distinct<T, true>});
  AddNullTests(type, functions);
  functions->push_back({"greatest", {type}, type, Extreme<T, 1>, /*variadic=*/true});
  functions->push_back({"least", {type}, type, Extreme<T, -1>, /*variadic=*/true});
}

}  // namespace

std::vector<ScalarFunction> ComparisonFunctions() {
  std::vector<ScalarFunction> functions;
  for (const TypeId type : {TypeId::kBigint, TypeId::kBoolean, TypeId::kDate, TypeId::kTimestamp}) {
    AddComparisons<int64_t>(type, &functions);
  }
  AddComparisons<double>(TypeId::kDouble, &functions);
  AddComparisons<std::string_view>(TypeId::kVarchar, &functions);
  for (const TypeId element : kScalarTypes) {
    AddNullTests(ListOf(element), &functions);
    for (const TypeId key : kScalarTypes) AddNullTests(MapOf(key, element), &functions);
  }
  functions.push_back({"not", {kBool}, kBool, Unary<int64_t, int64_t, [](int64_t a) { return a == 0; }>});
  return functions;
}

}  // namespace headrace::functions
