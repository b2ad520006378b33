// The body of a push: any bytes give rows of the source's columns or an error, never more.
#include <cstdint>
#include <cstdlib>

#include "features/online/event_parser.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const headrace::StreamSource source{"s.e",
                                      {{"id", headrace::TypeId::kBigint}, {"t", headrace::TypeId::kTimestamp}, {"x", headrace::TypeId::kDouble},
                                       {"s", headrace::TypeId::kVarchar}, {"b", headrace::TypeId::kBoolean}, {"d", headrace::TypeId::kDate}},
                                      "t", "id", 0};
  const auto rows = headrace::ParseEvents(source, {reinterpret_cast<const char*>(data), size});
  if (!rows.ok()) return 0;
  for (const headrace::Column& column : rows->columns) {
    if (column.size() != rows->num_rows) std::abort();
  }
  return 0;
}
