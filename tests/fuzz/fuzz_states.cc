// The state of an aggregate: any bytes give a state that encodes to the same bytes and has a result, or an error. The
// first byte chooses the call.
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "kernel/aggregates/state.h"

namespace {

using headrace::AggregateCall;
using headrace::TypeId;

// Every function over every type of argument that it may be bound to.
std::vector<AggregateCall> Calls() {
  std::vector<AggregateCall> calls;
  for (const std::string_view name : headrace::AggregateFunctionNames()) {
    const headrace::AggregateFunction& function = *headrace::FindAggregateFunction(name);
    using Rule = headrace::ArgumentRule;
    for (const TypeId type :
         {TypeId::kBigint, TypeId::kDouble, TypeId::kVarchar, TypeId::kBoolean, headrace::DecimalOf(18, 2)}) {
      if (!headrace::Accepts(function.argument, type)) continue;
      if (function.argument == Rule::kNone && type != TypeId::kBigint) continue;
      if (headrace::IsDecimal(type) &&
          headrace::IsMap(headrace::ResultTypeOf(function, TypeId::kBigint, TypeId::kBigint)))
        continue;  // refused by the compiler
      AggregateCall call;
      call.kind = function.kind;
      if (function.argument != Rule::kNone) call.argument = 0;
      if (function.second != Rule::kNone) call.second = 1;
      call.argument_type = type;
      const bool fraction = function.parameter == headrace::ParameterRule::kFraction;
      call.parameter = fraction ? 0.5 : function.fixed_parameter > 0 ? function.fixed_parameter : 2;
      const TypeId second = function.second == Rule::kDouble ? TypeId::kDouble : TypeId::kVarchar;
      call.result_type = headrace::ResultTypeOf(function, type, second);
      calls.push_back(call);
    }
  }
  return calls;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const std::vector<AggregateCall> calls = Calls();
  if (size == 0) return 0;
  const AggregateCall& call = calls[data[0] % calls.size()];
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  const auto state = headrace::DecodeState(call, bytes);
  if (!state.ok()) return 0;
  headrace::Column result(call.result_type);
  (*state)->AppendResult(0, &result);
  if (result.size() != 1) std::abort();
  const std::string again = EncodeState(**state);
  const auto back = headrace::DecodeState(call, again);
  if (!back.ok() || EncodeState(**back) != again) std::abort();
  return 0;
}
