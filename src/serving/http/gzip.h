// Request bodies that come compressed.
#pragma once

#include <string>
#include <string_view>

#include "base/status.h"

namespace headrace {

// The content of a gzip stream (RFC 1952), of several members if there are several. kInvalidArgument for what is none,
// or is cut off; kResourceExhausted, before more memory than that is taken, if it is over `max_bytes`.
StatusOr<std::string> Gunzip(std::string_view compressed, size_t max_bytes);

}  // namespace headrace
