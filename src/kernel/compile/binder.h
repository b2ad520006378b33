// Binds the expressions of a syntax tree: names to columns, functions to kernels, types to types.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "kernel/compile/syntax.h"
#include "kernel/functions/registry.h"

namespace headrace::compile {

// An interval is no value of a column: its three parts are bigint expressions of their own.
struct IntervalParts {
  Expression months;
  Expression days;
  Expression us;
};

// An expression whose type may still be open: a bare NULL takes the type of its neighbours. Or an interval, which only
// the calls of interval_binder.cc see.
struct Bound {
  Expression expression;
  bool untyped_null = false;
  std::optional<IntervalParts> interval = std::nullopt;
  std::optional<TypeId> type() const { return untyped_null ? std::nullopt : std::optional<TypeId>(expression.type); }
};

// The decimal that holds all of the values; nullopt where they are not all decimals and bigints.
std::optional<TypeId> CommonDecimalOf(std::span<const Bound> values);

// Collects errors and returns nullopt from the call that found one; the caller goes on with the next expression.
class Binder {
 public:
  // `columns`: what names mean, by their full spelling ("arr_delay", "carrier_recent.flights_1h").
  // `relation`: the names by which the FROM relation itself may qualify a column ("arrivals", an alias).
  Binder(const Schema& columns, std::vector<std::string> relation, std::vector<CompileError>* errors)
      : columns_(columns), relation_(std::move(relation)), errors_(errors) {}

  // Sees each function call before it is bound as a scalar function; used for aggregates. A result that is set
  // is taken as the call's value; a handled call that failed has reported an error.
  struct HookResult {
    bool handled = false;
    std::optional<Bound> bound;
  };
  using CallHook = std::function<HookResult(const Json& call)>;
  void set_call_hook(CallHook hook) { call_hook_ = std::move(hook); }

  // Makes every column reference an error: outside the aggregates of a view there is no row to take it from.
  void RefuseColumns(std::string message, std::string hint) {
    column_refusal_ = {-1, std::move(message), std::move(hint)};
  }

  // The expressions belong to a table, which DuckDB computes as well: what it does not have is refused.
  void set_in_table() { in_table_ = true; }

  std::optional<Bound> Bind(const Json& node);
  // Binds and, where a bare NULL is left, makes it a `fallback`.
  std::optional<Expression> BindTyped(const Json& node, TypeId fallback);
  std::optional<Expression> BindCondition(const Json& node, std::string_view clause);

  // `expression` widened or cast to `type`, if an implicit cast leads there.
  static std::optional<Expression> Coerce(Bound bound, TypeId type);

  void Error(const Json& at, std::string message, std::string hint = "");

 private:
  // As Bind, but an interval may come out.
  std::optional<Bound> BindAny(const Json& node);
  std::optional<Bound> BindColumn(const Json& node);
  std::optional<Bound> BindConstant(const Json& node);
  std::optional<Bound> BindCast(const Json& node);
  std::optional<Bound> BindComparison(const Json& node);
  std::optional<Bound> BindBetween(const Json& node);
  std::optional<Bound> BindConjunction(const Json& node);
  std::optional<Bound> BindOperator(const Json& node);
  std::optional<Bound> BindIn(const Json& node);
  std::optional<Bound> BindCase(const Json& node);
  std::optional<Bound> BindFunction(const Json& node);
  std::optional<Bound> BindOperands(const Json& node, std::string_view name, const Json::Array& operands);
  std::optional<Bound> BindNullIf(const Json& node, std::vector<Bound> arguments);
  // date_part('hour', t) and its kin, whose first argument selects the function.
  std::optional<Bound> BindByUnit(const Json& node, const std::string& function);

  // Intervals (interval_binder.cc). The first is nullopt, without an error, where `node` is no interval.
  struct IntervalResult {
    bool handled = false;
    std::optional<Bound> bound;
  };
  IntervalResult BindIntervalLiteral(const Json& node);
  IntervalResult BindIntervalConstructor(const Json& node, std::string_view name);
  // name(arguments), at least one of which is an interval, or the difference of two timestamps.
  std::optional<Bound> CallWithInterval(const Json& at, std::string_view name, std::vector<Bound> arguments);
  std::optional<Bound> ScaleInterval(const Json& at, IntervalParts interval, const Bound& factor);
  std::optional<Bound> AddIntervals(const Json& at, std::string_view name, IntervalParts a, const IntervalParts& b);
  std::optional<Bound> IntervalCall(const Json& at, std::string_view name, IntervalParts interval);
  std::optional<Bound> TimestampDifference(const Json& at, std::vector<Bound> arguments);

  std::optional<Bound> Call(const Json& at, std::string_view name, std::vector<Bound> arguments);
  // name(arguments), at least one of which is a decimal. Not handled: the registry has the answer.
  HookResult CallWithDecimal(const Json& at, std::string_view name, const std::vector<Bound>& arguments);
  // Brings all to their common type; for CASE, COALESCE.
  std::optional<std::vector<Expression>> Unify(const Json& at, std::vector<Bound> values, std::string_view what);
  std::optional<std::vector<Bound>> BindAll(const Json::Array& nodes, bool intervals = false);
  // Reads text literals as the type of what stands beside them.
  bool AdaptLiterals(const Json& at, std::vector<Bound>* arguments);
  bool ConstantsAreGood(const Json& at, const ScalarFunction& function, const Expression& call);

  const Schema& columns_;
  std::vector<std::string> relation_;
  std::vector<CompileError>* errors_;
  CallHook call_hook_;
  std::optional<CompileError> column_refusal_;
  bool in_table_ = false;
};

}  // namespace headrace::compile
