// The body of a push: any bytes give rows of the source's columns or an error, never more.
#include <cstdint>
#include <cstdlib>

#include "features/online/event_parser.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using enum headrace::TypeId;
  const headrace::StreamSource source{
      .name = "s.e",
      .columns = {{"id", kBigint}, {"t", kTimestamp}, {"x", kDouble}, {"s", kVarchar}, {"b", kBoolean}, {"d", kDate}},
      .event_time = "t",
      .event_id = "id"};
  const auto rows = headrace::ParseEvents(source, {reinterpret_cast<const char*>(data), size});
  if (!rows.ok()) return 0;
  for (const headrace::Column& column : rows->columns) {
    if (column.size() != rows->num_rows) std::abort();
  }
  return 0;
}
