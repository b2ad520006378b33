// Intervals: bound as three bigint expressions, which the calls that take them receive as arguments.
//
//   interval '1 month', interval 3 day, to_days(n)     constants, or n times a unit
//   t - v                                              days and microseconds, as DuckDB splits them
//   interval + interval, interval * n, -interval       part by part
//   t + interval, t - interval, date_add(t, interval)  -> add_interval(t, months, days, us)
//   interval < interval, ...                           -> of "interval length": a month has 30 days there
//   epoch(interval), extract(hour from interval), ...  -> "interval epoch", "interval hour", ...
#include <algorithm>
#include <array>

#include "absl/strings/ascii.h"
#include "base/time.h"
#include "kernel/compile/binder.h"
#include "kernel/compile/interval_text.h"

namespace headrace::compile {
namespace {

Bound Typed(Expression expression) {
  return {std::move(expression), false};
}
Expression Bigint(int64_t v) {
  return Expression::Constant(Value::Bigint(v), TypeId::kBigint);
}
Bound IntervalBound(IntervalParts parts) {
  return {Expression(), false, std::move(parts)};
}

// Constant parts stay constants, so that a call over them is a small one.
Expression Folded(Expression expression) {
  const bool constant = std::all_of(expression.children.begin(), expression.children.end(),
                                    [](const Expression& child) { return child.kind == Expression::Kind::kConstant; });
  if (!constant || expression.children.empty()) return expression;
  const StatusOr<Column> value = Evaluate(expression, {}, 1);
  return value.ok() ? Expression::Constant(value->GetValue(0), expression.type) : expression;
}

}  // namespace

Binder::IntervalResult Binder::BindIntervalLiteral(const Json& node) {
  const Json& cast_type = NodeOf(node, "cast_type");
  std::string type_name = TextOf(cast_type, "id");
  if (type_name == "UNBOUND" || type_name == "USER") type_name = TextOf(NodeOf(cast_type, "type_info"), "name");
  if (absl::AsciiStrToUpper(type_name) != "INTERVAL") return {};
  const Json& text = NodeOf(NodeOf(NodeOf(node, "child"), "value"), "value");
  if (!text.is_string()) {
    Error(node, "an interval is known from a literal only", "write interval '1 day', or to_days(n) for a column n");
    return {true, std::nullopt};
  }
  const StatusOr<Interval> interval = ParseInterval(text.str());
  if (!interval.ok()) {
    Error(node, std::string(Message(interval.status())));
    return {true, std::nullopt};
  }
  return {true, IntervalBound({Bigint(interval->months), Bigint(interval->days), Bigint(interval->us)})};
}

// to_days(n), which is also what `interval (n) day` parses to. Seconds and milliseconds may have a fraction.
Binder::IntervalResult Binder::BindIntervalConstructor(const Json& node, std::string_view name) {
  struct Constructor {
    std::string_view name;
    Expression IntervalParts::*part;
    int64_t size;
  };
  static constexpr Constructor kConstructors[] = {{"to_millennia", &IntervalParts::months, 12'000},
                                                  {"to_centuries", &IntervalParts::months, 1200},
                                                  {"to_decades", &IntervalParts::months, 120},
                                                  {"to_years", &IntervalParts::months, 12},
                                                  {"to_quarters", &IntervalParts::months, 3},
                                                  {"to_months", &IntervalParts::months, 1},
                                                  {"to_weeks", &IntervalParts::days, 7},
                                                  {"to_days", &IntervalParts::days, 1},
                                                  {"to_hours", &IntervalParts::us, 3600 * kUsPerSecond},
                                                  {"to_minutes", &IntervalParts::us, 60 * kUsPerSecond},
                                                  {"to_seconds", &IntervalParts::us, kUsPerSecond},
                                                  {"to_milliseconds", &IntervalParts::us, 1000},
                                                  {"to_microseconds", &IntervalParts::us, 1}};
  const auto* const it = std::find_if(std::begin(kConstructors), std::end(kConstructors),
                                      [&](const Constructor& constructor) { return constructor.name == name; });
  if (it == std::end(kConstructors)) return {};
  std::optional<std::vector<Bound>> arguments = BindAll(ListOf(node, "children"));
  if (!arguments) return {true, std::nullopt};
  for (Bound& argument : *arguments) {
    if (argument.type() && IsDecimal(*argument.type())) argument = Typed(*Coerce(std::move(argument), TypeId::kDouble));
  }
  arguments->push_back(Typed(Bigint(it->size)));
  std::optional<Bound> product = Call(node, "*", *std::move(arguments));
  if (!product) return {true, std::nullopt};
  if (product->expression.type == TypeId::kDouble) {
    Expression cast;
    cast.kind = Expression::Kind::kCast;
    cast.type = TypeId::kBigint;
    cast.children.push_back(std::move(product->expression));
    product = Typed(std::move(cast));
  }
  IntervalParts parts = {Bigint(0), Bigint(0), Bigint(0)};
  parts.*(it->part) = Folded(std::move(product->expression));
  return {true, IntervalBound(std::move(parts))};
}

std::optional<Bound> Binder::TimestampDifference(const Json& at, std::vector<Bound> arguments) {
  std::swap(arguments[0], arguments[1]);
  const std::optional<Bound> us = Call(at, "date_diff microsecond", std::move(arguments));
  if (!us) return std::nullopt;
  std::optional<Bound> days = Call(at, "//", {*us, Typed(Bigint(kUsPerDay))});
  std::optional<Bound> rest = Call(at, "%", {*us, Typed(Bigint(kUsPerDay))});
  if (!days || !rest) return std::nullopt;
  return IntervalBound({Bigint(0), std::move(days->expression), std::move(rest->expression)});
}

std::optional<Bound> Binder::ScaleInterval(const Json& at, IntervalParts interval, const Bound& factor) {
  for (Expression IntervalParts::*part : {&IntervalParts::months, &IntervalParts::days, &IntervalParts::us}) {
    std::optional<Bound> product = Call(at, "*", {Typed(std::move(interval.*part)), factor});
    if (!product) return std::nullopt;
    interval.*part = Folded(std::move(product->expression));
  }
  if (interval.us.type != TypeId::kBigint) {
    Error(at, "an interval times a number that is not whole", "write to_seconds(n) or another unit of n");
    return std::nullopt;
  }
  return IntervalBound(std::move(interval));
}

std::optional<Bound> Binder::AddIntervals(const Json& at, std::string_view name, IntervalParts a,
                                          const IntervalParts& b) {
  for (Expression IntervalParts::*part : {&IntervalParts::months, &IntervalParts::days, &IntervalParts::us}) {
    std::optional<Bound> sum = Call(at, name, {Typed(std::move(a.*part)), Typed(b.*part)});
    if (!sum) return std::nullopt;
    a.*part = Folded(std::move(sum->expression));
  }
  return IntervalBound(std::move(a));
}

std::optional<Bound> Binder::IntervalCall(const Json& at, std::string_view name, IntervalParts interval) {
  return Call(at, name,
              {Typed(std::move(interval.months)), Typed(std::move(interval.days)), Typed(std::move(interval.us))});
}

std::optional<Bound> Binder::CallWithInterval(const Json& at, std::string_view name, std::vector<Bound> arguments) {
  const bool pair = arguments.size() == 2;
  const bool both = pair && arguments[0].interval && arguments[1].interval;
  const bool adds = name == "+" || name == "-";
  if (both && adds) return AddIntervals(at, name, *arguments[0].interval, *arguments[1].interval);
  if (both) {  // a comparison, which wants two lengths
    std::optional<Bound> a = IntervalCall(at, "interval length", *arguments[0].interval);
    std::optional<Bound> b = IntervalCall(at, "interval length", *arguments[1].interval);
    return a && b ? Call(at, name, {*std::move(a), *std::move(b)}) : std::nullopt;
  }
  if (arguments.size() == 1 && name == "-") return ScaleInterval(at, *arguments[0].interval, Typed(Bigint(-1)));
  if (arguments.size() == 1 && IsKnownFunction(fmt::format("interval {}", name))) {
    return IntervalCall(at, fmt::format("interval {}", name), *arguments[0].interval);
  }
  if (pair && arguments[0].interval && name != "-") std::swap(arguments[0], arguments[1]);
  if (pair && name == "*") return ScaleInterval(at, *arguments[1].interval, arguments[0]);
  if (pair && adds && !arguments[0].interval) {
    std::optional<Bound> interval = IntervalBound(*arguments[1].interval);
    if (name == "-") interval = ScaleInterval(at, *interval->interval, Typed(Bigint(-1)));
    if (!interval) return std::nullopt;
    IntervalParts& parts = *interval->interval;
    return Call(at, "add_interval",
                {std::move(arguments[0]), Typed(std::move(parts.months)), Typed(std::move(parts.days)),
                 Typed(std::move(parts.us))});
  }
  Error(at, fmt::format("{} does not take an interval here", name),
        "add it to a timestamp, compare it with another, or take its epoch() or a date_part()");
  return std::nullopt;
}

}  // namespace headrace::compile
