#include "engine/aggregate_sql.h"

#include <vector>

#include "absl/strings/str_join.h"
#include "base/value.h"

namespace headrace {
namespace {

using K = AggregateKind;

constexpr std::string_view kInOrder = "e._event_time, e._available_at, e._ingest";
constexpr std::string_view kInReverse = "e._event_time DESC, e._available_at DESC, e._ingest DESC";

class Writer {
 public:
  Writer(const AggregateCall& call, const AggregateSqlInput& input) : call_(call), input_(input) {}

  std::string Write() const {
    switch (call_.kind) {
      case K::kCountStar:
      case K::kCount:
      case K::kRegrCount:
        return Call("count", input_.argument);
      case K::kSum:
        if (IsDecimal(call_.argument_type)) return Call("sum", input_.argument);
        return is_double() ? Positive(Call("sum", input_.argument))
                           : fmt::format("TRY_CAST({} AS BIGINT)", Call("sum", input_.argument));
      case K::kAvg:
        return Positive(Call("avg", input_.argument));
      case K::kMin:
        return Plain("min");
      case K::kMax:
        return Plain("max");
      case K::kProduct:
        return Positive(Call("product", fmt::format("{} ORDER BY {}", input_.argument, kInOrder)));
      case K::kBoolAnd:
        return Call("bool_and", input_.argument);
      case K::kBoolOr:
        return Call("bool_or", input_.argument);
      case K::kBitAnd:
        return Call("bit_and", input_.argument);
      case K::kBitOr:
        return Call("bit_or", input_.argument);
      case K::kBitXor:
        return Call("bit_xor", input_.argument);
      default:
        return call_.kind < K::kBoolAnd ? Moment()
               : call_.kind < K::kSumBy ? OfValues()
               : call_.kind < K::kFirst ? ByCategory()
                                        : InOrder();
    }
  }

 private:
  bool is_double() const { return call_.argument_type == TypeId::kDouble; }

  // A zero is +0.0 (rule 16).
  static std::string Positive(const std::string& sql) { return fmt::format("({} + 0.0::DOUBLE)", sql); }
  std::string Plain(std::string_view function) const {
    const std::string call = Call(function, input_.argument);
    return is_double() ? Positive(call) : call;
  }

  // function(arguments) over the rows that contribute, and for which `condition` holds.
  std::string Call(std::string_view function, const std::string& arguments, const std::string& condition = "") const {
    std::vector<std::string> conditions;
    if (!input_.filter.empty()) conditions.push_back(input_.filter);
    if (call_.second)
      conditions.push_back(fmt::format("{} IS NOT NULL AND {} IS NOT NULL", input_.argument, input_.second));
    if (!condition.empty()) conditions.push_back(condition);
    const std::string filter =
        conditions.empty() ? "" : fmt::format(" FILTER (WHERE {})", absl::StrJoin(conditions, " AND "));
    return fmt::format("{}({}){}", function, arguments, filter);
  }

  std::string_view MomentName() const {
    switch (call_.kind) {
      case K::kVarSamp:
        return "var_samp";
      case K::kVarPop:
        return "var_pop";
      case K::kStddevSamp:
        return "stddev_samp";
      case K::kStddevPop:
        return "stddev_pop";
      case K::kSkewness:
        return "skewness";
      case K::kKurtosis:
        return "kurtosis";
      case K::kCovarSamp:
        return "covar_samp";
      case K::kCovarPop:
        return "covar_pop";
      case K::kCorr:
        return "corr";
      case K::kRegrSlope:
        return "regr_slope";
      case K::kRegrIntercept:
        return "regr_intercept";
      default:
        return "regr_r2";
    }
  }

  // Rule 18: null of too few rows, else NaN if a value is not finite, else null without variance.
  std::string Moment() const {
    const bool of_population = call_.kind == K::kVarPop || call_.kind == K::kStddevPop || call_.kind == K::kCovarPop;
    const int least = of_population ? 1 : call_.kind == K::kSkewness ? 3 : call_.kind == K::kKurtosis ? 4 : 2;
    const std::string arguments =
        call_.second ? fmt::format("{}, {}", input_.argument, input_.second) : input_.argument;
    const std::string finite = call_.second
                                   ? fmt::format("isfinite({}) AND isfinite({})", input_.argument, input_.second)
                                   : fmt::format("isfinite({})", input_.argument);
    const bool needs_variance = call_.kind >= K::kCorr || call_.kind == K::kSkewness || call_.kind == K::kKurtosis;
    const std::string& x = call_.second ? input_.second : input_.argument;
    std::string constant = fmt::format("{} = {}", Call("min", x, finite), Call("max", x, finite));
    if (call_.kind == K::kCorr) {
      constant +=
          fmt::format(" OR {} = {}", Call("min", input_.argument, finite), Call("max", input_.argument, finite));
    }
    return fmt::format("CASE WHEN {} < {} THEN NULL WHEN {} > 0 THEN 'NaN'::DOUBLE {}ELSE {} END",
                       Call("count", input_.argument), least,
                       Call("count", input_.argument, fmt::format("NOT ({})", finite)),
                       needs_variance ? fmt::format("WHEN {} THEN NULL ", constant) : "",
                       Positive(Call(MomentName(), arguments, finite)));
  }

