#include "serving/http/message.h"

#include "absl/strings/match.h"
#include "base/json.h"

namespace headrace {
namespace {

int HttpStatus(absl::StatusCode code) {
  switch (code) {
    case absl::StatusCode::kInvalidArgument:
    case absl::StatusCode::kOutOfRange:
      return 400;
    case absl::StatusCode::kUnauthenticated:
      return 401;
    case absl::StatusCode::kPermissionDenied:
      return 403;
    case absl::StatusCode::kNotFound:
      return 404;
    case absl::StatusCode::kFailedPrecondition:
    case absl::StatusCode::kAborted:
    case absl::StatusCode::kAlreadyExists:
      return 409;
    case absl::StatusCode::kResourceExhausted:
      return 429;
    case absl::StatusCode::kUnimplemented:
      return 501;
    case absl::StatusCode::kUnavailable:
    case absl::StatusCode::kCancelled:
      return 503;
    case absl::StatusCode::kDeadlineExceeded:
      return 504;
    default:
      return 500;
  }
}

std::string LowerCaseName(absl::StatusCode code) {
  std::string name = absl::StatusCodeToString(code);
  for (char& c : name) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return name;
}

}  // namespace

std::optional<std::string_view> FindHeader(const HttpHeaders& headers, std::string_view name) {
  for (const auto& [key, value] : headers) {
    if (absl::EqualsIgnoreCase(ToAbsl(key), ToAbsl(name))) return value;
  }
  return std::nullopt;
}

HttpResponse ErrorResponse(const Status& status, std::string_view where) {
  constexpr std::string_view kAtTooOld = "at_too_old:";
  const std::string_view message = Message(status);
  const bool at_too_old = message.starts_with(kAtTooOld);
  const std::string code = at_too_old ? "at_too_old" : LowerCaseName(status.code());
  return ErrorResponse(HttpStatus(status.code()), code, message, where);
}

HttpResponse ErrorResponse(int http_status, std::string_view code, std::string_view message, std::string_view where) {
  HttpResponse response;
  response.status = http_status;
  response.body = "{\"error\": {\"code\": ";
  AppendJsonString(code, &response.body);
  response.body += ", \"message\": ";
  AppendJsonString(message, &response.body);
  response.body += ", \"where\": ";
  AppendJsonString(where, &response.body);
  response.body += "}}";
  if (http_status == 429 || http_status == 503) response.headers.emplace_back("Retry-After", "1");
  return response;
}

}  // namespace headrace
