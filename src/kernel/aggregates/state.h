// The states of aggregates: what a window's events come to, whatever their order.
//
// A state depends only on the multiset of rows that were added and not subtracted again, each with its place in the
// order (semantics.md, rule 4), never on when or in which pieces they came. All are mergeable; all but min and max can
// take a row out again.
//
//   function                       exactness                          bytes
//   count                          exact                              8
//   sum, avg of bigints            exact; a sum outside 64 bits null  24
//   sum, avg of doubles            the exact sum, rounded once        600
//   sum, avg of decimals           exact; beyond 38 digits null       32
//   min, max                       exact                              8 or the text
//   var_*, stddev_*, covar_*,      from exact power sums; rule 19     1,200 to 3,000
//     corr, regr_*, skewness, kurtosis
//   bool_*, bit_*                  exact                              520
//   count(distinct)                exact to ExactLimits, beyond HyperLogLog (1.6 %)   48 per value
//   mode, mode_ratio, entropy,     exact                              48 per value
//     top_k, list_distinct, count_by, ratio_by
//   sum_by, avg_by                 as sum and avg                     80 + that of sum per category
//   min_by_category and its kin    exact                              80 per category, 48 per value of it
//   quantile_*, median, mad        exact to ExactLimits, beyond within 1 % (rule 22)  96 per value
//   product                        from logarithms of 120 bits, rounded once          120 per event, or 96
//   ew_avg                         its weights are rounded, the rest is exact         120 per event, or 200 per 64
//                                                                                       half-lives
//   the rest                       over the events in the order       120 per event
//
// The smaller figures are those of MakeSlidingState.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/codec.h"
#include "kernel/aggregates/kinds.h"
#include "kernel/events.h"

namespace headrace {

// Which of the layouts below a state's bytes have. The numbers stand in files: they are never used for anything else.
enum class StateForm : uint8_t {
  kUnwritten = 0,  // of states that are never written
  kCount = 1,
  kIntegerSum = 2,
  kDoubleSum = 3,
  kExtreme = 4,
  kMoments = 5,
  kBits = 6,
  kValues = 7,
  kQuantiles = 8,
  kCategories = 9,
  kSequence = 10,
  kValuesOfCategory = 11,
  kDecimalSum = 12,
};

class AggregateState {
 public:
  virtual ~AggregateState() = default;

  // Row `row` contributes (Contributes, below) and is added, or taken out again.
  virtual void Add(const EventsView& rows, size_t row) = 0;
  virtual void Subtract(const EventsView& rows, size_t row) = 0;  // not of min and max
  virtual void Merge(const AggregateState& other) = 0;            // of the same call

  // The bytes of a state: what EncodeState says. Decode replaces all that the state held; kDataLoss of bytes that are
  // none.
  virtual void Encode(ByteWriter* out) const = 0;
  virtual Status Decode(ByteReader* in) = 0;
  virtual StateForm form() const = 0;

  // Appends the value at the instant `t`, of call.result_type. True where rule 17 made it null: a sum left 64 bits.
  virtual bool AppendResult(TimestampUs t, Column* out) const = 0;
};

std::unique_ptr<AggregateState> MakeAggregateState(const AggregateCall& call);
// States with the same answers that are never written, and less to keep where they are ones of their own: one for what
// comes and goes, and one that is only added to and merged. Both states of a merge come from the same of these.
std::unique_ptr<AggregateState> MakeSlidingState(const AggregateCall& call);
std::unique_ptr<AggregateState> MakeMergedState(const AggregateCall& call);

// A state as bytes (base/codec.h), for files: equal states give equal bytes, whatever order they were made in.
// contracts/aggregate_states.txt has one of each, which later versions must read.
//
//   u8 version (1) | u8 form | the form's own:
//   kCount               i64 rows
//   kIntegerSum          i128 sum | i64 rows
//   kDoubleSum           sum (ExactSum::Encode) | i64 rows
//   kDecimalSum          sum in units: i128 the lower bits, i64 the upper | i64 rows
//   kExtreme             column of no or one row
//   kMoments             i64 rows | i64 rows not finite | the sums of x, xx, xxx, xxxx, y, yy, xy
//   kBits                i64 rows | u8 bits | bits x i64: rows that have it
//   kValues, kQuantiles, kValuesOfCategory    u32 values | each: code | i64 rows
//   kCategories          u32 categories | each: code | i64 rows | its state, without version and form
//   kSequence            u32 events | each: i64 event time | i64 available_at | i64 ingestion order |
//                          value | type of the compared value (of none: 00) | compared value
//   code                 text of a VARCHAR or decimal, else i64 (of a double its OrderedBits)
//
//   count(*) of three events:  01 01 | 03 00 00 00 00 00 00 00
std::string EncodeState(const AggregateState& state);
// kDataLoss of bytes that are no state of this call.
StatusOr<std::unique_ptr<AggregateState>> DecodeState(const AggregateCall& call, std::string_view bytes);

// Whether row `row` counts for `call`: its filter is true and no argument null. For first, last and nth_last, and
// the lists of first and last, a null is a value (rules 20, 21).
bool Contributes(const AggregateCall& call, const EventsView& rows, size_t row);

}  // namespace headrace
