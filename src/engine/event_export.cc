#include "engine/event_export.h"

#include <algorithm>
#include <map>

#include "base/kill_point.h"

namespace headrace {
namespace {

// The rows of one segment, as they are collected.
class SegmentRows {
 public:
  // Whether the columns of every source are those of the rows that are there.
  bool Fits(const std::vector<LoggedRequest>& requests) const {
    for (const LoggedRequest& request : requests) {
      const auto rows = rows_.find(request.source);
      if (rows != rows_.end() && rows->second.schema != SegmentColumns(request.rows.schema)) return false;
    }
    return true;
  }

  void Add(uint64_t position, const std::vector<LoggedRequest>& requests) {
    for (size_t i = 0; i < requests.size(); ++i) {
      const LoggedRequest& request = requests[i];
      RecordBatch& rows = rows_.try_emplace(request.source, SegmentColumns(request.rows.schema)).first->second;
      const size_t columns = request.rows.columns.size();
      for (size_t column = 0; column < columns; ++column)
        rows.columns[column].AppendColumn(request.rows.columns[column]);
      for (size_t row = 0; row < request.rows.num_rows; ++row) {
        rows.columns[columns].AppendInt(static_cast<int64_t>(position));
        rows.columns[columns + 1].AppendInt(static_cast<int64_t>(i));
        rows.columns[columns + 2].AppendInt(request.arrival);
        rows.columns[columns + 3].AppendInt(request.first_ingest + static_cast<int64_t>(row));
      }
      rows.num_rows += request.rows.num_rows;
      num_rows_ += request.rows.num_rows;
    }
  }

  size_t num_rows() const { return num_rows_; }
  const std::map<std::string, RecordBatch>& rows() const { return rows_; }

 private:
  std::map<std::string, RecordBatch> rows_;  // by source
  size_t num_rows_ = 0;
};

class Exporter {
 public:
  Exporter(OnlineStore& store, EventSegments& segments, const ExportLimits& limits)
      : store_(store), segments_(segments), limits_(limits) {}

  StatusOr<ExportReport> Run() {
    const std::lock_guard lock(segments_.export_mutex());
    HR_RETURN_IF_ERROR(segments_.RemoveLeftovers());
    last_ = segments_.LastPosition();
    hash_ = segments_.KnownLogHash(last_).second;
    report_.first = last_ + 1;
    const uint64_t until = store_.LastPosition();
    HR_RETURN_IF_ERROR(store_.Sync());  // an exported entry must be in the log whatever happens to the machine
    const Status read = store_.ReadLog(last_, [&](uint64_t position, std::string_view entry) -> Status {
      return position > until ? absl::CancelledError() : Take(position, entry);
    });
    if (!read.ok() && !absl::IsCancelled(read)) return read;
    HR_RETURN_IF_ERROR(WriteSegment());
    report_.last = last_;
    report_.exported_bytes = segments_.Bytes();
    return report_;
  }

 private:
  Status Take(uint64_t position, std::string_view entry) {
    StatusOr<std::vector<LoggedRequest>> requests = DecodeLogEntry(entry);
    if (!requests.ok()) return Annotate(requests.status(), fmt::format("online store: log entry {}", position));
    const bool full = bytes_ + entry.size() > limits_.bytes || rows_.num_rows() >= limits_.rows;
    if (full || !rows_.Fits(*requests)) HR_RETURN_IF_ERROR(WriteSegment());
    rows_.Add(position, *requests);
    hash_ = ExtendLogHash(hash_, *requests);
    bytes_ += entry.size();
    last_ = position;
    return absl::OkStatus();
  }

  Status WriteSegment() {
    if (rows_.num_rows() == 0) return absl::OkStatus();
    HR_RETURN_IF_ERROR(segments_.Add(last_, rows_.rows(), hash_));
    ++report_.segments;
    report_.rows += static_cast<int64_t>(rows_.num_rows());
    rows_ = {};
    bytes_ = 0;
    return absl::OkStatus();
  }

  OnlineStore& store_;
  EventSegments& segments_;
  const ExportLimits limits_;
  SegmentRows rows_;
  size_t bytes_ = 0;
  uint64_t last_ = 0;
  std::string hash_;
  ExportReport report_;
};

class ExportedLogStore : public OnlineStore {
 public:
  ExportedLogStore(std::unique_ptr<OnlineStore> store, EventSegments& segments)
      : store_(std::move(store)), segments_(segments) {}

