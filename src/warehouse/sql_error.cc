#include "warehouse/sql_error.h"

#include <algorithm>
#include <charconv>

#include "absl/strings/cord.h"
#include "base/json.h"

namespace headrace {
namespace {

constexpr std::string_view kMark = " Error: ";  // some errors are "Parser Error: {...}" or "IO Error: The file ..."
constexpr char kOffsetPayload[] = "headrace/sql_offset";

std::optional<size_t> ParseOffset(std::string_view text) {
  size_t offset = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), offset);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return offset;
}

std::string StringMember(const Json& json, std::string_view key) {
  const Json* member = json.Find(key);
  return member != nullptr && member->is_string() ? member->str() : "";
}

absl::StatusCode CodeOfIoError(const std::string& message) {
  using absl::StatusCode;
  const auto says = [&](const char* part) { return message.find(part) != std::string::npos; };
  if (says("No files found") || says("No such file")) return StatusCode::kNotFound;
  if (says("not a valid DuckDB") || says("Corrupt") || says("checksum")) return StatusCode::kDataLoss;
  if (says("No space left")) return StatusCode::kResourceExhausted;
  return StatusCode::kUnavailable;
}

absl::StatusCode CodeOf(const SqlError& error) {
  using absl::StatusCode;
  if (error.kind == "INTERRUPT") return StatusCode::kCancelled;
  if (error.kind == "Out of Memory") return StatusCode::kResourceExhausted;
  if (error.kind == "INTERNAL" || error.kind == "FATAL") return StatusCode::kInternal;
  if (error.kind == "TransactionContext") return StatusCode::kUnavailable;
  if (error.kind == "Serialization") return StatusCode::kDataLoss;
  if (error.kind == "IO") return CodeOfIoError(error.message);
  return StatusCode::kInvalidArgument;
}

}  // namespace

SqlError ParseSqlError(std::string_view text) {
  SqlError result;
  const size_t mark = text.find(kMark);
  if (mark != std::string_view::npos && mark < text.find('{')) {
    result.kind = text.substr(0, mark);
    text.remove_prefix(mark + kMark.size());
  }
  result.message = text;
  const StatusOr<Json> json = Json::Parse(text);
  if (!json.ok() || !json->is_object()) return result;
  // json_serialize_sql has names of its own for the same things.
  const bool serialized = json->Find("exception_type") == nullptr;
  const std::string message = StringMember(*json, serialized ? "error_message" : "exception_message");
  if (message.empty()) return result;
  result.kind = StringMember(*json, serialized ? "error_type" : "exception_type");
  result.message = message;
  result.offset = ParseOffset(StringMember(*json, "position"));
  return result;
}

Status ToStatus(const SqlError& error) {
  Status status(CodeOf(error), error.message);
  if (error.offset) status.SetPayload(kOffsetPayload, absl::Cord(std::to_string(*error.offset)));
  return status;
}

std::optional<size_t> SqlErrorOffset(const Status& status) {
  const absl::optional<absl::Cord> payload = status.GetPayload(kOffsetPayload);
  return payload ? ParseOffset(std::string(*payload)) : std::nullopt;
}

Diagnostic ToDiagnostic(const Status& status, const RenderedSql& sql, size_t prefix_bytes) {
  Diagnostic result;
  result.where.file = sql.file;
  const std::optional<size_t> offset = SqlErrorOffset(status);
  if (offset && *offset >= prefix_bytes && *offset - prefix_bytes <= sql.sql.size()) {
    result.where = sql.PositionOf(*offset - prefix_bytes);
  }
  // DuckDB's first line says what is wrong, the others what it would have taken.
  const std::string message(status.message());
  const size_t line_end = message.find('\n');
  result.message = message.substr(0, line_end);
  if (line_end != std::string::npos) result.hint = message.substr(line_end + 1);
  std::replace(result.hint.begin(), result.hint.end(), '\n', ' ');
  return result;
}

Status AtPosition(const Status& status, const RenderedSql& sql, size_t prefix_bytes) {
  if (status.ok()) return status;
  return Status(status.code(), ToDiagnostic(status, sql, prefix_bytes).ToString());
}

}  // namespace headrace
