#include "engine/server_client.h"

#include <charconv>

#include "absl/strings/ascii.h"
#include "engine/hand_over.h"

namespace headrace {
namespace {

struct Address {
  std::string host;
  int port = 80;
};

StatusOr<Address> ParseUrl(std::string_view url) {
  constexpr std::string_view kScheme = "http://";
  std::string_view rest = url;
  if (rest.substr(0, kScheme.size()) == kScheme) rest.remove_prefix(kScheme.size());
  if (!rest.empty() && rest.back() == '/') rest.remove_suffix(1);
  Address address;
  const size_t colon = rest.rfind(':');
  address.host = rest.substr(0, colon);
  if (colon != std::string_view::npos) {
    const std::string_view port = rest.substr(colon + 1);
    const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), address.port);
    if (error != std::errc() || end != port.data() + port.size()) address.host.clear();
  }
  if (!address.host.empty() && address.host.find('/') == std::string::npos) return address;
  return InvalidArgument("'{}' is no server's address; write http://HOST:PORT", url);
}

absl::StatusCode CodeOf(int http_status) {
  switch (http_status) {
    case 400:
      return absl::StatusCode::kInvalidArgument;
    case 404:
      return absl::StatusCode::kNotFound;
    case 409:
      return absl::StatusCode::kFailedPrecondition;
    case 413:
    case 429:
      return absl::StatusCode::kResourceExhausted;
    case 503:
      return absl::StatusCode::kUnavailable;
    default:
      return absl::StatusCode::kInternal;
  }
}

Status ErrorOf(const HttpResponse& response) {
  const StatusOr<Json> body = Json::Parse(response.body);
  const Json* error = body.ok() ? body->Find("error") : nullptr;
  const Json* message = error == nullptr ? nullptr : error->Find("message");
  const Json* where = error == nullptr ? nullptr : error->Find("where");
  std::string text = fmt::format("the server answered {}", response.status);
  if (message != nullptr && message->is_string()) text = message->str();
  if (where != nullptr && where->is_string() && !where->str().empty()) text += fmt::format(" ({})", where->str());
  return Status(CodeOf(response.status), text);
}

}  // namespace

StatusOr<ServerClient> ServerClient::Connect(const std::string& url, const std::string& root) {
  std::string known = url;
  if (known.empty()) {
    HR_ASSIGN_OR_RETURN(const RunningServer server, FindServer(root));
    known = server.url;
  }
  HR_ASSIGN_OR_RETURN(Address address, ParseUrl(known));
  return ServerClient(std::move(address.host), address.port);
}

StatusOr<Json> ServerClient::Post(std::string_view target, std::string_view body) {
  return Send(target, body, "application/json");
}

StatusOr<Json> ServerClient::PostLines(std::string_view target, std::string_view ndjson) {
  return Send(target, ndjson, "application/x-ndjson");
}

StatusOr<Json> ServerClient::Send(std::string_view target, std::string_view body, std::string_view content_type) {
  HR_ASSIGN_OR_RETURN(const HttpResponse response,
                      client_.Send("POST", target, body, {{"Content-Type", std::string(content_type)}}));
  if (response.status != 200) return ErrorOf(response);
  return Json::Parse(response.body);
}

std::string EncodePathSegment(std::string_view text) {
  std::string encoded;
  for (const char c : text) {
    const bool plain = absl::ascii_isalnum(static_cast<unsigned char>(c)) ||
                       std::string_view("-_.~@").find(c) != std::string_view::npos;
    encoded += plain ? std::string(1, c) : fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return encoded;
}

}  // namespace headrace
