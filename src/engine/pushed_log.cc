#include "engine/pushed_log.h"

#include <optional>

#include "absl/container/flat_hash_set.h"
#include "engine/history_scan.h"
#include "features/online/event_log.h"
#include "warehouse/appender.h"
#include "warehouse/history.h"
#include "warehouse/sql_text.h"

namespace headrace {
namespace {

class WorkspaceLog : public PushedLog {
 public:
  WorkspaceLog(Workspace& workspace, uint64_t last) : workspace_(workspace), last_(last) {}

  uint64_t LastPosition() const override { return last_; }
  StatusOr<std::string> HashUpTo(uint64_t position) override { return LogHash(workspace_, position); }

  Status Read(const std::string& stream, const Schema& columns, uint64_t after,
              const std::function<Status(const RecordBatch&)>& sink) override {
    return ReadPushed(workspace_, stream, after, last_, [&](const LoggedRequest& request) -> Status {
      HR_ASSIGN_OR_RETURN(const RecordBatch rows, SelectInput(columns, request.rows));
      return sink(rows);
    });
  }

 private:
  Workspace& workspace_;
  const uint64_t last_;
};

constexpr std::string_view kIds = "headrace_pushed_ids";

// The ids of a stream in the log, in a temporary table.
Status StoreIds(Connection& connection, Workspace& workspace, const StreamSource& stream, uint64_t until) {
  HR_ASSIGN_OR_RETURN(const Schema history, connection.Describe("select * from " + HistoryRelation(stream.name)));
  const std::optional<size_t> id = FindField(history, stream.event_id);
  if (!id) return FailedPrecondition("{} has no column '{}'; run: headrace build", stream.name, stream.event_id);
  const Schema ids = {history[*id]};
  HR_RETURN_IF_ERROR(
      connection.Execute(fmt::format("create or replace temp table {} ({})", kIds, ColumnDefinitions(ids))));
  HR_ASSIGN_OR_RETURN(const std::unique_ptr<Appender> appender, Appender::Create(connection, "temp", kIds));
  HR_RETURN_IF_ERROR(ReadPushed(workspace, stream.name, 0, until, [&](const LoggedRequest& request) -> Status {
    HR_ASSIGN_OR_RETURN(const RecordBatch rows, SelectInput(ids, request.rows));
    return appender->Append(rows);
  }));
  return appender->Close();
}

}  // namespace

Status ReadPushed(Workspace& workspace, const std::string& stream, uint64_t after, uint64_t until,
                  const std::function<Status(const LoggedRequest&)>& visitor) {
  return workspace.ReadEventLog(after, until, [&](uint64_t, std::string_view entry) -> Status {
    HR_ASSIGN_OR_RETURN(const std::vector<LoggedRequest> requests, DecodeLogEntry(entry));
    for (const LoggedRequest& request : requests) {
      if (request.source == stream) HR_RETURN_IF_ERROR(visitor(request));
    }
    return absl::OkStatus();
  });
}

StatusOr<IdTest> SupersededIds(Workspace& workspace, const StreamSource& stream, uint64_t until) {
  if (stream.event_id.empty()) return IdTest();
  HR_ASSIGN_OR_RETURN(Database* const warehouse, workspace.Warehouse());
  HR_ASSIGN_OR_RETURN(const std::unique_ptr<Connection> connection, warehouse->Connect());
  HR_ASSIGN_OR_RETURN(const bool any, MayHavePushedIds(*connection, stream.name));
  if (!any) return IdTest();
  HR_RETURN_IF_ERROR(StoreIds(*connection, workspace, stream, until));
  HR_ASSIGN_OR_RETURN(
      const RecordBatch both,
      connection->QueryAll(fmt::format("select {0} from {1} where {0} in (select {0} from {2})",
                                       QuoteIdentifier(stream.event_id), kIds, HistoryRelation(stream.name))));
  auto ids = std::make_shared<absl::flat_hash_set<std::string>>();
  for (size_t row = 0; row < both.num_rows; ++row) ids->insert(EncodeId(both.columns[0], row));
  return IdTest([ids](std::string_view id) { return ids->contains(ToAbsl(id)); });
}

StatusOr<std::unique_ptr<PushedLog>> OpenPushedLog(Workspace& workspace) {
  HR_ASSIGN_OR_RETURN(const uint64_t last, workspace.EventLogPosition());
  return std::make_unique<WorkspaceLog>(workspace, last);
}

}  // namespace headrace
