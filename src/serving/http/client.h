// A blocking HTTP/1.1 client for the loopback: push, replay, tests.
//
// Keeps its connection. If a kept connection turns out to be closed before any byte of the answer came, the request is
// sent once more on a new one; a request that the server may have taken without answering is therefore only repeated
// when nothing but the closing was heard of it. One thread at a time.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/status.h"
#include "base/time.h"
#include "serving/http/message.h"

namespace headrace {

class HttpClient {
 public:
  HttpClient(std::string host, int port, DurationUs timeout = 60 * kUsPerSecond);
  ~HttpClient();
  HttpClient(HttpClient&&) noexcept;
  HttpClient& operator=(HttpClient&&) noexcept;

  // One request, one answer, whatever its status; `target` is the path with its query, encoded: "/v1/x?at=1".
  // Content-Length is added; a body without a Content-Type among `headers` is application/json. kUnavailable, naming
  // host:port, when nobody listens or the connection breaks; kDeadlineExceeded after `timeout` in all.
  StatusOr<HttpResponse> Send(std::string_view method, std::string_view target, std::string_view body = "",
                              const HttpHeaders& headers = {});

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace headrace