  StatusOr<uint64_t> Append(std::string_view entry) override { return store_->Append(entry); }
  uint64_t LastPosition() const override { return store_->LastPosition(); }
  Status Sync() override { return store_->Sync(); }
  void SetExpiry(StateExpired expired) override { store_->SetExpiry(std::move(expired)); }

  // From the store as long as it has the entries: that is faster than Parquet.
  Status ReadLog(uint64_t after, const LogVisitor& visitor) const override {
    uint64_t position = after;
    const LogVisitor counted = [&](uint64_t at, std::string_view entry) {
      position = at;
      return visitor(at, entry);
    };
    while (true) {
      const uint64_t truncated = store_->TruncatedPosition();
      const uint64_t before = position;
      Status from_store = store_->ReadLog(position, counted);
      if (!absl::IsOutOfRange(from_store) || position != before) return from_store;
      HR_RETURN_IF_ERROR(segments_.ReadLog(position, counted));
      if (position == before) return DataLoss("online store: log entries up to {} are missing", truncated);
    }
  }

  Status Truncate(uint64_t up_to) override {
    if (up_to > segments_.LastPosition())
      return FailedPrecondition("online store: log entry {} has not been exported yet", up_to);
    return store_->Truncate(up_to);
  }
  uint64_t TruncatedPosition() const override { return 0; }

  Status WriteStates(const std::vector<StateChange>& changes) override { return store_->WriteStates(changes); }
  Status WriteCheckpoint(const Checkpoint& checkpoint) override { return store_->WriteCheckpoint(checkpoint); }
  uint64_t CheckpointPosition() const override { return store_->CheckpointPosition(); }
  Status ReadStates(std::string_view prefix, const StateVisitor& visitor) const override {
    return store_->ReadStates(prefix, visitor);
  }
  Status ReadStatesInParallel(std::string_view prefix, int threads, const StateVisitor& visitor) const override {
    return store_->ReadStatesInParallel(prefix, threads, visitor);
  }
  StatusOr<std::optional<std::string>> ReadState(std::string_view name) const override {
    return store_->ReadState(name);
  }
  Status DropStates(std::string_view prefix) override { return store_->DropStates(prefix); }

  Status Verify() const override {
    HR_RETURN_IF_ERROR(segments_.Verify());
    return store_->Verify();
  }
  // Of the store alone: the segments are copied beside it (engine/backup.h).
  Status Snapshot(const std::string& folder) const override { return store_->Snapshot(folder); }

 private:
  const std::unique_ptr<OnlineStore> store_;
  EventSegments& segments_;
};

}  // namespace

Json ExportReport::ToJson() const {
  return Json::Object{{"first", static_cast<int64_t>(first)},
                      {"last", static_cast<int64_t>(last)},
                      {"segments", segments},
                      {"rows", rows},
                      {"log_begins_after", static_cast<int64_t>(truncated)},
                      {"exported_bytes", exported_bytes}};
}

StatusOr<ExportReport> ExportLog(OnlineStore& store, EventSegments& segments, const ExportLimits& limits) {
  return Exporter(store, segments, limits).Run();
}

Status TruncateBehind(OnlineStore& store, EventSegments& segments, ExportReport* report) {
  report->truncated = std::min(segments.LastPosition(), store.CheckpointPosition());
  HR_RETURN_IF_ERROR(store.Truncate(report->truncated));
  KillPoint("export.truncated");
  return absl::OkStatus();
}

StatusOr<std::unique_ptr<OnlineStore>> JoinWithSegments(std::unique_ptr<OnlineStore> store, EventSegments& segments) {
  const uint64_t exported = segments.LastPosition();
  if (store->TruncatedPosition() > exported)
    return DataLoss(
        ".headrace/online has the log from after entry {}, and .headrace/events ends at {}: the two are not of one "
        "moment; put both back from one backup",
        store->TruncatedPosition(), exported);
  if (store->LastPosition() < exported)
    return DataLoss(
        ".headrace/events has the log up to entry {}, and .headrace/online ends at {}: the two are not of one moment; "
        "put both back from one backup",
        exported, store->LastPosition());
  return std::make_unique<ExportedLogStore>(std::move(store), segments);
}

}  // namespace headrace
