// Requests to a running server, as values.
#pragma once

#include <string>
#include <string_view>

#include "base/json.h"
#include "serving/http/client.h"

namespace headrace {

class ServerClient {
 public:
  // `url`: "http://127.0.0.1:8500"; "" finds the server of the project at `root`, kNotFound when there is none.
  static StatusOr<ServerClient> Connect(const std::string& url, const std::string& root);

  // The answer of POST `target`. An error is the server's own, with the code that fits its HTTP status.
  StatusOr<Json> Post(std::string_view target, std::string_view body);
  StatusOr<Json> PostLines(std::string_view target, std::string_view ndjson);

 private:
  ServerClient(std::string host, int port) : client_(std::move(host), port) {}
  StatusOr<Json> Send(std::string_view target, std::string_view body, std::string_view content_type);

  HttpClient client_;
};

// One segment of a path, percent-encoded.
std::string EncodePathSegment(std::string_view text);

}  // namespace headrace
