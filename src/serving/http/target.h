// The target of a request: path and query.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "base/status.h"

namespace headrace {

struct HttpTarget {
  std::string path;
  std::map<std::string, std::string> query;
};

// "/v1/a%20b?at=1&x=a+b" -> path "/v1/a b", query {at: "1", x: "a b"}. A broken %-escape, or a target that does not
// begin with "/" or "http://", is kInvalidArgument.
StatusOr<HttpTarget> ParseTarget(std::string_view target);

}  // namespace headrace