  std::string OfValues() const {
    const std::string& x = input_.argument;
    switch (call_.kind) {
      case K::kCountDistinct:
        return Call("count", "DISTINCT " + x);
      case K::kMode:
        return is_double() ? Positive(Call("mode", fmt::format("{0} ORDER BY {0}", x)))
                           : Call("mode", fmt::format("{0} ORDER BY {0}", x));
      case K::kModeRatio:
        return fmt::format("list_max(map_values({})) / {}", Call("histogram", x), Call("count", x));
      case K::kEntropy:
        return fmt::format("CASE WHEN {} > 0 THEN {} END", Call("count", x), Call("entropy", x));
      case K::kQuantileCont:
        return Positive(Call("quantile_cont", fmt::format("{}, {}", x, FormatDouble(call_.parameter))));
      case K::kQuantileDisc: {
        const std::string call = Call("quantile_disc", fmt::format("{}, {}", x, FormatDouble(call_.parameter)));
        return is_double() ? Positive(call) : call;
      }
      case K::kListDistinct:
        return fmt::format("list_sort({})", Call("list", "DISTINCT " + Zeroed(x), x + " IS NOT NULL"));
      case K::kTopK:
        return fmt::format(
            "list_transform(list_sort(list_transform(map_entries({}), lambda c: {{'n': -c.value, 'v': c.key}})), "
            "lambda c: "
            "c.v)[:{}]",
            Counts(), static_cast<int64_t>(call_.parameter));
      case K::kCountBy:
        return Top(Counts());
      case K::kRatioBy:
        return Top(fmt::format(
            "map_from_entries(list_transform(map_entries({}), lambda c: {{'key': c.key, 'value': c.value / {}}}))",
            Counts(), Call("count", x)));
      default:
        return Positive(Call("mad", x));
    }
  }

  // A zero is +0.0, also among values.
  std::string Zeroed(const std::string& x) const {
    return is_double() ? fmt::format("CASE WHEN {0} = 0 THEN 0.0::DOUBLE ELSE {0} END", x) : x;
  }

  // Not by histogram(), which in DuckDB 1.5 counts a NaN as some other value.
  std::string Counts() const {
    const std::string all = Call("list", Zeroed(input_.argument), input_.argument + " IS NOT NULL");
    return fmt::format(
        "map_from_entries(list_transform(list_sort(list_distinct({0})), lambda c: {{'key': c, 'value': "
        "len(list_filter({0}, lambda v: v = c))}}))",
        all);
  }

  // Of a map with all categories the top ones.
  std::string Top(const std::string& map) const {
    const auto wanted = static_cast<int64_t>(call_.parameter);
    if (wanted == 0) return map;
    if (call_.by_key) return fmt::format("map_from_entries(map_entries({})[-{}:])", map, wanted);
    return fmt::format(
        "map_from_entries(list_sort(list_transform(list_sort(list_transform(map_entries({}), lambda c: {{'n': "
        "-c.value, "
        "'key': c.key, 'value': c.value}}))[:{}], lambda c: {{'key': c.key, 'value': c.value}})))",
        map, wanted);
  }

  // One aggregate over each category's part of a list of all rows.
  std::string ByCategory() const {
    const std::string_view function = call_.kind == K::kSumBy           ? "sum"
                                      : call_.kind == K::kAvgBy         ? "avg"
                                      : call_.kind == K::kMinByCategory ? "min"
                                                                        : "max";
    const std::string pairs = Call("list", fmt::format("{{'k': {}, 'v': {}}}", input_.second, Zeroed(input_.argument)));
    const std::string value =
        fmt::format("list_{}(list_transform(list_filter({}, lambda pair: pair.k = c), lambda pair: pair.v)){}",
                    function, pairs, call_.kind == K::kSumBy && !is_double() ? "::BIGINT" : "");
    return Top(fmt::format(
        "map_from_entries(list_transform(list_sort(list_distinct(list_transform({}, lambda pair: pair.k))), "
        "lambda c: {{'key': c, 'value': {}}}))",
        pairs, value));
  }

