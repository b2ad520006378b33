// One entry of the log of accepted events: what one commit made durable, the rows of one request or of many.
//
//   entry    "HL" | u8 version = 1 | u32 requests | request ...
//   request  text source | i64 arrival (us) | i64 ingestion number of its first row | u32 columns | column ...
//
// `column` is that of base/codec.h, preceded by its name as text. Rows of one request share one arrival (rule 3).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/column.h"
#include "base/time.h"

namespace headrace {

struct LoggedRequest {
  std::string source;  // "raw.arrivals"
  TimestampUs arrival = 0;
  int64_t first_ingest = 0;
  RecordBatch rows;
};

std::string EncodeLogEntry(const std::vector<LoggedRequest>& requests);
StatusOr<std::vector<LoggedRequest>> DecodeLogEntry(std::string_view bytes);

// Ingestion numbers of pushed rows begin here: after every row of history (rule 3).
inline constexpr int64_t kFirstPushedIngest = int64_t{1} << 48;

}  // namespace headrace
