// An entry of the event log: any bytes give requests that encode to an entry which decodes, or an error.
#include <cstdint>
#include <cstdlib>

#include "features/online/event_log.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto requests = headrace::DecodeLogEntry({reinterpret_cast<const char*>(data), size});
  if (requests.ok() && !headrace::DecodeLogEntry(headrace::EncodeLogEntry(*requests)).ok()) std::abort();
  return 0;
}
