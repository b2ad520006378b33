#include "catalog/template/operators.h"

#include <algorithm>
#include <cmath>

#include "catalog/template/error.h"

namespace headrace::jinja {
namespace {

constexpr std::string_view kSymbols[] = {"and", "or", "+", "-", "*", "/", "//", "%", "**", "~"};

Status NoOperator(BinaryOperator op, const Value& left, const Value& right) {
  for (const Value* v : {&left, &right}) {
    if (v->is_undefined()) return WithHint(InvalidArgument("'{}' is undefined", v->missing_name()), v->missing_hint());
  }
  return InvalidArgument("'{}' is not defined for {} and {}", kSymbols[static_cast<size_t>(op)], left.kind(),
                         right.kind());
}

// Python's: the quotient rounded down, the remainder with the divisor's sign.
int64_t FloorDivide(int64_t a, int64_t b) {
  return a / b - ((a % b != 0) && ((a < 0) != (b < 0)));
}

StatusOr<Value> Power(int64_t base, int64_t exponent) {
  if (exponent < 0) return Value(std::pow(static_cast<double>(base), static_cast<double>(exponent)));
  int64_t result = 1;
  bool overflow = false;
  for (; exponent > 0 && !overflow; exponent >>= 1) {
    if (exponent & 1) overflow = __builtin_mul_overflow(result, base, &result);
    if (exponent > 1) overflow |= __builtin_mul_overflow(base, base, &base);
  }
  if (overflow) return InvalidArgument("the result of '**' does not fit 64 bits");
  return Value(result);
}

StatusOr<Value> IntegerArithmetic(BinaryOperator op, int64_t a, int64_t b) {
  int64_t result = 0;
  bool overflow = false;
  const bool divides =
      op == BinaryOperator::kDivide || op == BinaryOperator::kFloorDivide || op == BinaryOperator::kModulo;
  if (divides && b == 0) return InvalidArgument("division by zero");
  switch (op) {
    case BinaryOperator::kAdd:
      overflow = __builtin_add_overflow(a, b, &result);
      break;
    case BinaryOperator::kSubtract:
      overflow = __builtin_sub_overflow(a, b, &result);
      break;
    case BinaryOperator::kMultiply:
      overflow = __builtin_mul_overflow(a, b, &result);
      break;
    case BinaryOperator::kDivide:
      return Value(static_cast<double>(a) / static_cast<double>(b));
    case BinaryOperator::kPower:
      return Power(a, b);
    default:
      // The one quotient that does not fit, whose remainder is a trap on the processor.
      overflow = b == -1 && a == std::numeric_limits<int64_t>::min();
      if (!overflow) result = op == BinaryOperator::kModulo ? a - FloorDivide(a, b) * b : FloorDivide(a, b);
  }
  if (overflow) return InvalidArgument("the result of '{}' does not fit 64 bits", kSymbols[static_cast<size_t>(op)]);
  return Value(result);
}

StatusOr<Value> DoubleArithmetic(BinaryOperator op, double a, double b) {
  switch (op) {
    case BinaryOperator::kAdd:
      return Value(a + b);
    case BinaryOperator::kSubtract:
      return Value(a - b);
    case BinaryOperator::kMultiply:
      return Value(a * b);
    case BinaryOperator::kPower:
      return Value(std::pow(a, b));
    default:
      break;
  }
  if (b == 0) return InvalidArgument("division by zero");
  if (op == BinaryOperator::kDivide) return Value(a / b);
  return Value(op == BinaryOperator::kFloorDivide ? std::floor(a / b) : a - std::floor(a / b) * b);
}

StatusOr<Value> Repeat(const Value& text, int64_t times, Budget* budget) {
  if (times <= 0 || text.str().empty()) return Value("");
  if (static_cast<size_t>(times) > kMaxTemplateWork / text.str().size()) return budget->Spend(kMaxTemplateWork + 1);
  HR_RETURN_IF_ERROR(budget->Spend(text.str().size() * static_cast<size_t>(times)));
  std::string result;
  for (int64_t i = 0; i < times; ++i) result += text.str();
  return Value(std::move(result));
}

StatusOr<Value> Concat(const Value& left, const Value& right, Budget* budget) {
  HR_ASSIGN_OR_RETURN(std::string text, ToText(left, budget));
  HR_ASSIGN_OR_RETURN(const std::string more, ToText(right, budget));
  return Value(text + more);
}

StatusOr<Value> AddContainers(const Value& left, const Value& right, Budget* budget) {
  if (left.is_string()) return Concat(left, right, budget);
  HR_RETURN_IF_ERROR(budget->Spend(left.list().size() + right.list().size()));
  Value::List list = left.list();
  list.insert(list.end(), right.list().begin(), right.list().end());
  return Value(std::move(list));
}

StatusOr<bool> Contains(const Value& item, const Value& container, Budget* budget) {
  if (container.is_string()) {
    if (!item.is_string()) return InvalidArgument("'in' a text needs a text, not {}", item.kind());
    HR_RETURN_IF_ERROR(budget->Spend(container.str().size()));
    return container.str().find(item.str()) != std::string::npos;
  }
  if (container.is_list()) {
    for (const Value& candidate : container.list()) {
      HR_ASSIGN_OR_RETURN(const bool equal, Equal(item, candidate, budget));
      if (equal) return true;
    }
    return false;
  }
  if (container.is_dict()) {
    for (const auto& [key, value] : container.dict()) {
      HR_ASSIGN_OR_RETURN(const bool equal, Equal(item, key, budget));
      if (equal) return true;
    }
    return false;
  }
  if (container.is_undefined())
    return WithHint(InvalidArgument("'{}' is undefined", container.missing_name()), container.missing_hint());
  return InvalidArgument("'in' needs a text, a list or a dict on its right, not {}", container.kind());
}

}  // namespace

StatusOr<Value> ApplyBinary(BinaryOperator op, const Value& left, const Value& right, Budget* budget) {
  if (op == BinaryOperator::kConcat) return Concat(left, right, budget);
  if (left.is_number() && right.is_number()) {
    if (left.is_double() || right.is_double()) return DoubleArithmetic(op, left.number(), right.number());
    return IntegerArithmetic(op, left.integer(), right.integer());
  }
  if (op == BinaryOperator::kAdd && ((left.is_string() && right.is_string()) || (left.is_list() && right.is_list()))) {
    return AddContainers(left, right, budget);
  }
  if (op == BinaryOperator::kMultiply && left.is_string() && right.is_integer())
    return Repeat(left, right.integer(), budget);
  return NoOperator(op, left, right);
}

StatusOr<Value> ApplyUnary(UnaryOperator op, const Value& operand) {
  if (op == UnaryOperator::kNot) return Value(!operand.IsTrue());
  if (!operand.is_number()) return InvalidArgument("a sign needs a number, not {}", operand.kind());
  if (op == UnaryOperator::kPlus) return operand;
  if (operand.is_double()) return Value(-operand.number());
  return IntegerArithmetic(BinaryOperator::kSubtract, 0, operand.integer());
}

StatusOr<bool> ApplyCompare(CompareOperator op, const Value& left, const Value& right, Budget* budget) {
  switch (op) {
    case CompareOperator::kEqual:
      return Equal(left, right, budget);
    case CompareOperator::kNotEqual: {
      HR_ASSIGN_OR_RETURN(const bool equal, Equal(left, right, budget));
      return !equal;
    }
    case CompareOperator::kIn:
      return Contains(left, right, budget);
    case CompareOperator::kNotIn: {
      HR_ASSIGN_OR_RETURN(const bool contains, Contains(left, right, budget));
      return !contains;
    }
    default:
      break;
  }
  for (const Value* v : {&left, &right}) {
    if (v->is_undefined()) return WithHint(InvalidArgument("'{}' is undefined", v->missing_name()), v->missing_hint());
  }
  const bool is_nan =
      (left.is_double() && std::isnan(left.number())) || (right.is_double() && std::isnan(right.number()));
  if (is_nan) return false;
  HR_ASSIGN_OR_RETURN(const int order, Compare(left, right, budget));
  if (op == CompareOperator::kLess) return order < 0;
  if (op == CompareOperator::kLessEqual) return order <= 0;
  return op == CompareOperator::kGreater ? order > 0 : order >= 0;
}

}  // namespace headrace::jinja
