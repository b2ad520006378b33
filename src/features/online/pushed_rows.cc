#include "features/online/pushed_rows.h"

#include <algorithm>
#include <numeric>

#include "kernel/events.h"

namespace headrace {
namespace {

StatusOr<std::vector<uint32_t>> RowsToKeep(const Column& ids, const IdTest& superseded) {
  std::vector<uint32_t> kept;
  for (uint32_t row = 0; row < ids.size(); ++row) {
    bool leave_out = false;
    if (!ids.IsNull(row)) {
      HR_ASSIGN_OR_RETURN(leave_out, superseded(EncodeId(ids, row)));
    }
    if (!leave_out) kept.push_back(row);
  }
  return kept;
}

template <typename Item>
void KeepOnly(std::span<const uint32_t> kept, std::vector<Item>* items) {
  for (size_t i = 0; i < kept.size(); ++i) (*items)[i] = (*items)[kept[i]];
  items->resize(kept.size());
}

}  // namespace

std::string EncodeId(const Column& ids, size_t row) {
  std::string encoded;
  EncodeKey(std::span<const Column>(&ids, 1), row, &encoded);
  return encoded;
}

std::vector<TimestampUs> PushedAvailability(const StreamSource& stream, const RecordBatch& rows, TimestampUs arrival) {
  std::vector<TimestampUs> available(rows.num_rows, arrival);
  if (stream.delay_us == 0) return available;
  const Column* event_time = rows.Find(stream.event_time);
  for (size_t i = 0; event_time != nullptr && i < available.size(); ++i) {
    if (!event_time->IsNull(i)) available[i] = std::max(arrival, AddSaturated(event_time->ints()[i], stream.delay_us));
  }
  return available;
}

namespace {

// Of the columns `input` those that `rows` has, nullptr for one that was declared after they were accepted.
StatusOr<std::vector<const Column*>> FindInput(const Schema& input, const RecordBatch& rows) {
  std::vector<const Column*> columns;
  columns.reserve(input.size());
  for (const Field& field : input) {
    const Column* column = rows.Find(field.name);
    if (column != nullptr && column->type() != field.type)
      return FailedPrecondition(
          "column '{}' of rows that were pushed is {}, and is declared as {} now; declare it as it was, or give the "
          "new one another name",
          field.name, TypeName(column->type()), TypeName(field.type));
    columns.push_back(column);
  }
  return columns;
}

Column Nulls(TypeId type, size_t rows) {
  Column nulls(type);
  for (size_t row = 0; row < rows; ++row) nulls.AppendNull();
  return nulls;
}

}  // namespace

StatusOr<RecordBatch> SelectInput(const Schema& input, const RecordBatch& rows) {
  HR_ASSIGN_OR_RETURN(const std::vector<const Column*> columns, FindInput(input, rows));
  RecordBatch selected;
  selected.schema = input;
  selected.num_rows = rows.num_rows;
  for (size_t i = 0; i < input.size(); ++i)
    selected.columns.push_back(columns[i] == nullptr ? Nulls(input[i].type, rows.num_rows) : *columns[i]);
  return selected;
}

StatusOr<PushedEvents> PushedEvents::Make(const ViewProgram& program, const RecordBatch& rows,
                                          std::span<const TimestampUs> available_at, std::span<const int64_t> ingest) {
  PushedEvents events;
  events.nulls_ = std::make_unique<std::vector<Column>>();
  events.nulls_->reserve(program.input.size());
  HR_ASSIGN_OR_RETURN(std::vector<const Column*> columns, FindInput(program.input, rows));
  for (size_t i = 0; i < columns.size(); ++i) {
    if (columns[i] == nullptr) columns[i] = &events.nulls_->emplace_back(Nulls(program.input[i].type, rows.num_rows));
  }
  HR_ASSIGN_OR_RETURN(EventBatch batch,
                      EventBatch::Prepare(program, columns, rows.num_rows, {true, available_at, {}, ingest}));
  events.batch_.emplace(std::move(batch));
  return events;
}

StatusOr<PushedRows> RowsOfRequest(const StreamSource& stream, const LoggedRequest& request, const IdTest& superseded) {
  PushedRows pushed{request.rows, PushedAvailability(stream, request.rows, request.arrival), {}};
  pushed.ingest.resize(request.rows.num_rows);
  std::iota(pushed.ingest.begin(), pushed.ingest.end(), request.first_ingest);
  const Column* ids = stream.event_id.empty() ? nullptr : request.rows.Find(stream.event_id);
  if (ids == nullptr || !superseded) return pushed;
  HR_ASSIGN_OR_RETURN(const std::vector<uint32_t> kept, RowsToKeep(*ids, superseded));
  if (kept.size() == request.rows.num_rows) return pushed;
  for (Column& column : pushed.rows.columns) column = column.Take(kept);
  pushed.rows.num_rows = kept.size();
  KeepOnly(kept, &pushed.available_at);
  KeepOnly(kept, &pushed.ingest);
  return pushed;
}

}  // namespace headrace
