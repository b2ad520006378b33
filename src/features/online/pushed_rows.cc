#include "features/online/pushed_rows.h"

#include <algorithm>
#include <numeric>

#include "kernel/events.h"

namespace headrace {
namespace {

std::vector<uint32_t> RowsToKeep(const Column& ids, const IdTest& superseded) {
  std::vector<uint32_t> kept;
  for (uint32_t row = 0; row < ids.size(); ++row) {
    if (ids.IsNull(row) || !superseded(EncodeId(ids, row))) kept.push_back(row);
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

StatusOr<RecordBatch> SelectInput(const Schema& input, const RecordBatch& rows) {
  RecordBatch selected;
  selected.num_rows = rows.num_rows;
  for (const Field& field : input) {
    const Column* column = rows.Find(field.name);
    selected.schema.push_back(field);
    if (column == nullptr) {  // declared after the rows were accepted
      Column& nulls = selected.columns.emplace_back(field.type);
      for (size_t row = 0; row < rows.num_rows; ++row) nulls.AppendNull();
      continue;
    }
    if (column->type() != field.type)
      return FailedPrecondition(
          "column '{}' of rows that were pushed is {}, and is declared as {} now; declare it as it was, or give the "
          "new "
          "one another name",
          field.name, TypeName(column->type()), TypeName(field.type));
    selected.columns.push_back(*column);
  }
  return selected;
}

StatusOr<EventRows> EventsOfPushed(const ViewProgram& program, const RecordBatch& rows,
                                   std::span<const TimestampUs> available_at, std::span<const int64_t> ingest) {
  HR_ASSIGN_OR_RETURN(const RecordBatch input, SelectInput(program.input, rows));
  return PrepareEvents(program, input, {true, available_at, {}, ingest});
}

PushedRows RowsOfRequest(const StreamSource& stream, const LoggedRequest& request, const IdTest& superseded) {
  PushedRows pushed{request.rows, PushedAvailability(stream, request.rows, request.arrival), {}};
  pushed.ingest.resize(request.rows.num_rows);
  std::iota(pushed.ingest.begin(), pushed.ingest.end(), request.first_ingest);
  const Column* ids = stream.event_id.empty() ? nullptr : request.rows.Find(stream.event_id);
  if (ids == nullptr || !superseded) return pushed;
  const std::vector<uint32_t> kept = RowsToKeep(*ids, superseded);
  if (kept.size() == request.rows.num_rows) return pushed;
  for (Column& column : pushed.rows.columns) column = column.Take(kept);
  pushed.rows.num_rows = kept.size();
  KeepOnly(kept, &pushed.available_at);
  KeepOnly(kept, &pushed.ingest);
  return pushed;
}

}  // namespace headrace
