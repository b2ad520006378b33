#include "features/online/quarantine.h"

#include "base/id.h"

namespace headrace {
namespace {

constexpr std::string_view kKept = "quarantine.kept";
constexpr std::string_view kReleased = "quarantine.released";

const Schema& KeptColumns() {
  static const Schema& columns =
      *new Schema{{"id", TypeId::kVarchar},     {"source", TypeId::kVarchar}, {"index", TypeId::kBigint},
                  {"column", TypeId::kVarchar}, {"reason", TypeId::kVarchar}, {"row", TypeId::kVarchar}};
  return columns;
}

QuarantinedRow KeptRow(const LoggedRequest& request, size_t row) {
  const std::vector<Column>& columns = request.rows.columns;
  QuarantinedRow kept;
  kept.id = columns[0].str(row);
  kept.source = columns[1].str(row);
  kept.received_at = request.arrival;
  kept.row = {static_cast<size_t>(columns[2].ints()[row]), std::string(columns[3].str(row)),
              std::string(columns[4].str(row)), std::string(columns[5].str(row))};
  return kept;
}

// Ingestion numbers are for events: these rows take none.
LoggedRequest NewRequest(std::string_view source, TimestampUs arrival, Schema columns) {
  LoggedRequest request;
  request.source = source;
  request.arrival = arrival;
  request.rows = RecordBatch(std::move(columns));
  return request;
}

// The log entry at `position`.
StatusOr<std::vector<LoggedRequest>> ReadEntry(const OnlineStore& store, uint64_t position) {
  StatusOr<std::vector<LoggedRequest>> requests = DataLoss("online store: log entry {} is missing", position);
  const Status read = store.ReadLog(position - 1, [&](uint64_t, std::string_view entry) -> Status {
    requests = DecodeLogEntry(entry);
    return absl::CancelledError();  // one is enough
  });
  if (!read.ok() && read.code() != absl::StatusCode::kCancelled) return read;
  return requests;
}

}  // namespace

std::vector<QuarantinedRow> ToQuarantined(const std::string& source, std::vector<BadRow> rows) {
  const std::string request_id = NewId();
  std::vector<QuarantinedRow> result;
  result.reserve(rows.size());
  for (BadRow& row : rows) {
    std::string id = fmt::format("{}-{:08}", request_id, row.index);
    result.push_back({std::move(id), source, 0, std::move(row)});
  }
  return result;
}

LoggedRequest LogKept(const std::vector<QuarantinedRow>& rows, TimestampUs arrival) {
  LoggedRequest request = NewRequest(kKept, arrival, KeptColumns());
  std::vector<Column>& columns = request.rows.columns;
  for (const QuarantinedRow& kept : rows) {
    columns[0].AppendString(kept.id);
    columns[1].AppendString(kept.source);
    columns[2].AppendInt(static_cast<int64_t>(kept.row.index));
    columns[3].AppendString(kept.row.column);
    columns[4].AppendString(kept.row.reason);
    columns[5].AppendString(kept.row.text);
  }
  request.rows.num_rows = rows.size();
  return request;
}

LoggedRequest LogReleased(const std::string& source, const std::vector<std::string>& ids, TimestampUs arrival) {
  LoggedRequest request = NewRequest(kReleased, arrival, {{"id", TypeId::kVarchar}, {"source", TypeId::kVarchar}});
  for (const std::string& id : ids) {
    request.rows.columns[0].AppendString(id);
    request.rows.columns[1].AppendString(source);
  }
  request.rows.num_rows = ids.size();
  return request;
}

Status QuarantineScan::Add(std::string_view entry) {
  if (entry.find(kKept) == std::string_view::npos && entry.find(kReleased) == std::string_view::npos)
    return absl::OkStatus();
  HR_ASSIGN_OR_RETURN(const std::vector<LoggedRequest> requests, DecodeLogEntry(entry));
  for (const LoggedRequest& request : requests) {
    for (size_t row = 0; row < request.rows.num_rows; ++row) {
      if (request.source == kKept) {
        QuarantinedRow kept = KeptRow(request, row);
        std::pair<std::string, std::string> key = {kept.source, kept.id};
        held_.emplace(std::move(key), std::move(kept));
      } else if (request.source == kReleased) {
        held_.erase({std::string(request.rows.columns[1].str(row)), std::string(request.rows.columns[0].str(row))});
      }
    }
  }
  return absl::OkStatus();
}

std::vector<QuarantinedRow> QuarantineScan::Finish() && {
  std::vector<QuarantinedRow> rows;
  rows.reserve(held_.size());
  for (auto& [key, row] : held_) rows.push_back(std::move(row));
  return rows;
}

void Quarantine::Apply(uint64_t position, const LoggedRequest& request) {
  if (request.source != kKept && request.source != kReleased) return;
  const std::lock_guard lock(mutex_);
  for (size_t row = 0; row < request.rows.num_rows; ++row) {
    const std::string id(request.rows.columns[0].str(row));
    std::map<std::string, uint64_t>& of_source = positions_[std::string(request.rows.columns[1].str(row))];
    if (request.source == kKept) {
      of_source[id] = position;
    } else {
      of_source.erase(id);
    }
  }
}

bool Quarantine::Holds(const std::string& source, const std::string& id) const {
  const std::lock_guard lock(mutex_);
  const auto of_source = positions_.find(source);
  return of_source != positions_.end() && of_source->second.contains(id);
}

std::map<std::string, int64_t> Quarantine::Counts() const {
  const std::lock_guard lock(mutex_);
  std::map<std::string, int64_t> counts;
  for (const auto& [source, ids] : positions_) counts[source] = static_cast<int64_t>(ids.size());
  return counts;
}

StatusOr<std::vector<QuarantinedRow>> Quarantine::Read(const OnlineStore& store, const std::string& source,
                                                       const std::string& after, size_t limit) const {
  std::map<std::string, uint64_t> wanted;
  {
    const std::lock_guard lock(mutex_);
    const auto of_source = positions_.find(source);
    if (of_source == positions_.end()) return std::vector<QuarantinedRow>();
    auto it = of_source->second.upper_bound(after);
    for (; it != of_source->second.end() && wanted.size() < limit; ++it) wanted.insert(*it);
  }
  std::map<std::string, QuarantinedRow> found;
  for (const auto& [id, position] : wanted) {
    if (found.contains(id)) continue;  // the entry of an earlier one had it, too
    HR_ASSIGN_OR_RETURN(const std::vector<LoggedRequest> requests, ReadEntry(store, position));
    for (const LoggedRequest& request : requests) {
      for (size_t row = 0; request.source == kKept && row < request.rows.num_rows; ++row) {
        const std::string its_id(request.rows.columns[0].str(row));
        if (wanted.contains(its_id)) found.try_emplace(its_id, KeptRow(request, row));
      }
    }
    if (!found.contains(id)) return DataLoss("online store: log entry {} does not hold the row {}", position, id);
  }
  std::vector<QuarantinedRow> rows;
  rows.reserve(found.size());
  for (auto& [id, row] : found) rows.push_back(std::move(row));
  return rows;
}

}  // namespace headrace
