// HTTP messages as the rest of the program sees them.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/status.h"

namespace headrace {

using HttpHeaders = std::vector<std::pair<std::string, std::string>>;

// The value of the first header called `name`, in any case.
std::optional<std::string_view> FindHeader(const HttpHeaders& headers, std::string_view name);

struct HttpRequest {
  std::string method;                        // "GET", "POST", ...
  std::string path;                          // decoded, without the query: "/v1/predict/late"
  std::map<std::string, std::string> query;  // decoded; of a repeated name the last value
  HttpHeaders headers;
  std::string body;  // inflated, if it came as gzip

  std::optional<std::string_view> Header(std::string_view name) const { return FindHeader(headers, name); }
};

struct HttpResponse {
  int status = 200;
  std::string content_type = "application/json";
  std::string body = {};
  HttpHeaders headers = {};  // beside Content-Type, Content-Length and Connection, which the server writes

  std::optional<std::string_view> Header(std::string_view name) const { return FindHeader(headers, name); }
};

// The answer to a failed request: {"error": {"code": "not_found", "message": "...", "where": "..."}}.
//
//   kInvalidArgument, kOutOfRange            400     kResourceExhausted             429, Retry-After: 1
//   kUnauthenticated                         401     kUnavailable, kCancelled       503, Retry-After: 1
//   kPermissionDenied                        403     kUnimplemented                 501
//   kNotFound                                404     kDeadlineExceeded              504
//   kFailedPrecondition, kAborted, kAlreadyExists  409     everything else          500
//
// The code is the status code's name in lower case ("invalid_argument"); a message that begins with "at_too_old:" has
// the code "at_too_old".
HttpResponse ErrorResponse(const Status& status, std::string_view where = "");
// The same with a status and a code of the caller's choice: 413, "too_large".
HttpResponse ErrorResponse(int http_status, std::string_view code, std::string_view message,
                           std::string_view where = "");

}  // namespace headrace
