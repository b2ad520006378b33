// A compiled feature view: what the kernel needs to turn rows of a relation into features.
//
//   rows of the relation --stages--> rows of the view's FROM --where--> events: keys, times, slots
//   events of one key, instant t --windows--> aggregates --outputs--> features
//
// A stage is a row-wise table between a stream and the view. A slot is a value kept per event: an argument or a
// filter of an aggregate, or a column of a latest-value view. Programs are immutable and may be shared by threads.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/column.h"
#include "base/time.h"
#include "base/time_zone.h"
#include "kernel/aggregates/kinds.h"
#include "kernel/expression.h"

namespace headrace {

// Rule 6: holds visible events with t - offset - length <= event_time < t - offset; no left end without a length. Of a
// calendar period: those of the period that holds t, before t.
struct Window {
  std::optional<DurationUs> length_us;
  std::optional<int64_t> rows;  // only the last so many of them, in the order; without an offset
  DurationUs offset_us = 0;
  std::string suffix;                                   // "7d": the feature is called "flights_7d"
  std::optional<CalendarPeriod> period = std::nullopt;  // alone: from the begin of the period that holds t

  TimestampUs EndAt(TimestampUs t) const { return AddSaturated(t, -offset_us); }
  // Of the first event that it may hold; null: there is no left end.
  std::optional<TimestampUs> BeginAt(TimestampUs t) const {
    if (period) return period->BoundsAt(t).begin;
    return length_us ? std::optional(AddSaturated(EndAt(t), -*length_us)) : std::nullopt;
  }
  // How far before an instant an event may lie that it holds; null: without limit.
  std::optional<DurationUs> Reach() const {
    if (period) return period->MaxLength();
    return length_us ? std::optional(AddSaturated(*length_us, offset_us)) : std::nullopt;
  }
};

struct AggregateCall {
  AggregateKind kind = AggregateKind::kCountStar;
  std::optional<size_t> argument;  // slot; none for count(*)
  std::optional<size_t> second;    // slot of the second argument, where the function has one
  std::optional<size_t> filter;    // boolean slot
  double parameter = 0;  // a quantile's fraction, nth_last's n, how many categories (0: all); durations in microseconds
  bool by_key = false;   // of the categories those with the greatest keys, not the greatest values
  ExactLimits exact;
  TypeId argument_type = TypeId::kBigint;
  TypeId result_type = TypeId::kBigint;
  bool operator==(const AggregateCall&) const = default;
};

// select <outputs> from <input> where <filter>, row by row.
struct RowProgram {
  Schema output;
  std::vector<Expression> outputs;
  std::optional<Expression> where;
};

enum class AvailabilityRule : uint8_t { kInherited, kColumn, kDelay };

struct ViewProgram {
  std::string name;
  std::string definition_hash;     // of everything that decides events and values; set by who compiled it
  Schema input;                    // the columns that are read of the stream or table
  std::vector<RowProgram> stages;  // applied in order; the first reads `input`

  // Over the columns after the last stage (or `input`).
  std::optional<Expression> where;
  std::vector<Expression> keys;  // one per entity column
  Schema entity;
  Expression event_time;
  AvailabilityRule availability = AvailabilityRule::kInherited;
  std::optional<Expression> available_at;  // kColumn
  DurationUs delay_us = 0;                 // kDelay
  std::vector<Expression> slots;

  ExactLimits exact;                      // of all aggregates
  std::vector<AggregateCall> aggregates;  // empty: latest-value, and the outputs are the slots
  std::vector<Window> windows;
  std::optional<DurationUs> ttl_us;  // latest-value
  std::vector<Field> output_fields;  // names without suffix
  std::vector<Expression> outputs;   // over one column per aggregate

  Schema features;  // rule 29: output by output, each in the order of the windows; names without the view's

  bool is_latest_value() const { return windows.empty(); }
  // The longest reach back of any window, offset included; nullopt: unbounded ("all", latest-value without ttl).
  std::optional<DurationUs> Reach() const;
};

// A view `from request`: computed when asked. Inputs are the request's fields, then other features, then request_time.
struct RequestProgram {
  std::string name;
  std::string definition_hash;
  Schema input;  // fields as named in the request, features as "view.feature", "request_time"
  std::vector<Expression> outputs;
  Schema features;
  std::vector<std::string> feature_inputs;  // the "view.feature" among `input`
  bool uses_request_time = false;
};

}  // namespace headrace
