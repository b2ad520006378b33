// The events of a view: the rows of a relation after stages, WHERE and slot expressions.
#pragma once

#include <limits>
#include <span>
#include <string>
#include <vector>

#include "absl/container/inlined_vector.h"
#include "base/column_view.h"
#include "kernel/view.h"

namespace headrace {

// Rows of events, column by column. "The order" of semantics.md, rule 4, is (event_time, available_at, ingest).
// The sweep takes rows without available_at, retracted_at or ingest (kernel/sweep.h); all else has them.
struct EventRows {
  static constexpr TimestampUs kNeverRetracted = kMaxTimestampUs;

  std::vector<Column> keys;   // one per entity column
  std::vector<Column> slots;  // one per slot of the program
  std::vector<TimestampUs> event_time;
  std::vector<TimestampUs> available_at;
  std::vector<TimestampUs> retracted_at;  // kNeverRetracted while the row holds
  std::vector<int64_t> ingest;

  EventRows() = default;
  explicit EventRows(const ViewProgram& program);

  size_t size() const { return event_time.size(); }
  bool VisibleAt(size_t row, TimestampUs t) const { return available_at[row] <= t && t < retracted_at[row]; }
  void AppendFrom(const EventRows& other, size_t row);
  void Append(const EventRows& other);
  EventRows Take(std::span<const uint32_t> rows) const;
};

// Events that somebody else holds, without their keys. Valid as long as they stay where they are.
struct EventsView {
  absl::InlinedVector<ColumnView, 6> slots;
  std::span<const TimestampUs> event_time;
  std::span<const TimestampUs> available_at;
  std::span<const TimestampUs> retracted_at;  // empty: none is retracted
  std::span<const int64_t> ingest;

  EventsView() = default;
  explicit EventsView(const EventRows& rows);

  size_t size() const { return event_time.size(); }
  TimestampUs RetractedAt(size_t row) const {
    return retracted_at.empty() ? EventRows::kNeverRetracted : retracted_at[row];
  }
  bool VisibleAt(size_t row, TimestampUs t) const { return available_at[row] <= t && t < RetractedAt(row); }
};

// Before: row a of `x` comes before row b of `y` in the order.
bool ComesBefore(const EventRows& x, size_t a, const EventRows& y, size_t b);

// When rows could have been known. Of history: as the stream or the release says. Of pushed rows: their arrival.
struct Arrivals {
  bool pushed = false;
  std::span<const TimestampUs> available_at;  // one per row
  std::span<const TimestampUs> retracted_at;  // empty: none is retracted
  std::span<const int64_t> ingest;
};

// Events of the rows of `input`, whose columns are those of program.input in its order. Rows that WHERE does not
// select, and rows without event time (rule 7), give no event. Rules 1 and 2 decide `available_at`.
StatusOr<EventRows> PrepareEvents(const ViewProgram& program, const RecordBatch& input, const Arrivals& arrivals);

// The events of one batch, to be looked at once: where the program only names columns of the input, it is the input's
// columns that are meant. The input must outlive it.
class EventBatch {
 public:
  // `input`: the columns of program.input, of `rows` rows.
  static StatusOr<EventBatch> Prepare(const ViewProgram& program, std::span<const Column* const> input, size_t rows,
                                      const Arrivals& arrivals);
  EventBatch(EventBatch&&) = default;

  size_t size() const { return event_time.size(); }
  EventsView View() const;

  std::vector<const Column*> keys;
  std::vector<const Column*> slots;
  std::span<const TimestampUs> event_time;
  std::span<const TimestampUs> available_at;
  std::span<const TimestampUs> retracted_at;  // empty: none is retracted
  std::span<const int64_t> ingest;

 private:
  EventBatch() = default;
  EventRows rows_;  // what had to be computed
};

// One key as bytes: equal exactly when every part is equal, so (1, 23) is not (12, 3). False when a part is null,
// which no event matches. Appends to *out.
bool EncodeKey(std::span<const Column> parts, size_t row, std::string* out);
bool EncodeKey(std::span<const Column* const> parts, size_t row, std::string* out);

// `value` as a part of a key of type `type`: widened or cast only without loss (rule 13); else an error that names
// `column`.
StatusOr<Value> CastKeyPart(const Value& value, TypeId type, std::string_view column);

}  // namespace headrace
