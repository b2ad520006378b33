// One connection of the HTTP server; only server.cc and session.cc include this.
//
//   ReadHeader -> OnHeader -> [100 Continue] -> ReadBody -> Handle -> handler ... Responder -> Write -> ReadHeader
//        \________________________\_______________\___ Refuse -> Write -> Linger -> closed
//
// Everything runs on the connection's strand but Respond, which comes from any thread. A session lives as long as an
// operation or a responder holds it.
#pragma once

#include <array>
#include <atomic>
#include <boost/asio.hpp>
#include <boost/beast.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "serving/http/server.h"

namespace headrace {

// What sessions need to know of their server; it outlives them.
struct HttpSessionHost {
  HttpServerOptions options;
  HttpHandler handler;
  std::atomic<bool> finished = false;  // the threads are gone: answers lead nowhere
};

class HttpSession : public std::enable_shared_from_this<HttpSession> {
 public:
  using Executor = boost::asio::strand<boost::asio::io_context::executor_type>;
  using Socket = boost::asio::basic_stream_socket<boost::asio::ip::tcp, Executor>;

  // `on_end` is called when the session is gone; it holds the host.
  HttpSession(Socket socket, HttpSessionHost* host, std::function<void(HttpSession*)> on_end);
  ~HttpSession();

  void Start();                         // from any thread, as the next three
  void BeginStop();                     // closes now if idle, else after what has begun to arrive
  void Abort();                         // closes now
  void Respond(HttpResponse response);  // to the request being handled, once

 private:
  using Stream = boost::beast::basic_stream<boost::asio::ip::tcp, Executor>;
  using Parser = boost::beast::http::request_parser<boost::beast::http::string_body>;
  using Error = boost::beast::error_code;

  void ReadHeader();
  bool Arriving();  // something of the next request is here
  void OnHeader(Error error);
  void Continue();  // "100 Continue", for which the client waits
  void ReadBody();
  void OnBody(Error error);
  StatusOr<HttpRequest> TakeRequest();
  void Handle(HttpRequest request);
  void OnReadError(Error error);
  void Refuse(HttpResponse response);  // answers and closes: what follows cannot be understood
  void Write(HttpResponse response);
  void OnWritten(Error error);
  void Linger();  // reads and drops for a while: closing with unread bytes could destroy the answer on its way
  void Close();

  // The end of an operation, as a call of `method`.
  template <typename Method>
  auto On(Method method) {
    return [self = shared_from_this(), method](Error error, size_t) { (self.get()->*method)(error); };
  }

  HttpSessionHost* host_;
  std::function<void(HttpSession*)> on_end_;
  Stream stream_;
  boost::beast::flat_buffer buffer_;  // received, not yet parsed
  std::optional<Parser> parser_;      // of the request being read
  std::string header_;                // of the answer being written
  std::string body_;
  std::array<char, 4096> dropped_;
  bool waiting_ = false;  // for the next request
  bool stopping_ = false;
  bool head_ = false;        // of the request being handled: it was HEAD
  bool keep_alive_ = false;  // its client can send another one
  bool old_ = false;         // it was HTTP/1.0
  bool lingers_ = false;     // the connection ends with unread bytes
};

}  // namespace headrace
