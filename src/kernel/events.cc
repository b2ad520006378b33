#include "kernel/events.h"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <tuple>

#include "base/decimal.h"

namespace headrace {
namespace {

// The columns after one stage, for the rows that its WHERE selects.
StatusOr<std::vector<Column>> RunStage(const RowProgram& stage, const std::vector<Column>& inputs,
                                       std::vector<uint32_t>* origin) {
  std::vector<Column> outputs;
  if (!stage.where) {
    for (const Expression& output : stage.outputs) {
      HR_ASSIGN_OR_RETURN(Column column, Evaluate(output, inputs, origin->size()));
      outputs.push_back(std::move(column));
    }
    return outputs;
  }
  HR_ASSIGN_OR_RETURN(const Column condition, Evaluate(*stage.where, inputs, origin->size()));
  const std::vector<uint32_t> selected = SelectedRows(condition);
  std::vector<Column> taken;
  taken.reserve(inputs.size());
  for (const Column& input : inputs) taken.push_back(input.Take(selected));
  std::vector<uint32_t> selected_origin;
  selected_origin.reserve(selected.size());
  for (const uint32_t row : selected) selected_origin.push_back((*origin)[row]);
  *origin = std::move(selected_origin);
  for (const Expression& output : stage.outputs) {
    HR_ASSIGN_OR_RETURN(Column column, Evaluate(output, taken, origin->size()));
    outputs.push_back(std::move(column));
  }
  return outputs;
}

// The program's last expressions as one more stage: keys, event time, available_at, slots.
RowProgram FinalStage(const ViewProgram& program) {
  RowProgram stage;
  stage.where = program.where;
  stage.outputs = program.keys;
  stage.outputs.push_back(program.event_time);
  if (program.available_at) stage.outputs.push_back(*program.available_at);
  stage.outputs.insert(stage.outputs.end(), program.slots.begin(), program.slots.end());
  return stage;
}

// Rule 2. `declared` is the view's available_at column, if it has one.
TimestampUs Availability(const ViewProgram& program, const Arrivals& arrivals, uint32_t origin, TimestampUs event_time,
                         const Column* declared, size_t row) {
  const TimestampUs known = arrivals.available_at[origin];
  switch (program.availability) {
    case AvailabilityRule::kInherited:
      return known;
    case AvailabilityRule::kColumn:
      if (arrivals.pushed) return known;
      return declared->IsNull(row) ? event_time : declared->ints()[row];
    case AvailabilityRule::kDelay: {
      const TimestampUs delayed = AddSaturated(event_time, program.delay_us);
      return arrivals.pushed ? std::max(known, delayed) : delayed;
    }
  }
  return known;
}

}  // namespace

EventRows::EventRows(const ViewProgram& program) {
  for (const Field& part : program.entity) keys.emplace_back(part.type);
  for (const Expression& slot : program.slots) slots.emplace_back(slot.type);
}

void EventRows::AppendFrom(const EventRows& other, size_t row) {
  for (size_t i = 0; i < keys.size(); ++i) keys[i].AppendFrom(other.keys[i], row);
  for (size_t i = 0; i < slots.size(); ++i) slots[i].AppendFrom(other.slots[i], row);
  event_time.push_back(other.event_time[row]);
  available_at.push_back(other.available_at[row]);
  retracted_at.push_back(other.retracted_at[row]);
  ingest.push_back(other.ingest[row]);
}

void EventRows::Append(const EventRows& other) {
  for (size_t i = 0; i < keys.size(); ++i) keys[i].AppendColumn(other.keys[i]);
  for (size_t i = 0; i < slots.size(); ++i) slots[i].AppendColumn(other.slots[i]);
  event_time.insert(event_time.end(), other.event_time.begin(), other.event_time.end());
  available_at.insert(available_at.end(), other.available_at.begin(), other.available_at.end());
  retracted_at.insert(retracted_at.end(), other.retracted_at.begin(), other.retracted_at.end());
  ingest.insert(ingest.end(), other.ingest.begin(), other.ingest.end());
}

EventRows EventRows::Take(std::span<const uint32_t> rows) const {
  EventRows taken;
  for (const Column& key : keys) taken.keys.push_back(key.Take(rows));
  for (const Column& slot : slots) taken.slots.push_back(slot.Take(rows));
  for (const uint32_t row : rows) {
    taken.event_time.push_back(event_time[row]);
    taken.available_at.push_back(available_at[row]);
    taken.retracted_at.push_back(retracted_at[row]);
    taken.ingest.push_back(ingest[row]);
  }
  return taken;
}

EventsView::EventsView(const EventRows& rows)
    : slots(rows.slots.begin(), rows.slots.end()),
      event_time(rows.event_time),
      available_at(rows.available_at),
      retracted_at(rows.retracted_at),
      ingest(rows.ingest) {}

bool ComesBefore(const EventRows& x, size_t a, const EventRows& y, size_t b) {
  return std::tie(x.event_time[a], x.available_at[a], x.ingest[a]) <
         std::tie(y.event_time[b], y.available_at[b], y.ingest[b]);
}

namespace {

// PrepareEvents of `columns`, the columns of program.input.
StatusOr<EventRows> RunProgram(const ViewProgram& program, std::vector<Column> columns, size_t rows,
                               const Arrivals& arrivals) {
  std::vector<uint32_t> origin(rows);
  for (uint32_t i = 0; i < origin.size(); ++i) origin[i] = i;
  for (const RowProgram& stage : program.stages) {
    HR_ASSIGN_OR_RETURN(columns, RunStage(stage, columns, &origin));
  }
  HR_ASSIGN_OR_RETURN(columns, RunStage(FinalStage(program), columns, &origin));

  const size_t num_keys = program.keys.size();
  const Column& event_time = columns[num_keys];
  const Column* declared = program.available_at ? &columns[num_keys + 1] : nullptr;
  const size_t first_slot = num_keys + (declared == nullptr ? 1 : 2);
  std::vector<uint32_t> kept;
  EventRows events;
  for (uint32_t i = 0; i < origin.size(); ++i) {
    if (event_time.IsNull(i)) continue;
    kept.push_back(i);
    const TimestampUs t = event_time.ints()[i];
    events.event_time.push_back(t);
    events.available_at.push_back(Availability(program, arrivals, origin[i], t, declared, i));
    events.retracted_at.push_back(arrivals.retracted_at.empty() ? EventRows::kNeverRetracted
                                                                : arrivals.retracted_at[origin[i]]);
    events.ingest.push_back(arrivals.ingest[origin[i]]);
  }
  const bool all = kept.size() == origin.size();
  for (size_t i = 0; i < columns.size(); ++i) {
    if (i >= num_keys && i < first_slot) continue;
    (i < num_keys ? events.keys : events.slots).push_back(all ? std::move(columns[i]) : columns[i].Take(kept));
  }
  return events;
}

// Whether every event is a row of the input, and all of its values are columns of the input.
bool OnlyNamesColumns(const ViewProgram& program) {
  const auto is_column = [](const Expression& expression) { return expression.kind == Expression::Kind::kColumn; };
  return program.stages.empty() && !program.where && program.availability == AvailabilityRule::kInherited &&
         is_column(program.event_time) && std::all_of(program.keys.begin(), program.keys.end(), is_column) &&
         std::all_of(program.slots.begin(), program.slots.end(), is_column);
}

// False when the part is null.
bool EncodePart(const Column& part, size_t row, std::string* out) {
  if (part.IsNull(row)) return false;
  char fixed[sizeof(int64_t)];
  if (HoldsBytes(part.type())) {
    const std::string_view text = part.str(row);
    const uint64_t size = text.size();
    std::memcpy(fixed, &size, sizeof size);
    out->append(fixed, sizeof fixed);
    out->append(text);
  } else {
    std::memcpy(fixed, &part.ints()[row], sizeof fixed);
    out->append(fixed, sizeof fixed);
  }
  return true;
}

}  // namespace

StatusOr<EventRows> PrepareEvents(const ViewProgram& program, const RecordBatch& input, const Arrivals& arrivals) {
  return RunProgram(program, input.columns, input.num_rows, arrivals);
}

StatusOr<EventBatch> EventBatch::Prepare(const ViewProgram& program, std::span<const Column* const> input, size_t rows,
                                         const Arrivals& arrivals) {
  EventBatch batch;
  if (OnlyNamesColumns(program) && !input[program.event_time.column]->has_nulls()) {
    for (const Expression& key : program.keys) batch.keys.push_back(input[key.column]);
    for (const Expression& slot : program.slots) batch.slots.push_back(input[slot.column]);
    batch.event_time = input[program.event_time.column]->ints();
    batch.available_at = arrivals.available_at;
    batch.retracted_at = arrivals.retracted_at;
    batch.ingest = arrivals.ingest;
    return batch;
  }
  std::vector<Column> columns;
  columns.reserve(input.size());
  for (const Column* column : input) columns.push_back(*column);
  HR_ASSIGN_OR_RETURN(batch.rows_, RunProgram(program, std::move(columns), rows, arrivals));
  for (const Column& key : batch.rows_.keys) batch.keys.push_back(&key);
  for (const Column& slot : batch.rows_.slots) batch.slots.push_back(&slot);
  batch.event_time = batch.rows_.event_time;
  batch.available_at = batch.rows_.available_at;
  if (!arrivals.retracted_at.empty()) batch.retracted_at = batch.rows_.retracted_at;
  batch.ingest = batch.rows_.ingest;
  return batch;
}

EventsView EventBatch::View() const {
  EventsView events;
  for (const Column* slot : slots) events.slots.emplace_back(*slot);
  events.event_time = event_time;
  events.available_at = available_at;
  events.retracted_at = retracted_at;
  events.ingest = ingest;
  return events;
}

bool EncodeKey(std::span<const Column> parts, size_t row, std::string* out) {
  return std::all_of(parts.begin(), parts.end(), [&](const Column& part) { return EncodePart(part, row, out); });
}

bool EncodeKey(std::span<const Column* const> parts, size_t row, std::string* out) {
  return std::all_of(parts.begin(), parts.end(), [&](const Column* part) { return EncodePart(*part, row, out); });
}

StatusOr<Value> CastKeyPart(const Value& value, TypeId type, std::string_view column) {
  if (value.is_null() || value.type() == type) return value;
  if (IsDecimal(type) && (IsDecimal(value.type()) || value.type() == TypeId::kBigint)) {
    if (const StatusOr<Int128> units = ParseDecimal(value.ToString(), type, /*exact=*/true); units.ok())
      return Value::Bytes(type, EncodeDecimal(*units));
  }
  if (IsDecimal(value.type()) && type == TypeId::kBigint) {
    if (const StatusOr<Int128> units = ParseDecimal(value.ToString(), DecimalOf(kMaxDecimalWidth, 0), /*exact=*/true);
        units.ok() && *units == static_cast<int64_t>(*units)) {
      return Value::Bigint(static_cast<int64_t>(*units));
    }
  }
  if (value.type() == TypeId::kDate && type == TypeId::kTimestamp) return Value::Timestamp(value.int64() * kUsPerDay);
  if (value.type() == TypeId::kDouble && type == TypeId::kBigint) {
    const double v = value.dbl();
    constexpr double kExact = 9007199254740992.0;  // 2^53: beyond it a double no longer says which integer was meant
    if (v >= -kExact && v <= kExact && v == static_cast<double>(static_cast<int64_t>(v))) {
      return Value::Bigint(static_cast<int64_t>(v));
    }
  }
  return InvalidArgument("column '{}': {} '{}' is not a {} key", column, TypeName(value.type()), value.ToString(),
                         TypeName(type));
}

}  // namespace headrace