  std::string InOrder() const {
    const std::string in_order = fmt::format("{} ORDER BY {}", input_.argument, kInOrder);
    const std::string happened = "e._event_time IS NOT NULL";
    switch (call_.kind) {
      case K::kFirst:
        return Call("first", in_order, happened);
      case K::kLast:
        return Call("last", in_order, happened);
      case K::kNthLast:
        return Nth(input_.argument);
      case K::kFirstList:
        return fmt::format("{}[:{}]", Call("list", in_order, happened), static_cast<int64_t>(call_.parameter));
      case K::kLastList:
        return fmt::format("{}[-{}:]", Call("list", in_order, happened), static_cast<int64_t>(call_.parameter));
      case K::kArgMin:
        return Call("arg_min", fmt::format("{}, {} ORDER BY {}", input_.argument, input_.second, kInOrder));
      case K::kArgMax:
        return Call("arg_max", fmt::format("{}, {} ORDER BY {}", input_.argument, input_.second, kInOrder));
      case K::kRate:
        return fmt::format("({} - {}) / nullif(date_diff('microsecond', {}, {}) / 1e6, 0)",
                           Call("last", in_order, NotNull()), Call("first", in_order, NotNull()),
                           Call("min", "e._event_time", NotNull()), Call("max", "e._event_time", NotNull()));
      case K::kSecondsSinceLast:
        return Since(Call("max", "e._event_time"));
      case K::kSecondsSinceNthLast:
        return Since(Nth("e._event_time"));
      case K::kCountDays:
        return Call("count", "DISTINCT e._event_time::DATE");
      case K::kEwAvg: {
        const std::string weight = fmt::format("pow(2.0, -date_diff('microsecond', e._event_time, {}) / {}::DOUBLE)",
                                               input_.instant, FormatDouble(call_.parameter));
        return Positive(fmt::format("{} / {}", Call("sum", fmt::format("{} * {}", weight, input_.argument)),
                                    Call("sum", weight, NotNull())));
      }
      case K::kDrawdown:
        return Drawdown(Call("list", in_order, NotNull()));
      case K::kLongestGap:
        return fmt::format("list_max(list_transform({})) / 1e6", Gaps("lambda i: {0}[i] - {0}[i - 1]"));
      default:  // sessions
        return fmt::format("coalesce(1 + len(list_filter({})), 0)",
                           Gaps(fmt::format("lambda i: {{0}}[i] - {{0}}[i - 1] > {}", FormatDouble(call_.parameter))));
    }
  }

  // range(...), lambda: over the places, from the second on, in the ordered list of the events' microseconds, which
  // stands for {0}.
  std::string Gaps(const std::string& lambda) const {
    const std::string instants =
        Call("list", "epoch_us(e._event_time) ORDER BY e._event_time", "e._event_time IS NOT NULL");
    return fmt::format("range(2, len({}) + 1), {}", instants, fmt::format(fmt::runtime(lambda), instants));
  }

  static std::string Drawdown(const std::string& values) {
    return fmt::format(
        "CASE WHEN len(list_filter({0}, lambda v: isnan(v))) > 0 THEN 'NaN'::DOUBLE ELSE "
        "list_max(list_transform(range(1, "
        "len({0}) + 1), lambda i: CASE WHEN list_max({0}[:i]) > {0}[i] THEN list_max({0}[:i]) - {0}[i] ELSE 0 END)) "
        "END",
        values);
  }

  std::string NotNull() const { return input_.argument + " IS NOT NULL"; }
  std::string Nth(const std::string& value) const {
    return fmt::format("{}[{}]",
                       Call("list", fmt::format("{} ORDER BY {}", value, kInReverse), "e._event_time IS NOT NULL"),
                       static_cast<int64_t>(call_.parameter));
  }
  std::string Since(const std::string& event_time) const {
    return fmt::format("date_diff('microsecond', {}, any_value({})) / 1e6", event_time, input_.instant);
  }

  const AggregateCall& call_;
  const AggregateSqlInput& input_;
};

}  // namespace

std::string ToAggregateSql(const AggregateCall& call, const AggregateSqlInput& input) {
  return Writer(call, input).Write();
}

}  // namespace headrace
