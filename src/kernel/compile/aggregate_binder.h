// Binds the aggregate calls of a view: count(*), sum(x) filter (where ...), quantile_cont(x, 0.9), sessions('30m').
#pragma once

#include <span>
#include <vector>

#include "kernel/compile/binder.h"
#include "kernel/view.h"

namespace headrace::compile {

// Whether an aggregate call stands anywhere in the tree below `node`.
bool ContainsAggregate(const Json& node);

// Adds to a program the aggregates, and the slots that they read, which are not there yet.
class AggregateBinder {
 public:
  // `columns` and `relation` as of Binder; all must outlive it.
  AggregateBinder(const Schema& columns, const std::vector<std::string>& relation, ViewProgram* program,
                  std::vector<CompileError>* errors)
      : columns_(columns), relation_(relation), program_(*program), errors_(errors) {}

  // For Binder::set_call_hook: a call's value is the column of its aggregate.
  Binder::HookResult Bind(const Json& call);

 private:
  bool BindArguments(const Json& call, const AggregateFunction& function, Binder& binder, AggregateCall* result);
  std::optional<Expression> BindArgument(const Json& call, const Json& argument, std::string_view name,
                                         ArgumentRule rule, Binder& binder);
  // What stands after the columns.
  bool BindParameters(const Json& call, std::span<const Json> parameters, const AggregateFunction& function,
                      Binder& binder, AggregateCall* result);
  size_t AddSlot(Expression slot);
  size_t AddAggregate(const AggregateCall& call);

  const Schema& columns_;
  const std::vector<std::string>& relation_;
  ViewProgram& program_;
  std::vector<CompileError>* errors_;
};

}  // namespace headrace::compile
