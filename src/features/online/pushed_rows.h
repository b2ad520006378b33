// Pushed rows as events: of the log of accepted events, and of a push on its way there.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/column.h"
#include "features/online/event_log.h"
#include "features/online/event_parser.h"
#include "kernel/events.h"

namespace headrace {

// The bytes that stand for an event id, which must not be null, in the sets of known ids.
std::string EncodeId(const Column& ids, size_t row);

// The availability of pushed rows: their arrival, or later by the stream's delay (rule 2).
std::vector<TimestampUs> PushedAvailability(const StreamSource& stream, const RecordBatch& rows, TimestampUs arrival);

// The columns `input` of a stream's rows, in its order. One that was declared after the rows were accepted is null;
// kFailedPrecondition names one whose type has changed since.
StatusOr<RecordBatch> SelectInput(const Schema& input, const RecordBatch& rows);

// What a view makes of pushed rows of its stream. They, and their times, must outlive it, and stay where they are.
class PushedEvents {
 public:
  static StatusOr<PushedEvents> Make(const ViewProgram& program, const RecordBatch& rows,
                                     std::span<const TimestampUs> available_at, std::span<const int64_t> ingest);
  const EventBatch& batch() const { return *batch_; }

 private:
  PushedEvents() = default;
  std::unique_ptr<std::vector<Column>> nulls_;  // of columns that were declared later
  std::optional<EventBatch> batch_;
};

struct PushedRows {
  RecordBatch rows;
  std::vector<TimestampUs> available_at;
  std::vector<int64_t> ingest;
};

// A logged request as events of its stream. Rows whose id is `superseded` are left out: a history that was taken after
// them has it, and goes first (rule 8). No function: none is.
using IdTest = std::function<StatusOr<bool>(std::string_view id)>;
StatusOr<PushedRows> RowsOfRequest(const StreamSource& stream, const LoggedRequest& request, const IdTest& superseded);

}  // namespace headrace
