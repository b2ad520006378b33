// Calls from templates into C++: binding arguments to parameters, and functions as values.
#pragma once

#include <functional>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "catalog/template/value.h"

namespace headrace::jinja {

// The arguments of `site` in the order of `parameters`, as Python binds them: by place, then by name. The first
// `required` must be given; the others are nullptr when they are not. An unknown name, one argument too many or the
// same one twice is an error at that argument.
StatusOr<std::vector<const Argument*>> BindArguments(const CallSite& site,
                                                     std::initializer_list<std::string_view> parameters,
                                                     size_t required);

// The text of `argument`, which must be one; the error names `function` and is at the argument.
StatusOr<std::string> TextArgument(const Argument& argument, std::string_view function);

// A function of the host.
class Function : public Object {
 public:
  using Body = std::function<StatusOr<Value>(const CallSite&)>;
  Function(std::string name, Body body) : name_(std::move(name)), body_(std::move(body)) {}
  std::string Text() const override { return "<function " + name_ + ">"; }
  StatusOr<Value> Call(const CallSite& site) const override { return body_(site); }

 private:
  std::string name_;
  Body body_;
};

inline Value MakeFunction(std::string name, Function::Body body) {
  return Value(std::shared_ptr<const Object>(std::make_shared<Function>(std::move(name), std::move(body))));
}

// {{ value | name(arguments) }}: trim, upper, lower, capitalize, length, count, join, default, d, list, map, replace,
// tojson, first, last, int, string, unique, sort. An unknown one is an error with the nearest.
StatusOr<Value> ApplyFilter(const Value& input, const CallSite& site);

// {{ value is name }}: defined, undefined, none, string, number, mapping, sequence, iterable, boolean, integer, true,
// false.
StatusOr<bool> ApplyTest(const Value& input, std::string_view name);

// {{ value.name(arguments) }} of a text, list or dict: upper, lower, strip, split, replace, startswith, endswith, join;
// items, keys, values, get; index, count.
StatusOr<Value> CallMethod(const Value& receiver, const CallSite& site);

}  // namespace headrace::jinja
