#include "features/online/event_log.h"

#include "base/codec.h"

namespace headrace {
namespace {

constexpr uint8_t kVersion = 1;

StatusOr<LoggedRequest> DecodeRequest(ByteReader& reader) {
  LoggedRequest request;
  uint32_t columns = 0;
  HR_RETURN_IF_ERROR(reader.GetText(&request.source));
  HR_RETURN_IF_ERROR(reader.GetI64(&request.arrival));
  HR_RETURN_IF_ERROR(reader.GetI64(&request.first_ingest));
  HR_RETURN_IF_ERROR(reader.GetU32(&columns));
  for (uint32_t i = 0; i < columns; ++i) {
    std::string name;
    HR_RETURN_IF_ERROR(reader.GetText(&name));
    HR_ASSIGN_OR_RETURN(Column column, reader.GetColumn());
    if (i > 0 && column.size() != request.rows.num_rows)
      return DataLoss("column '{}' has another length than the first", name);
    request.rows.num_rows = column.size();
    request.rows.schema.push_back({std::move(name), column.type()});
    request.rows.columns.push_back(std::move(column));
  }
  return request;
}

}  // namespace

std::string EncodeLogEntry(const std::vector<LoggedRequest>& requests) {
  ByteWriter writer;
  writer.PutU8('H');
  writer.PutU8('L');
  writer.PutU8(kVersion);
  writer.PutU32(static_cast<uint32_t>(requests.size()));
  for (const LoggedRequest& request : requests) {
    writer.PutText(request.source);
    writer.PutI64(request.arrival);
    writer.PutI64(request.first_ingest);
    writer.PutU32(static_cast<uint32_t>(request.rows.columns.size()));
    for (size_t i = 0; i < request.rows.columns.size(); ++i) {
      writer.PutText(request.rows.schema[i].name);
      writer.PutColumn(request.rows.columns[i]);
    }
  }
  return std::move(writer).Finish();
}

StatusOr<std::vector<LoggedRequest>> DecodeLogEntry(std::string_view bytes) {
  ByteReader reader(bytes);
  uint8_t magic[3] = {};
  uint32_t count = 0;
  for (uint8_t& byte : magic) HR_RETURN_IF_ERROR(reader.GetU8(&byte));
  if (magic[0] != 'H' || magic[1] != 'L') return DataLoss("not an entry of the event log");
  if (magic[2] != kVersion)
    return DataLoss("an event log entry of version {}, this program reads {}", magic[2], kVersion);
  HR_RETURN_IF_ERROR(reader.GetU32(&count));
  std::vector<LoggedRequest> requests;
  for (uint32_t i = 0; i < count; ++i) {
    HR_ASSIGN_OR_RETURN(LoggedRequest request, DecodeRequest(reader));
    requests.push_back(std::move(request));
  }
  if (!reader.AtEnd()) return DataLoss("bytes are left over at the end of an event log entry");
  return requests;
}

}  // namespace headrace
