// The HTTP/1.1 server: connections, parsing, limits. What a request means is the handler's business.
//
// Connections are kept alive. Of a connection's requests one is handled at a time, in their order, so a client may
// send the next one before the answer came. What never reaches the handler:
//   400  what is no HTTP, a path or query with a broken %-escape, a body that is not the gzip it claims to be
//   413  a body over max_body_bytes: refused by its Content-Length before a byte of it is read; inflated ones count too
//   415  a Content-Encoding other than gzip and identity
//   431  a request line and headers over 64 KiB
//   503  a connection over max_connections
// After 400, 413 and 431 the connection is closed.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>

#include "base/status.h"
#include "base/time.h"
#include "serving/http/message.h"

namespace headrace {

// Answers one request. From any thread, during the handler's call or later; only the first call counts. If the last
// copy is destroyed without a call, the answer is 500. A call after the client has gone or the server has stopped does
// nothing.
using Responder = std::function<void(HttpResponse)>;

// Called on one of the server's threads, by several at once. While it runs, that thread serves nobody else: longer work
// moves to another thread and keeps the responder. An exception is answered with 500.
using HttpHandler = std::function<void(HttpRequest, Responder)>;

struct HttpServerOptions {
  std::string host = "127.0.0.1";  // an address or a name
  int port = 8500;                 // 0 picks a free one
  int threads = 2;
  size_t max_body_bytes = 32 << 20;
  int max_connections = 1024;
  DurationUs idle_timeout = 60 * kUsPerSecond;  // between requests, and within the sending of one or of an answer
  DurationUs stop_grace = 10 * kUsPerSecond;    // how long Stop waits for requests that were accepted
};

// Thread-safe.
class HttpServer {
 public:
  // Listens when it returns. kUnavailable, naming host:port, if the port is taken; kInvalidArgument for a bad host.
  static StatusOr<std::unique_ptr<HttpServer>> Start(const HttpServerOptions& options, HttpHandler handler);
  ~HttpServer();  // stops
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  int port() const;         // the one that listens
  std::string url() const;  // "http://127.0.0.1:8500"

  // Accepts no more connections, closes idle ones, answers the requests that have begun to arrive (each connection's
  // last answer says Connection: close), and joins the threads. What is not answered after stop_grace is cut off. Not
  // to be called from a handler. May be called twice.
  void Stop();

 private:
  class Core;
  explicit HttpServer(std::shared_ptr<Core> core);
  std::shared_ptr<Core> core_;
};

}  // namespace headrace
