#include "engine/quarantine_table.h"

#include <mutex>

#include "absl/strings/ascii.h"
#include "base/utf8.h"
#include "features/online/quarantine.h"
#include "warehouse/appender.h"

namespace headrace {
namespace {

const Schema& TableColumns() {
  static const Schema& columns = *new Schema{
      {"id", TypeId::kVarchar},       {"source", TypeId::kVarchar},      {"received_at", TypeId::kTimestamp},
      {"row_index", TypeId::kBigint}, {"column_name", TypeId::kVarchar}, {"reason", TypeId::kVarchar},
      {"row_text", TypeId::kVarchar}, {"as_sent", TypeId::kBoolean}};
  return columns;
}

// What is no UTF-8 as \xHH; *as_sent: whether there was nothing of that.
std::string Readable(std::string_view text, bool* as_sent) {
  std::string result;
  result.reserve(text.size());
  *as_sent = true;
  while (!text.empty()) {
    size_t bytes = Utf8CharacterBytes(text);
    if (bytes > 0) {
      result += text.substr(0, bytes);
    } else {
      bytes = 1;
      result += fmt::format("\\x{:02X}", static_cast<unsigned char>(text[0]));
      *as_sent = false;
    }
    text.remove_prefix(bytes);
  }
  return result;
}

RecordBatch ToBatch(const std::vector<QuarantinedRow>& rows) {
  RecordBatch batch(TableColumns());
  bool as_sent = true;
  for (const QuarantinedRow& quarantined : rows) {
    const BadRow& row = quarantined.row;
    batch.columns[0].AppendString(quarantined.id);
    batch.columns[1].AppendString(quarantined.source);
    batch.columns[2].AppendInt(quarantined.received_at);
    batch.columns[3].AppendInt(static_cast<int64_t>(row.index));
    batch.columns[4].AppendString(Readable(row.column, &as_sent));
    batch.columns[5].AppendString(Readable(row.reason, &as_sent));
    batch.columns[6].AppendString(Readable(row.text, &as_sent));
    batch.columns[7].AppendInt(as_sent ? 1 : 0);
  }
  batch.num_rows = rows.size();
  return batch;
}

Status WriteTable(Connection& connection, const std::vector<QuarantinedRow>& rows) {
  HR_ASSIGN_OR_RETURN(Transaction transaction, Transaction::Begin(connection));
  HR_RETURN_IF_ERROR(
      connection.Execute(fmt::format("create schema if not exists {0}; create or replace table {0}.events({1})",
                                     kQuarantineSchema, ColumnDefinitions(TableColumns()))));
  HR_ASSIGN_OR_RETURN(const std::unique_ptr<Appender> appender,
                      Appender::Create(connection, kQuarantineSchema, "events"));
  HR_RETURN_IF_ERROR(appender->Append(ToBatch(rows)));
  HR_RETURN_IF_ERROR(appender->Close());
  return transaction.Commit();
}

}  // namespace

Status BringQuarantineUpToDate(const std::string& sql, Workspace& workspace) {
  if (absl::AsciiStrToLower(sql).find(kQuarantineSchema) == std::string::npos) return absl::OkStatus();
  static std::mutex one_at_a_time;  // two statements at once would be in each other's way in the warehouse
  const std::lock_guard lock(one_at_a_time);
  QuarantineScan scan;
  HR_RETURN_IF_ERROR(workspace.ReadEventLog(0, 0, [&](uint64_t, std::string_view entry) { return scan.Add(entry); }));
  HR_ASSIGN_OR_RETURN(Database* const warehouse, workspace.Warehouse());
  HR_ASSIGN_OR_RETURN(const std::unique_ptr<Connection> connection, warehouse->Connect());
  return Annotate(WriteTable(*connection, std::move(scan).Finish()), "the table quarantine.events cannot be made");
}

}  // namespace headrace
